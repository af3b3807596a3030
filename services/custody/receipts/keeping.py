"""Records, receipts and erasures put together for one process: what is projected, purged and answered."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from libs.bus.base import Bus
from libs.bus.responder import answer
from libs.contracts.subjects import TLOG, query
from libs.projection.following import Following
from libs.projection.tasks import together
from libs.store.base import Store
from libs.telemetry.metrics import Metrics
from services.custody.handlers import Handlers
from services.custody.log.keeping import Kept
from services.custody.queries import FactTable
from services.custody.receipts.acts import Desk
from services.custody.receipts.erasures import ErasureTable
from services.custody.receipts.export import Exporting
from services.custody.receipts.projection import Batch, SealedRecords, batches_in
from services.custody.receipts.purging import Purging
from services.custody.receipts.table import RecordTable
from services.custody.receipts.trimming import Trimming
from services.custody.unread import Unread

_LINGER_S = 0.2
_BATCHES = 4  # of a block: each holds up to a thousand records


@dataclass(frozen=True, kw_only=True)
class Room:
    """What of it runs in one process at a time, and whether it keeps up with the log."""

    projection: Following[Batch]
    purging: Purging

    async def run(self) -> None:
        await together(self.projection.run(), self.purging.run())

    def keeps_up(self, within: int) -> bool:
        return self.projection.keeps_up(within)


@asynccontextmanager
async def receipts(
    bus: Bus, store: Store, table: FactTable, log: Kept, metrics: Metrics, now_ms: Callable[[], int]
) -> AsyncIterator[Room]:
    """Answer while the context is open."""
    records, erasures = RecordTable(store), ErasureTable(store)
    unread = Unread(bus=bus, table=table)
    handlers = Handlers(table=table, records=records, log=log.log, now_ms=now_ms, unread=unread)
    desk = Desk(bus=bus, erasures=erasures, known=handlers.known, missing=handlers.missing, now_ms=now_ms)
    exporting = Exporting(store=store, records=records, log=log.log, signer=log.signer)
    verbs = {"get": handlers.get, "receipt": handlers.receipt, "export": exporting.export, **desk.verbs()}
    async with AsyncExitStack() as stack:
        for verb, respond in verbs.items():
            answering = await answer(bus, query("custody", verb), "custody", respond, limit=1000)
            stack.push_async_callback(answering.stop)
        projection = Following(
            bus=bus,
            sink=SealedRecords(bus=bus, table=records, erasures=erasures, trimming=Trimming(bus=bus)),
            metrics=metrics,
            purpose="records",
            stream=TLOG,
            read=batches_in,
            rows=_BATCHES,
            linger_s=_LINGER_S,
        )
        yield Room(projection=projection, purging=Purging(store=store, erasures=erasures, now_ms=now_ms))
