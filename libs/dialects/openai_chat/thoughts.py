"""Thoughts that must come back unchanged: `reasoning_details` and Gemini's signatures on calls, written and read."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from libs.dialects.fields import items, members, text, wrong
from libs.dialects.form import Cache, Part, Reasoning, ReasoningDelta, Text, ToolCall
from libs.dialects.signatures import marked, unmarked

# OpenAI's chat format has no place for a thought's signature. The entries are in the shape that OpenRouter's clients
# know, and that the official SDKs put together by `index`:
#   {"type": "reasoning.text", "index": 0, "text": …, "signature": …, "format": "northern-v1"}
#   {"type": "reasoning.encrypted", "index": 1, "data": …, "format": "northern-v1", "id": the call that it belongs to}
# A thought that came after words or calls of the same answer says behind how many of them, for Claude signs it in its
# place: "id": "at.120.1" is behind 120 characters of the content and one call.
# A thought without a signature has no entry: nobody asks for it back, and `reasoning_content` shows it.
_FORMAT = "northern-v1"
# Whose signatures these formats hold is known; those of any other gateway are no use to any model behind this one.
_FORMATS = (None, _FORMAT, "anthropic-claude-v1")
_OF_CALL = "c."  # before a signature that belongs to the call after it
_AT = re.compile(r"at\.(\d{1,9})\.(\d{1,9})", re.ASCII)


def call_signature(redacted: str) -> str:
    """Gemini's signature of the next call, as Gemini wrote it; "" where `redacted` is anything else."""
    value = unmarked("g", redacted)
    return value[len(_OF_CALL) :] if value.startswith(_OF_CALL) else ""


class Details:
    """The entries of one answer, numbered as they come. A signed thought is one entry, once its block is over."""

    def __init__(self) -> None:
        self._written = 0
        self._block = -1
        self._said: list[str] = []
        self._signature = ""
        self._held = ""  # a signature that waits for its call
        self._characters = self._calls = 0  # of the answer, so far
        self._place = ""

    def words(self, said: str) -> None:
        self._characters += len(said)

    def take(self, thought: ReasoningDelta) -> list[dict[str, Any]]:
        """The entries that are complete now."""
        out = self.end(self._block) if thought.index != self._block else []
        if thought.index != self._block:
            self._place = f"at.{self._characters}.{self._calls}" if self._characters or self._calls else ""
        self._block = thought.index
        if thought.text:
            self._said.append(thought.text)
        self._signature += thought.signature
        if call_signature(thought.redacted):
            self._held = thought.redacted
        elif thought.redacted:
            out.append(self._entry("reasoning.encrypted", data=thought.redacted, **self._placed()))
        return out

    def end(self, block: int) -> list[dict[str, Any]]:
        """The block is over: its entry, if it was signed."""
        if block != self._block:
            return []
        said, signature = "".join(self._said), self._signature
        self._block, self._said, self._signature = -1, [], ""
        return [self._entry("reasoning.text", text=said, signature=signature, **self._placed())] if signature else []

    def _placed(self) -> dict[str, str]:
        return {"id": self._place} if self._place else {}

    def of_call(self, id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # noqa: A002 - the wire's own name
        """What is complete before the call of this id, and what the call carries beside its own members."""
        out, held = self.end(self._block), self._held
        self._calls += 1
        if not held:
            return out, {}
        self._held = ""
        out.append(self._entry("reasoning.encrypted", data=held, id=id))
        return out, {"extra_content": {"google": {"thought_signature": call_signature(held)}}}

    def rest(self) -> list[dict[str, Any]]:
        """At the end of the answer: what waited for more."""
        out, held = self.end(self._block), self._held
        self._held = ""
        return [*out, self._entry("reasoning.encrypted", data=held)] if held else out

    def _entry(self, kind: str, **more: str) -> dict[str, Any]:
        entry = {"type": kind, "index": self._written, "format": _FORMAT, **more}
        self._written += 1
        return entry


Detail = tuple[str, Reasoning]  # the id of the call that it belongs to, its place, or ""


def read_details(value: object, path: str) -> list[Detail]:
    """`reasoning_details` of the history. Unsigned thoughts, summaries and other gateways' entries are passed over."""
    found: list[Detail] = []
    for at, each in enumerate(items(value, path)):
        entry, where = members(each, f"{path}.{at}"), f"{path}.{at}"
        if entry.get("format") not in _FORMATS:
            continue
        of = entry.get("id")
        match entry.get("type"):
            case "reasoning.text" if entry.get("signature"):
                said, signature = text(entry.get("text") or "", f"{where}.text"), entry["signature"]
                thought = Reasoning(text=said, signature=text(signature, f"{where}.signature"))
                found.append((of if isinstance(of, str) else "", thought))
            case "reasoning.encrypted":
                data = text(entry.get("data"), f"{where}.data")
                found.append((of if isinstance(of, str) else "", Reasoning(redacted=data)))
            case _:
                pass
    return found


def read_call_signature(call: dict[str, Any], path: str) -> Reasoning | None:
    """Google's own member of a call, `extra_content.google.thought_signature`."""
    extra = call.get("extra_content")
    if extra is None:
        return None
    google = members(extra, f"{path}.extra_content").get("google")
    if google is None:
        return None
    where = f"{path}.extra_content.google"
    signature = members(google, where).get("thought_signature")
    if signature is None:
        return None
    if not isinstance(signature, str):
        raise wrong(f"{where}.thought_signature", "be a string")
    return Reasoning(redacted=marked("g", _OF_CALL + signature)) if signature else None


def arrange(details: list[Detail], said: Sequence[Text], calls: list[tuple[Reasoning | None, ToolCall]]) -> list[Part]:
    """Thoughts, words and calls in their order: each call after the signature that belongs to it, thoughts in place.

    One without a place stands behind the thought before it. A caller may send a signature twice, as an entry and on its
    call: it stands once.
    """
    if not calls and not details:
        return [*said]
    ids = {call.id for _, call in calls}
    by_call = {of: thought for of, thought in details if of in ids}
    called: deque[list[Part]] = deque()
    on_calls: set[str] = set()
    for own, call in calls:
        thought = own or by_call.get(call.id)
        called.append([call] if thought is None else [thought, call])
        on_calls.add(thought.redacted if thought else "")
    words = deque(said)
    written: list[Part] = []
    characters = behind = 0
    for of, thought in details:
        if of in ids or (thought.redacted and thought.redacted in on_calls):
            continue
        if place := _AT.fullmatch(of):
            written += _first(words, int(place[1]) - characters)
            characters = max(characters, int(place[1]))
            while behind < int(place[2]) and called:
                written += called.popleft()
                behind += 1
        written.append(thought)
    return [*written, *words, *chain.from_iterable(called)]


def _first(words: deque[Text], characters: int) -> list[Text]:
    """As many of the words, taken from their beginning; a mark of the cache stays with the last of them."""
    taken = []
    while characters > 0 and words:
        part = words.popleft()
        if len(part.text) > characters:
            words.appendleft(replace(part, text=part.text[characters:]))
            part = replace(part, text=part.text[:characters], cache=Cache.NONE)
        taken.append(part)
        characters -= len(part.text)
    return taken
