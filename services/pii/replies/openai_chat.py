"""Where OpenAI's answers hold texts, and their stream with a lane for each choice and member.

What is not restored: names and ids of calls, `reasoning_details` (signed thoughts go back as they came), annotations.
Tokens one by one (`logprobs` and the like) would spell the substitutes: they become null.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, assert_never

from libs.dialects.fields import obj, seq
from services.pii.replies.events import dumped, opened, parsed
from services.pii.replies.restoring import Restorer, Restoring, Whole

_TOKENS = ("logprobs", "prompt_logprobs", "token_ids", "prompt_token_ids")
_NOT_AGAIN = ("choices", "obfuscation", "error", "moderation")  # members of a chunk that those beside it do not repeat


class Member(StrEnum):
    """Where the model's words stand in a delta or a message."""

    REASONING_CONTENT = "reasoning_content"
    REASONING = "reasoning"
    THINKING_PART = "thinking part"  # `content` as a list is Mistral's
    TEXT_PART = "text part"
    CONTENT = "content"
    REFUSAL = "refusal"
    TRANSCRIPT = "transcript"
    ARGUMENTS = "arguments"
    INPUT = "input"
    FUNCTION_CALL = "function_call"


_THOUGHTS = frozenset({Member.REASONING_CONTENT, Member.REASONING, Member.THINKING_PART})
_ARGUMENTS = frozenset({Member.ARGUMENTS, Member.FUNCTION_CALL})
_CALLS = _ARGUMENTS | {Member.INPUT}
# Of an answer in which one comes after another.
_KINDS = {each: "thought" if each in _THOUGHTS else "call" if each in _CALLS else "said" for each in Member}
_ANSWER = frozenset({Member.CONTENT, Member.TEXT_PART})

Lane = tuple[int, Member, int]  # choice, member, number of the call
Found = tuple[Member, int, dict[str, Any], str]  # the same, and the text's own place


def _texts(said: dict[str, Any]) -> Iterator[Found]:
    """Of a message or a delta, in the order in which an answer has them."""
    for member in (Member.REASONING_CONTENT, Member.REASONING):
        if said.get(member):
            yield member, 0, said, member.value
    content = said.get("content")
    if isinstance(content, list):
        yield from _parts(content)
    elif content:
        yield Member.CONTENT, 0, said, "content"
    if said.get("refusal"):
        yield Member.REFUSAL, 0, said, "refusal"
    if audio := said.get("audio"):
        yield Member.TRANSCRIPT, 0, obj(audio), "transcript"
    if calls := said.get("tool_calls"):
        yield from _calls(calls)
    if legacy := said.get("function_call"):
        yield Member.FUNCTION_CALL, 0, obj(legacy), "arguments"


def _parts(content: list[Any]) -> Iterator[Found]:
    for part in map(obj, content):
        for inner in map(obj, seq(part.get("thinking"))):
            yield Member.THINKING_PART, 0, inner, "text"
        yield Member.TEXT_PART, 0, part, "text"


def _calls(calls: object) -> Iterator[Found]:
    for at, call in enumerate(map(obj, seq(calls))):
        given = call.get("index")
        number = given if isinstance(given, int) else at
        yield Member.ARGUMENTS, number, obj(call.get("function")), "arguments"
        yield Member.INPUT, number, obj(call.get("custom")), "input"


def _delta(member: Member, call: int, said: str) -> dict[str, Any]:
    """A delta with nothing but this."""
    match member:
        case Member.REASONING_CONTENT | Member.REASONING | Member.CONTENT | Member.REFUSAL:
            return {member.value: said}
        case Member.THINKING_PART:
            return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": said}]}]}
        case Member.TEXT_PART:
            return {"content": [{"type": "text", "text": said}]}
        case Member.TRANSCRIPT:
            return {"audio": {"transcript": said}}
        case Member.ARGUMENTS:
            return {"tool_calls": [{"index": call, "function": {"arguments": said}}]}
        case Member.INPUT:
            return {"tool_calls": [{"index": call, "custom": {"input": said}}]}
        case Member.FUNCTION_CALL:
            return {"function_call": {"arguments": said}}
        case _:
            assert_never(member)


# --- whole answers ------------------------------------------------------------------------------------------------


def restore_answer(answer: dict[str, Any], whole: Whole, *, json: bool) -> None:
    """A completion, or an error."""
    _around(answer, whole)
    for choice in map(obj, seq(answer.get("choices"))):
        _beside(choice, whole)
        for member, _, holder, name in _texts(obj(choice.get("message"))):
            whole.member(holder, name, json=member in _ARGUMENTS or (json and member in _ANSWER))


