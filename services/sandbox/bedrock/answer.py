"""Renders Converse answers: whole, and as event-stream frames with everything but the token made in advance."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from services.sandbox.anthropic.blocks import FAMILY, REDACTED
from services.sandbox.bedrock.request import ConverseAsk
from services.sandbox.domain import Answer, Call, Finish
from services.sandbox.eventstream import CONTENT_TYPE, GARBAGE, exception_frame, frame, headers_of
from services.sandbox.model import seals
from services.sandbox.wire import Script

Json = dict[str, Any]  # what goes on the wire

_STOP = {
    Finish.END: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.TOOLS: "tool_use",
    Finish.REFUSED: "content_filtered",
}
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MARK = "\x00token\x00"  # stands in the pre-rendered payload where the token goes
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
    """Input in parts that do not overlap; the total holds them all."""
    cached = said.cached
    fresh = said.input_tokens - cached.read - cached.written
    found: Json = {
        "inputTokens": fresh,
        "outputTokens": said.output_tokens,
        "totalTokens": said.input_tokens + said.output_tokens,
        "cacheReadInputTokens": cached.read,
        "cacheWriteInputTokens": cached.written,
        "cacheReadInputTokenCount": cached.read,
        "cacheWriteInputTokenCount": cached.written,
        "serverToolUsage": {},
    }
    written = (("5m", cached.written_5m), ("1h", cached.written_1h))
    details = [{"ttl": ttl, "inputTokens": tokens} for ttl, tokens in written if tokens]
    return found | ({"cacheDetails": details} if details else {})


def converse(ask: ConverseAsk, said: Answer, reply_id: str, latency_ms: int) -> bytes:
    """The body of a Converse answer."""
    content: list[Json] = _reasoning(ask, said)
    if said.pieces or not (said.calls or said.thoughts):
        content.append({"text": said.text})
    for i, call in enumerate(said.calls):
        use = {"toolUseId": _use_id(reply_id, i), "name": call.name, "input": orjson.Fragment(call.arguments)}
        content.append({"toolUse": use})
    return orjson.dumps(
        {"output": {"message": {"role": "assistant", "content": content}}}
        | _stop(ask, said)
        | {"usage": usage(said), "metrics": {"latencyMs": latency_ms}}
    )


def script(ask: ConverseAsk, said: Answer, reply_id: str) -> Script:
    """The frames of a ConverseStream answer; blocks of text and of reasoning have no contentBlockStart."""
    stop = _event("messageStop", _stop(ask, said))
    thoughts = 1 if said.thoughts else 0
    # A text without a token has its stop and nothing else.
    bare = not said.pieces and not said.calls and not thoughts
    closing = _event("contentBlockStop", {"contentBlockIndex": 0}) if bare else b""

    def tail(latency_ms: int) -> bytes:
        return closing + stop + _event("metadata", {"usage": usage(said), "metrics": {"latencyMs": latency_ms}})

    return Script(
        content_type=CONTENT_TYPE,
        opening=b"",
        head=_event("messageStart", {"role": "assistant"}),
        events=_blocks(ask, said, reply_id, thoughts),
        tail=tail,
        error=exception_frame,
        garbage=GARBAGE,
    )


def _stop(ask: ConverseAsk, said: Answer) -> Json:
    """Why it ended; of the model's own answer, what was asked for and is there."""
    reason = "guardrail_intervened" if ask.guarded and said.finish is Finish.REFUSED else _STOP[said.finish]
    found: Json = {"stopReason": reason}
    if "/stop_sequence" in ask.paths:
        found["additionalModelResponseFields"] = {"stop_sequence": said.stop_sequence or None}
    return found


def _reasoning(ask: ConverseAsk, said: Answer) -> list[Json]:
    if not said.thoughts:
        return []
    if said.secret and _signs(ask):
        return [{"reasoningContent": {"redactedContent": _redacted(said)}}]
    shown = said.thought if ask.thoughts_shown else ""
    text = {"text": shown} | ({"signature": _signature(said, shown)} if _signs(ask) else {})
    return [{"reasoningContent": {"reasoningText": text}}]


