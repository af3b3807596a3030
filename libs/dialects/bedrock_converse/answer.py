"""A whole answer of Bedrock Converse, and the parts of one that streams share: why it stopped, who was called."""

from typing import Any

from libs.contracts.errors import UpstreamError
from libs.dialects.bedrock_converse.usage import read_usage
from libs.dialects.fields import obj, string
from libs.dialects.form import Answer, Reasoning, StopReason, Text, ToolCall
from libs.dialects.signatures import marked

_STOPS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
}


def stop_reason(value: object, *, called: bool) -> StopReason:
    """A malformed answer is a failure (UpstreamError), and so is a reason nobody knows: neither may pass for an end.

    Some models say `end_turn` behind a call.
    """
    reason = _STOPS.get(string(value))
    if reason is None:
        raise UpstreamError("The model broke off with an answer that cannot be used; try again.")
    return StopReason.TOOL_USE if called and reason is StopReason.END else reason


def stop_sequence(extra: object) -> str:
    """`extra` is additionalModelResponseFields; Claude tells it where the request asked for it."""
    return string(obj(extra).get("stop_sequence"))


def read_answer(body: dict[str, Any], *, claude: bool = False) -> Answer:
    """UpstreamError where the body is not an answer; blocks that no caller's format has are passed over.

    `claude`: the answering model is one, so that its signatures are good on its other platforms too.
    """
    content = obj(obj(body.get("output")).get("message")).get("content")
    if not isinstance(content, list):
        raise UpstreamError("The provider answered something that is not an answer; try again.")
    family = "" if claude else "b"
    parts = [part for block in content for part in _read_block(obj(block), family)]
    return Answer(
        parts=tuple(parts),
        stop=stop_reason(body.get("stopReason"), called=any(isinstance(part, ToolCall) for part in parts)),
        usage=read_usage(body.get("usage"), body.get("serviceTier")),
        stop_sequence=stop_sequence(body.get("additionalModelResponseFields")),
    )


def signed(family: str, value: str) -> str:
    return marked(family, value) if family else value


def called_tool(use: dict[str, Any]) -> tuple[str, str]:
    """Id and name. A call without them cannot be answered, and must not get lost either: UpstreamError."""
    id_, name = string(use.get("toolUseId")), string(use.get("name"))
    if not id_ or not name:
        raise UpstreamError("The model called a tool in a way that cannot be used; try again.")
    return id_, name


def _read_block(block: dict[str, Any], family: str) -> list[Text | Reasoning | ToolCall]:
    match block:
        case {"text": str(said)}:
            return [Text(text=said)]
        case {"toolUse": dict(use)}:
            id_, name = called_tool(use)
            return [ToolCall(id=id_, name=name, arguments=_arguments(use.get("input")))]
        case {"reasoningContent": {"reasoningText": dict(thought)}}:
            signature = signed(family, string(thought.get("signature")))
            return [Reasoning(text=string(thought.get("text")), signature=signature)]
        case {"reasoningContent": {"redactedContent": str(redacted)}}:
            return [Reasoning(redacted=signed(family, redacted))]
        case {"citationsContent": {"content": list(cited)}}:
            return [Text(text=string(obj(each).get("text"))) for each in cited]
        case _:
            return []


def _arguments(value: object) -> dict[str, Any]:
    if value is None or value == "":  # a tool without parameters
        return {}
    if not isinstance(value, dict):
        raise UpstreamError("The model called a tool in a way that cannot be used; try again.")
    return value
