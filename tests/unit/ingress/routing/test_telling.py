"""What `auto` chose, as callers are told, and as OpenAI's own reader takes it."""

from typing import Any

import orjson
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from libs.contracts.northern.v1.envelope_pb2 import Decision
from libs.contracts.northern.v1.frames_pb2 import Head
from services.ingress import headers
from services.ingress.routing.telling import routing_event

DECISION = Decision(
    task="code_generation",
    complexity="simple",
    confidence=0.953_21,
    model="Qwen/Qwen3-14B",
    time_ns=118_400,
    optimize="balanced",
    fit=0.81,
    expected_nano=120_000,
    reason="utility",
    fallbacks=["Qwen/Qwen3-32B", "azure/gpt-4.1-mini-ca"],
    considered=7,
    version="r1-abc",
    propensity=1.0,
)


def said(decision: Decision = DECISION) -> dict[str, Any]:
    event = routing_event(decision)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    found: dict[str, Any] = orjson.loads(event[6:])
    return found


def test_the_event_has_the_seed_s_fields_first_and_no_choices() -> None:
    names = list(said())
    assert names[:6] == ["object", "task", "complexity", "confidence", "model", "routing_time_ms"]
    assert said() == {
        "object": "routing",
        "task": "code_generation",
        "complexity": "simple",
        "confidence": 0.9532,
        "model": "Qwen/Qwen3-14B",
        "routing_time_ms": 0.118,
        "choices": [],
        "optimize": "balanced",
        "fit": 0.81,
        "reason": "utility",
        "fallbacks": ["Qwen/Qwen3-32B", "azure/gpt-4.1-mini-ca"],
        "expected_cost_usd": "0.00012",
        "candidates_considered": 7,
        "router_version": "r1-abc",
    }


def test_it_has_no_id_because_another_id_is_another_answer_to_node_s_helper() -> None:
    assert "id" not in said()


def test_openai_s_reader_goes_on_to_the_answer() -> None:
    """What its stream helper does with each event, but for the transport; the event is read by the SDK's own type."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    delta = {"role": "assistant", "content": "hi"}
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "Qwen/Qwen3-14B",
        "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}],
    }
    for event in (said(), chunk):
        state.handle_chunk(ChatCompletionChunk.construct(None, **event))
    assert state.get_final_completion().choices[0].message.content == "hi"


def test_headers_say_the_same_and_are_there_for_auto_alone() -> None:
    told = headers.outcome(Head(attempts=1, decision=DECISION), 0.5)
    assert {name.removeprefix("x-ni-route-"): value for name, value in told.items() if "-route-" in name} == {
        "model": "Qwen/Qwen3-14B",
        "task": "code_generation",
        "complexity": "simple",
        "confidence": "0.9532",
        "reason": "utility",
        "optimize": "balanced",
        "fit": "0.8100",
        "fallbacks": "Qwen/Qwen3-32B,azure/gpt-4.1-mini-ca",
        "expected-cost-usd": "0.00012",
        "considered": "7",
        "time-ms": "0.118",
        "version": "r1-abc",
    }
    assert not [name for name in headers.outcome(Head(attempts=1), 0.5) if "route" in name]


@pytest.mark.parametrize("bad", ["a\r\nx-evil: 1", "é", "x" * 4096])
def test_no_value_breaks_out_of_its_header(bad: str) -> None:
    told = headers.outcome(Head(decision=Decision(model=bad, task=bad)), 0.0)
    for value in (told["x-ni-route-model"], told["x-ni-route-task"]):
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 512
