"""Renders Converse answers: whole, and as event-stream frames with everything but the token made in advance."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from services.sandbox.domain import Answer, Finish
from services.sandbox.eventstream import frame, headers_of
from services.sandbox.wire import Script

Json = dict[str, Any]  # what goes on the wire

_STOP = {
    Finish.END: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.TOOLS: "tool_use",
}
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MARK = "\x00token\x00"  # stands in the pre-rendered payload where the token goes
_MESSAGES = {
    "throttling": "Too many requests, please wait before trying again.",
    "modelStreamError": "The model produced an unexpected error while streaming.",
    "internalServer": "The system encountered an unexpected error during processing. Try your request again.",
    "serviceUnavailable": "The service is temporarily unavailable. Try again later.",
    "validation": "The model returned the following errors: the output was not valid.",
}
_JSON_EVENTS = {
    kind: headers_of({":event-type": kind, ":content-type": "application/json", ":message-type": "event"})
    for kind in (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
}


def usage(said: Answer) -> Json:
    return {
        "inputTokens": said.input_tokens,
        "outputTokens": said.output_tokens,
        "totalTokens": said.input_tokens + said.output_tokens,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
        "cacheReadInputTokenCount": 0,
        "cacheWriteInputTokenCount": 0,
        "serverToolUsage": {},
    }


def converse(said: Answer, reply_id: str, latency_ms: int) -> bytes:
    """The body of a Converse answer."""
    content: list[Json] = [{"text": said.text}] if said.pieces or not said.calls else []
    for i, call in enumerate(said.calls):
        use = {"toolUseId": _use_id(reply_id, i), "name": call.name, "input": orjson.Fragment(call.arguments)}
        content.append({"toolUse": use})
    return orjson.dumps(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _STOP[said.finish],
            "usage": usage(said),
            "metrics": {"latencyMs": latency_ms},
        }
    )


def script(said: Answer, reply_id: str) -> Script:
    """The frames of a ConverseStream answer; text blocks have no contentBlockStart."""
    stop = _event("messageStop", {"stopReason": _STOP[said.finish]})

    def tail(latency_ms: int) -> bytes:
        closing = b"" if said.calls else _event("contentBlockStop", {"contentBlockIndex": 0})
        return closing + stop + _event("metadata", {"usage": usage(said), "metrics": {"latencyMs": latency_ms}})

    return Script(
        content_type="application/vnd.amazon.eventstream",
        opening=b"",
        head=_event("messageStart", {"role": "assistant"}),
        events=_calls(said, reply_id) if said.calls else _texts(said),
        tail=tail,
        error=_error,
        garbage=b"\x00\x00\x00\x40\x00\x00\x00\x10\xde\xad\xbe\xef" + b"\xff" * 52,
    )


def _event(kind: str, value: Json) -> bytes:
    """One frame; `p` pads it to a length that says nothing about the token (here: decided by the payload's size)."""
    payload = orjson.dumps(value)
    padding = _PADDING[: 1 + len(payload) % len(_PADDING)].encode()
    return frame(_JSON_EVENTS[kind], b'%b,"p":"%b"}' % (payload[:-1], padding))


def _texts(said: Answer) -> Iterator[bytes]:
    dumps: Callable[[str], bytes] = orjson.dumps
    before, after = dumps_delta().split(dumps(_MARK))
    headers = _JSON_EVENTS["contentBlockDelta"]
    bare = len(frame(headers, before + after))
    for i, piece in enumerate(said.pieces):
        token = dumps(piece)
        padding = _PADDING[: 1 + i % len(_PADDING)].encode()
        missing = said.event_bytes - bare - len(token) - len(padding)
        if missing > 0:
            token = dumps(f"{piece[:-1]}{'.' * missing}{piece[-1:]}")
        yield frame(headers, b"".join((before, token, after[:-2], padding, b'"}')))


def dumps_delta() -> bytes:
    """The payload of a text delta with a mark where the token goes and an empty padding field at its end."""
    return orjson.dumps({"contentBlockIndex": 0, "delta": {"text": _MARK}, "p": ""})


def _calls(said: Answer, reply_id: str) -> Iterator[bytes]:
    for i, call in enumerate(said.calls):
        use = {"toolUseId": _use_id(reply_id, i), "name": call.name}
        before = _event("contentBlockStart", {"contentBlockIndex": i, "start": {"toolUse": use}})
        # A tool without arguments sends no delta with content (an empty string, as Claude does).
        pieces = [""] if call.arguments == "{}" else call.pieces
        for k, piece in enumerate(pieces):
            delta = _event("contentBlockDelta", {"contentBlockIndex": i, "delta": {"toolUse": {"input": piece}}})
            stop = _event("contentBlockStop", {"contentBlockIndex": i}) if k == len(pieces) - 1 else b""
            yield before + delta + stop
            before = b""


def _use_id(reply_id: str, number: int) -> str:
    return f"tooluse_{reply_id}{number:02x}"


def _error(name: str) -> bytes:
    kind = f"{name}Exception"
    headers = headers_of({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"})
    payload: Json = {"message": _MESSAGES[name]}
    if name == "modelStreamError":
        payload |= {"originalStatusCode": 500, "originalMessage": "Internal error"}
    return frame(headers, orjson.dumps(payload))
