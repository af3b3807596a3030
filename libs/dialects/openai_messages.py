"""OpenAI chat's `messages` as turns: roles, parts, tool calls and their results, each checked with its path."""

import binascii
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import items, members, named, text, wrong
from libs.dialects.form import Image, Part, Role, Text, ToolCall, ToolResult, Turn

_DATA_URL = re.compile(r"data:([a-z0-9.+/-]+);base64,", re.IGNORECASE)
# A caller's media type is often a guess from a file name; the bytes know (magic numbers of the four formats in use).
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def read_messages(value: object) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """System texts, wherever they stood, and turns, in order; every call has its result and every result its call."""
    messages = items(value, "messages")
    if not messages:
        raise wrong("messages", "hold at least one message")
    system: list[Text] = []
    turns: list[Turn] = []
    unanswered: dict[str, str] = {}
    for at, each in enumerate(messages):
        path = f"messages.{at}"
        message = members(each, path)
        role = message.get("role")
        if role not in ("system", "developer", "tool"):
            _all_answered(unanswered, path)
        match role:
            case "system" | "developer":
                system += _texts(message.get("content"), f"{path}.content")
            case "user":
                parts = _parts(message.get("content"), f"{path}.content", _user_part)
                turns.append(Turn(role=Role.USER, parts=tuple(parts)))
            case "assistant":
                turn = _assistant(message, path)
                unanswered = {p.id: f"{path}.tool_calls" for p in turn.parts if isinstance(p, ToolCall)}
                turns.append(turn)
            case "tool":
                result = _tool_result(message, path, unanswered)
                turns.append(Turn(role=Role.USER, parts=(result,)))
            case "function":
                raise InvalidRequest("Messages of role 'function' are deprecated: use 'tool'.", param=f"{path}.role")
            case _:
                raise wrong(f"{path}.role", "be one of system, developer, user, assistant, tool")
    _all_answered(unanswered, "messages")
    return tuple(system), tuple(turns)


def _all_answered(unanswered: dict[str, str], path: str) -> None:
    if unanswered:
        told = "A message with 'tool_calls' must be followed by one message of role 'tool' for each call."
        raise InvalidRequest(told, param=next(iter(unanswered.values()), path))


def _assistant(message: dict[str, Any], path: str) -> Turn:
    if message.get("function_call") is not None:
        told = "'function_call' is deprecated and not translated: use 'tool_calls'."
        raise InvalidRequest(told, param=f"{path}.function_call")
    if message.get("audio") is not None:
        raise InvalidRequest("Audio in the history cannot be sent on this route.", param=f"{path}.audio")
    parts: list[Part] = []
    for member in ("content", "refusal"):
        if message.get(member) is not None:
            parts += _parts(message[member], f"{path}.{member}", _assistant_part)
    calls = message.get("tool_calls")
    if calls is not None:
        for at, call in enumerate(items(calls, f"{path}.tool_calls")):
            parts.append(_tool_call(call, f"{path}.tool_calls.{at}"))
        ids = [part.id for part in parts if isinstance(part, ToolCall)]
        if len(set(ids)) != len(ids):
            raise wrong(f"{path}.tool_calls", "give each call its own id")
    return Turn(role=Role.ASSISTANT, parts=tuple(parts))


def _tool_call(value: object, path: str) -> ToolCall:
    call = members(value, path)
    if call.get("type", "function") != "function":
        raise InvalidRequest("Only tool calls of type 'function' can be sent on this route.", param=f"{path}.type")
    function = members(call.get("function"), f"{path}.function")
    return ToolCall(
        id=named(call.get("id"), f"{path}.id"),
        name=named(function.get("name"), f"{path}.function.name"),
        arguments=_arguments(function.get("arguments"), f"{path}.function.arguments"),
    )


def _arguments(value: object, path: str) -> dict[str, Any]:
    """OpenAI's models write nothing at all for a tool without parameters."""
    written = text(value, path)
    try:
        read = orjson.loads(written) if written.strip() else {}
    except ValueError as error:  # orjson's error repeats the document
        raise wrong(path, "be a JSON object written as a string") from error
    if not isinstance(read, dict):
        raise wrong(path, "be a JSON object written as a string")
    return read


def _tool_result(message: dict[str, Any], path: str, unanswered: dict[str, str]) -> ToolResult:
    call = named(message.get("tool_call_id"), f"{path}.tool_call_id")
    if unanswered.pop(call, None) is None:
        raise wrong(f"{path}.tool_call_id", "answer a call of the assistant message before it, once")
    parts = _parts(message.get("content"), f"{path}.content", _user_part)
    return ToolResult(id=call, parts=tuple(parts))


def _texts(content: object, path: str) -> list[Text]:
    return [part for part in _parts(content, path, _assistant_part) if isinstance(part, Text)]


PartReader = Callable[[dict[str, Any], str], Text | Image]


def _parts(content: object, path: str, read: PartReader) -> list[Text | Image]:
    if isinstance(content, str):
        return [Text(text=content)]
    if not isinstance(content, list):
        raise wrong(path, "be a string or a list of parts")
    return [read(members(part, f"{path}.{at}"), f"{path}.{at}") for at, part in enumerate(content)]


def _assistant_part(part: dict[str, Any], path: str) -> Text:
    match part.get("type"):
        case "text":
            return Text(text=text(part.get("text"), f"{path}.text"))
        case "refusal":
            return Text(text=text(part.get("refusal"), f"{path}.refusal"))
        case _:
            raise wrong(f"{path}.type", "be 'text' in a message of this role")


def _user_part(part: dict[str, Any], path: str) -> Text | Image:
    match part.get("type"):
        case "text":
            return Text(text=text(part.get("text"), f"{path}.text"))
        case "image_url":
            image = members(part.get("image_url"), f"{path}.image_url")
            return read_image(named(image.get("url"), f"{path}.image_url.url"), f"{path}.image_url.url")
        case "input_audio" | "file" as kind:
            raise InvalidRequest(f"Parts of type '{kind}' cannot be sent on this route.", param=f"{path}.type")
        case _:
            raise wrong(f"{path}.type", "be one of text, image_url")


def read_image(url: str, path: str) -> Image:
    """A data URL is checked to the last byte here, because a provider's complaint about base64 names no message."""
    if head := _DATA_URL.match(url):
        data = url[head.end() :]
        try:
            raw = binascii.a2b_base64(data, strict_mode=True)
        except ValueError as error:  # binascii.Error, and non-ASCII text
            raise wrong(path, "hold valid base64 after 'base64,'") from error
        if not raw:
            raise wrong(path, "hold an image after 'base64,'")
        return Image(media_type=_sniffed(raw) or _named_type(head[1], path), data=data)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise wrong(path, "be a URL") from error
    if parts.scheme.lower() != "https" or not parts.netloc:
        raise wrong(path, "be a data URL (data:image/png;base64,…) or an https URL")
    return Image(url=url)


def _sniffed(raw: bytes) -> str:
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "image/webp"
    return next((name for magic, name in _MAGIC if raw.startswith(magic)), "")


def _named_type(given: str, path: str) -> str:
    name = given.lower().replace("image/jpg", "image/jpeg")
    if not name.startswith("image/"):
        raise wrong(path, "be of an image type")
    return name
