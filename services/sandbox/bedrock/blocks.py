"""The content blocks of Converse: one member each, checked, and their text."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import orjson

from services.sandbox.anthropic.blocks import FAMILY, REDACTED
from services.sandbox.model import seals
from services.sandbox.model.images import UnreadableImageError, describe
from services.sandbox.wire import Refusal

_BLOCKS = frozenset(
    """
    text image document video audio toolUse toolResult guardContent cachePoint reasoningContent citationsContent
    searchResult toolAddition toolRemoval
    """.split()
)
_SYSTEM = frozenset({"text", "guardContent", "cachePoint"})
_RESULT = frozenset({"json", "text", "image", "document", "video", "searchResult"})
_IMAGES = frozenset({"png", "jpeg", "gif", "webp"})
_MOST_IMAGES, _IMAGE_BYTES = 20, 3_932_160
# Documents by their format: their first bytes; the others are text.
_DOCUMENTS: Mapping[str, bytes] = {
    "pdf": b"%PDF-",
    "doc": b"\xd0\xcf\x11\xe0",
    "xls": b"\xd0\xcf\x11\xe0",
    "docx": b"PK",
    "xlsx": b"PK",
    "csv": b"",
    "html": b"",
    "txt": b"",
    "md": b"",
}
_DOCUMENT_NAME = re.compile(r"[a-zA-Z0-9()\[\]-](?:[a-zA-Z0-9()\[\]-]|\s(?!\s)){0,199}")
_TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def invalid(message: str) -> Refusal:
    return Refusal(400, message, kind="ValidationException")


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def one_of(value: Any, members: AbstractSet[str], where: str) -> str:
    """The one member a union holds; raises Refusal."""
    names = list(value) if isinstance(value, dict) else []
    if len(names) != 1 or names[0] not in members:
        raise invalid(f"The value at {where} must hold exactly one of: {', '.join(sorted(members))}.")
    return str(names[0])


def blocks_in(content: Any, where: str, role: str) -> Sequence[dict[str, Any]]:
    """Every block valid for its role; an image gains `described`."""
    if not isinstance(content, list) or (not content and role != "system"):
        raise invalid(
            f"The content field at {where} is empty. Add a ContentBlock object to the content field and try again."
        )
    for i, block in enumerate(content):
        at = f"{where}.{i}"
        match one_of(block, _SYSTEM if role == "system" else _BLOCKS, at):
            case "text":
                _text(block["text"], at)
            case "image":
                if role != "user":
                    raise invalid("Assistant messages cannot contain images.")
                _image(block["image"], at)
            case "document":
                _document(block["document"], f"{at}.document", role)
            case "reasoningContent":
                _reasoning(block["reasoningContent"], f"{at}.reasoningContent", role)
            case "toolUse":
                _tool_use(block["toolUse"], at, role)
            case "toolResult":
                _tool_result(block["toolResult"], at, role)
            case _:
                pass
    return content


def documented(blocks: Sequence[Mapping[str, Any]], where: str) -> None:
    """A document does not stand without a text; raises Refusal."""
    if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
        raise invalid(f"A text block is required at {where} when it holds a document.")


def few_images(messages: Sequence[Mapping[str, Any]]) -> None:
    if sum("image" in block for message in messages for block in message["content"]) > _MOST_IMAGES:
        raise invalid(f"The model returned the following errors: too many images: more than {_MOST_IMAGES}.")


def signatures_held(messages: Sequence[Mapping[str, Any]], *, is_claude: bool) -> None:
    """Claude's reasoning comes back as it was; other models' carries no signature. Raises Refusal."""
    for i, message in enumerate(messages):
        for k, block in enumerate(message["content"]):
            given = block.get("reasoningContent")
            if given is not None and not _genuine(given, is_claude=is_claude):
                raise invalid(
                    f"The model returned the following errors: messages.{i}.content.{k}: "
                    "Invalid `signature` in `thinking` block"
                )


def text_of(blocks: Sequence[Any]) -> str:
    """All text of some blocks, results of tools included; JSON as it would be shown."""
    found = []
    for block in blocks:
        if "text" in block:
            found.append(block["text"])
        elif "json" in block:
            found.append(orjson.dumps(block["json"]).decode())
        elif "toolResult" in block:
            found.append(text_of(block["toolResult"]["content"]))
    return "\n".join(found)


def _text(text: Any, at: str) -> None:
    if not isinstance(text, str):
        raise invalid(f"The text field in the ContentBlock object at {at} is not a string.")
    if not text.strip():
        raise invalid(
            f"The text field in the ContentBlock object at {at} is blank. Add text to the text field, and try again."
        )


def _image(image: Any, at: str) -> None:
    kind = image.get("format") if isinstance(image, dict) else None
    if not isinstance(kind, str) or kind not in _IMAGES:
        raise invalid(f"The format at {at}.image must be one of: gif, jpeg, png, webp.")
    source = image.get("source")
    if one_of(source, {"bytes", "s3Location"}, f"{at}.image.source") != "bytes":
        image["described"] = f"an image/{kind} in S3 (the sandbox fetches nothing)"
        return
    if len(str(source["bytes"])) * 3 // 4 > _IMAGE_BYTES:
        raise invalid(f"The model returned the following errors: {at}.image.source.bytes: image exceeds 3.75 MB.")
    try:
        image["described"] = describe(f"image/{kind}", str(source["bytes"]))
    except UnreadableImageError as error:
        raise invalid(f"The model returned the following errors: {at}.image.source.bytes: {error}.") from None


def _document(document: Any, at: str, role: str) -> None:
    kind = document.get("format") if isinstance(document, dict) else None
    if role != "user":
        raise invalid("Assistant messages cannot contain documents.")
    if not isinstance(kind, str) or kind not in _DOCUMENTS:
        raise invalid(f"The format at {at} must be one of: {', '.join(sorted(_DOCUMENTS))}.")
    if not matches(_DOCUMENT_NAME, document.get("name")):
        raise invalid(
            f"The document file name at {at} can only contain alphanumeric characters, whitespace characters, hyphens, "
            "parentheses, and square brackets. The name can't contain more than one consecutive whitespace character."
        )
    source = document.get("source")
    if one_of(source, {"bytes", "s3Location", "text", "content"}, f"{at}.source") != "bytes":
        document["described"] = f"a {kind} document"
        return
    data = _blob(source["bytes"], f"{at}.source.bytes")
    if not data or not data.startswith(_DOCUMENTS[kind]):
        raise invalid(f"The model returned the following errors: {at}.source.bytes: the document is not a {kind}.")
    document["described"] = f"a {kind} document of {len(data)} bytes"


def _reasoning(reasoning: Any, at: str, role: str) -> None:
    if role != "assistant":
        raise invalid("User messages cannot contain reasoning content.")
    if one_of(reasoning, {"reasoningText", "redactedContent"}, at) == "redactedContent":
        _blob(reasoning["redactedContent"], f"{at}.redactedContent")
        return
    text = reasoning["reasoningText"]
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        raise invalid(f"The text at {at}.reasoningText is not a string.")
    if not isinstance(text.get("signature", ""), str):
        raise invalid(f"The signature at {at}.reasoningText is not a string.")


def _genuine(reasoning: Mapping[str, Any], *, is_claude: bool) -> bool:
    if "redactedContent" in reasoning:
        sealed = base64.b64decode(reasoning["redactedContent"]).decode(errors="replace")
        return is_claude and seals.holds(sealed, REDACTED, family=FAMILY)
    text = reasoning["reasoningText"]
    if not is_claude:
        return "signature" not in text
    return seals.holds(text.get("signature", ""), text["text"], family=FAMILY)


def _blob(encoded: Any, at: str) -> bytes:
    try:
        return base64.b64decode(encoded if isinstance(encoded, str) else "!", validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, f"The value at {at} is not base64.", kind="SerializationException") from None


def _tool_use(use: Any, at: str, role: str) -> None:
    if role != "assistant":
        raise invalid("User messages cannot contain tool uses.")
    if not isinstance(use, dict) or not matches(_TOOL_USE_ID, use.get("toolUseId")):
        raise invalid(f"The toolUseId at {at}.toolUse must match [a-zA-Z0-9_.:-]{{1,64}}.")
    if not matches(TOOL_NAME, use.get("name")):
        raise invalid(f"The name at {at}.toolUse must match [a-zA-Z0-9_-]{{1,64}}.")
    if not isinstance(use.get("input"), dict):
        raise invalid(
            f"The format of the value at {at}.toolUse.input is invalid. "
            "Provide a json object for the field and try again."
        )


def _tool_result(result: Any, at: str, role: str) -> None:
    if role != "user":
        raise invalid("Assistant messages cannot contain tool results.")
    if not isinstance(result, dict) or not matches(_TOOL_USE_ID, result.get("toolUseId")):
        raise invalid(f"The toolUseId at {at}.toolResult must match [a-zA-Z0-9_.:-]{{1,64}}.")
    if result.get("status", "success") not in ("success", "error"):
        raise invalid(f"The status at {at}.toolResult must be one of: error, success.")
    content = result.get("content")
    if not isinstance(content, list):
        raise invalid(f"The content at {at}.toolResult must be a list.")
    for i, block in enumerate(content):
        where = f"{at}.toolResult.content.{i}"
        if one_of(block, _RESULT, where) == "image":
            _image(block["image"], where)
