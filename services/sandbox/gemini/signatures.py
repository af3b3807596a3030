"""Thought signatures: made for the parts that carry one, and looked at when they come back."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from services.sandbox.model.seals import holds, seal

SKIP = b"skip_thought_signature_validator"  # documented for histories that another model wrote
_SKIPS = frozenset({SKIP, base64.urlsafe_b64decode(SKIP)})  # as bytes, and where the words were sent for base64
_FAMILY = "gemini"
_TEXT = "text"


def of_call(name: str, arguments: str) -> str:
    return seal(_call(name, orjson.loads(arguments)), family=_FAMILY)


def of_text(text: str) -> str:
    """Stands for the thoughts behind a text; unlike a call's it does not hold the text itself."""
    return seal(_TEXT, family=_FAMILY, full=text)


def genuine(signature: bytes, part: Mapping[str, Any]) -> bool:
    """Whether a part carries a signature that was made for it."""
    if signature in _SKIPS:
        return True
    call = part.get("functionCall")
    sealed = _TEXT if call is None else _call(call.get("name", ""), call.get("args", {}))
    return holds(base64.b64encode(signature).decode(), sealed, family=_FAMILY)


def _call(name: str, arguments: Any) -> str:
    # Google keeps arguments as a protocol buffer's Struct: no order, and every number a double.
    shown = orjson.dumps(_plain(arguments), option=orjson.OPT_SORT_KEYS)
    return f"{name}\0{shown.decode()}"


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case bool() | None | str():
            return value
        case _:
            return float(value)
