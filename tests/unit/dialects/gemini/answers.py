"""Answers as google-genai's own types write them, and events of a stream put together again."""

from collections.abc import Iterable
from typing import Any

import orjson
from google.genai import types

from libs.dialects.form import (
    BlockStop,
    Event,
    Reasoning,
    ReasoningDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
)

USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 14}


def wire(response: types.GenerateContentResponse) -> dict[str, Any]:
    told: dict[str, Any] = response.model_dump(mode="json", by_alias=True, exclude_none=True)
    return told


def response(*parts: dict[str, Any], finish: str | None = "STOP", id_: str = "r1", **candidate: Any) -> dict[str, Any]:
    """Judged by the type, then as it was written."""
    ended = {"finishReason": finish} if finish else {}
    content = {"role": "model", "parts": list(parts)}
    body = {"candidates": [{"content": content, **ended, **candidate}], "usageMetadata": USAGE, "responseId": id_}
    types.GenerateContentResponse.model_validate_json(orjson.dumps(body))
    return body


def call(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **more}}


Block = Text | Reasoning | ToolCall


def folded(events: Iterable[Event]) -> list[Block]:
    """Blocks in the order of their numbers; every one of them closed, and none opened while another is open."""
    open_: dict[int, list[Event]] = {}
    blocks: list[Block] = []
    for event in events:
        match event:
            case BlockStop():
                blocks.append(_block(open_.pop(event.index)))
            case TextDelta() | ReasoningDelta() | ToolCallStart() | ToolCallDelta():
                open_.setdefault(event.index, []).append(event)
                assert set(open_) == {event.index}
                assert event.index == len(blocks)
            case _:
                pass
    assert not open_
    return blocks


def _block(events: list[Event]) -> Block:
    match events[0]:
        case TextDelta():
            return Text(text="".join(event.text for event in events if isinstance(event, TextDelta)))
        case ReasoningDelta():
            deltas = [event for event in events if isinstance(event, ReasoningDelta)]
            return Reasoning(
                text="".join(delta.text for delta in deltas),
                signature="".join(delta.signature for delta in deltas),
                redacted="".join(delta.redacted for delta in deltas),
            )
        case ToolCallStart() as start:
            written = "".join(event.json for event in events if isinstance(event, ToolCallDelta))
            return ToolCall(id=start.id, name=start.name, arguments=orjson.loads(written))
        case _:
            raise AssertionError(events)
