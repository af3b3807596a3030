"""Thoughts that must come back unchanged: `reasoning_details` and Gemini's signatures on calls, written and read."""

from typing import Any

from libs.dialects.fields import items, members, text, wrong
from libs.dialects.form import Part, Reasoning, ReasoningDelta, ToolCall
from libs.dialects.signatures import marked, unmarked

# OpenAI's chat format has no place for a thought's signature. The entries are in the shape that OpenRouter's clients
# know, and that the official SDKs put together by `index`:
#   {"type": "reasoning.text", "index": 0, "text": …, "signature": …, "format": "northern-v1"}
#   {"type": "reasoning.encrypted", "index": 1, "data": …, "format": "northern-v1", "id": the call that it belongs to}
# A thought without a signature has no entry: nobody asks for it back, and `reasoning_content` shows it.
_FORMAT = "northern-v1"
# Whose signatures these formats hold is known; those of any other gateway are no use to any model behind this one.
_FORMATS = (None, _FORMAT, "anthropic-claude-v1")
_OF_CALL = "c."  # before a signature that belongs to the call after it


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

    def take(self, thought: ReasoningDelta) -> list[dict[str, Any]]:
        """The entries that are complete now."""
        out = self.end(self._block) if thought.index != self._block else []
        self._block = thought.index
        if thought.text:
            self._said.append(thought.text)
        self._signature += thought.signature
        if call_signature(thought.redacted):
            self._held = thought.redacted
        elif thought.redacted:
            out.append(self._entry("reasoning.encrypted", data=thought.redacted))
        return out

    def end(self, block: int) -> list[dict[str, Any]]:
        """The block is over: its entry, if it was signed."""
        if block != self._block:
            return []
        said, signature = "".join(self._said), self._signature
        self._block, self._said, self._signature = -1, [], ""
        return [self._entry("reasoning.text", text=said, signature=signature)] if signature else []

    def of_call(self, id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # noqa: A002 - the wire's own name
        """What is complete before the call of this id, and what the call carries beside its own members."""
        out, held = self.end(self._block), self._held
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


Detail = tuple[str, Reasoning]  # the id of the call that it belongs to, or ""


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
                found.append(("", Reasoning(text=said, signature=text(signature, f"{where}.signature"))))
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


def arrange(details: list[Detail], calls: list[tuple[Reasoning | None, ToolCall]]) -> tuple[list[Part], list[Part]]:
    """What stands before the text, and the calls, each after the signature that belongs to it.

    A caller may send a signature twice, as an entry and on its call: it stands once.
    """
    ids = {call.id for _, call in calls}
    by_call = {of: thought for of, thought in details if of in ids}
    after: list[Part] = []
    placed: set[str] = set()
    for own, call in calls:
        thought = own or by_call.get(call.id)
        if thought is not None:
            after.append(thought)
            placed.add(thought.redacted)
        after.append(call)
    before = [thought for of, thought in details if of not in ids and (thought.redacted or "-") not in placed]
    return [*before], after
