"""Server-sent events from pieces of any size: the same events, whole and in order."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.contracts.errors import UpstreamError
from libs.dialects.sse import EVENT_LIMIT, EventSplitter, ServerSentEvent, WholeEvents, each_event, read_event

PIECES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"data: x", b"data:", b"event: e", b": c", b"id: 1", b"\xc3\xa9"])
    | st.binary(max_size=4),
    max_size=25,
).map(b"".join)
CUTS = st.lists(st.integers(0, 10_000), max_size=20)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in pairwise(marks)]


def split(pieces: Iterable[bytes]) -> list[tuple[str, bytes]]:
    splitter = EventSplitter()
    return [(event.event, event.data) for piece in pieces for event in splitter.feed(piece)]


@given(PIECES, CUTS)
@example(b"data: x\r\n\r\ndata: y\n\n", [10])
def test_any_split_gives_the_same_events(data: bytes, at: list[int]) -> None:
    assert split(cut(data, at)) == split([data])


def test_data_split_inside_a_character_comes_out_whole() -> None:
    data = 'event: e\ndata: {"a":"é…😀"}\n\n'.encode()
    for at in range(len(data)):
        assert split([data[:at], data[at:]]) == [("e", '{"a":"é…😀"}'.encode())]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_one(end: bytes) -> None:
    lines = [b": hi", b"event: a", b"data: 1", b"data:2", b"id: 7", b"", b"", b"data: {}", b"", b": bye", b"", b""]
    assert split([end.join(lines)]) == [("a", b"1\n2"), ("", b"{}")]


def test_events_without_data_and_comments_are_passed_over_and_a_byte_order_mark_too() -> None:
    assert split([b"\xef\xbb\xbfevent: a\ndata: 1\n\n: c\n\nevent: ping\n\ndata:\n\ndata: 2\n\n"]) == [
        ("a", b"1"),
        ("", b"2"),
    ]


def test_what_is_not_whole_is_pending_until_it_is() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: 1\n") == []
    assert splitter.pending
    assert splitter.feed(b"\n") == [ServerSentEvent(event="", data=b"1")]
    assert not splitter.pending


@pytest.mark.parametrize("pieces", [[b"x" * (EVENT_LIMIT + 1)], [b"data: ", b"x" * EVENT_LIMIT, b"\n\n"]])
def test_an_event_beyond_the_limit_is_an_error_once_and_not_memory(pieces: list[bytes]) -> None:
    splitter = EventSplitter()
    with pytest.raises(UpstreamError):
        [splitter.feed(piece) for piece in pieces]
    assert splitter.feed(b"\n\ndata: 1\n\n") == []
    assert not splitter.pending


def test_a_whole_event_beyond_the_limit_is_an_error_too() -> None:
    with pytest.raises(UpstreamError):
        EventSplitter().feed(b"data: " + b"x" * EVENT_LIMIT + b"\n\n")
    with pytest.raises(UpstreamError):
        WholeEvents().feed(b"x" * (EVENT_LIMIT + 1))


@given(PIECES, CUTS)
def test_whole_events_are_the_same_bytes_to_the_last_whole_one(data: bytes, at: list[int]) -> None:
    whole, pieces = WholeEvents().feed(data), b"".join(map(WholeEvents().feed, cut(data, at)))
    assert pieces.rstrip(b"\r\n") == whole.rstrip(b"\r\n")  # blank lines too many may wait for the next event
    assert data.startswith(WholeEvents().feed(data))


@given(PIECES)
def test_events_one_by_one_are_the_block(data: bytes) -> None:
    block = data + b"\n\n"
    assert b"".join(each_event(block)) == block


@given(st.lists(st.sampled_from([b"event: a\ndata: 1\n\n", b": c\n\n", b"data: 2\ndata: 3\r\n\r\n"]), max_size=6))
def test_events_read_one_by_one_are_those_of_the_splitter(events: list[bytes]) -> None:
    block = b"".join(events)
    read = [event for each in each_event(block) if (event := read_event(each)) is not None]
    assert [(event.event, event.data) for event in read] == split([block])
