"""Gemini's answers through both callers' dialects and back: what a tool loop must not lose on its way."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from libs.dialects.anthropic_messages.answer import write_answer as write_anthropic
from libs.dialects.anthropic_messages.request import read_request as read_anthropic
from libs.dialects.form import Answer, Request
from libs.dialects.gemini.answer import read_answer
from libs.dialects.gemini.outgoing import write_request
from libs.dialects.openai_chat.answer import write_answer as write_openai
from libs.dialects.openai_chat.request import read_request as read_openai
from tests.unit.dialects.gemini.answers import response
from tests.unit.dialects.gemini.judge import GEMINI_3, judged

THOUGHT = {"text": "hm", "thought": True, "thoughtSignature": "AAAA"}
SIGNED_TEXT = {"text": "so", "thoughtSignature": "BBBB"}
SIGNED_CALL = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "CCCC"}
CALL = {"functionCall": {"name": "f", "args": {"x": 2}}}
OTHER = {"functionCall": {"name": "g", "args": {}}, "thoughtSignature": "DDDD"}


def by_openai(answer: Answer) -> Request:
    written = write_openai(answer, id="chatcmpl-1", created=1, model="m")
    message = orjson.loads(written)["choices"][0]["message"]
    ids = [call["id"] for call in message["tool_calls"]]
    results = [{"role": "tool", "tool_call_id": id_, "content": f"did {at}"} for at, id_ in enumerate(ids)]
    return read_openai({"messages": [{"role": "user", "content": "q"}, message, *results]})


def by_anthropic(answer: Answer) -> Request:
    written = write_anthropic(answer, id="msg_1", created=1, model="m")
    content = orjson.loads(written)["content"]
    ids = [block["id"] for block in content if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": id_, "content": f"did {at}"} for at, id_ in enumerate(ids)]
    turns = [("user", "q"), ("assistant", content), ("user", results)]
    return read_anthropic({"max_tokens": 9, "messages": [{"role": role, "content": each} for role, each in turns]})


@pytest.mark.parametrize("by", [by_openai, by_anthropic])
@pytest.mark.parametrize(
    "parts",
    [
        [SIGNED_CALL],
        [SIGNED_CALL, CALL],
        [THOUGHT, SIGNED_TEXT, SIGNED_CALL, CALL],
        [SIGNED_CALL, CALL, OTHER],
    ],
)
def test_calls_signatures_and_results_come_back_as_they_were(
    parts: list[dict[str, Any]], by: Callable[[Answer], Request]
) -> None:
    told = judged(write_request(by(read_answer(response(*parts))), GEMINI_3)).body["contents"]
    assert told[1] == {"role": "model", "parts": parts}
    names = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    assert [part["functionResponse"] for part in told[2]["parts"]] == [
        {"name": name, "response": {"result": f"did {at}"}} for at, name in enumerate(names)
    ]


@pytest.mark.parametrize("by", [by_openai, by_anthropic])
def test_a_thought_that_nobody_signed_does_not_come_back(by: Callable[[Answer], Request]) -> None:
    answer = read_answer(response({"text": "hm", "thought": True}, SIGNED_CALL))
    assert write_request(by(answer), GEMINI_3).body["contents"][1]["parts"] == [SIGNED_CALL]
