"""Turns of the form as Gemini's `contents`: runs merged, results first and in the order of their calls, signatures."""

from collections import deque
from itertools import groupby
from typing import Any

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Part, Reasoning, Request, Role, Text, ToolCall, ToolResult, Turn
from libs.dialects.gemini.media import write_media
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked

# Google, "Thought signatures": what a call may carry whose own signature is lost, or that another model made.
UNSIGNED = "skip_thought_signature_validator"
_CALL, _TEXT = "c.", "t."


def write_system(request: Request) -> dict[str, Any]:
    parts = [{"text": part.text} for part in request.system if part.text.strip()]
    return {"parts": parts} if parts else {}


def write_contents(turns: tuple[Turn, ...], model: ModelFlags) -> list[dict[str, Any]]:
    """Gemini wants a user's turn first. InvalidRequest where none begins, or where a result answers no call."""
    contents: list[dict[str, Any]] = []
    calls: dict[str, tuple[str, int]] = {}  # id -> name, place among all calls
    for role, run in groupby(turns, key=lambda turn: turn.role):
        parts = [part for turn in run for part in turn.parts]
        for part in parts:
            if isinstance(part, ToolCall):
                calls[part.id] = (part.name, len(calls))
        written = _model(parts, model) if role is Role.ASSISTANT else _user(parts, calls, model)
        name = "model" if role is Role.ASSISTANT else "user"
        if not written:
            continue
        if contents and contents[-1]["role"] == name:  # what stood between was blank
            contents[-1]["parts"] += written
        else:
            contents.append({"role": name, "parts": written})
    if not contents or contents[0]["role"] != "user":
        told = "On this route the conversation must begin with a user message that is not empty."
        raise InvalidRequest(told, param="messages")
    if contents[-1]["role"] == "model" and not model.prefill:
        told = "This model does not continue an assistant message: end the conversation with a user message."
        raise InvalidRequest(told, param="messages")
    if model.thinking == "level":
        _sign(contents)
    return contents


# --- what the model said ------------------------------------------------------------------------------------------


def _model(parts: list[Part], model: ModelFlags) -> list[dict[str, Any]]:
    """Signatures of calls and texts travelled as thoughts of their own: each goes to the next part of its kind.

    Some callers repeat a signature, ahead of everything and again before its call: the last place counts.
    """
    carried = [unmarked("g", part.redacted) if isinstance(part, Reasoning) else "" for part in parts]
    last = {value: at for at, value in enumerate(carried)}
    for_calls: deque[str] = deque()
    for_texts: deque[str] = deque()
    written: list[dict[str, Any]] = []
    for at, part in enumerate(parts):
        match part:
            case Reasoning():
                written += _thought(part)
                if last[carried[at]] == at and carried[at].startswith(_CALL):
                    for_calls.append(carried[at].removeprefix(_CALL))
                elif last[carried[at]] == at and carried[at].startswith(_TEXT):
                    for_texts.append(carried[at].removeprefix(_TEXT))
            case Text():
                if part.text.strip():
                    written.append({"text": part.text, **_signature(for_texts)})
            case ToolCall():
                # Ids stay out: Gemini tells calls by name and order, and most are not of its making.
                written.append({"functionCall": {"name": part.name, "args": part.arguments}, **_signature(for_calls)})
            case ToolResult():
                raise InvalidRequest("A tool's result must stand in a user message.", param="messages")
            case _:
                written.append(write_media(part, model))
    return written + [{"text": "", "thoughtSignature": value} for value in for_texts if value]


def _thought(part: Reasoning) -> list[dict[str, Any]]:
    signature = unmarked("g", part.signature)
    return [{"text": part.text, "thought": True, "thoughtSignature": signature}] if signature else []


def _signature(waiting: deque[str]) -> dict[str, Any]:
    value = waiting.popleft() if waiting else ""
    return {"thoughtSignature": value} if value else {}


def _sign(contents: list[dict[str, Any]]) -> None:
    """Of calls made at once only the first is signed, and only those since the user last spoke are checked.

    The sentinel costs quality, so it stands where a request would be refused without it and nowhere else.
    """
    for content in reversed(contents):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if content["role"] == "user" and not any("functionResponse" in part for part in content["parts"]):
            return
        if calls:
            calls[0].setdefault("thoughtSignature", UNSIGNED)


# --- what the user said -------------------------------------------------------------------------------------------


def _user(parts: list[Part], calls: dict[str, tuple[str, int]], model: ModelFlags) -> list[dict[str, Any]]:
    results = [part for part in parts if isinstance(part, ToolResult)]
    if any(result.id not in calls for result in results):
        raise InvalidRequest("Each tool result must answer a call of an assistant message before it.", param="messages")
    results.sort(key=lambda result: calls[result.id][1])
    answers = [_result(result, calls[result.id][0], model) for result in results]
    written = [answer for answer, _ in answers] + [beside for _, media in answers for beside in media]
    for part in parts:
        match part:
            case ToolResult() | Reasoning():
                pass
            case Text():
                written.append({"text": part.text})
            case ToolCall():
                raise InvalidRequest("A tool's call must stand in an assistant message.", param="messages")
            case _:
                written.append(write_media(part, model))
    return [part for part in written if part.get("text", "said").strip()]  # Gemini refuses an empty text


def _result(result: ToolResult, name: str, model: ModelFlags) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The response, and what stands beside it: only from Gemini 3 on may a response itself hold images."""
    texts, media = [], []
    for part in result.parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif "text" in (written := write_media(part, model)):
            texts.append(written["text"])
        else:
            media.append(written)
    said = "\n".join(texts)
    response: dict[str, Any] = {"name": name, "response": {"error" if result.is_error else "result": said}}
    if media and model.thinking == "level":
        response["parts"] = media
        media = []
    return {"functionResponse": response}, media
