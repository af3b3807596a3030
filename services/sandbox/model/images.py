"""Images in a prompt: decoded, checked against the type they claim, described by type and size."""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# The first bytes of each format (PNG 5.2, JPEG B.1.1.3, GIF89a 17; WebP also needs "WEBP" at 8).
_MAGIC: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_PIXELS = 64 << 20  # no more bytes than this are unpacked of one picture
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn: size, JPEG B.2.2
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


class UnreadableImageError(ValueError):
    """Not base64, not a known type, or bytes of another type."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What the bytes say; sizes in pixels."""

    media_type: str
    width: int
    height: int


def describe(media_type: str, encoded: str) -> str:
    """`an image/png of 1234 bytes`; raises UnreadableImageError."""
    if media_type not in _MAGIC:
        raise UnreadableImageError(f"{media_type} is not among png, jpeg, gif and webp")
    data = decoded(encoded)
    if kind_of(data) != media_type:
        raise UnreadableImageError(f"the image was declared as {media_type}, but its bytes are of another type")
    return f"an {media_type} of {len(data)} bytes"


def decoded(encoded: str) -> bytes:
    """Raises UnreadableImageError."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImageError("the image is not valid base64") from None


def kind_of(data: bytes) -> str:
    """The media type by the first bytes; empty: none that is known."""
    found = next((kind for kind, starts in _MAGIC.items() if data.startswith(starts)), "")
    return "" if found == "image/webp" and data[8:12] != b"WEBP" else found


def picture(data: bytes) -> Picture:
    """The size that the bytes hold; a PNG is unpacked, the others are read to where their size stands.

    Raises UnreadableImageError.
    """
    kind = kind_of(data)
    try:
        match kind:
            case "image/png":
                width, height = _png(data)
            case "image/jpeg":
                width, height = _jpeg(data)
            case "image/gif":
                width, height = struct.unpack_from("<HH", data, 6)
            case "image/webp":
                width, height = _webp(data)
            case _:
                raise UnreadableImageError("its type is not known")
    except (struct.error, zlib.error, IndexError, StopIteration):
        raise UnreadableImageError("its bytes end too early or are damaged") from None
    if not width or not height:
        raise UnreadableImageError("it has no pixels")
    return Picture(media_type=kind, width=width, height=height)


def _png(data: bytes) -> tuple[int, int]:
    """Every chunk's CRC is checked, and that the pixels unpack to as many rows as there are (PNG 11.2, 9)."""
    chunks = list(_png_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or chunks[-1][0] != b"IEND":
        raise UnreadableImageError("it lacks its first or its last chunk")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    unpacked = zlib.decompressobj().decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"), _PIXELS)
    rows = height * (1 + -(-width * channels * depth // 8))
    if not channels or (not interlaced and len(unpacked) < min(rows, _PIXELS)):
        raise UnreadableImageError("it lacks pixels")
    return width, height


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        (crc,) = struct.unpack_from(">I", data, at + 8 + size)
        if zlib.crc32(kind + body) != crc:
            raise UnreadableImageError("a chunk of it is damaged")
        yield kind, body
        at += 12 + size


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if data[at] != 0xFF:  # noqa: PLR2004 - every marker's first byte
            raise UnreadableImageError("a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF or marker in _JPEG_BARE:  # noqa: PLR2004 - a fill byte
            at += 1 if marker == 0xFF else 2  # noqa: PLR2004 - as above
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        (size,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + size


def _webp(data: bytes) -> tuple[int, int]:
    """The three kinds of WebP: lossy, lossless and extended (RFC 9649, section 2)."""
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        case _:
            raise UnreadableImageError("its kind of WebP is not known")
