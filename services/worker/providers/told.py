"""Calls as their caller is told of them: tools under his own names, ids that are new in his conversation."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from libs.dialects.anthropic_messages.outgoing_messages import tool_use_id
from libs.dialects.form import Answer, Event, Request, ToolCall, ToolCallStart


class Told:
    """For one answer. A client pairs calls and results by id alone, and some servers begin at `call_0` each time.

    `names`: of tools that the provider knows under another name, the caller's. `seed`: the request's own id.
    """

    def __init__(self, request: Request, names: Mapping[str, str], seed: str) -> None:
        self._names, self._seed = names, seed
        self._taken = {part.id for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
        self._count = 0

    def answer(self, answer: Answer) -> Answer:
        if not any(isinstance(part, ToolCall) for part in answer.parts):
            return answer
        parts = [
            replace(part, id=self._id(part.id), name=self._names.get(part.name, part.name))
            if isinstance(part, ToolCall)
            else part
            for part in answer.parts
        ]
        return replace(answer, parts=tuple(parts))

    def events(self, events: list[Event]) -> list[Event]:
        for at, event in enumerate(events):
            if isinstance(event, ToolCallStart):
                own = self._names.get(event.name, event.name)
                events[at] = ToolCallStart(index=event.index, id=self._id(event.id), name=own)
        return events

    def _id(self, given: str) -> str:
        self._count += 1
        if given in self._taken or tool_use_id(given) in self._taken:  # Anthropic's callers know the latter
            digest = hashlib.sha256(f"{self._seed}/{self._count}/{given}".encode("utf-8", "replace")).hexdigest()
            given = f"call_{digest[:24]}"
        self._taken.add(given)
        return given
