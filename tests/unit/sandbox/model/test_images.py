"""Pictures are read to their size; damaged ones are found."""

import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.model.images import Picture, UnreadableImageError, kind_of, picture


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + bytes(9)) * rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


JPEG = b"\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xc2\x00\x0b\x08" + struct.pack(">HH", 2, 3) + b"\x01\x11\x00\xff\xd9"
GIF = b"GIF89a" + struct.pack("<HH", 3, 2) + bytes(10)
LOSSY = b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 3, 2)
LOSSLESS = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + struct.pack("<I", 2 | 1 << 14)
EXTENDED = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x02\x00\x00\x01\x00\x00"


@pytest.mark.parametrize("data", [png(), JPEG, GIF, LOSSY, LOSSLESS, EXTENDED])
def test_every_kind_tells_its_size(data: bytes) -> None:
    assert picture(data) == Picture(media_type=kind_of(data), width=3, height=2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BM" + bytes(60),
        png()[:-12],
        png()[:-30],
        png(rows=1),
        png()[:-1] + b"x",
        png().replace(b"IDAT", b"IDAX"),
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        JPEG[:15],
        b"\xff\xd8\xff\xe0\x00\x04JFxx",
        GIF[:8],
        b"GIF89a" + bytes(10),
        LOSSY[:27],
        LOSSY.replace(b"VP8 ", b"VP9 "),
    ],
)
def test_a_damaged_picture_is_found(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        picture(data)


@given(st.sampled_from([png(), JPEG, GIF, LOSSY, EXTENDED]), st.integers(0, 80), st.binary(max_size=6))
def test_any_bytes_are_a_picture_or_are_not(data: bytes, at: int, changed: bytes) -> None:
    with suppress(UnreadableImageError):  # any other exception is the failure
        picture(data[:at] + changed + data[at + len(changed) :])
