"""Checks of everything that takes a provider's stream apart, each over arbitrary bytes."""

import base64
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import orjson

from libs.contracts.errors import NorthernError
from libs.dialects import sse
from libs.dialects.anthropic_messages import decoder as anthropic_decoder
from libs.dialects.anthropic_messages import passthrough as anthropic_passthrough
from libs.dialects.anthropic_messages import stream as anthropic_stream
from libs.dialects.bedrock_converse import decoder as converse_decoder
from libs.dialects.form import Event, Failure, Stop, UsageEvent
from libs.dialects.gemini import decoder as gemini_decoder
from libs.dialects.openai_chat import decoder as openai_decoder
from libs.dialects.openai_chat import passthrough as openai_passthrough
from libs.dialects.openai_chat import stream as openai_stream
from services.worker.providers.bedrock.events import ClaudeFrames, ConverseFrames, PassedFrames
from services.worker.providers.bedrock.framing import FrameDecoder
from services.worker.providers.passed import PassedStream
from services.worker.providers.translated import JsonEvents, ProviderEvents, Unframer
from tests.fuzz.properties import Told, the_same_in_pieces, told

_BLANK = re.compile(rb"[\r\n]{2,}")  # an event that is written anew leaves blank lines too many behind

# --- events taken apart -------------------------------------------------------------------------------------------


def splitter(data: bytes) -> None:
    """Server-sent events, read and passed on."""

    def read(pieces: list[bytes]) -> object:
        events, end = sse.EventSplitter(), None
        found: list[sse.ServerSentEvent] = []
        for piece in pieces:
            try:
                found += events.feed(piece)
            except NorthernError as error:
                end = told(error)
        return found, end, events.pending

    def passed(pieces: list[bytes]) -> object:
        whole = sse.WholeEvents()
        out = b"".join(map(whole.feed, pieces))
        assert data.startswith(out)
        assert b"".join(sse.each_event(out)) == out
        return _bare(out)

    the_same_in_pieces(data, read)
    the_same_in_pieces(data, passed)


def frames(data: bytes) -> None:
    """AWS's event stream: the bytes themselves, which the checksums mostly refuse, and their lines as frames."""
    _frames(data)
    _frames(framed(data))


def _frames(data: bytes) -> None:
    def read(pieces: list[bytes]) -> object:
        decoder, found, end = FrameDecoder(), [], None
        for piece in pieces:
            try:
                for frame in decoder.feed(piece):
                    assert end is None, "a frame after an error"
                    found.append((frame.message_type, frame.kind, frame.payload))
            except NorthernError as error:
                end = end or told(error)
        return found, end, decoder.pending

    the_same_in_pieces(data, read)


# --- translated ---------------------------------------------------------------------------------------------------


def openai(data: bytes) -> None:
    the_same_in_pieces(data, lambda pieces: _translated(JsonEvents(), openai_decoder.StreamDecoder(), pieces))


def anthropic(data: bytes) -> None:
    the_same_in_pieces(data, lambda pieces: _translated(JsonEvents(), anthropic_decoder.StreamDecoder(), pieces))


def gemini(data: bytes) -> None:
    the_same_in_pieces(data, lambda pieces: _translated(JsonEvents(), gemini_decoder.StreamDecoder(), pieces))


def converse(data: bytes) -> None:
    """Each line a frame: the type, a blank, the payload."""
    for claude in (False, True):
        the_same_in_pieces(
            framed(data),
            lambda pieces, claude=claude: _translated(  # type: ignore[misc]
                ConverseFrames(), converse_decoder.StreamDecoder(claude=claude), pieces
            ),
        )


def claude_frames(data: bytes) -> None:
    """The same with Anthropic's events inside."""
    the_same_in_pieces(
        framed(data), lambda pieces: _translated(ClaudeFrames(), anthropic_decoder.StreamDecoder(), pieces)
    )


def _translated(unframer: Unframer, decoder: ProviderEvents, pieces: list[bytes]) -> object:
    """As a worker does it (services.worker.providers.translated.Translated)."""
    events: list[Event] = []
    end: Told | None = None
    for piece in pieces:
        try:
            for kind, payload in unframer.feed(piece):
                events += _fed(decoder, kind, payload)
        except NorthernError as error:
            end = told(error)
            break
    shown = [(type(event).__name__, told(event.error)) if isinstance(event, Failure) else event for event in events]
    _check_events(decoder, events)
    _check_shown(events)
    return shown, end, told(decoder.error), decoder.started, decoder.finished, decoder.usage, decoder.output_bytes


def _fed(decoder: ProviderEvents, kind: str, payload: dict[str, Any]) -> list[Event]:
    over = decoder.error is not None
    try:
        events = decoder.feed(kind, payload)
    except NorthernError as error:
        raise AssertionError("a decoder raised what it should tell by `error`") from error
    assert not (over and events), "events after an error"
    return events


