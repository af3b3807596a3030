"""From the log into the table: TLOG followed, the records that its leaves commit to fetched, checked and written."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple, cast

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Stored
from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from libs.contracts.northern.v1.custody_pb2 import Leaf, RecordBatch, SealedBatch, SealedRecord
from libs.contracts.subjects import RECORDS
from libs.projection.base import UnreadableError
from libs.telemetry.log import logger
from libs.tlog.receipt import commitment
from services.custody.receipts.erasures import ErasureTable
from services.custody.receipts.table import Gone, RecordTable
from services.custody.receipts.trimming import Trimming


class Batch(NamedTuple):
    """A message of TLOG that has leaves."""

    seq: int
    sealed: SealedBatch


def batches_in(message: Stored) -> list[Batch] | None:
    """None where it has no leaves. Raises UnreadableError."""
    try:
        sealed = SealedBatch.FromString(message.data)
    except DecodeError as error:
        raise UnreadableError("decode") from error
    return [Batch(message.seq, sealed)] if sealed.leaves else None


@dataclass(frozen=True, kw_only=True)
class SealedRecords:
    """libs.projection.base.Sink over the table of records."""

    bus: Bus
    table: RecordTable
    erasures: ErasureTable
    trimming: Trimming

    async def resume(self) -> int:
        return await self.table.position()

    async def write(self, block: Sequence[Batch], token: str) -> int:
        erased = await self.erasures.among([leaf.request_id for batch in block for leaf in batch.sealed.leaves])
        messages = await self._messages([batch.sealed.records_seq for batch in block])
        rows: list[tuple[object, ...]] = []
        for batch in block:
            records = _records(messages.get(batch.sealed.records_seq, b""))
            for number, leaf in enumerate(batch.sealed.leaves):
                rows.append(_row(batch, number, records.get(leaf.request_id), erased=_key(leaf) in erased))
        await self.table.insert(rows, token)
        await self.trimming.written(max(batch.sealed.records_seq for batch in block))
        return len(rows)

    async def _messages(self, wanted: Sequence[int]) -> dict[int, bytes]:
        """Messages of RECORDS by sequence, as far as they are still there. Raises StoreUnavailable: later."""
        found: dict[int, bytes] = {}
        last = max(wanted)
        following = cast(AsyncGenerator[list[Stored], None], self.bus.follow(RECORDS, after=min(wanted) - 1))
        try:
            async with aclosing(following) as all_messages:
                async for messages in all_messages:
                    found |= {message.seq: message.data for message in messages if message.seq in wanted}
                    if messages[-1].seq >= last if messages else not await self._holds(last):
                        return found
        except (BusUnavailable, Overloaded) as error:
            raise StoreUnavailable("the records cannot be read right now") from error
        raise StoreUnavailable("the connection ended while records were read")

    async def _holds(self, seq: int) -> bool:
        """Whether RECORDS has that message still; that nothing has come yet does not say that nothing will."""
        held = await self.bus.held(RECORDS)
        return held.first <= seq <= held.last


def _key(leaf: Leaf) -> tuple[str, str]:
    return leaf.tenant, leaf.request_id


def _records(data: bytes) -> dict[str, SealedRecord]:
    """What cannot be read is missing: its leaves stay, and say so."""
    try:
        return {each.request_id: each for each in RecordBatch.FromString(data).records}
    except DecodeError:
        return {}


def _row(batch: Batch, number: int, found: SealedRecord | None, *, erased: bool) -> tuple[object, ...]:
    sealed = batch.sealed
    leaf = sealed.leaves[number]
    salt, record, gone = "", "", Gone.MISSING.value
    if erased:
        gone = Gone.ERASED.value
    elif found is not None and commitment(found.salt, raw := found.record) == leaf.commitment:
        salt, record, gone = found.salt.hex(), raw.decode(), ""
    else:
        logger().error("record_missing", request_id=leaf.request_id, tenant=leaf.tenant, sequence=sealed.records_seq)
    return (leaf.tenant, leaf.request_id, sealed.first_index + number, batch.seq, sealed.at_ms, salt, record, gone)
