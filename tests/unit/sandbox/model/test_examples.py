"""Values for JSON schemas: what is filled in is valid."""

from typing import Any

import jsonschema
import pytest

from services.sandbox.model.examples import UnfillableSchemaError, example

SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 30}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
    {
        "type": "object",
        "properties": {"xs": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/x"}}},
        "required": ["xs"],
        "$defs": {"x": {"type": "object", "properties": {"k": {"enum": ["u", "v"]}}, "required": ["k"]}},
    },
    {"type": ["null", "integer"], "minimum": 5, "multipleOf": 4},
    {"type": "integer", "maximum": -3},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
    {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    {
        "allOf": [
            {"type": "object", "properties": {"a": {"const": 7}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ]
    },
    {"type": "string", "maxLength": 3},
    {"type": "string", "format": "date-time"},
    {"properties": {"a": {}}, "required": ["a"]},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_simple_schema_is_satisfied(schema: dict[str, Any]) -> None:
    jsonschema.validate(example(schema, "some words of mine"), schema, format_checker=jsonschema.FormatChecker())


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert example(node, "x")["next"]["next"] is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {name: {"$ref": "#"} for name in "abcd"}, "required": list("abcd")},
        {"items": {"items": {"items": {}, "minItems": 100}, "minItems": 100}, "minItems": 100},
        {"allOf": [{"$ref": "#"}]},
    ],
)
def test_a_schema_whose_value_would_have_no_end_is_said_to_be_unfillable(schema: dict[str, Any]) -> None:
    with pytest.raises(UnfillableSchemaError):
        example(schema, "x")


@pytest.mark.parametrize(
    "schema", [{"type": "object", "required": 7}, {"properties": [1], "required": ["a"]}, {"enum": 3}]
)
def test_what_is_no_schema_is_said_so(schema: dict[str, Any]) -> None:
    with pytest.raises(UnfillableSchemaError):
        example(schema, "x")
