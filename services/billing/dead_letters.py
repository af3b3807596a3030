"""Answers to questions about dead letters: a page, newest first, of what readers put aside; never what stands in it."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import orjson
from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Stored
from libs.contracts.errors import BusUnavailable, InvalidRequest, NorthernError, Overloaded
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import DeadLettersAsk, ListTold
from libs.contracts.subjects import DLQ
from libs.projection.letters import Letter, Mark, mark_subject, read
from services.billing.books.cursors import cursor, place

_ROWS: Final = 100  # of one answer
_LOOKED: Final = 1000  # messages at most that one answer is made of: marks lie between letters
_PLACE: Final = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """The query `ni.query.billing.dead_letters`. Who may ask is decided before it comes here."""

    bus: Bus

    async def page(self, data: bytes) -> bytes:
        """DeadLettersAsk in, ListTold out."""
        try:
            return (await self._page(DeadLettersAsk.FromString(data))).SerializeToString()
        except DecodeError:
            error: NorthernError = InvalidRequest("the question cannot be read")
        except (BusUnavailable, Overloaded):
            error = BusUnavailable("the dead letters cannot be read right now; try again", retry_after_ms=1000)
        except NorthernError as refused:
            error = refused
        return ListTold(failure=to_query_failure(error)).SerializeToString()

    async def _page(self, ask: DeadLettersAsk) -> ListTold:
        held = await self.bus.held(DLQ)
        first, end = max(1, held.first), held.last
        if ask.cursor:
            before = place("l", ask.cursor)
            if not _PLACE.fullmatch(before):
                raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
            end = min(end, int(before) - 1)
        most, found, least = min(ask.limit or _ROWS, _ROWS), list[Letter](), end - _LOOKED
        while end >= first and len(found) < most and end > least:
            begin = max(first, end - (most - len(found)) + 1)
            found += reversed(await self._between(begin, end))
            end = begin - 1
        entries = await asyncio.gather(*(self._shown(letter) for letter in found))
        return ListTold(entries=map(orjson.dumps, entries), next=cursor("l", f"{end + 1}") if end >= first else "")

    async def _between(self, begin: int, end: int) -> list[Letter]:
        """The letters at these places, both included, as they were put aside."""
        found = list[Letter]()
        following = cast(AsyncGenerator[list[Stored], None], self.bus.follow(DLQ, after=begin - 1))
        async with aclosing(following) as batches:
            async for batch in batches:
                letters = (read(message) for message in batch if message.seq <= end)
                found += (replace(one, data=None) for one in letters if isinstance(one, Letter))
                if not batch or batch[-1].seq >= end:  # nothing more has come: the last may have been removed
                    return found
        raise BusUnavailable("the connection ended while the dead letters were read")

    async def _shown(self, letter: Letter) -> dict[str, Any]:
        mark = await self.bus.last(DLQ, mark_subject(letter.stream, letter.seq))
        back = read(mark) if mark is not None else None
        replayed = back.again if isinstance(back, Mark) else 0
        return {"object": "dead_letter", **replace(letter, replayed=replayed).shown()}
