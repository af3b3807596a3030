"""Turns of the form as Converse's `messages` and `system`: runs merged, results first, nothing blank."""

import hashlib
import re
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Image, Part, Reasoning, Request, Role, Text, ToolCall, ToolResult, Turn

_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


def write_system(request: Request) -> list[dict[str, Any]]:
    return [{"text": part.text} for part in request.system if part.text.strip()]


def write_messages(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """Converse wants user and assistant to alternate, the user first. InvalidRequest where no turn of a user begins."""
    messages: list[dict[str, Any]] = []
    for turn in turns:
        content = [block for part in turn.parts for block in _block(part)]
        if not content:
            continue
        if messages and messages[-1]["role"] == turn.role.value:
            messages[-1]["content"] += content
        else:
            messages.append({"role": turn.role.value, "content": content})
    if not messages or messages[0]["role"] != Role.USER.value:
        told = "On this route the conversation must begin with a user message that is not empty."
        raise InvalidRequest(told, param="messages")
    for message in messages:  # sorted() is stable: results keep their order, and so does what follows them
        message["content"].sort(key=lambda block: "toolResult" not in block)
    _trim_prefill(messages[-1])
    return messages


def _trim_prefill(last: dict[str, Any]) -> None:
    """Claude refuses a final assistant message that ends in white space."""
    block = last["content"][-1]
    if last["role"] == Role.ASSISTANT.value and "text" in block:
        block["text"] = block["text"].rstrip()


def _block(part: Part) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [{"text": part.text}] if part.text.strip() else []
        case Image():
            return [_image(part)]
        case ToolCall():
            use = {"toolUseId": tool_use_id(part.id), "name": part.name, "input": part.arguments}
            return [{"toolUse": use}]
        case ToolResult():
            content = [block for inner in part.parts for block in _block(inner)]
            result: dict[str, Any] = {"toolUseId": tool_use_id(part.id), "content": content}
            if part.is_error:
                result["status"] = "error"
            return [{"toolResult": result}]
        case Reasoning():
            return _reasoning(part)


def _reasoning(part: Reasoning) -> list[dict[str, Any]]:
    """Without its signature a thought is refused, so it stays behind."""
    if part.redacted:
        return [{"reasoningContent": {"redactedContent": part.redacted}}]
    if not part.signature:
        return []
    return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]


def _image(part: Image) -> dict[str, Any]:
    if part.url:
        told = "This route cannot fetch images: send the image itself as a data URL (data:image/png;base64,…)."
        raise InvalidRequest(told, param="messages")
    if part.media_type not in _FORMATS:
        raise InvalidRequest("This route takes images in PNG, JPEG, GIF or WebP only.", param="messages")
    return {"image": {"format": _FORMATS[part.media_type], "source": {"bytes": part.data}}}


def tool_use_id(given: str) -> str:
    """The same id for the same call: other providers' ids may be longer, or hold what Converse does not take."""
    if _TOOL_USE_ID.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:32]


def called_tools(turns: tuple[Turn, ...]) -> list[str]:
    """Names of the tools that the history calls, each once, in order."""
    return list(dict.fromkeys(part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)))


def answers_unsigned_call(turns: tuple[Turn, ...]) -> bool:
    """Whether the last turns answer calls whose thoughts are gone: Claude refuses to go on thinking from there."""
    last = next((turn for turn in reversed(turns) if turn.role is Role.ASSISTANT), None)
    if last is None or not any(isinstance(part, ToolResult) for turn in turns[-1:] for part in turn.parts):
        return False
    return not any(isinstance(part, Reasoning) and (part.signature or part.redacted) for part in last.parts)
