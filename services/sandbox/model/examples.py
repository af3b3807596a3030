"""Plausible values for a JSON schema: what a model would fill in, decided by type."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]  # JSON Schema is open by nature

_DEEPEST = 12  # a schema may refer to itself
_MOST_ITEMS = 100
_MOST_VALUES = 20_000  # one that refers to itself in several places would have no end
_MOST_LETTERS = 10_000
# A schema's members may be anything, and more than can be told: RecursionError and StopIteration are of those.
_FAULTS = (AttributeError, IndexError, KeyError, RecursionError, StopIteration, TypeError, ValueError)
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


class UnfillableSchemaError(ValueError):
    """Not a JSON schema, or none that a few rules can fill."""


def example(schema: Schema, words: str) -> Any:
    """A value that a simple schema allows: strings echo `words`, objects hold what is required.

    Raises UnfillableSchemaError.
    """
    try:
        return _value(schema, words, schema, 0, iter(range(_MOST_VALUES)))
    except _FAULTS as error:
        raise UnfillableSchemaError("the sandbox cannot fill this JSON schema") from error


def _value(schema: Schema, words: str, root: Schema, depth: int, left: Iterator[int]) -> Any:
    next(left)
    if depth > _DEEPEST:
        return None
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if options := schema.get("enum"):
        return options[0]
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return _value(_not_null(branches), words, root, depth + 1, left)
    match _type(schema):
        case "object":
            properties = schema.get("properties", {})
            required = schema.get("required", ())
            return {str(name): _value(properties.get(name, {}), words, root, depth + 1, left) for name in required}
        case "array":
            item = schema.get("items")
            one = item if isinstance(item, Mapping) else {}
            count = min(schema.get("minItems", 1), _MOST_ITEMS)
            return [_value(one, words, root, depth + 1, left) for _ in range(count)]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _string(schema, words)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema behind `$ref` and `allOf`."""
    for _ in range(_DEEPEST):
        pointer = schema.get("$ref")
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            break
        target: Any = root
        for step in pointer.lstrip("#/").split("/"):
            target = target.get(step, {}) if step and isinstance(target, Mapping) else target
        schema = target if isinstance(target, Mapping) else {}
    merged = dict(schema)
    for part in merged.pop("allOf", ()):
        found = dict(_resolved(part, root))
        found["properties"] = {**merged.get("properties", {}), **found.get("properties", {})}
        found["required"] = [*merged.get("required", ()), *found.get("required", ())]
        merged |= found
    return merged


def _type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        kind = next((k for k in kind if k != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _not_null(branches: Sequence[Schema]) -> Schema:
    return next((branch for branch in branches if branch.get("type") != "null"), branches[0])


def _number(schema: Schema) -> int | float:
    least: int | float = 1
    if "minimum" in schema:
        least = schema["minimum"]
    elif "exclusiveMinimum" in schema:
        least = schema["exclusiveMinimum"] + 1
    most = schema["exclusiveMaximum"] - 1 if "exclusiveMaximum" in schema else schema.get("maximum", least)
    step = schema.get("multipleOf")
    value: int | float = min(least, most)
    return -(-value // step) * step if step else value


def _string(schema: Schema, words: str) -> str:
    text = _FORMATS.get(schema.get("format", "")) or words or "sandbox"
    text = text.ljust(min(schema.get("minLength", 0), _MOST_LETTERS), ".")
    return text[: schema["maxLength"]] if "maxLength" in schema else text
