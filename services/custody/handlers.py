"""The look-up of a custody record and of its receipt: read, wait a little for what is young, answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, NotFound, RecordUnavailable, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID, issued_at_ms
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot, LogTold
from libs.telemetry.log import logger
from libs.tlog.refusals import Refused
from services.custody.domain import is_young, never_sealed
from services.custody.log.log import Head, Log
from services.custody.queries import FactTable
from services.custody.receipts.showing import receipt, shown
from services.custody.receipts.table import Gone, RecordTable, Sealed
from services.custody.records import pending, record
from services.custody.times import rfc3339
from services.custody.unread import Unread

MOST_MS = 3_000
RUNNING_MS = 1_000  # a request that is under way may go on for an hour: a short wait, in case it is just ending
ANSWER_S = 4.0  # the edge asks for MOST_MS and gives 2 s more: whatever the store does, it hears why
_EVERY_S = 0.1
_NOBODYS: Final = "no custody record of this account has that id"
_RETRY_MS: Final = 1_000
_UNREAD_MS: Final = 2_000
_KEPT_MS: Final = 30 * 86_400_000  # nothing older can be unread: EVENTS does not hold it

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Answers `ni.query.custody.get` and `receipt`. `now_ms` is Unix time."""

    table: FactTable
    records: RecordTable
    log: Log
    now_ms: Callable[[], int]
    answer_s: float = ANSWER_S
    unread: Unread | None = None
    _polls: dict[tuple[str, str], "asyncio.Task[None]"] = field(default_factory=dict)

    async def get(self, data: bytes) -> bytes:
        """CustodyGet in, CustodyGot out; a refusal is in its `failure`."""
        try:
            asked = CustodyGet.FromString(data)
            found = await self._in_time(self.look_up(asked.tenant, asked.request_id, asked.wait_ms))
        except (NorthernError, DecodeError) as error:
            return CustodyGot(failure=to_query_failure(_told(error))).SerializeToString()
        return CustodyGot(record=orjson.dumps(found)).SerializeToString()

    async def receipt(self, data: bytes) -> bytes:
        """CustodyGet in, LogTold out: a .tlog-proof; a refusal is in its `failure`."""
        try:
            asked = CustodyGet.FromString(data)
            text = await self._in_time(self.receipt_of(asked.tenant, asked.request_id, asked.wait_ms))
        except (NorthernError, DecodeError) as error:
            return LogTold(failure=to_query_failure(_told(error))).SerializeToString()
        return LogTold(data=text.encode()).SerializeToString()

    async def look_up(self, tenant: str, request_id: str, wait_ms: int) -> Record:
        """The record as it stands. A young one that is not sealed is waited for, and then said to be pending.

        Raises NotFound for an older id of which this tenant has nothing, and StoreUnavailable.
        """
        if not REQUEST_ID.fullmatch(request_id):
            raise NotFound(_NOBODYS)
        young = is_young(request_id, self.now_ms())
        found = await self.known(tenant, request_id)
        if young and (found is None or found["status"] == "pending"):
            running = found is not None and found["outcome"] is None
            await self._wait(tenant, request_id, min(wait_ms, RUNNING_MS if running else MOST_MS) / 1000)
            found = await self.known(tenant, request_id)
        if found is None and not young and not await self._stated(tenant, request_id):
            raise NotFound(_NOBODYS)
        return found or pending(request_id)

    async def missing(self, tenant: str, request_id: str) -> NorthernError:
        """What is said where `known` knows nothing: that there is nothing, or that it is not read yet."""
        if not REQUEST_ID.fullmatch(request_id):
            return NotFound(_NOBODYS)
        if is_young(request_id, self.now_ms()) or await self._stated(tenant, request_id):
            sentence = "what was stated of late is not all read yet; ask again in some seconds"
            return RecordUnavailable(sentence, retry_after_ms=_UNREAD_MS)
        return NotFound(_NOBODYS)

    async def receipt_of(self, tenant: str, request_id: str, wait_ms: int) -> str:
        """The text of a .tlog-proof. Raises NotFound where there will be none, RecordUnavailable where not yet."""
        await self.look_up(tenant, request_id, wait_ms)
        found = await self.records.of(tenant, request_id)
        head = None if found is None else self._covering(found)
        if found is not None and found.gone:
            raise NotFound(_no_receipt(found))
        if found is None or head is None:
            rows = await self.table.of(tenant, request_id)
            if rows and never_sealed(rows):
                raise NotFound("nothing was sent for this request, so it has no leaf in the log and no receipt")
            raise RecordUnavailable(
                "the record is in no signed checkpoint yet; ask again in a second or two", retry_after_ms=_RETRY_MS
            )
        try:
            return receipt(found, head, self.log.inclusion(found.leaf, head.checkpoint.size))
        except (Refused, OSError) as error:
            logger().error("receipt_failed", request_id=request_id, tenant=tenant, reason=str(error)[:200])
            raise StoreUnavailable("the log's tiles cannot be read right now; try again in a moment") from None

    async def known(self, tenant: str, request_id: str) -> Record | None:
        """The record as it stands now; None where nothing is known of it. Raises StoreUnavailable."""
        found = await self.records.of(tenant, request_id)
        if found is not None and found.gone is not Gone.MISSING:
            return shown(request_id, found, self._covering(found))
        rows = await self.table.of(tenant, request_id)
        # A request that was refused after substitution, and that is no more than that, has no record.
        if not any(row.said["kind"] != "pii" for row in rows):
            return None if found is None else shown(request_id, found, self._covering(found))
        said = record(rows, self.now_ms())
        if found is not None:  # what was sealed is not there to be shown: the facts say the same, without the proof
            return said | shown(request_id, found, self._covering(found))
        return said | {"status": "not_sent" if never_sealed(rows) else "pending"}

    async def _stated(self, tenant: str, request_id: str) -> bool:
        """Whether facts of it stand in the stream, unread: after an outage, for as long as it takes to read on."""
        if self.unread is None or not 0 <= self.now_ms() - issued_at_ms(request_id) < _KEPT_MS:
            return False
        return await self.unread.holds(tenant, request_id)

    def _covering(self, found: Sealed) -> Head | None:
        head = self.log.head()
        return head if head is not None and 0 <= found.leaf < head.checkpoint.size else None

    async def _in_time(self, answer: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self.answer_s):
                return await answer
        except TimeoutError:
            sentence = "the store of records does not answer right now; try again in a moment"
            raise StoreUnavailable(sentence) from None

    async def _wait(self, tenant: str, request_id: str, wait_s: float) -> None:
        """Return when the record is sealed or the time is over; however many wait for an id, one asks the store."""
        key = (tenant, request_id)
        if wait_s <= 0:
            return
        poll = self._polls.get(key)
        if poll is None:
            poll = self._polls[key] = asyncio.create_task(self._poll(tenant, request_id))
            poll.add_done_callback(lambda done: self._polled(key, done))
        await asyncio.wait((poll,), timeout=wait_s)
        if poll.done():
            poll.result()

    async def _poll(self, tenant: str, request_id: str) -> None:
        for _ in range(round(MOST_MS / 1000 / _EVERY_S)):
            await asyncio.sleep(_EVERY_S)
            found = await self.known(tenant, request_id)
            if found is not None and found["status"] != "pending":
                return

    def _polled(self, key: tuple[str, str], poll: "asyncio.Task[None]") -> None:
        del self._polls[key]
        if not poll.cancelled():
            poll.exception()  # whoever still waits raises it; nobody may


def _told(error: NorthernError | DecodeError) -> NorthernError:
    return error if isinstance(error, NorthernError) else InvalidRequest("the question cannot be read")


def _no_receipt(found: Sealed) -> str:
    match found.gone:
        case Gone.ERASED:
            when = rfc3339(found.erased_ms)
            return f"the record was erased at {when} by {found.erased_by}; its leaf stays in the log, without a receipt"
        case Gone.EXPIRED:
            return "the record was older than this account keeps records; its leaf stays in the log, without a receipt"
        case _:
            return "the record is not kept any more; its leaf stays in the log, without a receipt"
