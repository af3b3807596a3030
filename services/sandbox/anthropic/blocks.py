"""The content blocks of a message, each checked; what the sandbox answers to is kept of them.

https://docs.claude.com/en/api/messages
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.sandbox.anthropic.models import Claude
from services.sandbox.anthropic.shapes import (
    Json,
    Path,
    a_flag,
    a_list,
    an_object,
    invalid,
    matching,
    needed,
    needed_string,
    one_of,
    tagged,
)
from services.sandbox.model import seals
from services.sandbox.model.images import UnreadableImageError, decoded, kind_of, picture

_KNOWN: Mapping[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "image": frozenset({"type", "source", "cache_control", "transformations"}),
    "document": frozenset({"type", "source", "cache_control", "citations", "context", "title"}),
    "search_result": frozenset({"type", "source", "title", "content", "citations", "cache_control"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
}
# Of tools that Anthropic runs itself: accepted as they are.
_HOSTED = (
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
    "container_upload",
)
_IN_RESULT = ("text", "image", "search_result", "document")
_OPAQUE_IN_RESULT = ("tool_reference", "browser_state")
_DOCUMENTS: Mapping[str, frozenset[str]] = {
    "base64": frozenset({"type", "media_type", "data"}),
    "text": frozenset({"type", "media_type", "data"}),
    "content": frozenset({"type", "content"}),
    "url": frozenset({"type", "url"}),
    "file": frozenset({"type", "file_id"}),
}
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_IMAGE_BYTES = 5 << 20
_IMAGE_SIDE = 8000
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,200}")
FAMILY = "claude"
REDACTED = "redacted"


class Transport(StrEnum):
    """Where Anthropic's format is spoken."""

    DIRECT = "direct"
    BEDROCK = "bedrock"
    VERTEX = "vertex"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """`dated`: API version 2026-10-21, which takes less; `betas`: the caller asks for some."""

    transport: Transport
    model: Claude
    dated: bool
    betas: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    """`id` is a tool call's, its own or the one it answers; `images` are described."""

    kind: str
    text: str = ""
    images: tuple[str, ...] = ()
    id: str = ""


def read_content(content: Any, where: Path, role: str, rules: Rules) -> tuple[Block, ...]:
    """Text alone or blocks; raises Refusal."""
    if isinstance(content, str):
        return (Block(kind="text", text=_not_blank(content)),) if content else ()
    if not isinstance(content, list):
        raise invalid(where, "Input should be a valid list")
    return tuple(_block(block, f"{where}.{i}", role, rules) for i, block in enumerate(content))


def read_system(system: Any) -> str:
    """The system prompt's text: a string, or text blocks; raises Refusal."""
    if isinstance(system, str):
        return system
    found = []
    for i, block in enumerate(a_list(system, "system")):
        tagged(block, ("text",), f"system.{i}")
        text = needed_string(an_object(block, f"system.{i}", _KNOWN["text"]), "text", f"system.{i}")
        if not text:
            raise invalid("system", "text content blocks must be non-empty")
        found.append(text)
    return "".join(found)


def _block(value: Any, where: Path, role: str, rules: Rules) -> Block:
    kind = tagged(value, (*_KNOWN, *_HOSTED), where)
    if kind in _HOSTED:
        return Block(kind=kind)
    block = an_object(value, f"{where}.{kind}", _KNOWN[kind])
    _place(kind, where, role, rules)
    at = f"{where}.{kind}"
    match kind:
        case "thinking":
            return _thinking(block, where)
        case "redacted_thinking":
            return _redacted(block, where)
        case "tool_use":
            return _tool_use(block, at)
        case "tool_result":
            return _tool_result(block, at, rules)
        case _:
            if kind == "text" and role == "user" and rules.dated and block.get("citations"):
                raise invalid(f"{at}.citations", "Extra inputs are not permitted")
            return _shown(block, kind, at, rules)


def _place(kind: str, where: Path, role: str, rules: Rules) -> None:
    """Which role may say what."""
    message = where.rpartition(".content.")[0]
    if role == "system" and kind != "text":
        raise invalid(message, "`system` messages hold text content blocks only")
    if kind in {"tool_use", "thinking", "redacted_thinking"} and role != "assistant":
        raise invalid(message, f"`{kind}` blocks can only be in `assistant` messages")
    if kind == "tool_result" and role != "user":
        raise invalid(message, "`tool_result` blocks can only be in `user` messages")
    if role == "assistant" and (kind == "image" or (kind == "document" and rules.dated)):
        raise invalid(message, f"`{kind}` blocks are not permitted in `assistant` messages")


def _shown(block: Json, kind: str, at: Path, rules: Rules) -> Block:
    """What a model reads or looks at."""
    match kind:
        case "text":
            return Block(kind=kind, text=_not_blank(needed_string(block, "text", at)))
        case "image":
            return Block(kind=kind, images=(_image(needed(block, "source", at), f"{at}.source", rules),))
        case "document":
            return Block(kind=kind, text=_document(needed(block, "source", at), f"{at}.source", rules))
        case _:
            inner = _inner(needed(block, "content", at), f"{at}.content", ("text",), rules)
            return Block(kind=kind, text="\n".join(found.text for found in inner))


