"""The messages of a chat completion request: their shapes, and the order OpenAI demands of tool calls and results."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.sandbox.wire import Refusal

_ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})
_PARTS = frozenset({"text", "refusal", "image_url", "input_audio", "file"})


def wrong(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal(400, message, param=param, code=code)


def turns_in_order(messages: Any) -> Sequence[Mapping[str, Any]]:
    """The messages, each of a known shape and in an order that OpenAI accepts; raises Refusal."""
    if messages is None:
        raise wrong("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list) or not messages:
        raise wrong("Invalid 'messages': expected an array with minimum length 1.", "messages", "empty_array")
    waiting: set[str] = set()
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or str(message.get("role")) not in _ROLES:
            raise wrong(f"Invalid value: 'messages[{i}].role'.", f"messages[{i}].role", "invalid_value")
        _content(message, i)
        waiting = _after(message, i, waiting)
    _all_answered(waiting, len(messages))
    return messages


def text_of(message: Mapping[str, Any]) -> str:
    """The text of one message, parts joined by line ends."""
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _content(message: Mapping[str, Any], i: int) -> None:
    content, where = message.get("content"), f"messages[{i}].content"
    calls = message.get("tool_calls")
    if content is None:
        if message["role"] == "assistant" and (calls or message.get("function_call") or message.get("refusal")):
            return
        raise wrong(f"Invalid value for 'content': expected a string, got null ({where}).", where)
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong(f"Invalid type for '{where}': expected a string or an array of objects.", where, "invalid_type")
    for k, part in enumerate(content):
        if not isinstance(part, dict) or str(part.get("type")) not in _PARTS:
            raise wrong(f"Invalid value: '{where}[{k}].type'.", f"{where}[{k}].type", "invalid_value")
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise wrong(f"Missing required parameter: '{where}[{k}].text'.", f"{where}[{k}].text")


def _after(message: Mapping[str, Any], i: int, waiting: set[str]) -> set[str]:
    """The tool calls still to be answered when this message has been read."""
    if message["role"] == "tool":
        if str(message.get("tool_call_id")) not in waiting:
            raise wrong(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                "with 'tool_calls'.",
                f"messages[{i}].role",
            )
        return waiting - {message["tool_call_id"]}
    _all_answered(waiting, i)
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise wrong(f"Invalid type for 'messages[{i}].tool_calls'.", f"messages[{i}].tool_calls", "invalid_type")
    for call in calls:
        if not isinstance(call, dict) or not isinstance(call.get("id"), str):
            raise wrong(f"Missing required parameter: 'messages[{i}].tool_calls[].id'.", f"messages[{i}].tool_calls")
        function = call.get("function")
        if call.get("type") == "function" and not (
            isinstance(function, dict) and isinstance(function.get("arguments"), str) and function.get("name")
        ):
            raise wrong(f"Invalid 'messages[{i}].tool_calls[].function'.", f"messages[{i}].tool_calls", "invalid_type")
    return {call["id"] for call in calls}


def _all_answered(waiting: set[str], i: int) -> None:
    if waiting:
        raise wrong(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(sorted(waiting))}",
            f"messages[{i}].role",
        )
