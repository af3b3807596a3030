"""What a Claude says, in Anthropic's own format and in the frames of AWS, for the scripted provider."""

import base64

import orjson

from services.sandbox.eventstream import frame, headers_of
from tests.integration.worker.upstream import END, Call, Plan, piece, response, stream_head

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 2},
    "unknown": {"to": "us"},
}
_START = {**MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
EVENTS: list[dict[str, object]] = [
    {"type": "message_start", "message": _START},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one é"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " two"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 7},
    },
    {"type": "message_stop"},
]
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
CHUNK = headers_of({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"})
WHOLE = orjson.dumps(MESSAGE)


def sse(event: dict[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), orjson.dumps(event))


def framed(event: dict[str, object]) -> bytes:
    """As InvokeModelWithResponseStream sends it."""
    return frame(CHUNK, orjson.dumps({"bytes": base64.b64encode(orjson.dumps(event)).decode(), "p": "abcdef"}))


SSE = [sse(event) for event in EVENTS]
FRAMES = [framed(event) for event in EVENTS]


def streaming(parts: list[bytes], *, end: bool = True, size: int = 0) -> Plan:
    """Each part as a piece of its own, or all of them cut anew into pieces of `size`; ended or torn off."""
    data = b"".join(parts)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else parts

    async def plan(call: Call) -> None:
        await call.write(stream_head("request-id: req_7"))
        for part in pieces:
            await call.write(piece(part))
        if end:
            await call.write(END)

    return plan


def saying(body: object, status: int = 200, *headers: str) -> Plan:
    async def plan(call: Call) -> None:
        await call.write(response(orjson.dumps(body), status, *headers))

    return plan
