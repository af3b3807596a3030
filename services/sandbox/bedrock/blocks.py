"""The content blocks of Converse: one member each, checked, and their text."""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import orjson

from services.sandbox.images import UnreadableImageError, describe
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
                _image(block["image"], at)
            case "toolUse":
                _tool_use(block["toolUse"], at, role)
            case "toolResult":
                _tool_result(block["toolResult"], at, role)
            case _:
                pass
    return content


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
    try:
        image["described"] = describe(f"image/{kind}", str(source["bytes"]))
    except UnreadableImageError as error:
        raise invalid(f"The model returned the following errors: {at}.image.source.bytes: {error}.") from None


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
