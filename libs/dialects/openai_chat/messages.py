"""OpenAI chat's `messages` as turns: roles, parts, tool calls and their results, each checked with its path."""

import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import items, members, named, read_json, text, wrong
from libs.dialects.form import Cache, Document, Image, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.images import PDF, checked_image, checked_link, checked_pdf
from libs.dialects.openai_chat.thoughts import arrange, read_call_signature, read_details

_DATA_URL = re.compile(r"data:([a-z0-9.+/-]{1,127})(?:;[a-z0-9_.=+-]{1,64}){0,4};base64,", re.IGNORECASE)
_TEXTS = ("application/json", "application/xml", "application/yaml")  # and text/*
_DEEP = 200  # levels of arguments: orjson writes 254, and they do not stand at a body's top
P = TypeVar("P", bound=Text | Image | Document)


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
                texts: list[Part] = [*_parts(message, path, "content", _text_part)]
                system += [part for part in _turn(Role.USER, texts, message, path).parts if isinstance(part, Text)]
            case "user":
                turns.append(_turn(Role.USER, _parts(message, path, "content", _user_part), message, path))
            case "assistant":
                turn = _assistant(message, path)
                unanswered = {p.id: f"{path}.tool_calls" for p in turn.parts if isinstance(p, ToolCall)}
                turns.append(turn)
            case "tool":
                result = _tool_result(message, path, unanswered)
                turns.append(_turn(Role.USER, [result], message, path))
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
    said: list[Text] = []
    for member in ("content", "refusal"):
        if message.get(member) is not None:
            said += _parts(message, path, member, _text_part)
    calls: list[tuple[Reasoning | None, ToolCall]] = []
    if message.get("tool_calls") is not None:
        for at, call in enumerate(items(message["tool_calls"], f"{path}.tool_calls")):
            calls.append(_tool_call(call, f"{path}.tool_calls.{at}"))
        if len({call.id for _, call in calls}) != len(calls):
            raise wrong(f"{path}.tool_calls", "give each call its own id")
    details = read_details(message.get("reasoning_details") or [], f"{path}.reasoning_details")
    return _turn(Role.ASSISTANT, arrange(details, said, calls), message, path)


def _turn(role: Role, parts: Sequence[Part], message: dict[str, Any], path: str) -> Turn:
    """A cache mark beside the content is one on its last part."""
    cache = read_cache(message, path)
    if cache and parts and not isinstance(last := parts[-1], Reasoning) and not last.cache:
        parts = [*parts[:-1], replace(last, cache=cache)]
    return Turn(role=role, parts=tuple(parts))


def _tool_call(value: object, path: str) -> tuple[Reasoning | None, ToolCall]:
    call = members(value, path)
    if call.get("type", "function") != "function":
        raise InvalidRequest("Only tool calls of type 'function' can be sent on this route.", param=f"{path}.type")
    function = members(call.get("function"), path, "function")
    arguments = parsed_arguments(text(function.get("arguments"), path, "function.arguments"))
    if arguments is None:
        raise wrong(f"{path}.function.arguments", "be a JSON object written as a string")
    called = ToolCall(
        id=named(call.get("id"), path, "id"),
        name=named(function.get("name"), path, "function.name"),
        arguments=arguments,
        cache=read_cache(call, path),
    )
    return read_call_signature(call, path), called


def parsed_arguments(written: str) -> dict[str, Any] | None:
    """None where they are no JSON object. For a tool without parameters models write nothing at all, or `null`."""
    try:
        read = read_json(written) if written.strip() not in ("", "null") else {}
        if written.count("{") + written.count("[") > _DEEP and not _writable(read):
            return None
    except ValueError:  # orjson's error repeats the document
        return None
    return read if isinstance(read, dict) else None


def _writable(value: object) -> bool:
    """Whether it can still be written where it stands in a body."""
    for _ in range(254 - _DEEP):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _tool_result(message: dict[str, Any], path: str, unanswered: dict[str, str]) -> ToolResult:
    """A cache mark on one of its parts is the result's: no provider marks less than a whole result."""
    call = named(message.get("tool_call_id"), path, "tool_call_id")
    if unanswered.pop(call, None) is None:
        raise wrong(f"{path}.tool_call_id", "answer a call of the assistant message before it, once")
    parts = _parts(message, path, "content", _user_part)
    marks = [part.cache for part in parts if part.cache]
    if marks:
        parts = [replace(part, cache=Cache.NONE) for part in parts]
    return ToolResult(id=call, parts=tuple(parts), cache=marks[-1] if marks else Cache.NONE)


