"""Events and chunks as providers write them, and answers fed in pieces."""

from collections.abc import Iterable
from typing import Any

import orjson

from libs.dialects.sse import EventSplitter
from services.pii.replies.answers import Answers

DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any], *, index: int = 0, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return chunks([choice], **more)


def chunks(choices: list[dict[str, Any]], **more: Any) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": choices}
    return b"data: " + orjson.dumps(head | more) + b"\n\n"


def call(arguments: str, *, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": number, **more, "function": {"arguments": arguments}}]}


def event(name: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))


def start(index: int, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, **said: Any) -> bytes:
    return event("content_block_delta", index=index, delta=said)


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


def fed(answers: Answers, pieces: Iterable[bytes]) -> bytes:
    """A stream, to its end."""
    stream = answers.stream()
    return b"".join([*map(stream.feed, pieces), stream.close()])


def read(data: bytes) -> list[Any]:
    """The data of every event, in order."""
    return [
        each.data.decode() if each.data == b"[DONE]" else orjson.loads(each.data) for each in EventSplitter().feed(data)
    ]


def deltas(data: bytes) -> list[tuple[int, str, str]]:
    """Of OpenAI's chunks: choice, member (or number of the call) and what was said, where anything was."""
    found: list[tuple[int, str, str]] = []
    for each in read(data):
        for choice in each["choices"] if isinstance(each, dict) and "choices" in each else ():
            for name, said in choice["delta"].items():
                if name == "tool_calls":
                    found += [(choice["index"], str(one["index"]), one["function"]["arguments"]) for one in said]
                elif said and name != "role":
                    found.append((choice["index"], name, said))
    return [one for one in found if one[2]]


def said_by(data: bytes) -> dict[tuple[int, str], str]:
    """The same put together by lane."""
    found: dict[tuple[int, str], str] = {}
    for choice, name, said in deltas(data):
        found[choice, name] = found.get((choice, name), "") + said
    return found
