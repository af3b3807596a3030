"""Parts of a turn as Converse's content blocks: texts, images, documents, calls, results and signed thoughts."""

import base64
import hashlib
import re
from typing import Any, assert_never

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import Document, Image, Part, Reasoning, Text, ToolCall, ToolResult
from libs.dialects.models import ModelFlags
from libs.dialects.signatures import unmarked

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
}
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
# AWS, DocumentBlock.name: letters, digits, single spaces, hyphens, parentheses and square brackets; 200 at most.
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9\s\-()\[\]]+")
_NOTHING = {"text": "(empty)"}  # what a tool said that said nothing: some models take no list without a block
_ERROR = {"text": "Error:"}
_NAME_LIMIT = 190  # leaves room for a number behind it


def family(model: ModelFlags) -> str:
    """Whose signatures the model takes (libs.dialects.signatures)."""
    return "" if model.claude else "b"


class BlockWriter:
    """One for each request: documents must have names of their own throughout the conversation."""

    def __init__(self, model: ModelFlags) -> None:
        self._model = model
        self._names: set[str] = set()

    def write(self, part: Part) -> list[dict[str, Any]]:
        """Nothing for a blank text, which Converse refuses, nor for a thought that the model could not verify."""
        match part:
            case Text():
                return [{"text": part.text}] if part.text.strip() else []
            case Image():
                return [_image(part, self._model)]
            case Document():
                return [self._document(part)]
            case ToolCall():
                return [{"toolUse": {"toolUseId": tool_use_id(part.id), "name": part.name, "input": part.arguments}}]
            case ToolResult():
                return [self._result(part)]
            case Reasoning():
                return _reasoning(part, family(self._model))
            case _:
                assert_never(part)

    def _result(self, part: ToolResult) -> dict[str, Any]:
        content = [block for inner in part.parts for block in self.write(inner)] or [_NOTHING]
        result: dict[str, Any] = {"toolUseId": tool_use_id(part.id), "content": content}
        if part.is_error and self._model.error_results:
            result["status"] = "error"
        elif part.is_error and not content[0].get("text", "").lower().startswith("error"):
            content.insert(0, _ERROR)
        return {"toolResult": result}

    def _document(self, part: Document) -> dict[str, Any]:
        if part.url:
            told = "This route cannot fetch documents: send the document itself as base64."
            raise InvalidRequest(told, param="messages")
        data, kind = part.data, _DOCUMENTS.get(part.media_type)
        if not data:
            data, kind = base64.b64encode(part.text.encode("utf-8", "replace")).decode(), kind or "txt"
        if kind is None:
            told = "This route takes documents in PDF, Word, Excel, CSV, HTML, Markdown or plain text only."
            raise InvalidRequest(told, param="messages")
        return {"document": {"format": kind, "name": self._name(part.name), "source": {"bytes": data}}}

    def _name(self, given: str) -> str:
        said = _NOT_IN_NAMES.sub("-", given[: 4 * _NAME_LIMIT])
        base = " ".join(said.split())[:_NAME_LIMIT].strip() or "document"
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


def _reasoning(part: Reasoning, family: str) -> list[dict[str, Any]]:
    if redacted := unmarked(family, part.redacted):
        return [{"reasoningContent": {"redactedContent": redacted}}]
    if signature := unmarked(family, part.signature):
        return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": signature}}}]
    return []


def _image(part: Image, model: ModelFlags) -> dict[str, Any]:
    if not model.vision:
        raise InvalidRequest("This model does not take images: leave them out or choose another.", param="messages")
    if part.url:
        told = "This route cannot fetch images: send the image itself as a data URL (data:image/png;base64,…)."
        raise InvalidRequest(told, param="messages")
    if part.media_type not in _IMAGES:
        raise InvalidRequest("This route takes images in PNG, JPEG, GIF or WebP only.", param="messages")
    return {"image": {"format": _IMAGES[part.media_type], "source": {"bytes": part.data}}}


def tool_use_id(given: str) -> str:
    """The same id for the same call: other providers' ids may be longer, or hold what Converse does not take."""
    if _TOOL_USE_ID.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:32]