def _inner(content: Any, where: Path, kinds: tuple[str, ...], rules: Rules) -> list[Block]:
    """Blocks inside a block."""
    found = []
    for i, part in enumerate(a_list(content, where)):
        kind = tagged(part, kinds, f"{where}.{i}")
        at = f"{where}.{i}.{kind}"
        found.append(_shown(an_object(part, at, _KNOWN[kind]), kind, at, rules))
    return found


def _not_blank(text: str) -> str:
    if not text:
        raise invalid("messages", "text content blocks must be non-empty")
    if not text.strip():
        raise invalid("messages", "text content blocks must contain non-whitespace text")
    return text


def _image(source: Any, at: Path, rules: Rules) -> str:
    kind = tagged(source, _sources(rules, "base64"), at)
    if kind == "file":
        return "an image in a file (the sandbox keeps none)"
    if kind == "url":
        if not needed_string(an_object(source, f"{at}.url", {"type", "url"}), "url", f"{at}.url").startswith(
            "https://"
        ):
            raise invalid(f"{at}.url.url", "Only HTTPS URLs are supported.")
        return "an image behind a link (the sandbox fetches nothing)"
    at = f"{at}.base64"
    block = an_object(source, at, {"type", "media_type", "data"})
    claimed = one_of(needed(block, "media_type", at), _IMAGES, f"{at}.media_type")
    data = _bytes(needed_string(block, "data", at), f"{at}.data")
    if len(data) > _IMAGE_BYTES:
        raise invalid(at, f"image exceeds 5 MB maximum: {len(data)} bytes > {_IMAGE_BYTES} bytes")
    found = kind_of(data)
    if found and found != claimed:
        raise invalid(
            at,
            f"The image was specified using the {claimed} media type, but the image appears to be a {found} image",
        )
    try:
        seen = picture(data)
    except UnreadableImageError:
        raise invalid("", "Could not process image") from None
    if max(seen.width, seen.height) > _IMAGE_SIDE:
        raise invalid(
            f"{at}.data", f"At least one of the image dimensions exceed max allowed size: {_IMAGE_SIDE} pixels"
        )
    return f"an {claimed} of {len(data)} bytes"


def _document(source: Any, at: Path, rules: Rules) -> str:
    kind = tagged(source, _sources(rules, "base64", "text", "content"), at)
    at = f"{at}.{kind}"
    block = an_object(source, at, _DOCUMENTS[kind])
    if kind in {"url", "file"}:
        return ""
    if kind == "content":
        held = needed(block, "content", at)
        if isinstance(held, str):
            return held
        return "\n".join(b.text for b in _inner(held, f"{at}.content", ("text", "image"), rules))
    wanted = "application/pdf" if kind == "base64" else "text/plain"
    one_of(needed(block, "media_type", at), (wanted,), f"{at}.media_type")
    data = needed_string(block, "data", at)
    if kind == "text":
        return data
    if not _bytes(data, f"{at}.data").startswith(b"%PDF-"):
        raise invalid(f"{at}.data", "The PDF specified was not valid.")
    return ""


def _sources(rules: Rules, *held: str) -> tuple[str, ...]:
    """Links and files are taken by Anthropic itself alone."""
    return (*held, "url", "file") if rules.transport is Transport.DIRECT else held


def _bytes(encoded: str, at: Path) -> bytes:
    try:
        return decoded(encoded)
    except UnreadableImageError:
        raise invalid(at, "invalid base64 data") from None


def _thinking(block: Json, where: Path) -> Block:
    at = f"{where}.thinking"
    signature = needed_string(block, "signature", at)
    _unmodified(signature, needed_string(block, "thinking", at), where, "`signature` in `thinking` block")
    return Block(kind="thinking")


def _redacted(block: Json, where: Path) -> Block:
    data = needed_string(block, "data", f"{where}.redacted_thinking")
    _unmodified(data, REDACTED, where, "`data` in `redacted_thinking` block")
    return Block(kind="redacted_thinking")


def _unmodified(signature: str, text: str, where: Path, named: str) -> None:
    if not seals.is_seal(signature):
        raise invalid(where, f"Invalid {named}")
    if not seals.holds(signature, text, family=FAMILY):
        raise invalid(
            where,
            "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
            "These blocks must remain as they were in the original response.",
        )


def _tool_use(block: Json, at: Path) -> Block:
    identity = matching(needed(block, "id", at), _ID, f"{at}.id")
    matching(needed(block, "name", at), _TOOL_NAME, f"{at}.name")
    if not isinstance(needed(block, "input", at), dict):
        raise invalid(f"{at}.input", "Input should be a valid dictionary")
    return Block(kind="tool_use", id=identity)


def _tool_result(block: Json, at: Path, rules: Rules) -> Block:
    identity = matching(needed(block, "tool_use_id", at), _ID, f"{at}.tool_use_id")
    if "is_error" in block:
        a_flag(block["is_error"], f"{at}.is_error")
    content = block.get("content", "")
    if isinstance(content, str):
        return Block(kind="tool_result", id=identity, text=content)
    inner = []
    for i, part in enumerate(a_list(content, f"{at}.content")):
        where = f"{at}.content.{i}"
        kind = tagged(part, (*_IN_RESULT, *_OPAQUE_IN_RESULT), where)
        if kind in _IN_RESULT:
            inner.append(_shown(an_object(part, f"{where}.{kind}", _KNOWN[kind]), kind, f"{where}.{kind}", rules))
    return Block(
        kind="tool_result",
        id=identity,
        text="\n".join(found.text for found in inner if found.text),
        images=tuple(image for found in inner for image in found.images),
    )
