"""Images and PDFs that ride in a request, checked to the last byte of their base64, and links to them."""

import binascii
from urllib.parse import urlsplit

from libs.dialects.fields import wrong
from libs.dialects.form import Image

PDF = "application/pdf"
# A caller's media type is often a guess from a file name; the bytes know (magic numbers of the four formats in use).
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def checked_image(media_type: str, data: str, path: str) -> Image:
    """`data` is base64. It is checked here, because a provider's complaint about base64 names no message."""
    raw = _decoded(data, path, "an image")
    return Image(media_type=sniffed(raw) or _named_type(media_type, path), data=data)


def checked_pdf(data: str, path: str) -> str:
    """The base64 it was given, once it is known to be a PDF's. A few readers allow junk before the header: so do we."""
    if b"%PDF-" not in _decoded(data, path, "a PDF")[:1024]:
        raise wrong(path, "be a PDF in base64")
    return data


def checked_link(url: str, path: str) -> str:
    """An https URL with a host; whether it may be fetched is decided where it is."""
    try:
        parts = urlsplit(url)
        there = parts.scheme.lower() == "https" and bool(parts.hostname)
    except ValueError as error:
        raise wrong(path, "be an https URL") from error
    if not there:
        raise wrong(path, "be an https URL, or the file itself in base64")
    return url


def sniffed(raw: bytes) -> str:
    """The media type that the first bytes tell; "" for none of the four formats that providers take."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "image/webp"
    return next((name for magic, name in _MAGIC if raw.startswith(magic)), "")


def _decoded(data: str, path: str, what: str) -> bytes:
    try:
        raw = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:  # binascii.Error, and non-ASCII text
        raise wrong(path, "hold valid base64") from error
    if not raw:
        raise wrong(path, f"hold {what} in base64")
    return raw


def _named_type(given: str, path: str) -> str:
    name = given.lower().replace("image/jpg", "image/jpeg")
    if not name.startswith("image/"):
        raise wrong(path, "be of an image type")
    return name
