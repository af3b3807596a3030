"""Server-sent events as a test reads them: every one whole, its data parsed."""

from typing import Any

import orjson

DONE = {"done": True}  # `data: [DONE]`


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The data of each event; where there is an `event:` line it must say the data's own type. No comments."""
    assert body.endswith(b"\n\n"), body[-200:]
    found: list[dict[str, Any]] = []
    for block in body.decode().split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        if not lines:
            continue
        named = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        (data,) = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        value = DONE if data == "[DONE]" else orjson.loads(data)
        assert not named or named == [value["type"]], block
        found.append(value)
    return found


def assert_in_order(events: list[dict[str, Any]]) -> None:
    """Anthropic's grammar: one message, blocks numbered without gaps, each started, filled and stopped in its turn."""
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert kinds[0] == "message_start", kinds
    assert kinds[-2:] == ["message_delta", "message_stop"], kinds
    open_block, blocks = -1, 0
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (-1, blocks), event
                open_block = blocks
                blocks += 1
            case "content_block_delta":
                assert event["index"] == open_block, event
            case "content_block_stop":
                assert event["index"] == open_block, event
                open_block = -1
            case "message_delta":
                assert open_block == -1, "a block was never stopped"
