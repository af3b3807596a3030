"""Encodes AWS event-stream frames: prelude, headers, payload, two CRCs; and what Bedrock says when one breaks off.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

import struct
from collections.abc import Mapping
from zlib import crc32

import orjson

_STRING = 7  # the header value type of a UTF-8 string
CONTENT_TYPE = "application/vnd.amazon.eventstream"
GARBAGE = b"\x00\x00\x00\x40\x00\x00\x00\x10\xde\xad\xbe\xef" + b"\xff" * 52  # no frame has these CRCs
_MESSAGES = {
    "throttling": "Too many requests, please wait before trying again.",
    "modelStreamError": "The model produced an unexpected error while streaming.",
    "internalServer": "The system encountered an unexpected error during processing. Try your request again.",
    "serviceUnavailable": "The service is temporarily unavailable. Try again later.",
    "validation": "The model returned the following errors: the output was not valid.",
}


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


def exception_frame(name: str) -> bytes:
    """A stream's end by an error; `name` as a directive says it."""
    kind = f"{name}Exception"
    headers = headers_of({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"})
    payload: dict[str, str | int] = {"message": _MESSAGES[name]}
    if name == "modelStreamError":
        payload |= {"originalStatusCode": 500, "originalMessage": "Internal error"}
    return frame(headers, orjson.dumps(payload))
