"""The service tier that an answer names decides its price: it is read wherever it stands, streamed or not."""

import orjson
import pytest

from libs.dialects.anthropic_messages import passthrough as anthropic
from libs.dialects.bedrock_converse import answer as converse
from libs.dialects.bedrock_converse.decoder import StreamDecoder as ConverseStream
from libs.dialects.form import Usage
from libs.dialects.openai_chat import answer as openai_answer
from libs.dialects.openai_chat import passthrough as openai
from libs.dialects.openai_chat.decoder import StreamDecoder as OpenAIDecoder

COUNTED = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
CHUNK = {"choices": [], "service_tier": "priority", "usage": COUNTED}
WHOLE = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "service_tier": "flex", "usage": COUNTED}
MESSAGE = {
    "type": "message",
    "content": [{"type": "text", "text": "Hi"}],
    "usage": {"input_tokens": 9, "output_tokens": 2, "service_tier": "priority"},
}
CONVERSE = {"usage": {"inputTokens": 9, "outputTokens": 2}, "serviceTier": {"type": "flex"}}


def tier_of(usage: Usage | None) -> str:
    assert usage is not None
    return usage.to_proto().service_tier


def test_openais_stands_beside_the_usage() -> None:
    assert tier_of(openai.read_answer(orjson.dumps(WHOLE), None)[1]) == "flex"
    assert tier_of(openai_answer.read_answer(WHOLE).usage) == "flex"
    stream, decoder = openai.OpenAIStream(include_usage=True), OpenAIDecoder()
    stream.feed(b"data: " + orjson.dumps(CHUNK) + b"\n\n")
    decoder.feed("", CHUNK)
    assert tier_of(stream.usage) == tier_of(decoder.usage) == "priority"


def test_anthropics_stands_in_it_and_stays_from_the_first_event_on() -> None:
    assert tier_of(anthropic.read_answer(orjson.dumps(MESSAGE), None)[1]) == "priority"
    stream = anthropic.AnthropicStream()
    started = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "service_tier": "priority"}}}
    stream.feed(b"event: message_start\ndata: " + orjson.dumps(started) + b"\n\n")
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
    stream.feed(b"event: message_delta\ndata: " + orjson.dumps(ended) + b"\n\n")
    assert tier_of(stream.usage) == "priority"


def test_converses_stands_beside_the_usage() -> None:
    said = {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}
    assert tier_of(converse.read_answer({**CONVERSE, "output": said, "stopReason": "end_turn"}).usage) == "flex"
    stream = ConverseStream()
    stream.feed("metadata", CONVERSE)
    assert tier_of(stream.usage) == "flex"


@pytest.mark.parametrize("tier", [None, 7, ["priority"], ""])
def test_a_tier_that_is_no_word_is_none(tier: object) -> None:
    assert tier_of(openai_answer.read_answer({**WHOLE, "service_tier": tier}).usage) == ""


def test_a_tier_that_is_no_ascii_or_very_long_is_bounded() -> None:
    found = tier_of(openai_answer.read_answer({**WHOLE, "service_tier": "é" + "x" * 999}).usage)
    assert found == "?" + "x" * 63
