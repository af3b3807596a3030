"""Bytes and links in a part: decoded, checked against the type they claim, described. Nothing is fetched."""

from collections.abc import Mapping
from typing import Any

from services.sandbox.gemini.canonical import decoded
from services.sandbox.gemini.refusals import invalid, unable
from services.sandbox.model.images import UnreadableImageError, describe

# https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding: no GIF
_IMAGES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_BEGINNINGS: Mapping[str, bytes] = {
    "application/pdf": b"%PDF-",
    "audio/wav": b"RIFF",
    "audio/flac": b"fLaC",
    "audio/ogg": b"OggS",
    "video/webm": b"\x1aE\xdf\xa3",
}
_OTHERS = ("audio/", "video/", "text/")


def inline(blob: Mapping[str, Any], where: str) -> str:
    """What the bytes are; raises Refusal."""
    kind = supported(blob.get("mimeType"))
    try:
        data = decoded(blob.get("data", ""))
    except ValueError:
        raise invalid(
            f"Invalid value at '{where}.inline_data.data' (TYPE_BYTES), Base64 decoding failed.",
            f"{where}.inline_data.data",
        ) from None
    if not data:
        raise unable("it has an empty inlineData parameter. Add a value to the parameter and try again.")
    if kind in {"image/heic", "image/heif"}:
        if data[4:8] != b"ftyp":
            raise invalid("Provided image is not valid.")
        return f"an {kind} of {len(data)} bytes"
    if kind in _IMAGES:
        try:
            return describe(kind, _standard(blob["data"]))
        except UnreadableImageError:
            raise invalid("Provided image is not valid.") from None
    if not data.startswith(_BEGINNINGS.get(kind, b"")):
        raise invalid("The document has no pages." if kind == "application/pdf" else "The input file is not valid.")
    return f"an {kind} of {len(data)} bytes" if kind[0] in "aeiou" else f"a {kind} of {len(data)} bytes"


def linked(file: Mapping[str, Any]) -> str:
    """A link's sentence; raises Refusal."""
    kind, uri = supported(file.get("mimeType")), file.get("fileUri", "")
    if not uri.startswith(("gs://", "https://")):
        raise invalid("Invalid file URI: it must begin with gs:// or https://.")
    return f"an {kind} behind a link (the sandbox fetches nothing)"


def supported(kind: str | None) -> str:
    kind = (kind or "").partition(";")[0].strip().lower()
    if kind not in _IMAGES and kind != "application/pdf" and not kind.startswith(_OTHERS):
        raise unable(
            f"it has a mimeType parameter with value {kind}, which is not supported. Update the mimeType and try again."
        )
    return kind


def _standard(encoded: str) -> str:
    """The alphabet and the padding that the description demands."""
    plain = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    return plain + "=" * (-len(plain) % 4)
