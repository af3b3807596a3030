"""Between two dialects: what came whole is given on, garbage is our error, and no bytes make it fall."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import NorthernError, UpstreamError
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape
from libs.dialects.anthropic_messages import answer as anthropic_answer
from libs.dialects.anthropic_messages import decoder as anthropic_decoder
from libs.dialects.bedrock_converse import answer as converse_answer
from libs.dialects.bedrock_converse import decoder as converse_decoder
from libs.dialects.gemini import answer as gemini_answer
from libs.dialects.gemini import decoder as gemini_decoder
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat import decoder as openai_decoder
from libs.dialects.sse import EventSplitter
from services.worker.callers import Reply
from services.worker.providers.bedrock.events import ClaudeFrames, ConverseFrames, PassedFrames
from services.worker.providers.translated import JsonEvents, Translated, read_object
from tests.unit.worker.known import ROUTE

DIALECTS = [Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES]
PROVIDERS: list[Any] = [
    (JsonEvents, anthropic_decoder, anthropic_answer),
    (ClaudeFrames, anthropic_decoder, anthropic_answer),
    (ConverseFrames, converse_decoder, converse_answer),
    (JsonEvents, gemini_decoder, gemini_answer),
    (JsonEvents, openai_decoder, openai_answer),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


def between(provider: tuple[Any, Any, Any], dialect: Dialect) -> Translated:
    unframer, decoder, answer = provider
    return Translated(
        Reply(Envelope(request_id="0" * 16, dialect=dialect), ROUTE),
        unframer=unframer,
        events=decoder.StreamDecoder,
        read_answer=answer.read_answer,
    )


@given(st.sampled_from(PROVIDERS), st.sampled_from(DIALECTS), st.lists(st.binary(max_size=60) | st.just(b"\n\n")))
def test_no_bytes_of_a_stream_make_it_fall(provider: Any, dialect: Dialect, parts: list[bytes]) -> None:
    decoder = between(provider, dialect)
    for part in parts:
        assert isinstance(decoder.feed(b"data: " + part), bytes)
    assert decoder.complete in {True, False}


def test_anthropics_message_begins_with_our_measure_of_the_prompt_and_ends_with_the_count() -> None:
    """Some clients read the prompt's tokens at the beginning and nowhere else, and this provider counts at the end."""
    envelope = Envelope(request_id="0" * 16, dialect=Dialect.DIALECT_ANTHROPIC_MESSAGES, shape=Shape(text_bytes=41))
    decoder = Translated(
        Reply(envelope, ROUTE),
        unframer=JsonEvents,
        events=openai_decoder.StreamDecoder,
        read_answer=openai_answer.read_answer,
    )
    chunk: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}}
    said = b"".join(decoder.feed(b"data: " + orjson.dumps(each) + b"\n\n") for each in (chunk, usage))
    events = [orjson.loads(event.data) for event in EventSplitter().feed(said + decoder.finish())]
    told = {event["type"]: event.get("message", event).get("usage") for event in events}
    assert (told["message_start"]["input_tokens"], told["message_start"]["output_tokens"]) == (11, 0)
    assert (told["message_delta"]["input_tokens"], told["message_delta"]["output_tokens"]) == (9, 1)


@given(st.sampled_from(PROVIDERS), st.sampled_from(DIALECTS), st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_no_whole_answer_raises_anything_but_our_own_error(provider: Any, dialect: Dialect, body: bytes) -> None:
    try:
        assert isinstance(between(provider, dialect).whole(body), bytes)
    except NorthernError:
        pass


@given(st.lists(JSON.map(orjson.dumps), max_size=4))
def test_no_frames_make_it_fall(payloads: list[bytes]) -> None:
    decoder = PassedFrames(None)
    for payload in payloads:
        assert isinstance(decoder.feed(payload), bytes)


def test_an_end_with_a_space_behind_it_is_an_end_and_half_a_character_no_failure() -> None:
    decoder = between(PROVIDERS[4], Dialect.DIALECT_OPENAI_CHAT)
    half = b'{"choices":[{"index":0,"delta":{"content":"a\\ud83d"},"finish_reason":"stop"}]}'
    out = decoder.feed(b"data: " + half + b"\n\ndata: [DONE] \n\n")
    assert "a\ufffd".encode() in out
    assert (decoder.complete, decoder.error) == (True, None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_came_whole_before_garbage_is_given_on(dialect: Dialect) -> None:
    decoder = between(PROVIDERS[4], dialect)
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": None}]}
    out = decoder.feed(b"data: " + orjson.dumps(chunk) + b"\n\ndata: {nonsense\n\n")
    assert b"one" in out
    assert (decoder.started, decoder.complete) == (True, False)
    assert type(decoder.error) is UpstreamError
    assert decoder.feed(b"data: " + orjson.dumps(chunk) + b"\n\n") == b""


def test_comments_ends_and_empty_events_are_passed_over() -> None:
    data = b': hi\n\ndata:\n\nevent: ping\n\ndata: [DONE]\n\nevent: e\ndata: {"a": 1}\n\ndata: [{"b": 2}]\n\n'
    assert list(JsonEvents().feed(data)) == [("e", {"a": 1}), ("", {"b": 2})]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"[1]", b"7", b"null", b'"x"', b"[{},{}]", b"\xff"])
def test_what_is_no_object_is_an_upstream_error_that_repeats_nothing(data: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        read_object(data)
    assert error.value.__cause__ is None
