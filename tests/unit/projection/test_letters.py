"""Dead letters read again: what was put aside, what was put back, and what is neither."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.base import Stored
from libs.contracts.subjects import dead_letter
from libs.projection.letters import Letter, Mark, mark_subject, read, replay_id

SAID = {"subject": "ev.finished.0", "stream": "EVENTS", "seq": 7, "error_type": "decode", "data": "Z2FyYmFnZQ=="}
WHOLE = Letter(
    place=3, purpose="custody", stream="EVENTS", seq=7, subject="ev.finished.0", why="decode", data=b"garbage"
)


def stored(said: object, subject: str = dead_letter("custody")) -> Stored:
    return Stored(subject, 3, orjson.dumps(said))


def test_a_letter_says_who_could_not_read_what_and_why() -> None:
    assert base64.b64decode(str(SAID["data"])) == b"garbage"
    assert read(stored(SAID)) == WHOLE


def test_what_is_shown_of_a_letter_is_not_what_stands_in_it() -> None:
    assert b"garbage" not in orjson.dumps(WHOLE.shown())
    assert "data" not in WHOLE.shown()


@given(seq=st.integers(1, 2**53 - 1), again=st.integers(1, 2**53 - 1))
def test_a_mark_is_found_under_the_message_it_is_of(seq: int, again: int) -> None:
    mark = Mark(stream="EVENTS", seq=seq, again=again)
    subject = mark_subject("EVENTS", seq)
    assert subject == dead_letter(replay_id("EVENTS", seq))
    assert read(Stored(subject, 9, mark.serialised())) == mark


@pytest.mark.parametrize("member", sorted(SAID))
def test_a_letter_without_one_of_its_members_is_none(member: str) -> None:
    assert read(stored({name: value for name, value in SAID.items() if name != member})) is None


@pytest.mark.parametrize("wrong", [{"stream": "EVENTS.>"}, {"stream": None}, {"seq": "x"}, {"data": 7}])
def test_a_letter_with_a_wrong_member_is_none(wrong: dict[str, object]) -> None:
    assert read(stored({**SAID, **wrong})) is None


@given(data=st.binary(max_size=80), subject=st.sampled_from([dead_letter("custody"), mark_subject("EVENTS", 1)]))
def test_arbitrary_bytes_are_no_letter_and_no_fault(data: bytes, subject: str) -> None:
    read(Stored(subject, 1, data))
