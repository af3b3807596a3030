"""The journal of a shard: sealed batches in the stream LEDGER, appended under a fence, read back from its beginning."""

import asyncio
from typing import Final

from libs.bus.base import Bus, Conflict, Stored
from libs.contracts import subjects
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.ledger.chain import replay
from libs.ledger.seal import LedgerBroken
from libs.ledger.state import State
from libs.telemetry.log import logger

_ACK_S: Final = 2.0
_RETRY_S: Final = (0.05, 1.0)  # first and longest pause
_IN_ONE_GO: Final = 2_000  # operations replayed before others get their turn: a lease must be renewed meanwhile


class Fenced(Exception):
    """Somebody else wrote to the journal: this process owns the shard no more, and whatever it did last is void."""


class Journal:
    """`seq`: of the last message that is known, read or written; what is appended must be the very next."""

    def __init__(self, bus: Bus, shard: int) -> None:
        self._bus, self._subject = bus, subjects.journal(shard)
        self.seq = 0

    async def append(self, raw: bytes) -> None:
        """On record, once, when this returns: what happened to an answer that was lost is found out. Raises Fenced.

        While the broker is away it is tried again, the same bytes under the same fence, however often: only one can
        be the next.
        """
        pause = _RETRY_S[0]
        while True:
            try:
                self.seq = await self._appended(raw)
                return
            except (BusUnavailable, Overloaded) as error:
                logger().warning("journal_waits", error_type=type(error).__name__, retry_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(_RETRY_S[1], pause * 2)

    async def _appended(self, raw: bytes) -> int:
        try:
            return await self._bus.append(self._subject, raw, expected=self.seq, timeout_s=_ACK_S)
        except Conflict:
            found = await self.last()
            if found is None or found.seq <= self.seq or found.data != raw:
                raise Fenced from None
            return found.seq  # ours, of a try whose answer did not arrive

    async def last(self) -> Stored | None:
        """The last message as the leader of the stream has it. Raises BusUnavailable, Overloaded."""
        return await self._bus.last(subjects.LEDGER, self._subject)

    async def replay(self, state: State, after: int, copied: tuple[int, bytes] | None = None) -> None:
        """Bring a state that holds everything up to `after` to the journal's end, with every seal and result checked.

        `copied`: the last message that a second copy of the journal holds, its sequence and its seal. Raises
        LedgerBroken (journal, state and copy do not belong together), BusUnavailable, Overloaded.
        """
        last = await self.last()
        end = last.seq if last else 0
        known = max(after, copied[0] if copied else 0)
        if end < known:
            raise LedgerBroken(f"the journal ends at message {end}, but {known} are known: the broker lost its tail")
        self.seq = after
        _same(copied, after, state)
        if end > after:
            await self._replay(state, end, copied)
        if last is not None and not last.data.endswith(state.head):
            raise LedgerBroken(f"message {end} of the journal is another than the one that is known")

    async def _replay(self, state: State, end: int, copied: tuple[int, bytes] | None) -> None:
        done = 0
        async for messages in self._bus.follow(subjects.LEDGER, after=self.seq):
            for message in messages:
                if message.subject == self._subject:
                    done += len(replay(state, message.data).ops)
                    self.seq = message.seq
                    _same(copied, self.seq, state)
                if self.seq >= end:
                    return
                if done > _IN_ONE_GO:
                    done = 0
                    await asyncio.sleep(0)
        raise BusUnavailable("the connection ended while the journal was read")


def _same(copied: tuple[int, bytes] | None, seq: int, state: State) -> None:
    """At the message where the second copy ends, both tell the same."""
    if copied is not None and copied[0] == seq and seq and copied[1] != state.head:
        raise LedgerBroken(f"message {seq} of the journal is another than the one in its copy")
