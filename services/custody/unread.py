"""Whether a request is among the facts that nobody has read yet: asked before it is said to have no record."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, cast

from libs.bus.base import Bus, Stored
from libs.contracts.errors import RecordUnavailable
from libs.contracts.ids import issued_at_ms
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.contracts.subjects import EVENTS
from libs.projection.base import UnreadableError
from libs.projection.facts import facts_in
from services.custody.domain import YOUNG_MS
from services.custody.queries import FactTable

_MOST: Final = 2_000  # facts looked through: with more that wait, readers are behind, and it is said so
_RETRY_MS: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Unread:
    """What stands in EVENTS behind the last fact of the table: little, but for the time after an outage."""

    bus: Bus
    table: FactTable

    async def holds(self, tenant: str, request_id: str) -> bool:
        """Raises RecordUnavailable where that cannot be told, StoreUnavailable, BusUnavailable and Overloaded."""
        position, last = await self.table.position(), await self.bus.last_seq(EVENTS)
        if position >= last:
            return False
        following = cast(AsyncGenerator[list[Stored], None], self.bus.follow(EVENTS, after=position))
        looked = 0
        async with aclosing(following) as all_messages:
            async for messages in all_messages:
                for message in messages:
                    facts = _facts(message)
                    if any(fact.request_id == request_id and fact.tenant == tenant for fact in facts):
                        return True
                    # A request's first fact is stated within seconds of its id: what is later need not be read.
                    later = bool(facts) and facts[0].at_ms >= issued_at_ms(request_id) + YOUNG_MS
                    if later or message.seq >= last:
                        return False
                    looked += len(facts)
                    if looked > _MOST:
                        raise _unknown()
        raise _unknown()


def _unknown() -> RecordUnavailable:
    sentence = "what was stated of late is not all read yet; ask again in some seconds"
    return RecordUnavailable(sentence, retry_after_ms=_RETRY_MS)


def _facts(message: Stored) -> Sequence[Fact]:
    try:
        return [placed.fact for placed in facts_in(message) or ()]
    except UnreadableError:
        return ()
