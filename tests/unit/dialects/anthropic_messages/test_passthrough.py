"""Anthropic streams and answers that pass through: same bytes out, and what is learned from them on the way."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import CredentialRefused, Overloaded, ProviderRateLimited, UpstreamError
from libs.dialects.anthropic_messages.passthrough import (
    MESSAGE_STOP,
    AnthropicStream,
    EventFrames,
    outgoing,
    read_answer,
)
from libs.dialects.form import Usage
from libs.dialects.signatures import marked
from libs.dialects.sse import EVENT_LIMIT

NAMES = st.sampled_from(["role", "content", "type", "data", "signature"])


def event(type_: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), orjson.dumps({"type": type_, **members}))


def delta(type_: str, at: int = 0, **members: object) -> bytes:
    return event("content_block_delta", index=at, delta={"type": type_, **members})


def start(at: int = 0, **block: object) -> bytes:
    return event("content_block_start", index=at, content_block=block)


BEGIN = event(
    "message_start",
    message={"id": "msg_1", "model": "claude-up", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}},
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
TEXT = start(type="text", text="")
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 12, "novelty": {"a": 1}})
LAST = b'event: message_stop\ndata: {"type":"message_stop"       }\n\n'
FULL = [
    BEGIN,
    PING,
    start(type="thinking", thinking="", signature=""),
    delta("thinking_delta", thinking="hm …"),
    delta("signature_delta", signature="Eq+/==" * 40),
    event("content_block_stop", index=0),
    b": comment\n\n",
    start(1, type="text", text=""),
    delta("text_delta", 1, text="a"),
    delta("text_delta", 1, text='say "type":"message_stop" and "error" é'),
    delta("text_delta", 1, text="\nevent: message_stop\ndata: x\n\n"),
    delta("text_delta", 1, text="b"),
    event("content_block_stop", index=1),
    start(2, type="tool_use", id="toolu_1", name="f", input={}),
    delta("input_json_delta", 2, partial_json=""),
    delta("input_json_delta", 2, partial_json='{"a":1}'),
    event("content_block_stop", index=2),
    event("novelty", unknown=[1]),
    END,
    LAST,
]


def run(stream: AnthropicStream, pieces: Iterable[bytes]) -> bytes:
    return b"".join(stream.feed(piece) for piece in pieces)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in pairwise(marks)]


def facts(stream: AnthropicStream) -> tuple[object, ...]:
    error = stream.error and (type(stream.error), stream.error.message)
    return stream.started, stream.finished, stream.done, stream.usage, error, stream.output_bytes


def test_the_same_bytes_come_out_and_the_end_is_held_back() -> None:
    stream = AnthropicStream()
    assert run(stream, FULL) == b"".join(FULL[:-1])
    assert stream.finish() == LAST
    assert (stream.started, stream.finished, stream.done, stream.error) == (True, True, True, None)
    assert stream.usage == Usage(input=9, output=12)


@given(st.lists(st.integers(0, 10_000), max_size=30), st.booleans(), st.booleans())
def test_any_split_gives_the_same_bytes_and_facts(at: list[int], crlf: bool, rename: bool) -> None:
    data = b"".join(FULL).replace(b"\n", b"\r\n") if crlf else b"".join(FULL)
    model = b"alias" if rename else None
    whole, split = AnthropicStream(model), AnthropicStream(model)
    assert run(split, cut(data, at)) == run(whole, [data])
    assert facts(split) == facts(whole)
    assert split.finish() == whole.finish() == (LAST.replace(b"\n", b"\r\n") if crlf else LAST)
    assert whole.done


def test_byte_by_byte_each_event_leaves_with_its_last_byte() -> None:
    stream = AnthropicStream()
    for each in FULL:
        assert run(stream, [each[at : at + 1] for at in range(len(each) - 1)]) == b""
        assert stream.feed(each[-1:]) == (b"" if each is LAST else each)


PIECES = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\r\n", b"event: ", b"data: ", b"error", b"message_stop", b"{}", b":", *FULL])
    | st.binary(max_size=6),
    max_size=25,
)


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=20))
def test_arbitrary_bytes_raise_nothing_and_split_the_same(pieces: list[bytes], at: list[int]) -> None:
    data = b"".join(pieces)
    whole, split = AnthropicStream(b"m"), AnthropicStream(b"m")
    one, other = whole.feed(data), run(split, cut(data, at))
    assert one.rstrip(b"\r\n") == other.rstrip(b"\r\n")  # blank lines too many may still wait for the next event
    assert facts(whole)[:5] == facts(split)[:5]


@given(PIECES)
def test_arbitrary_payloads_of_frames_raise_nothing(pieces: list[bytes]) -> None:
    frames = EventFrames()
    for piece in pieces:
        frames.frame(piece)


@pytest.mark.parametrize(
    ("each", "content"),
    [
        (BEGIN, False),
        (PING, False),
        (TEXT, False),
        (start(type="thinking", thinking="", signature=""), False),
        (delta("text_delta", text=""), False),
        (delta("signature_delta", signature="x"), False),
        (delta("text_delta", text="x"), True),
        (delta("thinking_delta", thinking="x"), True),
        (start(type="tool_use", id="a", name="f", input={}), True),
        (start(type="redacted_thinking", data="x"), True),
        (start(type="server_tool_use", id="a", name="web_search", input={}), True),
    ],
)
def test_a_stream_has_started_only_with_the_models_own_words(each: bytes, content: bool) -> None:
    stream = AnthropicStream()
    assert stream.feed(each) == each
    assert stream.started is content


def test_counts_are_cumulative_and_never_added() -> None:
    stream = AnthropicStream()
    middle = event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 5, "input_tokens": 11})
    run(stream, [BEGIN, TEXT, middle])
    assert stream.usage == Usage(input=11, output=5)
    assert not stream.finished
    stream.feed(END)
    assert stream.usage == Usage(input=11, output=12)
    assert stream.finished


def test_a_stream_cut_before_its_end_is_neither_done_nor_finished() -> None:
    stream = AnthropicStream()
    run(stream, [*FULL[:9], END[:-1]])
    assert (stream.done, stream.finished, stream.usage) == (False, False, Usage(input=9, output=1))


def test_an_end_that_was_never_sent_is_made() -> None:
    stream = AnthropicStream()
    run(stream, FULL[:-1])
    assert (stream.finished, stream.done) == (True, False)
    assert stream.finish() == MESSAGE_STOP


def test_an_error_in_mid_stream_is_cleaned_and_not_forwarded_nor_is_what_follows() -> None:
    bad = event("error", error={"type": "rate_limit_error", "message": "key sk-ant-abcdef1234567890\x00 slow down"})
    stream = AnthropicStream()
    first = delta("text_delta", text="a")
    assert stream.feed(first + bad + first) == first
    assert stream.feed(first) == b""
    assert isinstance(stream.error, ProviderRateLimited)
    assert "sk-" not in stream.error.message
    assert not stream.done


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (event("error", error={"type": "overloaded_error", "message": "x"}), Overloaded),
        (b'data: {"type": "error", "error": {"type": "authentication_error"}}\n\n', CredentialRefused),
        (b'data: {"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}\n\n', ProviderRateLimited),
        (b"event: error\ndata: upstream connect error\n\n", UpstreamError),
        (b"event: message_delta\ndata: {\n\n", UpstreamError),
        (b"data: <html>\n\n", UpstreamError),
    ],
)
def test_every_shape_of_failure_is_one(bad: bytes, expected: type[Exception]) -> None:
    stream = AnthropicStream()
    assert run(stream, [BEGIN, bad, TEXT]) == BEGIN
    assert type(stream.error) is expected


def test_events_without_their_name_are_known_by_their_type() -> None:
    stream = AnthropicStream()
    bare = [each.partition(b"\n")[2] if each.startswith(b"event:") else each for each in FULL]
    assert run(stream, bare) == b"".join(bare[:-1])
    assert (stream.usage, stream.done) == (Usage(input=9, output=12), True)


def test_an_event_without_end_is_an_error_and_not_memory() -> None:
    for pieces in (
        [b"data: " + b"x" * EVENT_LIMIT],
        [b"data: ", b"x" * EVENT_LIMIT, b"\n\n"],
        [b"x" * (EVENT_LIMIT + 1) + b"\n\n"],
    ):
        stream = AnthropicStream()
        assert run(stream, pieces) == b""
        assert isinstance(stream.error, UpstreamError)


def test_the_model_is_replaced_where_it_stands_and_nowhere_else() -> None:
    said = delta("text_delta", text='"model":"claude-up"')
    assert run(AnthropicStream(b'mi"ne'), [BEGIN, said]) == BEGIN.replace(b'"claude-up"', b'"mi\\"ne"') + said
    nested = event("message_start", message={"container": {"model": "x"}, "model": "up"})
    out = AnthropicStream(b"mine").feed(nested)
    assert orjson.loads(out.partition(b"data: ")[2])["message"] == {"container": {"model": "x"}, "model": "mine"}


def test_neither_an_error_nor_the_end_passes_for_a_delta_whatever_it_holds() -> None:
    first = delta("text_delta", text="a")
    for each in (event("error", error={"details": ["text_delta"]}), event("message_stop", details=["text_delta"])):
        stream = AnthropicStream()
        assert run(stream, [first, each]) == first
        assert stream.done is (stream.error is None)


@pytest.mark.parametrize("spaced", [False, True])
def test_output_bytes_are_near_the_truth(spaced: bool) -> None:
    words = ["alpha", "beta!", "gamma rays", "d" * 40, "…"] * 20
    stream = AnthropicStream()
    for at, word in enumerate(words):
        each = delta("thinking_delta", thinking=word) if at < 30 else delta("text_delta", text=word)
        stream.feed(each.replace(b'":', b'": ') if spaced else each)
        if at % 7 == 0:
            stream.feed(PING + delta("signature_delta", signature="x" * 300))
    truth = sum(len(word.encode()) for word in words)
    assert abs(stream.output_bytes - truth) <= truth * 0.02


def test_no_json_is_parsed_for_a_delta(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = AnthropicStream()
    stream.feed(BEGIN)
    monkeypatch.delattr(orjson, "loads")
    words = [delta("text_delta", text=text) for text in ("a", "an error", "message_stop", "b")]
    assert run(stream, [TEXT, *words, PING]) == b"".join([TEXT, *words, PING])
    assert stream.error is None


# --- Bedrock's frames ---------------------------------------------------------------------------------------------


def payload(each: bytes) -> bytes:
    return each.partition(b"data: ")[2][:-2]


def test_frames_become_the_events_that_anthropic_would_send() -> None:
    frames = EventFrames()
    named = [each for each in FULL if each.startswith(b"event:")]
    assert b"".join(frames.frame(payload(each)) for each in named) == b"".join(named[:-1])
    assert frames.finish() == LAST
    assert (frames.usage, frames.started, frames.finished) == (Usage(input=9, output=12), True, True)


def test_a_frame_whose_type_comes_late_or_that_has_line_breaks_is_read() -> None:
    said = b'{"index":0,"delta":{"type":"text_delta","text":"a"},"type":"content_block_delta"}'
    assert EventFrames().frame(said) == b"event: content_block_delta\ndata: %b\n\n" % said
    for end in (b"\n", b"\r", b"\r\n"):
        assert EventFrames().frame(b'{"type": "ping"%b}' % end) == b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize("bad", [b"", b"{", b"[]", b'{"type":1}', b'{"type":"a\\nb"}', b'{"a":1}'])
def test_a_frame_that_is_no_event_is_an_error(bad: bytes) -> None:
    frames = EventFrames()
    assert frames.frame(bad) == b""
    assert isinstance(frames.error, UpstreamError)
    assert frames.frame(payload(BEGIN)) == b""


def test_an_error_in_a_frame_is_not_forwarded() -> None:
    frames = EventFrames()
    assert frames.frame(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}') == b""
    assert isinstance(frames.error, Overloaded)


# --- whole answers and requests -----------------------------------------------------------------------------------


def test_an_answer_passes_unchanged_with_its_usage_and_output() -> None:
    body = (
        b'{"id":"a", "model": "up", "content":[{"type":"text","text":"h\\u00e9"},{"type":"tool_use","input":{"a":1}}],'
    )
    body += b'"usage":{"input_tokens":5,"output_tokens":2}}'
    assert read_answer(body, None) == (body, Usage(input=5, output=2), 3 + 7)
    renamed, _, _ = read_answer(body, "mine")
    assert renamed == body.replace(b'"model": "up"', b'"model":"mine"')
    called = b'{"model":"up","content":[{"type":"tool_use","input":{"model":"up","n":12345678901234567890123}}]}'
    assert read_answer(called, "mine")[0] == called.replace(b'"model":"up"', b'"model":"mine"', 1)
    assert read_answer(body, "up")[0] is body  # it has the name already
    nested = b'{"container":{"model":"x"},"model":"up","content":[]}'
    assert orjson.loads(read_answer(nested, "mine")[0]) == {**orjson.loads(nested), "model": "mine"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"ok":true}', b'{"content":{}}', b'{"error":"x"}'])
def test_a_200_that_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_answer(body, None)


def test_an_error_under_a_200_is_that_error() -> None:
    with pytest.raises(Overloaded):
        read_answer(b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', None)


@pytest.mark.parametrize("body", [b"{}", b'{"messages":[],"max_tokens":1}', b'{ "a" : {"model":"x"} }', b"{ }"])
@pytest.mark.parametrize("front", [{}, {"model": 'm"x', "stream": True}, {"anthropic_beta": ["a", "b"]}])
def test_members_are_put_in_front_and_the_rest_is_as_it_was(body: bytes, front: dict[str, Any]) -> None:
    sent = outgoing(body, front)
    assert orjson.loads(sent) == front | orjson.loads(body)
    assert list(orjson.loads(sent)) == [*front, *orjson.loads(body)]
    assert sent.endswith(body[1:])


def test_the_callers_own_version_in_the_body_gives_way_to_ours() -> None:
    body = b'{"anthropic_version":"theirs","messages":[{"content":"\\"anthropic_version\\""}]}'
    sent = outgoing(body, {"anthropic_version": "ours"})
    assert sent.count(b'"anthropic_version":') == 1
    assert orjson.loads(sent) == {**orjson.loads(body), "anthropic_version": "ours"}


def test_thoughts_that_are_not_claudes_stay_behind_and_its_own_go_on() -> None:
    own = {"type": "thinking", "thinking": "hm", "signature": "Eq=="}
    words = {"type": "text", "text": '"signature":"" and "ni1."'}
    foreign = [
        {"type": "thinking", "thinking": "unsigned", "signature": ""},
        {"type": "thinking", "thinking": "other", "signature": marked("o", "x")},
        {"type": "redacted_thinking", "data": marked("g", "c.x")},
    ]
    user = {"role": "user", "content": "ni1."}

    def sent(*blocks: object) -> list[Any]:
        history = [user, {"role": "assistant", "content": list(blocks)}, user]
        body = orjson.dumps({"messages": history, "max_tokens": 1})
        messages: list[Any] = orjson.loads(outgoing(body, {"model": "m"}))["messages"]
        return messages

    assert sent(own, *foreign, words) == [user, {"role": "assistant", "content": [own, words]}, user]
    assert sent(*foreign) == [user, user]
    assert sent(own, words) == [user, {"role": "assistant", "content": [own, words]}, user]


@given(st.recursive(st.text() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=9))
def test_a_request_of_any_shape_passes_through(value: object) -> None:
    body = {"messages": value, "note": "ni1."}
    assert orjson.loads(outgoing(orjson.dumps(body), {"model": "m"})) == {"model": "m", **body}


def test_a_stream_whose_first_delta_is_empty_has_started_with_the_next() -> None:
    stream = AnthropicStream()
    stream.feed(BEGIN + TEXT + delta("text_delta", text=""))
    assert not stream.started
    stream.feed(delta("text_delta", text="a"))
    assert stream.started


def test_a_beginning_without_a_models_name_gets_one_and_stays_an_event() -> None:
    for message in ([{"model": "x"}], {"model": 7}, {"container": {"model": "x"}}, {}):
        out = AnthropicStream(b"mine").feed(event("message_start", message=message) + PING)
        assert out.startswith(b"event: message_start\ndata: {")
        assert out.endswith(b"}\n\n" + PING)
        if isinstance(message, dict):
            assert orjson.loads(out.removesuffix(PING).partition(b"data: ")[2])["message"] == {
                **message,
                "model": "mine",
            }


def test_an_answer_whose_models_name_is_no_name_gets_one() -> None:
    assert orjson.loads(read_answer(b'{"model":[null],"content":[]}', "mine")[0]) == {"model": "mine", "content": []}
