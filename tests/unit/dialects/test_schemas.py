"""JSON schemas on their way to models that take a part of JSON Schema alone."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.dialects.anthropic_messages import outgoing as anthropic
from libs.dialects.bedrock_converse import request as converse
from libs.dialects.form import AnswerFormat, Request, Role, Text, Tool, ToolCall, ToolChoice, Turn
from libs.dialects.models import ModelFlags
from libs.dialects.schemas import by_tool, kept_to

STRUCTURED = ModelFlags()
TURNS = (Turn(role=Role.USER, parts=(Text(text="q"),)),)
NAME = {"type": "string"}


def asked(schema: dict[str, Any]) -> Request:
    return Request(turns=TURNS, answer_format=AnswerFormat(kind="json_schema", name="n", schema=schema))


def sent(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    before = orjson.dumps(schema)
    request, dropped = kept_to(asked(schema), STRUCTURED)
    assert orjson.dumps(schema) == before  # another candidate may be sent the caller's own
    assert request.answer_format is not None
    return request.answer_format.schema, dropped


def test_objects_that_say_nothing_of_further_members_are_closed_wherever_they_stand() -> None:
    person = {"type": "object", "properties": {"name": NAME}}
    closed = {**person, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {"one": person, "many": {"type": "array", "items": person}, "ref": {"$ref": "#/$defs/Person"}},
        "anyOf": [person],
        "$defs": {"Person": person, "either": {"allOf": [person]}},
    }
    assert sent(schema) == (
        {
            "type": "object",
            "properties": {
                "one": closed,
                "many": {"type": "array", "items": closed},
                "ref": {"$ref": "#/$defs/Person"},
            },
            "anyOf": [closed],
            "$defs": {"Person": closed, "either": {"allOf": [closed]}},
        },
        [],
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": NAME},
        {"type": "object", "properties": {"name": NAME}, "additionalProperties": NAME},
        {"allOf": [{"properties": {"a": NAME}}, {"properties": {"b": NAME}}]},
        {"properties": {"a": NAME}, "$ref": "#/$defs/B"},
    ],
)
def test_what_closing_would_empty_or_contradict_stands_as_it_is(schema: dict[str, Any]) -> None:
    assert sent(schema) == (schema, [])


def test_further_members_that_were_asked_for_are_named_as_dropped() -> None:
    schema, dropped = sent({"properties": {"a": NAME}, "additionalProperties": True})
    assert schema["additionalProperties"] is False
    assert dropped == ["response_format.additionalProperties"]


def test_what_claude_refuses_is_said_in_words_and_named() -> None:
    schema = {"properties": {"age": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Years."}}}
    written, dropped = sent(schema)
    assert written["properties"] == {"age": {"type": "integer", "description": 'Years.\n\n{"minimum":1,"maximum":9}'}}
    assert dropped == ["response_format.minimum", "response_format.maximum"]
    assert sent({"type": "array", "uniqueItems": True})[0] == {"type": "array", "description": '{"uniqueItems":true}'}


@pytest.mark.parametrize("least", [0, 1])
def test_what_claude_takes_stays(least: int) -> None:
    schema = {"type": "array", "items": {"type": "string", "pattern": "^a", "format": "date"}, "minItems": least}
    assert sent(schema) == (schema, [])


@pytest.mark.parametrize("pattern", ["^(?=.*x)", "(?<!a)b", "(a)\\1", "\\bword"])
def test_a_pattern_that_claude_cannot_keep_to_is_said_in_words(pattern: str) -> None:
    schema, dropped = sent({"type": "string", "pattern": pattern})
    assert schema.keys() == {"type", "description"}
    assert dropped == ["response_format.pattern"]
    assert sent({"type": "string", "pattern": r"^(?:a|\d{2})\.b$"})[1] == []


def test_a_member_that_is_called_like_a_keyword_is_a_member() -> None:
    schema = {"properties": {"minimum": NAME, "not": NAME}, "required": ["minimum"], "additionalProperties": False}
    assert sent(schema) == (schema, [])


def test_one_of_becomes_any_of() -> None:
    schema, dropped = sent({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]})
    assert schema == {"anyOf": [{"type": "string", "description": '{"maxLength":3}'}, {"type": "null"}]}
    assert dropped == ["response_format.oneOf", "response_format.maxLength"]


def test_a_strict_tool_is_sent_so_and_a_loose_one_as_it_is() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    tools = (Tool(name="strict", schema=schema, strict=True), Tool(name="loose", schema=schema))
    request, dropped = kept_to(Request(turns=TURNS, tools=tools), STRUCTURED)
    assert request.tools[0].schema["additionalProperties"] is False
    assert request.tools[1].schema is schema
    assert dropped == ["tools.minimum"]
    assert kept_to(Request(turns=TURNS, tools=tools), ModelFlags(structured=False))[0].tools == tools


@pytest.mark.parametrize("write", [anthropic.write_request, converse.write_request])
def test_every_writer_for_claude_sends_them(write: Any) -> None:
    written = write(asked({"properties": {"a": {"type": "string", "maxLength": 3}}}), STRUCTURED)
    said = orjson.dumps(written.body).decode().replace("\\", "")
    assert '"additionalProperties":false' in said
    assert written.dropped == ("response_format.maxLength",)


def nested(levels: int, within: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {within: schema}
    return schema


@pytest.mark.parametrize("schema", [nested(400, "items"), nested(400, "default"), {"not": nested(400, "items")}])
def test_a_schema_nested_beyond_reason_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        converse.write_request(asked(schema), STRUCTURED)


KEYWORDS = "type properties items anyOf allOf oneOf $defs minimum minItems additionalProperties description not".split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=5))
def test_whatever_stands_in_a_schema_it_is_written_and_written_again_the_same(schema: dict[str, Any]) -> None:
    once, _ = sent(schema)
    assert sent(once) == (once, [])


# --- where no format binds ------------------------------------------------------------------------------------------

OBJECT = {"type": "object", "properties": {"name": NAME}}
LOOSE = ModelFlags(structured=False)
ANY_OBJECT = Request(turns=TURNS, answer_format=AnswerFormat(kind="json_object"))


@pytest.mark.parametrize(
    ("request_", "model", "schema"),
    [
        (ANY_OBJECT, STRUCTURED, {"type": "object"}),
        (ANY_OBJECT, LOOSE, {"type": "object"}),
        (asked(OBJECT), LOOSE, OBJECT),
    ],
)
def test_a_tool_takes_the_answer_where_the_model_keeps_to_no_such_format(
    request_: Request, model: ModelFlags, schema: dict[str, Any]
) -> None:
    asking, name = by_tool(request_, model)
    (tool,) = asking.tools
    assert (tool.name, tool.schema) == (name, schema)
    assert asking.tool_choice == ToolChoice(kind="tool", name=name)
    assert (asking.answer_format, asking.parallel_tool_calls) == (None, False)


CALLED = Turn(role=Role.ASSISTANT, parts=(ToolCall(id="a", name="f", arguments={}),))


@pytest.mark.parametrize(
    ("request_", "model"),
    [
        (asked(OBJECT), STRUCTURED),  # it keeps to a schema by itself
        (Request(turns=TURNS), LOOSE),
        (ANY_OBJECT, ModelFlags(structured=False, forced="none")),
        (replace(ANY_OBJECT, tools=(Tool(name="f", schema={}),)), LOOSE),
        (replace(ANY_OBJECT, turns=(*TURNS, CALLED, *TURNS)), LOOSE),
        (replace(ANY_OBJECT, turns=(*TURNS, Turn(role=Role.ASSISTANT, parts=(Text(text="{"),)))), LOOSE),
        (asked({"type": "array"}), LOOSE),
    ],
)
def test_and_nowhere_else(request_: Request, model: ModelFlags) -> None:
    assert by_tool(request_, model) == (request_, "")
