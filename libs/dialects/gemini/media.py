"""Images and documents as Gemini's parts: inline where we have the bytes, by address where the caller gave one."""

import base64
from typing import Any
from urllib.parse import urlsplit

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Document, Image
from libs.dialects.models import ModelFlags

# Google, "Image understanding": GIF and others are refused.
_IMAGES = frozenset(("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"))
_ENDINGS = {"png": "image/png", "webp": "image/webp", "heic": "image/heic", "heif": "image/heif"}


def write_media(part: Image | Document, model: ModelFlags) -> dict[str, Any]:
    return _image(part, model) if isinstance(part, Image) else _document(part)


def _image(part: Image, model: ModelFlags) -> dict[str, Any]:
    if not model.vision:
        raise InvalidRequest("This model does not take images: leave them out or choose another.", param="messages")
    if part.url:
        return {"fileData": {"fileUri": part.url, "mimeType": part.media_type or _guessed(part.url)}}
    if part.media_type not in _IMAGES:
        raise InvalidRequest("This route takes images in PNG, JPEG, WebP, HEIC or HEIF only.", param="messages")
    return {"inlineData": {"mimeType": part.media_type, "data": part.data}}


def _guessed(url: str) -> str:
    """Vertex wants a type before it has seen the image; most on the web are JPEG."""
    try:
        path = urlsplit(url).path
    except ValueError as error:
        raise InvalidRequest("An image's URL must be one.", param="messages") from error
    return _ENDINGS.get(path.rpartition(".")[2].lower(), "image/jpeg")


def _document(part: Document) -> dict[str, Any]:
    kind = part.media_type
    if part.url:
        return {"fileData": {"fileUri": part.url, "mimeType": kind or "application/pdf"}}
    if not part.data:
        return {"text": part.text}
    if kind.startswith("text/"):
        try:
            return {"text": base64.b64decode(part.data).decode()}
        except ValueError as error:
            raise InvalidRequest("A text document must be base64 of UTF-8.", param="messages") from error
    if kind != "application/pdf":
        raise InvalidRequest("This route takes documents in PDF or plain text only.", param="messages")
    return {"inlineData": {"mimeType": kind, "data": part.data}}
