"""Turns of the form as Anthropic's `messages` and `system`: runs merged, results first, nothing blank."""

import binascii
import hashlib
import re
from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.calls import told_apart
from libs.dialects.form import Cache, Document, Image, Part, Reasoning, Request, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.images import PDF
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked

_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def tool_use_id(given: str) -> str:
    """The same id for the same call: other providers' ids may hold what Anthropic does not take."""
    if _TOOL_USE_ID.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:32]


def with_cache(block: dict[str, Any], cache: Cache) -> dict[str, Any]:
    match cache:
        case Cache.NONE:
            return block
        case Cache.SHORT:
            return {**block, "cache_control": {"type": "ephemeral"}}
        case Cache.LONG:
            return {**block, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
        case _:
            assert_never(cache)


def write_system(request: Request) -> list[dict[str, Any]]:
    return [_text(part) for part in request.system if part.text.strip()]


def write_messages(turns: tuple[Turn, ...], model: ModelFlags) -> list[dict[str, Any]]:
    """InvalidRequest where no turn of a user begins, or the model does not go on from an assistant's last words."""
    messages: list[dict[str, Any]] = []
    for turn in told_apart(turns):
        content = [block for part in turn.parts for block in _block(part, model)]
        if not content:
            continue
        role = "user" if turn.role is Role.USER else "assistant"
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += content
        else:
            messages.append({"role": role, "content": content})
    if not messages or messages[0]["role"] != "user":
        told = "On this route the conversation must begin with a user message that is not empty."
        raise InvalidRequest(told, param="messages")
    for message in messages:
        content = message["content"]
        if len(content) > 1 and message["role"] == "user":
            # sort() is stable: results keep their order, and so does what follows them.
            content.sort(key=lambda block: block["type"] != "tool_result")
    if is_prefilled(messages):
        _check_prefill(messages[-1]["content"][-1], model)
    return messages


def is_prefilled(messages: list[dict[str, Any]]) -> bool:
    return bool(messages[-1]["role"] == "assistant")


def answers_unsigned_call(messages: list[dict[str, Any]]) -> bool:
    """Whether the last message answers calls whose thoughts are gone: Claude refuses to go on thinking from there."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":  # noqa: PLR2004 - a call and its answer
        return False
    return not any(block["type"] in ("thinking", "redacted_thinking") for block in messages[-2]["content"])


def _check_prefill(block: dict[str, Any], model: ModelFlags) -> None:
    """Claude refuses last words that end in white space."""
    if not model.prefill:
        told = "This model does not go on from an assistant message: let the last message be the user's."
        raise InvalidRequest(told, param="messages")
    if block["type"] == "text":
        block["text"] = block["text"].rstrip()


# --- blocks -------------------------------------------------------------------------------------------------------


def _block(part: Part, model: ModelFlags) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [_text(part)] if part.text.strip() else []
        case Image():
            return [_image(part, model)]
        case Document():
            return [_document(part)]
        case ToolCall():
            use = {"type": "tool_use", "id": tool_use_id(part.id), "name": part.name, "input": part.arguments}
            return [with_cache(use, part.cache) if part.cache else use]
        case ToolResult():
            return [_result(part, model)]
        case Reasoning():
            return _reasoning(part)
        case _:
            assert_never(part)


def _text(part: Text) -> dict[str, Any]:
    block = {"type": "text", "text": part.text}
    return with_cache(block, part.cache) if part.cache else block


def _result(part: ToolResult, model: ModelFlags) -> dict[str, Any]:
    content = [block for inner in part.parts for block in _block(inner, model)]
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": tool_use_id(part.id)}
    if content:
        result["content"] = content
    if part.is_error:
        result["is_error"] = True
    return with_cache(result, part.cache) if part.cache else result


def _reasoning(part: Reasoning) -> list[dict[str, Any]]:
    """Without a signature of Claude's own a thought is refused, so it stays behind."""
    blocks: list[dict[str, Any]] = []
    if signature := unmarked("", part.signature):
        blocks.append({"type": "thinking", "thinking": part.text, "signature": signature})
    if redacted := unmarked("", part.redacted):
        blocks.append({"type": "redacted_thinking", "data": redacted})
    return blocks


def _image(part: Image, model: ModelFlags) -> dict[str, Any]:
    if not model.vision:
        raise InvalidRequest("This model does not take images: choose one that does.", param="messages")
    if part.url:
        return with_cache({"type": "image", "source": {"type": "url", "url": part.url}}, part.cache)
    if part.media_type not in _IMAGES:
        raise InvalidRequest("This route takes images in PNG, JPEG, GIF or WebP only.", param="messages")
    source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    return with_cache({"type": "image", "source": source}, part.cache)


def _document(part: Document) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "document", "source": _source(part)}
    if part.name.strip():
        block["title"] = part.name
    return with_cache(block, part.cache)


def _source(part: Document) -> dict[str, Any]:
    if part.url:
        return {"type": "url", "url": part.url}
    if part.data and part.media_type == PDF:
        return {"type": "base64", "media_type": PDF, "data": part.data}
    said = part.text or _decoded_text(part)
    if not said.strip():
        raise InvalidRequest("This route takes documents as PDF or text, and none that is empty.", param="messages")
    return {"type": "text", "media_type": "text/plain", "data": said}


def _decoded_text(part: Document) -> str:
    if not part.media_type.startswith("text/"):
        return ""
    try:
        return binascii.a2b_base64(part.data).decode()
    except ValueError:  # neither base64 nor UTF-8: binascii.Error and UnicodeDecodeError are both of the kind
        return ""
