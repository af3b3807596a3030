"""Dead letters as billing lists them: newest first, page by page, with what was put back, never with their content."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from libs.bus.base import Held
from libs.bus.memory import MemoryBus
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.query_pb2 import DeadLettersAsk, ListTold
from libs.contracts.subjects import DLQ, EVENTS, dead_letter
from libs.projection.letters import Mark, mark_subject
from services.billing.dead_letters import DeadLetters


async def put_aside(bus: MemoryBus, seq: int, purpose: str = "custody") -> None:
    said = {"subject": "ev.finished.0", "stream": EVENTS, "seq": seq, "error_type": "decode", "data": "Y2FuYXJ5"}
    await bus.append(dead_letter(purpose), orjson.dumps(said))


async def put_back(bus: MemoryBus, seq: int, again: int) -> None:
    mark = Mark(stream=EVENTS, seq=seq, again=again)
    await bus.append(mark_subject(EVENTS, seq), mark.serialised())


async def told(bus: MemoryBus, **ask: Any) -> ListTold:
    return ListTold.FromString(await DeadLetters(bus=bus).page(DeadLettersAsk(**ask).SerializeToString()))


async def pages(bus: MemoryBus, limit: int = 0) -> list[list[int]]:
    """Sequences of what could not be read, page after page."""
    found, cursor = list[list[int]](), ""
    while True:
        page = await told(bus, limit=limit, cursor=cursor)
        assert not page.HasField("failure"), page.failure
        found.append([orjson.loads(entry)["seq"] for entry in page.entries])
        cursor = page.next
        if not cursor:
            return found


async def test_where_nothing_was_put_aside_the_list_is_empty() -> None:
    assert await pages(MemoryBus()) == [[]]


async def test_a_letter_is_shown_with_its_cause_and_not_with_its_content() -> None:
    bus = MemoryBus()
    await put_aside(bus, 41)
    (entry,) = (await told(bus)).entries
    assert orjson.loads(entry) == {
        "object": "dead_letter",
        "place": 1,
        "purpose": "custody",
        "stream": EVENTS,
        "seq": 41,
        "subject": "ev.finished.0",
        "why": "decode",
        "replayed": None,
    }
    assert b"canary" not in entry
    assert b"Y2FuYXJ5" not in entry


async def test_what_was_put_back_says_where_it_is_now_for_all_its_readers_on_every_page() -> None:
    bus = MemoryBus()
    await put_aside(bus, 41)
    await put_aside(bus, 41, "billing-usage")
    await put_aside(bus, 42)
    await put_back(bus, 41, 99)
    first = await told(bus, limit=2)
    second = await told(bus, limit=2, cursor=first.next)
    shown = [orjson.loads(entry) for entry in (*first.entries, *second.entries)]
    assert [(one["place"], one["replayed"]) for one in shown] == [(3, None), (2, 99), (1, 99)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_every_letter_is_on_one_page_newest_first(limit: int) -> None:
    bus = MemoryBus()
    for seq in range(1, 8):
        await put_aside(bus, seq)
        if seq % 2:
            await put_back(bus, seq, 100 + seq)
    found = await pages(bus, limit)
    assert [seq for page in found for seq in page] == [7, 6, 5, 4, 3, 2, 1]
    assert all(len(page) <= limit for page in found)


async def test_marks_between_letters_make_no_page_empty() -> None:
    bus = MemoryBus()
    await put_aside(bus, 1)
    for seq in range(2, 400):
        await put_back(bus, seq, seq)
    assert await pages(bus, 10) == [[1]]


async def test_one_answer_looks_at_so_many_messages_and_no_more() -> None:
    bus = MemoryBus()
    await put_aside(bus, 1)
    for seq in range(2, 1500):
        await put_back(bus, seq, seq)
    first = await told(bus, limit=10)
    assert (list(first.entries), bool(first.next)) == ([], True)
    assert [orjson.loads(entry)["seq"] for entry in (await told(bus, limit=10, cursor=first.next)).entries] == [1]


async def test_a_page_has_no_more_than_a_hundred_whatever_is_asked() -> None:
    bus = MemoryBus()
    for seq in range(1, 131):
        await put_aside(bus, seq)
    assert [len(page) for page in await pages(bus, 2**32 - 1)] == [100, 30]


async def test_what_the_stream_no_longer_holds_is_not_looked_for() -> None:
    bus = MemoryBus()
    for seq in range(1, 6):
        await put_aside(bus, seq)
    await bus.drop(DLQ, before=4)
    assert await pages(bus, 2) == [[5, 4]]


async def test_what_is_no_letter_is_passed_over() -> None:
    bus = MemoryBus()
    await put_aside(bus, 1)
    await bus.append(dead_letter("custody"), b"{")
    assert await pages(bus) == [[1]]


@pytest.mark.parametrize("cursor", ["x", "bDE", "bDEyMzQ1Njc4OTAxMjM0NTY3ODkw", "YTE", "bHg", "é"])
async def test_a_cursor_of_nobodys_is_refused_or_leads_nowhere(cursor: str) -> None:
    bus = MemoryBus()
    await put_aside(bus, 1)
    page = await told(bus, cursor=cursor)
    if cursor == "bDE":  # before the first
        assert (list(page.entries), page.next) == ([], "")
    else:
        assert (page.failure.code, page.failure.param) == ("invalid_request", "cursor")


async def test_a_question_nobody_can_read_and_a_broker_that_is_away_are_said_so() -> None:
    class Away(MemoryBus):
        async def held(self, stream: str, timeout_s: float = 2.0) -> Held:
            raise BusUnavailable(f"{stream} {timeout_s}")

    ask: Callable[[bytes], Any] = DeadLetters(bus=Away()).page
    assert ListTold.FromString(await ask(b"\xff")).failure.code == "invalid_request"
    failure = ListTold.FromString(await ask(b"")).failure
    assert (failure.code, failure.retry_after_ms) == ("bus_unavailable", 1000)
