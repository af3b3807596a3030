"""application/vnd.amazon.eventstream, sans-IO: bytes in any pieces in, checked frames out."""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import orjson

from libs.contracts.errors import UpstreamError
from libs.dialects.values import value

FRAME_LIMIT = 24 << 20
HEADERS_LIMIT = 128 << 10
_PRELUDE = struct.Struct(">III")  # total length, headers length, CRC-32 of these two
_CRC = struct.Struct(">I")
_LEAST = _PRELUDE.size + _CRC.size
_SIZED = {6, 7}  # byte array and string carry their own length, of two bytes
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_STRING = 7
_KNOWN = 64  # header blocks of one stream repeat: so many are remembered


@value
class Frame:
    """`message_type` is event, exception or error; `kind` the type of the event or exception, or the error's code."""

    message_type: str
    kind: str
    payload: bytes

    def members(self) -> dict[str, Any]:
        """The payload as a JSON object; an empty one is none. UpstreamError where it is anything else."""
        try:
            read = orjson.loads(self.payload or b"{}")
        except ValueError as error:  # orjson's error repeats the document
            raise _broken("a payload that is not JSON") from error
        if not isinstance(read, dict):
            raise _broken("a payload that is not an object")
        return read


def _broken(what: str) -> UpstreamError:
    return UpstreamError(f"The provider's event stream holds {what}; try again.")


class FrameDecoder:
    """Feed it what arrives. UpstreamError, whatever the bytes; after one the stream is lost."""

    def __init__(self) -> None:
        self._tail = bytearray()
        self._headers: dict[bytes, dict[str, str]] = {}

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended: at the end of a stream that is a cut."""
        return bool(self._tail)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now; those before garbage come before its UpstreamError."""
        self._tail += data
        at, have = 0, len(self._tail)
        try:
            while have - at >= _PRELUDE.size:
                total, headers, crc = _PRELUDE.unpack_from(self._tail, at)
                self._check_prelude(at, total, headers, crc)
                if have - at < total:
                    break
                frame = self._frame(bytes(self._tail[at : at + total]), headers)
                at += total
                yield frame
        finally:
            del self._tail[:at]

    def _check_prelude(self, at: int, total: int, headers: int, crc: int) -> None:
        if zlib.crc32(self._tail[at : at + 8]) != crc:
            raise _broken("a frame whose prelude fails its checksum")
        if not _LEAST + headers <= total <= FRAME_LIMIT or headers > HEADERS_LIMIT:
            raise _broken("a frame of impossible length")

    def _frame(self, raw: bytes, headers_length: int) -> Frame:
        if zlib.crc32(raw[: -_CRC.size]) != _CRC.unpack_from(raw, len(raw) - _CRC.size)[0]:
            raise _broken("a frame that fails its checksum")
        split = _PRELUDE.size + headers_length
        block, payload = raw[_PRELUDE.size : split], raw[split : -_CRC.size]
        headers = self._headers.get(block)
        if headers is None:
            headers = read_headers(block)
            if len(self._headers) < _KNOWN:
                self._headers[block] = headers
        message_type = headers.get(":message-type", "event")
        if message_type == "error":
            told = {"message": headers.get(":error-message", "")}
            return Frame(message_type="error", kind=headers.get(":error-code", "error"), payload=orjson.dumps(told))
        kind = headers.get(":event-type") or headers.get(":exception-type") or ""
        return Frame(message_type=message_type, kind=kind, payload=payload)


def read_headers(block: bytes) -> dict[str, str]:
    """The headers of type string; the others are checked for their length and passed over."""
    headers: dict[str, str] = {}
    seen: set[bytes] = set()
    at = 0
    try:
        while at < len(block):
            name, at = _sized(block, at + 1, block[at])
            if name in seen:
                raise _broken("a frame with one header twice")
            seen.add(name)
            kind = block[at]
            if kind in _SIZED:
                value, at = _sized(block, at + 3, int.from_bytes(block[at + 1 : at + 3]))
            else:
                value, at = _sized(block, at + 1, _FIXED[kind])
            label = name.decode()
            if kind == _STRING:
                headers[label] = value.decode()
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise _broken("a frame with headers that cannot be read") from error
    return headers


def _sized(block: bytes, start: int, length: int) -> tuple[bytes, int]:
    end = start + length
    if end > len(block):
        raise IndexError
    return block[start:end], end
