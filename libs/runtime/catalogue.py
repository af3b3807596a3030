"""How a service follows its catalogue while it runs: what came of an edit, in the log and in the metrics."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from libs.catalog.live import Following, Prepare, nothing_else
from libs.catalog.model import Catalog
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_SHOWN: Final = 3  # problems in one line of the log
_LONGEST: Final = 1_000
_DIGITS: Final = 12  # of a digest; 48 bits are exact in a metric


@asynccontextmanager
async def followed(
    following: Following, folder: Path, metrics: Metrics, prepare: Prepare = nothing_else
) -> AsyncIterator[None]:
    """Follow the folder while this is open. Should that fall, the process is asked to end, to be started again.

    For then it might go by what is not so any more, or by one half of an edit: what was derived, and not the rest.
    """
    told = Told(folder, metrics)
    told.version(following.live.current)
    task = asyncio.create_task(following.forever(told, prepare))
    task.add_done_callback(_fallen)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _fallen(done: "asyncio.Task[None]") -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        logger().error("task_failed", error_type=type(error).__name__)
        os.kill(os.getpid(), signal.SIGTERM)


class Told:
    """libs.catalog.live.Report."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._folder, self._metrics = str(folder), metrics

    def version(self, catalog: Catalog) -> None:
        self._metrics.set("catalogue_version", int(catalog.digest[:_DIGITS], 16))
        self._metrics.set("catalogue_refused", 0)

    def taken(self, before: Catalog, now: Catalog) -> None:
        self.version(now)
        if before.digest != now.digest:
            logger().info(
                "catalogue_changed", path=self._folder, before=before.digest, version=now.digest, count=len(now.routes)
            )
        else:
            logger().info("catalogue_unchanged", path=self._folder, version=now.digest)

    def refused(self, problems: tuple[str, ...]) -> None:
        self._metrics.set("catalogue_refused", 1)
        reason = "; ".join(problems[:_SHOWN])[:_LONGEST]
        logger().error("catalogue_refused", path=self._folder, reason=reason, count=len(problems))
