"""Encodes AWS event-stream frames: prelude, headers, payload, two CRCs.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

import struct
from collections.abc import Mapping
from zlib import crc32

_STRING = 7  # the header value type of a UTF-8 string


def headers_of(values: Mapping[str, str]) -> bytes:
    """Header block; made once for each event type, since only payloads differ."""
    block = bytearray()
    for name, value in values.items():
        key, text = name.encode(), value.encode()
        block += struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text
    return bytes(block)


def frame(headers: bytes, payload: bytes) -> bytes:
    """One message: total length, header length, CRC of both, headers, payload, CRC of all before."""
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = b"".join((prelude, struct.pack("!I", crc32(prelude)), headers, payload))
    return message + struct.pack("!I", crc32(message))
