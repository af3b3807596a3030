"""Writing to the log: records first, then the leaves under a fence, and finding out what is in it already."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, cast

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Conflict, Stored
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.custody_pb2 import SealedBatch
from libs.contracts.subjects import TLOG, records, tlog
from libs.tlog.refusals import Reason, Refused
from services.custody.patience import patiently

_ACK_S: Final = 2.0
_LOOK_BACK: Final = 64  # messages of TLOG read at first, to see which requests have a leaf; more where that is too few


class Fenced(Exception):
    """Somebody else wrote to the log: this process is its sequencer no more, and what it was about to write is void."""


class Journal:
    """`seq`: of the last message of TLOG that is known, read or written; what is appended must be the very next."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.seq = 0

    async def last(self) -> SealedBatch:
        """The last batch, from which it is gone on. Raises Refused, BusUnavailable, Overloaded."""
        found = await self._bus.last(TLOG, tlog())
        self.seq = found.seq if found else 0
        return _read(found) if found else SealedBatch(open_from=1)

    async def sealed(self, open_from: int) -> list[str]:
        """The requests with a leaf that EVENTS may speak of from `open_from` on, in order; a few more do no harm.

        Raises Refused, BusUnavailable, Overloaded.
        """
        back = _LOOK_BACK
        while True:
            batches = await self._tail(max(0, self.seq - back))
            if back >= self.seq or batches[0].events_read < open_from:
                return [leaf.request_id for batch in batches for leaf in batch.leaves]
            back *= 4

    async def put_records(self, raw: bytes) -> int:
        """Store a batch of records; its sequence. Should it be stored twice, only one will be named by leaves."""
        msg_id = secrets.token_hex(12)
        return await patiently(lambda: self._bus.append(records(), raw, msg_id=msg_id, timeout_s=_ACK_S))

    async def append(self, batch: SealedBatch) -> None:
        """In the log, once, when this returns: what became of a try without an answer is found out. Raises Fenced."""
        raw = batch.SerializeToString()
        self.seq = await patiently(lambda: self._appended(raw))

    async def _appended(self, raw: bytes) -> int:
        try:
            return await self._bus.append(tlog(), raw, expected=self.seq, timeout_s=_ACK_S)
        except Conflict:
            found = await self._bus.last(TLOG, tlog())
            if found is None or found.seq <= self.seq or found.data != raw:
                raise Fenced from None
            return found.seq

    async def _tail(self, after: int) -> list[SealedBatch]:
        """The batches after a message, up to the last that is known."""
        if after >= self.seq:
            return []
        found: list[SealedBatch] = []
        following = cast(AsyncGenerator[list[Stored], None], self._bus.follow(TLOG, after=after))
        async with aclosing(following) as all_messages:
            async for messages in all_messages:
                found += [_read(message) for message in messages if message.seq <= self.seq]
                if messages and messages[-1].seq >= self.seq:
                    return found
        raise BusUnavailable("the connection ended while the log was read")


def _read(message: Stored) -> SealedBatch:
    try:
        return SealedBatch.FromString(message.data)
    except DecodeError:
        raise Refused(Reason.INCONSISTENT, f"message {message.seq} of TLOG cannot be read") from None
