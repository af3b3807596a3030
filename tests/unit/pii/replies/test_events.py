"""An event taken apart: its data is what a reader of events would read, and nothing else of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.sse import ServerSentEvent, each_event, read_event
from services.pii.replies.events import dumped, each_of, opened, parsed

LINES = st.sampled_from(
    [
        b"data: {}",
        b'data: {"a":1}',
        b"data:[DONE]",
        b"data:",
        b"event: x",
        b"event: data: {",
        b": data: {}",
        b"id: 1",
        b"{}",
    ]
)
EVENTS = st.tuples(st.lists(LINES, max_size=4), st.sampled_from([b"\n", b"\r\n"])).map(
    lambda drawn: b"".join(line + drawn[1] for line in [*drawn[0], b""])
)


@given(event=EVENTS)
def test_the_data_is_what_a_reader_reads(event: bytes) -> None:
    found, wanted = opened(event), read_event(event)

    assert (found[1].strip() if found else b"") == (wanted.data.strip() if wanted else b"")


@given(event=EVENTS)
def test_other_data_is_put_where_it_stood(event: bytes) -> None:
    found, before = opened(event), read_event(event)
    if found is not None and before is not None:
        after = read_event(found[0] + b'{"b":2}' + found[2])
        assert after == ServerSentEvent(event=before.event, data=b'{"b":2}')


@given(events=st.lists(EVENTS, min_size=1, max_size=4))
def test_a_block_comes_apart_as_it_does_for_everybody(events: list[bytes]) -> None:
    block = b"".join(events)

    assert each_of(block) == each_event(block)


def test_a_mark_before_the_first_event_is_no_part_of_it() -> None:
    assert opened(b"\xef\xbb\xbfdata: {}\n\n") == (b"data: ", b"{}", b"\n\n")


@pytest.mark.parametrize("data", [b"[]", b"3", b"null", b'"a"'])
def test_what_is_no_object_reads_as_an_empty_one(data: bytes) -> None:
    assert parsed(data) == {}


def test_half_of_a_surrogate_pair_is_written_as_it_was() -> None:
    assert dumped(parsed(b'{"a":"\\ud83d"}')) == b'{"a":"\\ud83d"}'