def _signs(ask: ConverseAsk) -> bool:
    return "claude" in ask.model


def _signature(said: Answer, shown: str) -> str:
    return seals.seal(shown, family=FAMILY, full=said.thought)


def _redacted(said: Answer) -> str:
    """A blob: base64 in JSON, whatever it holds."""
    return base64.b64encode(seals.seal(REDACTED, family=FAMILY, full=said.thought).encode()).decode()


def _event(kind: str, value: Json) -> bytes:
    """One frame; `p` pads it to a length that says nothing about the token (here: decided by the payload's size)."""
    payload = orjson.dumps(value)
    padding = _PADDING[: 1 + len(payload) % len(_PADDING)].encode()
    return frame(_JSON_EVENTS[kind], b'%b,"p":"%b"}' % (payload[:-1], padding))


def _blocks(ask: ConverseAsk, said: Answer, reply_id: str, first: int) -> Iterator[bytes]:
    """Every piece; what closes its block goes with the last. `first`: the index after the reasoning's."""
    yield from _closed(_thoughts(ask, said), 0)
    yield from _closed(_texts(said, first), first)
    first += 1 if said.pieces else 0
    for i, call in enumerate(said.calls):
        yield from _closed(_call(call, _use_id(reply_id, i), first + i), first + i)


def _closed(events: Iterator[bytes], index: int) -> Iterator[bytes]:
    before: bytes | None = None
    for event in events:
        if before is not None:
            yield before
        before = event
    if before is not None:
        yield before + _event("contentBlockStop", {"contentBlockIndex": index})


def _thoughts(ask: ConverseAsk, said: Answer) -> Iterator[bytes]:
    """Text, then its signature with the last of it; where thoughts are not shown, the signature alone."""
    if not said.thoughts:
        return
    if said.secret and _signs(ask):
        yield _thought({"redactedContent": _redacted(said)})
        return
    shown = list(said.thoughts) if ask.thoughts_shown else []
    signed = _thought({"signature": _signature(said, "".join(shown))}) if _signs(ask) else b""
    for piece in shown[:-1]:
        yield _thought({"text": piece})
    yield b"".join(_thought({"text": piece}) for piece in shown[-1:]) + signed


def _thought(delta: Json) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": delta}})


def _texts(said: Answer, index: int) -> Iterator[bytes]:
    dumps: Callable[[object], bytes] = orjson.dumps
    # An empty padding field at the end, to be filled.
    before, after = dumps({"contentBlockIndex": index, "delta": {"text": _MARK}, "p": ""}).split(dumps(_MARK))
    headers = _JSON_EVENTS["contentBlockDelta"]
    bare = len(frame(headers, before + after))
    for i, piece in enumerate(said.pieces):
        token = dumps(piece)
        padding = _PADDING[: 1 + i % len(_PADDING)].encode()
        missing = said.event_bytes - bare - len(token) - len(padding)
        if missing > 0:
            token = dumps(f"{piece[:-1]}{'.' * missing}{piece[-1:]}")
        yield frame(headers, b"".join((before, token, after[:-2], padding, b'"}')))


def _call(call: Call, use_id: str, index: int) -> Iterator[bytes]:
    use = {"toolUseId": use_id, "name": call.name}
    before = _event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": use}})
    # A tool without arguments sends no delta with content (an empty string, as Claude does).
    for piece in [""] if call.arguments == "{}" else call.pieces:
        yield before + _event("contentBlockDelta", {"contentBlockIndex": index, "delta": {"toolUse": {"input": piece}}})
        before = b""


def _use_id(reply_id: str, number: int) -> str:
    return f"tooluse_{reply_id}{number:02x}"
