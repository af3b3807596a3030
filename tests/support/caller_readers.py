"""What a caller understands of an answer: read by the official SDKs' own types, and put together by their helpers."""

from dataclasses import dataclass
from typing import Any

import orjson
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from libs.dialects.sse import EventSplitter

_EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """`calls`: id, name and arguments. `usage`: the numbers that the caller's dialect has, by name."""

    thought: str
    said: str
    calls: list[tuple[str, str, Any]]
    stop: str
    usage: dict[str, int]


def openai(data: bytes) -> Heard:
    return _completion(ChatCompletion.model_validate_json(data))


def openai_stream(data: bytes) -> Heard:
    state: ChatCompletionStreamState[Any] = ChatCompletionStreamState()
    events = EventSplitter().feed(data)
    assert events[-1].data == b"[DONE]"
    for event in events[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(event.data))
    return _completion(state.current_completion_snapshot)


def _completion(completion: Any) -> Heard:
    choice = completion.choices[0]
    calls = choice.message.tool_calls or []
    return Heard(
        thought=(choice.message.model_extra or {}).get("reasoning_content") or "",
        said=choice.message.content or "",
        calls=[(call.id, call.function.name, orjson.loads(call.function.arguments)) for call in calls],
        stop=choice.finish_reason,
        usage=_openai_usage(completion.usage),
    )


def _openai_usage(usage: CompletionUsage | None) -> dict[str, int]:
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    return {
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "total": usage.total_tokens,
        "cached": usage.prompt_tokens_details.cached_tokens or 0,
        "written": usage.prompt_tokens_details.cache_write_tokens or 0,
        "reasoning": usage.completion_tokens_details.reasoning_tokens or 0,
    }


def anthropic(data: bytes) -> Heard:
    return _message(Message.model_validate_json(data))


def anthropic_stream(data: bytes) -> Heard:
    message: Any = None
    buffers: dict[int, bytes] = {}
    for event in EventSplitter().feed(data):
        if event.event != "ping":
            read = _EVENT.validate_json(event.data)
            assert read.type == event.event
            message = accumulate_event(event=read, current_snapshot=message, json_bufs=buffers)
    return _message(message)


def _message(message: Any) -> Heard:
    usage = message.usage
    return Heard(
        thought="".join(block.thinking for block in message.content if block.type == "thinking"),
        said="".join(block.text for block in message.content if block.type == "text"),
        calls=[(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"],
        stop=message.stop_reason,
        usage={
            "input": usage.input_tokens,
            "read": usage.cache_read_input_tokens or 0,
            "written": usage.cache_creation_input_tokens or 0,
            "output": usage.output_tokens,
        },
    )
