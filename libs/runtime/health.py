"""The admin port of a service: /healthz (the loop turns), /readyz (its checks), /metrics."""

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import orjson
from aiohttp import web

from libs.runtime.listening import listening, plain
from libs.telemetry.metrics import Metrics


class HealthServer:
    """Serves the three probes; `checks` is set when the service stands."""

    def __init__(self, host: str, port: int, metrics: Metrics) -> None:
        self._host, self.port = plain(host), port
        self._metrics = metrics
        self.checks: Callable[[], Mapping[str, bool]] | None = None
        self.draining = False

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._text)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        with listening(self._host, self.port, "NI_ADMIN_"):
            await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def state(self) -> tuple[bool, dict[str, bool]]:
        """Ready or not, and each check."""
        if self.checks is None or self.draining:
            return False, {"draining": self.draining, "started": self.checks is not None}
        checks = dict(self.checks())
        return all(checks.values()), checks

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "pid": os.getpid()})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready, checks = self.state()
        body = orjson.dumps({"ready": ready, "checks": checks})
        return web.Response(body=body, status=200 if ready else 503, content_type="application/json")

    async def _text(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), content_type="text/plain")
