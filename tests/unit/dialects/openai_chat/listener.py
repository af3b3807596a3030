"""One who listens to a stream's events: what he understood, and that every block had its turn and its end."""

from typing import NamedTuple

from libs.dialects.form import (
    BlockStop,
    Event,
    ReasoningDelta,
    Stop,
    StopReason,
    TextDelta,
    ToolCallDelta,
    ToolCallStart,
    Usage,
    UsageEvent,
)


class Heard(NamedTuple):
    thought: str
    said: str
    calls: list[tuple[str, str, str]]
    stops: list[StopReason]
    usage: Usage | None


def heard(events: list[Event]) -> Heard:
    """What a listener understood; and that no block was left open, begun twice or entered out of turn."""
    thought, said, open_ = "", "", -1
    tools: dict[int, list[str]] = {}
    stops: list[StopReason] = []
    usage: Usage | None = None
    for event in events:
        match event:
            case TextDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
                assert open_ in (-1, event.index)
                open_ = event.index
            case BlockStop():
                assert open_ == event.index
                open_ = -1
            case _:
                pass
        match event:
            case TextDelta():
                said += event.text
            case ReasoningDelta():
                thought += event.text
            case ToolCallStart():
                assert event.index not in tools
                tools[event.index] = [event.id, event.name, ""]
            case ToolCallDelta():
                tools[event.index][2] += event.json
            case Stop():
                stops.append(event.reason)
            case UsageEvent():
                usage = event.usage
            case _:
                pass
    assert open_ == -1
    return Heard(thought, said, [(id_, name, json) for id_, name, json in tools.values()], stops, usage)
