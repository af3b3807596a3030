"""A conversation as OpenAI's `messages`: each call's result behind it, what a result cannot hold behind the results."""

import hashlib
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any, assert_never

import orjson

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Document, Image, Part, Reasoning, Request, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked

_ROLE = attrgetter("role")
_ID_LIMIT = 40  # OpenAI refuses a call's id beyond it
_Shown = Text | Image | Document


def write_messages(request: Request, model: ModelFlags) -> list[dict[str, Any]]:
    """System first, in one message: some templates take no second. InvalidRequest for what the model cannot see."""
    if not model.prefill and request.turns and request.turns[-1].role is Role.ASSISTANT:
        told = "This model does not go on with an answer that was begun: end 'messages' with a message of the user."
        raise InvalidRequest(told, param="messages")
    messages: list[dict[str, Any]] = []
    if system := "\n\n".join(text.text for text in request.system if text.text):
        messages.append({"role": "system", "content": system})
    for role, turns in groupby(request.turns, _ROLE):
        match role:
            case Role.USER:
                messages += _user_messages(list(turns), model)
            case Role.ASSISTANT:
                messages += [message for turn in turns if (message := _assistant_message(turn))]
            case _:
                assert_never(role)
    return messages


# --- what the user said and his tools answered --------------------------------------------------------------------


def _user_messages(turns: list[Turn], model: ModelFlags) -> list[dict[str, Any]]:
    """Of neighbouring turns all results come first: nothing may stand between a call and its result."""
    messages: list[dict[str, Any]] = []
    beside: list[_Shown] = []
    said: list[list[_Shown]] = []
    for turn in turns:
        shown: list[_Shown] = []
        for part in turn.parts:
            match part:
                case ToolResult():
                    message, others = _tool_message(part)
                    messages.append(message)
                    beside += others
                case Text() | Image() | Document():
                    shown.append(part)
                case _:
                    pass
        said.append(shown)
    said[0] = beside + said[0]
    return messages + [{"role": "user", "content": _content(parts, model)} for parts in said if parts]


def _tool_message(result: ToolResult) -> tuple[dict[str, Any], list[_Shown]]:
    """Texts alone, as OpenAI has it; and what else the result holds, under the name of its call."""
    said: list[str] = []
    others: list[_Shown] = []
    for part in result.parts:
        if (written := _as_text(part)) is None:
            others.append(part)
        else:
            said.append(written)
    call = _id(result.id)
    if others:
        said.append("(See the attachment in the next message.)")
        others.insert(0, Text(text=f"Attachment to the result of {call}:"))
    content = "\n".join(said)
    if result.is_error and not content.lower().startswith("error"):
        content = f"Error: {content}"  # OpenAI has no member for it
    return {"role": "tool", "tool_call_id": call, "content": content}, others


def _as_text(part: _Shown) -> str | None:
    match part:
        case Text():
            return part.text
        case Document() if not part.data and not part.url:
            return f"{part.name}\n\n{part.text}" if part.name else part.text
        case Image() | Document():
            return None
        case _:
            assert_never(part)


def _content(parts: list[_Shown], model: ModelFlags) -> str | list[dict[str, Any]]:
    if len(parts) == 1 and isinstance(only := parts[0], Text):
        return only.text
    return [_part(part, model) for part in parts]


def _part(part: _Shown, model: ModelFlags) -> dict[str, Any]:
    if (said := _as_text(part)) is not None:
        return {"type": "text", "text": said}
    if isinstance(part, Image):
        if not model.vision:
            told = "This model cannot see images: leave them out, or choose a model that supports vision."
            raise InvalidRequest(told, param="messages")
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    if isinstance(part, Document) and part.data:
        name = part.name or "document.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": f"data:{part.media_type};base64,{part.data}"}}
    told = "Links to documents cannot be sent on this route: put the document itself into the request, in base64."
    raise InvalidRequest(told, param="messages")


# --- what the assistant said --------------------------------------------------------------------------------------


def _assistant_message(turn: Turn) -> dict[str, Any]:
    """Thoughts stay behind: OpenAI takes none back, and its kin disagree. Empty where nothing else was said."""
    said = "".join(part.text for part in turn.parts if isinstance(part, Text))
    calls = _calls(turn.parts)
    if not said and not calls:
        return {}
    message: dict[str, Any] = {"role": "assistant", "content": said or None}
    if calls:
        message["tool_calls"] = calls
    return message


def _calls(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """A Gemini behind a compatible endpoint gets its signature back on the call that it came with."""
    calls: list[dict[str, Any]] = []
    signature = ""
    for part in parts:
        match part:
            case Reasoning():
                own = unmarked("o", part.redacted)
                signature = own.removeprefix("c.") if own.startswith("c.") else signature
            case ToolCall():
                function = {"name": part.name, "arguments": orjson.dumps(part.arguments).decode()}
                call: dict[str, Any] = {"id": _id(part.id), "type": "function", "function": function}
                if signature:
                    call["extra_content"] = {"google": {"thought_signature": signature}}
                    signature = ""
                calls.append(call)
            case _:
                pass
    return calls


def _id(given: str) -> str:
    """The same for the call and its result, in this conversation and its next turn."""
    if len(given) <= _ID_LIMIT:
        return given
    return f"call_{hashlib.sha256(given.encode('utf-8', 'replace')).hexdigest()[:32]}"
