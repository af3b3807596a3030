"""The judge of what a client saw: each forbidden end is told from each allowed one."""

import orjson
import pytest

from tests.chaos.client import Ask, End, judge

ASK = Ask(model="m", stream=True, words=3)
ERROR = {"error": {"message": "try again", "type": "server_error", "param": None, "code": "stream_broken"}}


def stream(*said: str, end: bytes = b"") -> bytes:
    events = [orjson.dumps({"choices": [{"delta": {"content": text}}]}) for text in said]
    return b"".join(b"data: " + event + b"\n\n" for event in events) + end


DONE = b"data: [DONE]\n\n"
FAILED = b"data: " + orjson.dumps(ERROR) + b"\n\n"


@pytest.mark.parametrize(
    ("body", "broken", "end"),
    [
        (stream("w0 ", "w1 ", "w2 ", end=DONE), False, End.WHOLE),
        (stream("w0 ", end=b": keep-alive\n\n" + FAILED), False, End.ERROR_EVENT),
        (FAILED, False, End.ERROR_EVENT),
        (stream("w0 "), True, End.BROKEN),
        (stream("w0 ")[:-20], True, End.BROKEN),
        (stream("w0 "), False, End.CLEAN_CUT),
        (b"", False, End.CLEAN_CUT),
        (stream("w0 ", "w1 ", "w2 "), False, End.CLEAN_CUT),
        (stream("w0 ", "w2 "), True, End.HOLE),
        (stream("w0 ", "w1 ", end=DONE), False, End.HOLE),
        (stream("w0 ", "w2 ", end=FAILED), False, End.HOLE),
        (stream("w0 ", "w1 ", "w2 ", end=DONE + FAILED), False, End.TWICE),
        (stream("w0 ", end=FAILED + stream("w1 ")), False, End.TWICE),
        (stream("w0 ", end=FAILED + DONE), False, End.TWICE),
    ],
)
def test_a_stream_is_judged_by_its_words_and_its_end(body: bytes, broken: bool, end: End) -> None:
    assert judge(ASK, 200, body, broken=broken)[0] is end


@pytest.mark.parametrize(
    ("status", "body", "end"),
    [
        (503, orjson.dumps(ERROR), (End.ERROR, "stream_broken")),
        (502, b"Bad Gateway", (End.UNEXPLAINED, "502 b'Bad Gateway'")),
        (500, b'{"error": "no"}', (End.UNEXPLAINED, '500 b\'{"error": "no"}\'')),
    ],
)
def test_an_error_has_to_have_our_body(status: int, body: bytes, end: tuple[End, str]) -> None:
    assert judge(ASK, status, body, broken=False) == end


def test_a_whole_answer_has_every_word() -> None:
    ask = Ask(model="m", stream=False, words=2)
    for said, end in (("w0 w1 ", End.WHOLE), ("w0 ", End.HOLE)):
        body = orjson.dumps({"choices": [{"message": {"content": said}}]})
        assert judge(ask, 200, body, broken=False)[0] is end
        assert judge(ask, 200, body[:-5], broken=True)[0] is End.BROKEN
