"""Images in a prompt: decoded, checked against the type they claim, described by type and size."""

import base64
import binascii
from collections.abc import Mapping

# The first bytes of each format (PNG 5.2, JPEG B.1.1.3, GIF89a 17; WebP also needs "WEBP" at 8).
_MAGIC: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


class UnreadableImageError(ValueError):
    """Not base64, not a known type, or bytes of another type."""


def describe(media_type: str, encoded: str) -> str:
    """`an image/png of 1234 bytes`; raises UnreadableImageError."""
    if media_type not in _MAGIC:
        raise UnreadableImageError(f"{media_type} is not among png, jpeg, gif and webp")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImageError("the image is not valid base64") from None
    if not data.startswith(_MAGIC[media_type]) or (media_type == "image/webp" and data[8:12] != b"WEBP"):
        raise UnreadableImageError(f"the image was declared as {media_type}, but its bytes are of another type")
    return f"an {media_type} of {len(data)} bytes"