def _check_events(decoder: ProviderEvents, events: list[Event]) -> None:
    failures = [at for at, event in enumerate(events) if isinstance(event, Failure)]
    assert failures == ([len(events) - 1] if decoder.error is not None else []), "a failure is the last event"
    stops = [at for at, event in enumerate(events) if isinstance(event, Stop)]
    assert len(stops) == decoder.finished, "an answer stops once"
    after = events[stops[0] + 1 :] if stops else []
    assert all(isinstance(event, UsageEvent | Failure) for event in after), "words after the stop"
    assert decoder.output_bytes >= 0


def _check_shown(events: list[Event]) -> None:
    """What either kind of caller is sent of it can be read."""
    written = openai_stream.StreamEncoder("i", 1, "m", include_usage=True)
    for event in sse.EventSplitter().feed(written.encode(events) + written.done()):
        assert event.data == b"[DONE]" or isinstance(orjson.loads(event.data)["choices"], list)
    other = anthropic_stream.StreamEncoder("i", 1, "m", include_usage=True)
    open_, number = None, 0
    for event in sse.EventSplitter().feed(other.encode(events) + other.done()):
        payload = orjson.loads(event.data)
        assert payload["type"] == event.event
        match event.event:
            case "content_block_start":
                assert (open_, payload["index"]) == (None, number)
                open_, number = number, number + 1
            case "content_block_delta":
                assert open_ == payload["index"]
            case "content_block_stop":
                assert open_ == payload["index"]
                open_ = None
            case _:
                pass
    assert open_ is None


# --- passed on ----------------------------------------------------------------------------------------------------


def openai_passed(data: bytes) -> None:
    for include_usage in (True, False):
        for model in (None, b"ours"):
            _passed(
                data,
                lambda usage=include_usage, model=model: openai_passthrough.OpenAIStream(usage, model),  # type: ignore[misc]
                unchanged=include_usage and model is None,
            )


def anthropic_passed(data: bytes) -> None:
    for model in (None, b"ours"):
        _passed(
            data,
            lambda model=model: anthropic_passthrough.AnthropicStream(model),  # type: ignore[misc]
            unchanged=model is None,
        )


def _passed(data: bytes, stream: Callable[[], PassedStream], *, unchanged: bool) -> None:
    def read(pieces: list[bytes]) -> object:
        passed, out = stream(), b""
        for piece in pieces:
            over = passed.error is not None
            given = passed.feed(piece)
            assert not (over and given), "bytes after an error"
            out += given
        assert not unchanged or data.startswith(out), "other bytes than came"
        # Which of several members of this name is the model's is a guess, and depends on what has been seen.
        shown = _bare(out) if unchanged else b"" if ambiguous else _BLANK.sub(b"\n\n", _bare(out))
        return shown, passed.started, passed.finished, passed.done, passed.usage, told(passed.error)

    ambiguous = any(event.count(b'"model"') > 1 for event in sse.each_event(data))
    the_same_in_pieces(data, read)


def frames_passed(data: bytes) -> None:
    """Anthropic's events out of AWS's frames: what comes out is what Anthropic itself would have sent."""

    def read(pieces: list[bytes], model: str | None) -> object:
        passed, out = PassedFrames(model), b""
        for piece in pieces:
            over = passed.error is not None
            given = passed.feed(piece)
            assert not (over and given), "bytes after an error"
            out += given
        for event in sse.each_event(out) if out else ():
            assert event.startswith(b"event: ")
            assert event.count(b"\n") == 3
        return out, passed.started, passed.complete, passed.finish(), passed.usage, told(passed.error)

    for model in (None, "ours"):
        the_same_in_pieces(framed(data), lambda pieces, model=model: read(pieces, model))  # type: ignore[misc]


def _bare(out: bytes) -> bytes:
    """Blank lines too many may wait for the next event, or not."""
    return out.rstrip(b"\r\n")


# --- lines as frames ----------------------------------------------------------------------------------------------


def framed(data: bytes) -> bytes:
    """Each line as a frame with good checksums: `type payload`, `!type payload` for an exception.

    The payload of a `chunk` is put into base64, as InvokeModel's are; one of a `raw` stays as it is.
    """
    return b"".join(_frame(*line.partition(b" ")) for line in data.split(b"\n") if line)


def _frame(kind: bytes, _: bytes, payload: bytes) -> bytes:
    message_type, name = (b"exception", kind[1:]) if kind.startswith(b"!") else (b"event", kind)
    if name == b"chunk":
        payload = b'{"bytes":"' + base64.b64encode(payload) + b'"}'
    name = b"chunk" if name == b"raw" else name
    headers = [(b":message-type", message_type), (b":" + message_type + b"-type", name[:200])]
    block = b"".join(
        bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(value)) + value for key, value in headers
    )
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return body + struct.pack(">I", zlib.crc32(body))
