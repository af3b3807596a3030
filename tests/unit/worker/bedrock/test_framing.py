"""Event-stream frames, held against botocore's own decoder."""

import struct
import zlib
from itertools import pairwise
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import UpstreamError
from services.worker.providers.bedrock.framing import FRAME_LIMIT, Frame, FrameDecoder


def frame(headers: dict[str, str], payload: bytes = b"{}", extra: bytes = b"") -> bytes:
    block = b"".join(
        bytes([len(name.encode())]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    return raw(block + extra, payload)


def raw(block: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    body = prelude + block + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(kind: str, payload: bytes = b"{}") -> bytes:
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


EVERY_TYPE = (
    b"\x01t\x00\x01f\x01\x01b\x02\x05\x01s\x03\x00\x05\x01i\x04\x00\x00\x00\x05\x01l\x05" + bytes(8)
    + b"\x01y\x06\x00\x03abc\x01d\x08" + bytes(8) + b"\x01u\x09" + bytes(16)
)  # fmt: skip

EVENTS = st.lists(
    st.tuples(st.sampled_from(["messageStart", "contentBlockDelta", "metadata"]), st.binary(max_size=200)), max_size=6
)


@given(EVENTS, st.lists(st.integers(0, 2000), max_size=20))
def test_any_split_gives_the_frames_that_botocore_gives(events: list[tuple[str, bytes]], at: list[int]) -> None:
    data = b"".join(event(*each) for each in events)
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    ours, theirs = FrameDecoder(), EventStreamBuffer()
    theirs.add_data(data)
    got = [f for a, b in pairwise(marks) for f in ours.feed(data[a:b])]
    messages: list[Any] = list(theirs)  # its stubs take the headers for a number
    oracle = [(m.headers[":message-type"], m.headers[":event-type"], m.payload) for m in messages]
    assert [(f.message_type, f.kind, f.payload) for f in got] == oracle
    assert not ours.pending


@given(st.binary(max_size=400))
def test_arbitrary_bytes_raise_nothing_but_our_own_error(data: bytes) -> None:
    try:
        list(FrameDecoder().feed(data))
    except UpstreamError:
        pass


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_arbitrary_headers_are_refused_exactly_where_botocore_refuses(block: bytes, payload: bytes) -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(raw(block, payload))
    try:
        accepted = next(theirs).payload == payload
    except Exception:  # noqa: BLE001 - the oracle raises KeyError, struct.error, UnicodeDecodeError and its own
        accepted = False
    try:
        frames = list(FrameDecoder().feed(raw(block, payload)))
    except UpstreamError:
        assert not accepted or b"\x06" in block or b"\x07" in block  # botocore cuts a short string off without a word
    else:
        assert len(frames) == 1
        assert accepted


@pytest.mark.parametrize("at", [0, 5, 9, 20, -6, -1])
def test_one_flipped_bit_is_an_upstream_error(at: int) -> None:
    data = bytearray(event("metadata", b'{"usage":{}}') + event("messageStop"))
    data[at] ^= 1
    with pytest.raises(UpstreamError):
        list(FrameDecoder().feed(bytes(data)))


def test_a_frame_beyond_the_limit_is_refused_by_its_prelude() -> None:
    for total, headers in ((FRAME_LIMIT + 1, 0), (15, 0), (40, 100), (1 << 20, 200 << 10)):
        prelude = struct.pack(">II", total, headers)
        with pytest.raises(UpstreamError):
            list(FrameDecoder().feed(prelude + struct.pack(">I", zlib.crc32(prelude))))


def test_a_frame_that_is_cut_stays_pending() -> None:
    decoder = FrameDecoder()
    assert list(decoder.feed(event("metadata")[:-1])) == []
    assert decoder.pending


def test_exceptions_and_errors_say_their_kind() -> None:
    data = frame({":exception-type": "throttlingException", ":message-type": "exception"}, b'{"message":"slow"}')
    data += frame({":message-type": "error", ":error-code": "internal", ":error-message": "broke"}, b"", EVERY_TYPE)
    assert list(FrameDecoder().feed(data)) == [
        Frame(message_type="exception", kind="throttlingException", payload=b'{"message":"slow"}'),
        Frame(message_type="error", kind="internal", payload=b'{"message":"broke"}'),
    ]


@pytest.mark.parametrize("payload", [b"[]", b"{", b"\xff", b"1"])
def test_a_payload_that_is_no_object_is_an_upstream_error(payload: bytes) -> None:
    with pytest.raises(UpstreamError):
        Frame(message_type="event", kind="x", payload=payload).members()
