"""A whole answer in Anthropic's Messages format: the provider's read, the caller's written."""

from typing import Any, assert_never

import orjson

from libs.contracts.errors import UpstreamError
from libs.dialects.anthropic_messages.errors import stream_failure
from libs.dialects.anthropic_messages.outgoing_messages import tool_use_id
from libs.dialects.anthropic_messages.usage import read_usage, write_usage
from libs.dialects.fields import obj, string
from libs.dialects.form import Answer, Reasoning, StopReason, Text, ToolCall, Usage
from libs.dialects.signatures import PREFIX

_STOPS = {
    "end_turn": StopReason.END,
    "pause_turn": StopReason.END,  # only a caller of this format could let it go on
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "refusal": StopReason.CONTENT_FILTER,
}


def read_stop(value: object, *, called: bool) -> StopReason:
    """`called`: the answer holds tool calls, which an end means to be made. UpstreamError over an unknown reason."""
    reason = _STOPS.get(string(value))
    if reason is None:
        raise UpstreamError("The model broke off for a reason that this gateway does not know; try again.")
    return StopReason.TOOL_USE if called and reason is StopReason.END else reason


def write_stop(reason: StopReason, *, called: bool) -> str:
    """A caller's loop runs on `tool_use`: it stands wherever calls are to be made, and nowhere else."""
    match reason:
        case StopReason.END | StopReason.TOOL_USE:
            return "tool_use" if called else "end_turn"
        case StopReason.STOP_SEQUENCE:
            return "stop_sequence"
        case StopReason.MAX_TOKENS:
            return "max_tokens"
        case StopReason.CONTENT_FILTER:
            return "refusal"
        case _:
            assert_never(reason)


def stop_members(reason: StopReason, sequence: str, *, called: bool) -> dict[str, Any]:
    """The members that say why it ended, in a whole answer and in a stream's `message_delta`."""
    members: dict[str, Any] = {"stop_reason": write_stop(reason, called=called), "stop_sequence": sequence or None}
    if reason is StopReason.CONTENT_FILTER:
        members["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
    return members


# --- the provider's -----------------------------------------------------------------------------------------------


def read_answer(body: dict[str, Any]) -> Answer:
    """UpstreamError where the body is not an answer; blocks that no other format has are passed over."""
    if body.get("type") == "error":
        raise stream_failure(body)
    content = body.get("content")
    if not isinstance(content, list):
        raise UpstreamError("The provider answered something that is not an answer; try again.")
    parts = tuple(part for block in content if (part := _read_block(obj(block))) is not None)
    called = any(isinstance(part, ToolCall) for part in parts)
    stop = read_stop(body.get("stop_reason"), called=called)
    sequence = string(body.get("stop_sequence"))
    return Answer(parts=parts, stop=stop, usage=read_usage(body.get("usage")), stop_sequence=sequence)


def _read_block(block: dict[str, Any]) -> Text | Reasoning | ToolCall | None:
    match block:
        case {"type": "text", "text": str(said)}:
            return Text(text=said)
        case {"type": "tool_use", "id": str(id), "name": str(name)} if id:
            arguments = obj(block.get("input"))
            written(arguments)
            return ToolCall(id=id, name=name, arguments=arguments)
        case {"type": "thinking", "thinking": str(thought)}:
            return Reasoning(text=thought, signature=string(block.get("signature")))
        case {"type": "redacted_thinking", "data": str(redacted)}:
            return Reasoning(redacted=redacted)
        case {"type": "tool_use"}:
            raise UpstreamError("The provider answered with a tool call that has no id or name; try again.")
        case _:
            return None


def written(value: dict[str, Any]) -> bytes:
    """A provider's value as JSON; UpstreamError where it is nested deeper than anyone writes (orjson: 254 levels)."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise UpstreamError("The provider answered something that is nested too deeply; try again.") from error


# --- the caller's -------------------------------------------------------------------------------------------------


def write_answer(answer: Answer, *, id: str, created: int, model: str) -> bytes:  # noqa: A002, ARG001 - each format's call
    """A Message; this format does not say when it was `created`."""
    called = any(isinstance(part, ToolCall) for part in answer.parts)
    message = {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block for part in _shown(answer.parts) for block in _blocks(part)],
        **stop_members(answer.stop, answer.stop_sequence, called=called),
        "usage": write_usage(answer.usage or Usage()),
    }
    return written(message)


def _shown(parts: tuple[Text | Reasoning | ToolCall, ...]) -> tuple[Text | Reasoning | ToolCall, ...]:
    """Without another family's signatures behind the last block, for the reason that the stream's encoder gives."""
    last = len(parts)
    while last and isinstance(part := parts[last - 1], Reasoning) and part.redacted.startswith(PREFIX):
        last -= 1
    return parts[:last]


def _blocks(part: Text | Reasoning | ToolCall) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [{"type": "text", "text": part.text}] if part.text else []
        case ToolCall():
            return [{"type": "tool_use", "id": tool_use_id(part.id), "name": part.name, "input": part.arguments}]
        case Reasoning():
            thought = {"type": "thinking", "thinking": part.text, "signature": part.signature}
            hidden = {"type": "redacted_thinking", "data": part.redacted}
            return [*([thought] if part.text or part.signature else []), *([hidden] if part.redacted else [])]
        case _:
            assert_never(part)
