"""Reads JSON as Google's front does: either case of a member's name, every name and type known, all else refused."""

import base64
import binascii
import re
from typing import Any

from services.sandbox.gemini.fields import ENUMS, MESSAGES
from services.sandbox.gemini.refusals import invalid
from services.sandbox.wire import json_object

_DEEPEST = 100  # protocol buffers' own limit
_INTEGER = re.compile(r"-?\d{1,19}")
_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_BY_NAME: dict[str, dict[str, str]] = {}
_ESCAPES = str.maketrans("-_", "+/")
_NAMES_OF_TYPES = {"text": "TYPE_STRING", "int": "TYPE_INT32", "number": "TYPE_FLOAT", "flag": "TYPE_BOOL"}


def canonical(raw: bytes, message: str) -> dict[str, Any]:
    """The body with camelCase names and enumerations by name, null members left out; raises Refusal."""
    body = json_object(raw)
    if body is None:
        raise invalid("Invalid JSON payload received. Expected a JSON object at the root of the payload.")
    if _too_deep(body):
        raise invalid("Invalid JSON payload received. Nesting of the message is too deep.")
    return _message(body, message, "")


def decoded(encoded: str) -> bytes:
    """Base64 as protocol buffers take it, either alphabet, padded or not; raises ValueError."""
    plain = encoded.translate(_ESCAPES).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found[1].lower()}", name)


_BY_NAME.update(
    {
        message: {alias: name for name in members for alias in (name, _snake(name))}
        for message, members in MESSAGES.items()
    }
)


def _too_deep(body: Any) -> bool:
    level = [body]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _message(value: Any, message: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, message)
    names, kinds = _BY_NAME[message], MESSAGES[message]
    found: dict[str, Any] = {}
    for given, inner in value.items():
        name = names.get(given)
        if name is None:
            at = f" at '{where}'" if where else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{given}"{at}: Cannot find field.', where)
        if name in found:
            raise invalid(f"Invalid value at '{where}': the member {name} is there twice.", where)
        if inner is not None:
            found[name] = _value(inner, kinds[name], f"{where}.{_snake(name)}" if where else _snake(name))
    return found


def _value(value: Any, kind: str, where: str) -> Any:
    if kind.startswith("["):
        # Protocol buffers' JSON takes one value for a list of one.
        values = value if isinstance(value, list) else [value]
        return [_value(inner, kind[1:-1], f"{where}[{i}]") for i, inner in enumerate(values)]
    if kind.startswith("{"):
        if not isinstance(value, dict):
            raise _wrong(where, "map")
        return {name: _value(inner, kind[1:-1], f"{where}[{name}]") for name, inner in value.items()}
    if kind in MESSAGES:
        return _message(value, kind, where)
    if kind in ENUMS:
        return _enumerated(value, kind, where)
    return _scalar(value, kind, where)


def _enumerated(value: Any, kind: str, where: str) -> str:
    names = ENUMS[kind]
    if isinstance(value, str):
        for name in names:
            # Types of schemas are taken in any case; google-genai sends them as JSON schema writes them.
            if value == name or (kind in {"Type", "ThinkingLevel"} and value.upper() == name):
                return name
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
        return names[value]
    raise _wrong(where, f"type.googleapis.com/google.cloud.aiplatform.{kind}")


def _scalar(value: Any, kind: str, where: str) -> Any:
    match kind:
        case "json":
            return value
        case "text" if isinstance(value, str):
            return value
        case "object" if isinstance(value, dict):
            return value
        case "flag" if isinstance(value, bool):
            return value
        case "int" if isinstance(value, str) and _INTEGER.fullmatch(value):
            return int(value)
        case "int" if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
            return int(value)
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "bytes" if isinstance(value, str):
            return _bytes(value, where)
        case _:
            raise _wrong(where, _NAMES_OF_TYPES.get(kind, kind))


def _bytes(value: str, where: str) -> bytes:
    try:
        return decoded(value)
    except ValueError:
        raise invalid(f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed.", where) from None


def _wrong(where: str, kind: str) -> Exception:
    return invalid(f"Invalid value at '{where}' ({kind})", where)
