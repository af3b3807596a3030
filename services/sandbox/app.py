"""Builds the sandbox: the log, the routes and the one listener on loopback."""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from aiohttp import web

from libs.runtime.run import Checks
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.sandbox.handlers import Sandbox
from services.sandbox.journal import Journal
from services.sandbox.model.prompt_cache import PromptCache
from services.sandbox.orders.controls import PREFIX, Controls
from services.sandbox.orders.faults import Faults
from services.sandbox.routes import Routes
from services.sandbox.settings import SandboxSettings


@asynccontextmanager
async def build(settings: SandboxSettings, metrics: Metrics) -> AsyncIterator[Checks]:  # noqa: ARG001 - the log is the sandbox's metric
    """Serve until left; answers that hang are dropped then."""
    async with listening(settings) as port:
        logger().info("sandbox_listening", host=settings.sandbox_host, port=port)
        yield lambda: {"listening": True}


@asynccontextmanager
async def listening(settings: SandboxSettings) -> AsyncIterator[int]:
    """The listener alone; gives its port."""
    secret = settings.sandbox_aws_secret
    boot = secrets.token_hex(4)
    journal = Journal(
        monotonic=time.monotonic,
        unix=time.time,
        boot=boot,
        keep_bodies=settings.sandbox_keep_bodies,
        file=settings.sandbox_log_file,
    )
    faults = Faults()
    sandbox = Sandbox(
        journal=journal,
        faults=faults,
        routes=Routes(time.time, secret.get_secret_value() if secret is not None else ""),
        cache=PromptCache(monotonic=time.monotonic),
        new_id=_ids(boot),
        monotonic=time.monotonic,
    )
    controls = Controls(journal=journal, faults=faults)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        handler = controls if request.raw_path.startswith(PREFIX) else sandbox
        return await handler.handle(request)

    with journal:
        runner = web.ServerRunner(
            web.Server(handle, handler_cancellation=True, access_log=None), shutdown_timeout=1, handle_signals=False
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.sandbox_host, settings.sandbox_port, backlog=4096).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def _ids(boot: str) -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{boot}{next(numbers):016x}"