def _around(answer: dict[str, Any], whole: Whole) -> None:
    _drop_tokens(answer, whole)
    error = answer.get("error")
    if isinstance(error, dict):
        whole.member(error, "message")
    elif error:
        whole.member(answer, "error")


def _beside(choice: dict[str, Any], whole: Whole) -> None:
    _drop_tokens(choice, whole)
    whole.member(choice, "stop_reason")  # vLLM's: which of the request's stop strings ended it


def _drop_tokens(holder: dict[str, Any], whole: Whole) -> None:
    for name in _TOKENS:
        if holder.get(name) is not None:
            whole.put(holder, name, None)


# --- streams ------------------------------------------------------------------------------------------------------


class Events:
    """One stream, event by event. `json`: the caller asked for an answer in JSON."""

    def __init__(self, restoring: Restoring, *, json: bool) -> None:
        self._restoring = restoring
        self._whole = Whole(restoring)
        self._json = json
        self._lanes: dict[Lane, Restorer] = {}  # those that may hold something
        self._kinds: dict[int, str] = {}  # of each choice: what it is saying
        self._head: dict[str, Any] = {}  # the last chunk, for what is said after it

    def event(self, event: bytes) -> bytes:
        """What goes out for it. Raises UpstreamError where its data is no JSON."""
        if b'"choices"' not in event and b'"error"' not in event and b"[DONE]" not in event:
            return event
        found = opened(event)
        if found is None:
            return event
        lead, data, rest = found
        if data.strip() == b"[DONE]":
            return self.close() + event
        chunk, whole = parsed(data), self._whole
        choices = seq(chunk.get("choices"))
        before = self.close() if "error" in chunk and not choices else b""
        if choices:
            self._head = chunk
        whole.changed = False
        _around(chunk, whole)
        for choice in choices:
            if isinstance(choice, dict):
                before += self._choice(choice)
        return before + (lead + dumped(chunk) + rest if whole.changed else event)

    def close(self) -> bytes:
        """What is still held, each lane as a chunk of its own."""
        held = [(lane, restorer.flush()) for lane, restorer in self._lanes.items()]
        self._lanes.clear()
        return b"".join(self._chunk(lane, said) for lane, said in held if said)

    def _choice(self, choice: dict[str, Any]) -> bytes:
        """Restored where it stands; what has to be said before this chunk."""
        number = choice.get("index")
        index = number if isinstance(number, int) else 0
        _beside(choice, self._whole)
        fed: dict[Lane, tuple[dict[str, Any], str]] = {}
        before = b""
        for member, call, holder, name in _texts(obj(choice.get("delta"))):
            said = holder.get(name)
            if isinstance(said, dict):
                self._whole.value(holder, name)
            elif isinstance(said, str) and said:
                kind = _KINDS[member]
                if self._kinds.get(index, kind) != kind:
                    before += self._flush(index, fed)
                self._kinds[index] = kind
                lane = (index, member, call)
                fed[lane] = holder, name
                self._whole.put(holder, name, self._lane(lane).feed(said))
        if choice.get("finish_reason"):
            before += self._flush(index, fed)
        return before

    def _lane(self, lane: Lane) -> Restorer:
        restorer = self._lanes.get(lane)
        if restorer is None:
            json = lane[1] in _ARGUMENTS or (self._json and lane[1] in _ANSWER)
            restorer = self._lanes[lane] = self._restoring.restorer(json=json)
        return restorer

    def _flush(self, index: int, fed: dict[Lane, tuple[dict[str, Any], str]]) -> bytes:
        """All that a choice holds: in this chunk where the lane stands in it, else in chunks before it."""
        before = b""
        for lane in [lane for lane in self._lanes if lane[0] == index]:
            said = self._lanes.pop(lane).flush()
            if said and lane in fed:
                holder, name = fed[lane]
                self._whole.put(holder, name, holder[name] + said)
            elif said:
                before += self._chunk(lane, said)
        return before

    def _chunk(self, lane: Lane, said: str) -> bytes:
        index, member, call = lane
        head = {name: value for name, value in self._head.items() if name not in _NOT_AGAIN}
        if "usage" in head:
            head["usage"] = None
        choice = {"index": index, "delta": _delta(member, call, said), "finish_reason": None}
        return b"data: " + dumped({**head, "choices": [choice]}) + b"\n\n"
