"""Calls as their caller is told of them: tools under his own names, ids that are new in his conversation."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import orjson

from libs.contracts.errors import UpstreamError
from libs.dialects.anthropic_messages.outgoing_messages import tool_use_id
from libs.dialects.form import (
    Answer,
    BlockStop,
    Event,
    Reasoning,
    Request,
    Stop,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)


class Told:
    """For one answer. A client pairs calls and results by id alone, and some servers begin at `call_0` each time.

    `names`: of tools that the provider knows under another name, the caller's. `seed`: the request's own id.
    `answer_tool`: a tool of ours, whose arguments are told as words: they are the answer.
    """

    def __init__(self, request: Request, names: Mapping[str, str], seed: str, answer_tool: str = "") -> None:
        self._names, self._seed, self._answer_tool = names, seed, answer_tool
        self._answering: int | None = None  # the block of its call
        self._silent = False  # and nothing of its arguments has come yet
        self._taken = {part.id for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
        self._count = 0

    def answer(self, answer: Answer) -> Answer:
        if not any(isinstance(part, ToolCall) for part in answer.parts):
            return answer
        if self._answer_tool:
            return _as_words(answer)
        parts = [
            replace(part, id=self._id(part.id), name=self._names.get(part.name, part.name))
            if isinstance(part, ToolCall)
            else part
            for part in answer.parts
        ]
        return replace(answer, parts=tuple(parts))

    def events(self, events: list[Event]) -> list[Event]:
        if self._answer_tool:
            return [told for event in events for told in self._in_words(event)]
        for at, event in enumerate(events):
            if isinstance(event, ToolCallStart):
                own = self._names.get(event.name, event.name)
                events[at] = ToolCallStart(index=event.index, id=self._id(event.id), name=own)
        return events

    def _in_words(self, event: Event) -> list[Event]:
        match event:
            case ToolCallStart() if self._answering is None:
                self._answering, self._silent = event.index, True
                return []
            case ToolCallDelta() if event.index == self._answering:
                self._silent &= not event.json
                return [TextDelta(index=event.index, text=event.json)]
            case BlockStop() if event.index == self._answering and self._silent:  # an object without members
                self._silent = False
                return [TextDelta(index=event.index, text="{}"), event]
            case Stop(reason=StopReason.TOOL_USE):
                return [Stop(reason=StopReason.END)]
            case ToolCallStart() | ToolCallDelta():  # once was asked for
                return []
            case _:
                return [event]

    def _id(self, given: str) -> str:
        self._count += 1
        if given in self._taken or tool_use_id(given) in self._taken:  # Anthropic's callers know the latter
            digest = hashlib.sha256(f"{self._seed}/{self._count}/{given}".encode("utf-8", "replace")).hexdigest()
            given = f"call_{digest[:24]}"
        self._taken.add(given)
        return given


def _as_words(answer: Answer) -> Answer:
    """The first call's arguments as the only words: what a model says beside them would not be JSON."""
    call = next(part for part in answer.parts if isinstance(part, ToolCall))
    try:
        words = Text(text=orjson.dumps(call.arguments).decode())
    except TypeError:  # nested deeper than orjson writes
        raise UpstreamError("The model's answer is nested too deeply; try again.") from None
    thoughts = [part for part in answer.parts if isinstance(part, Reasoning)]
    stop = StopReason.END if answer.stop is StopReason.TOOL_USE else answer.stop
    return replace(answer, parts=(*thoughts, words), stop=stop)
