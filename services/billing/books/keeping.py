"""The books kept: questions answered wherever billing runs, projections and reconciliation where the lease is held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from libs.bus.base import Bus
from libs.bus.lease import NowMs
from libs.bus.responder import answer
from libs.catalog.live import Live
from libs.contracts.subjects import query
from libs.projection.leased import while_leased
from libs.projection.tasks import stopped, together
from libs.store.base import Store
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.acts.desk import Desk as ActsDesk
from services.billing.books.desk import Desk
from services.billing.books.projections import Projections
from services.billing.books.queries import Queries
from services.billing.books.reconcile import Differ, Reconciler, nobody
from services.billing.feedback.desk import Desk as FeedbackDesk

_QUEUE: Final = "billing"
_AGAIN_S: Final = 5.0
_AT_ONCE: Final = 32  # questions; the store answers fewer at a time


@dataclass(frozen=True, kw_only=True)
class Books:
    """What the books need. The ledger lives in the same process and must not end with them: what falls starts anew."""

    bus: Bus
    store: Store
    live: Live
    metrics: Metrics
    owner: str
    now_ms: NowMs
    differ: Differ = nobody

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[Projections]:
        """Keep them while this is open."""
        projections = Projections(self.bus, self.store, self.live, self.metrics)
        desk, acts = Desk(queries=Queries(self.store)), ActsDesk(store=self.store)
        feedback = FeedbackDesk(store=self.store)
        async with AsyncExitStack() as stack:
            for verb, respond in (
                ("usage", desk.usage),
                ("export", desk.export),
                ("totals", desk.totals),
                ("transactions", desk.transactions),
                ("admin_log", acts.admin_log),
                ("answered", feedback.answered),
            ):
                answering = await answer(self.bus, query("billing", verb), _QUEUE, respond, _AT_ONCE)
                stack.push_async_callback(answering.stop)
            task = asyncio.create_task(self._keep(projections))
            stack.push_async_callback(stopped, task)
            yield projections

    async def _keep(self, projections: Projections) -> None:
        while True:
            try:
                await while_leased(
                    self.bus, "reader.billing", self.owner, self.now_ms, lambda: self._leased(projections)
                )
            except Exception as error:  # noqa: BLE001 - a book can be written later, a hold cannot
                logger().error("books_fell", error_type=type(error).__name__)
            await asyncio.sleep(_AGAIN_S)

    async def _leased(self, projections: Projections) -> None:
        reconciler = Reconciler(
            bus=self.bus, store=self.store, projections=projections, metrics=self.metrics, differ=self.differ
        )
        answering = await answer(self.bus, query("billing", "reconcile"), "", reconciler.answer, 2)
        try:
            await together(projections.run(), reconciler.run())
        finally:
            await answering.stop(0)