# --- parts of a message -------------------------------------------------------------------------------------------


def read_cache(marked: dict[str, Any], path: str) -> Cache:
    """Anthropic's mark, which gateways take in this format too, or OpenAI's own, whose lifetimes are longer."""
    if (own := marked.get("prompt_cache_breakpoint")) is not None:
        ttl = members(own, f"{path}.prompt_cache_breakpoint").get("ttl")
        return Cache.SHORT if ttl is None else Cache.LONG
    if (given := marked.get("cache_control")) is None:
        return Cache.NONE
    where = f"{path}.cache_control"
    asked = members(given, where)
    if asked.get("type") != "ephemeral":
        raise wrong(f"{where}.type", "be 'ephemeral'")
    match asked.get("ttl"):
        case None | "5m":
            return Cache.SHORT
        case "1h":
            return Cache.LONG
        case _:
            raise wrong(f"{where}.ttl", "be 5m or 1h")


def _parts(message: dict[str, Any], path: str, member: str, read: Callable[[dict[str, Any], str], P]) -> list[P | Text]:
    content, where = message.get(member), f"{path}.{member}"
    if isinstance(content, str):
        return [Text(text=content)]
    if not isinstance(content, list):
        raise wrong(where, "be a string or a list of parts")
    return [read(members(part, place := f"{where}.{at}"), place) for at, part in enumerate(content)]


def _text_part(part: dict[str, Any], path: str) -> Text:
    match part.get("type"):
        case "text":
            return Text(text=text(part.get("text"), path, "text"), cache=read_cache(part, path))
        case "refusal":
            return Text(text=text(part.get("refusal"), f"{path}.refusal"))
        case _:
            raise wrong(f"{path}.type", "be 'text' in a message of this role")


def _user_part(part: dict[str, Any], path: str) -> Text | Image | Document:
    match part.get("type"):
        case "text":
            return _text_part(part, path)
        case "image_url":
            image = members(part.get("image_url"), f"{path}.image_url")
            read = _image(named(image.get("url"), f"{path}.image_url.url"), f"{path}.image_url.url")
            return replace(read, cache=read_cache(part, path))
        case "file":
            return replace(
                _file(members(part.get("file"), f"{path}.file"), f"{path}.file"), cache=read_cache(part, path)
            )
        case "input_audio":
            raise InvalidRequest("Parts of type 'input_audio' cannot be sent on this route.", param=f"{path}.type")
        case _:
            raise wrong(f"{path}.type", "be one of text, image_url, file")


def _image(url: str, path: str) -> Image:
    if head := _DATA_URL.match(url):
        return checked_image(head[1], url[head.end() :], path)
    if url[:5].lower() == "data:":
        raise wrong(path, "be a data URL in base64 (data:image/png;base64,…) or an https URL")
    return Image(url=checked_link(url, path))


def _file(file: dict[str, Any], path: str) -> Document:
    """A PDF or a text, in the request itself: a file uploaded to one provider is not there for another."""
    if file.get("file_id") is not None:
        told = "Uploaded files cannot be sent on this route: put the file itself into 'file_data'."
        raise InvalidRequest(told, param=f"{path}.file_id")
    given, where = named(file.get("file_data"), f"{path}.file_data"), f"{path}.file_data"
    name = text(file.get("filename") or "", f"{path}.filename")
    head = _DATA_URL.match(given)
    if head is None:
        raise wrong(where, "be a data URL (data:application/pdf;base64,…)")
    kind, data = head[1].lower(), given[head.end() :]
    if kind == PDF:
        return Document(media_type=PDF, data=checked_pdf(data, where), name=name)
    if not kind.startswith("text/") and kind not in _TEXTS:
        raise wrong(where, "be a PDF or a text")
    try:
        said = binascii.a2b_base64(data, strict_mode=True).decode()
    except ValueError as error:  # binascii.Error, and what is not UTF-8
        raise wrong(where, "hold valid base64 of a text in UTF-8") from error
    return Document(media_type="text/plain", text=said, name=name)


# --- what has no meaning elsewhere --------------------------------------------------------------------------------


def unread(messages: list[dict[str, Any]]) -> set[str]:
    """Hints inside messages that were read, by name: a speaker's name, and how closely to look at an image."""
    found = set()
    for message in messages:
        if message.get("name") and message.get("role") != "tool":
            found.add("messages.name")
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "image_url" and part["image_url"].get("detail", "auto") != "auto":
                found.add("image_url.detail")
    return found
