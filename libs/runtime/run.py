"""How every service starts, serves its health, drains on SIGTERM and stops."""

import asyncio
import gc
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import uvloop

from libs.runtime.health import HealthServer
from libs.runtime.settings import S, read
from libs.telemetry.log import configure, flush, logger
from libs.telemetry.metrics import Metrics

# What a service gives back when it runs: its checks by name. All true: ready.
Checks = Callable[[], Mapping[str, bool]]
Build = Callable[[S, Metrics], AbstractAsyncContextManager[Checks]]

# Collections of the youngest generation come after so many new containers: a running request makes hundreds, nearly all
# of which are freed by counting; Python's default of 700 would look at them several times a request.
_GC_AFTER = 50_000
_LINES_S = 0.1  # how long a line of the log may be held


def run(service: str, build: Build[S], kind: type[S]) -> None:
    """Run a service until SIGTERM or SIGINT. `build` opens everything and, left, closes it in order."""
    settings = read(kind)
    configure(service, settings.log_level)
    try:
        uvloop.run(_serve(build, settings))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        flush()


async def _serve(build: Build[S], settings: S) -> None:
    log = logger()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    began = time.perf_counter()
    metrics = Metrics()
    async with HealthServer(settings.admin_host, settings.admin_port, metrics) as health:
        opened = build(settings, metrics)
        checks = await opened.__aenter__()
        health.checks = checks
        gc.collect()
        gc.freeze()  # what stands now stays; later collections need not look at it
        gc.set_threshold(_GC_AFTER, 20, 20)
        lines = asyncio.create_task(_write_lines())
        log.info("service_started", port=health.port, duration_ms=round((time.perf_counter() - began) * 1000))
        await stop.wait()
        log.info("service_stopping")
        health.draining = True
        try:
            await asyncio.wait_for(opened.__aexit__(None, None, None), settings.drain_s + 5)
        except TimeoutError:
            log.warning("service_stopped_late", reason="the drain ran out of time")
        lines.cancel()
        log.info("service_stopped")


async def _write_lines() -> None:
    while True:
        flush()
        await asyncio.sleep(_LINES_S)
