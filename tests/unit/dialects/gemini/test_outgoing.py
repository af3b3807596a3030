"""Requests for Gemini: tools, sampling, structure, log probabilities, thinking, and what is refused or dropped."""

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.dialects.form import (
    AnswerFormat,
    Cache,
    Reasoning,
    Request,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from libs.dialects.gemini.outgoing import write_request
from libs.dialects.models import ModelFlags
from tests.unit.dialects.gemini.judge import FLASH, GEMINI_3, PLAIN, PRO, QUESTION, generation, judged, sent, user

SCHEMA = {
    "type": "object",
    "properties": {"x": {"$ref": "#/$defs/n"}},
    "$defs": {"n": {"const": 1}},
    "additionalProperties": False,
}
TOOL = Tool(name="f", description="does", schema=SCHEMA)


def test_tools_are_declared_with_their_schema_as_it_is() -> None:
    body = sent(QUESTION, tools=(TOOL, Tool(name="g", schema=SCHEMA))).body
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "does", "parametersJsonSchema": SCHEMA},
                {"name": "g", "parametersJsonSchema": SCHEMA},
            ]
        }
    ]
    assert "toolConfig" not in body


@pytest.mark.parametrize(
    ("schema", "bare"),
    [
        ({"type": "object", "properties": {}}, True),
        ({}, True),
        ({"type": "object", "properties": {}, "additionalProperties": False, "required": []}, True),
        ({"type": "object", "additionalProperties": True}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": {}}}, False),
    ],
)
def test_a_tool_without_parameters_is_declared_without(schema: dict[str, Any], bare: bool) -> None:
    declared = sent(QUESTION, tools=(Tool(name="f", schema=schema),)).body["tools"][0]["functionDeclarations"]
    assert declared == [{"name": "f"} if bare else {"name": "f", "parametersJsonSchema": schema}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(kind="none"), {"mode": "NONE"}),
        (ToolChoice(kind="required"), {"mode": "ANY"}),
        (ToolChoice(kind="tool", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_among_tools(choice: ToolChoice, config: dict[str, Any]) -> None:
    body = sent(QUESTION, tools=(TOOL,), tool_choice=choice).body
    assert body["toolConfig"] == {"functionCallingConfig": config}
    assert "toolConfig" not in sent(QUESTION, tool_choice=ToolChoice(kind="none")).body


def test_what_gemini_has_of_sampling_is_sent() -> None:
    config = generation(
        max_tokens=10,
        temperature=1.5,
        top_p=0.9,
        top_k=5,
        stop=("a", "b"),
        hints={"seed": 7, "presence_penalty": 0.5, "frequency_penalty": -0.5},
    )
    assert config == {
        "maxOutputTokens": 10,
        "temperature": 1.5,
        "topP": 0.9,
        "topK": 5,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "presencePenalty": 0.5,
        "frequencyPenalty": -0.5,
    }


def test_a_large_seed_becomes_the_same_small_one_each_time() -> None:
    seeds = [generation(hints={"seed": seed})["seed"] for seed in (2**40 + 3, 2**40 + 3, -1)]
    assert seeds == [3, 3, 2**31 - 1]


def test_sampling_that_a_model_refuses_is_dropped_by_name() -> None:
    written = sent(QUESTION, flags=ModelFlags(sampling="none"), temperature=1, top_p=1, top_k=1)
    assert "generationConfig" not in written.body
    assert written.dropped == ("temperature", "top_p", "top_k")
    assert sent(QUESTION, flags=ModelFlags(sampling="one"), temperature=1, top_p=1).dropped == ("top_p",)
    assert sent(QUESTION, flags=ModelFlags(sampling="one"), top_p=1).dropped == ()


def test_structured_answers() -> None:
    asked = AnswerFormat(kind="json_schema", name="n", schema=SCHEMA)
    assert generation(answer_format=asked) == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    assert generation(answer_format=AnswerFormat(kind="json_object")) == {"responseMimeType": "application/json"}


def test_log_probabilities_are_asked_for() -> None:
    assert generation(demands={"logprobs": True, "top_logprobs": 3}) == {"responseLogprobs": True, "logprobs": 3}
    assert generation(demands={"logprobs": True}) == {"responseLogprobs": True}


@pytest.mark.parametrize(
    ("flags", "thinking", "max_tokens", "config"),
    [
        (FLASH, Thinking(), None, None),
        (FLASH, Thinking(kind="off"), None, {"thinkingBudget": 0}),
        (PRO, Thinking(kind="off"), None, {"thinkingBudget": 128}),
        (ModelFlags(thinking="budget", always_thinks=True), Thinking(kind="off"), None, {"thinkingBudget": 128}),
        (FLASH, Thinking(kind="on"), None, {"thinkingBudget": -1, "includeThoughts": True}),
        (FLASH, Thinking(kind="on", shown=False), None, {"thinkingBudget": -1}),
        (FLASH, Thinking(kind="on", effort="low"), None, {"thinkingBudget": 1024, "includeThoughts": True}),
        (FLASH, Thinking(kind="on", effort="max"), 1000, {"thinkingBudget": 500, "includeThoughts": True}),
        (PRO, Thinking(kind="on", effort="max"), 100, {"thinkingBudget": 128, "includeThoughts": True}),
        (FLASH, Thinking(kind="on", effort="low"), 1, {"thinkingBudget": 1, "includeThoughts": True}),
        (FLASH, Thinking(kind="on", budget=3000), 4000, {"thinkingBudget": 3000, "includeThoughts": True}),
        (FLASH, Thinking(kind="on", budget=90000), None, {"thinkingBudget": 24576, "includeThoughts": True}),
        (GEMINI_3, Thinking(), None, None),
        (GEMINI_3, Thinking(kind="off"), None, {"thinkingLevel": "LOW"}),
        (GEMINI_3, Thinking(kind="on"), None, {"includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", effort="minimal"), None, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", effort="medium"), 10, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", effort="xhigh"), None, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", budget=1024), None, {"thinkingLevel": "LOW", "includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", budget=8000), None, {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        (GEMINI_3, Thinking(kind="on", budget=20000), None, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (PLAIN, Thinking(kind="off"), None, None),
        (PLAIN, Thinking(kind="on", effort="low"), None, None),
    ],
)
def test_thinking_is_asked_for_in_the_models_way(
    flags: ModelFlags, thinking: Thinking, max_tokens: int | None, config: dict[str, Any] | None
) -> None:
    assert generation(flags, thinking=thinking, max_tokens=max_tokens).get("thinkingConfig") == config


def test_thinking_that_cannot_be_honoured_is_named() -> None:
    off, on = Thinking(kind="off"), Thinking(kind="on", effort="low")
    assert sent(QUESTION, flags=PRO, thinking=off).dropped == ("thinking",)
    assert sent(QUESTION, flags=GEMINI_3, thinking=off).dropped == ("thinking",)
    assert sent(QUESTION, flags=FLASH, thinking=off).dropped == ()
    assert sent(QUESTION, flags=PLAIN, thinking=on).dropped == ("reasoning_effort",)
    assert sent(QUESTION, flags=PLAIN, thinking=off).dropped == ()


def test_what_gemini_has_nothing_like_is_dropped_by_name() -> None:
    marked = user(Text(text="q", cache=Cache.SHORT))
    strict = Tool(name="f", schema=SCHEMA, strict=True)
    hints = {"user": "u", "metadata": {"a": "b"}, "service_tier": "flex", "seed": 1}
    written = sent(marked, tools=(strict,), parallel_tool_calls=False, hints=hints)
    assert sorted(written.dropped) == sorted(
        ["user", "metadata", "service_tier", "parallel_tool_calls", "tools.strict", "cache_control"]
    )
    assert sent(QUESTION, parallel_tool_calls=False).dropped == ()


@pytest.mark.parametrize(
    "asked",
    [
        {"system": (Text(text="s", cache=Cache.LONG),)},
        {"tools": (Tool(name="f", schema={}, cache=Cache.SHORT),)},
        {
            "turns": (
                QUESTION,
                Turn(role=Role.ASSISTANT, parts=(ToolCall(id="1", name="f", arguments={}),)),
                user(ToolResult(id="1", parts=(Text(text="r", cache=Cache.SHORT),))),
            )
        },
    ],
)
def test_a_cache_mark_anywhere_is_dropped_by_name(asked: dict[str, Any]) -> None:
    written = judged(write_request(Request(**({"turns": (QUESTION,)} | asked)), FLASH))
    assert written.dropped == ("cache_control",)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"demands": {"n": 2}}, "n"),
        ({"demands": {"logit_bias": {"1": 2}}}, "logit_bias"),
        ({"demands": {"unheard_of": 0}}, "unheard_of"),
        ({"demands": {"logprobs": "yes"}}, "logprobs"),
        ({"demands": {"top_logprobs": 3}}, "top_logprobs"),
        ({"demands": {"logprobs": True, "top_logprobs": 21}}, "top_logprobs"),
        ({"hints": {"seed": "x"}}, "seed"),
        ({"hints": {"presence_penalty": 3}}, "presence_penalty"),
        ({"stop": tuple("abcdef")}, "stop"),
        ({"flags": ModelFlags(structured=False), "answer_format": AnswerFormat(kind="json_schema")}, "response_format"),
    ],
)
def test_what_gemini_cannot_do_is_refused_by_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sent(QUESTION, **asked)
    assert refused.value.param == param


# --- any request of the form --------------------------------------------------------------------------------------

WORDS = st.text(max_size=6)
IDS = st.sampled_from(["1", "2", "3"])
TEXTS = st.builds(Text, text=WORDS)
CALLS = st.builds(
    ToolCall, id=IDS, name=st.sampled_from(["f", "g"]), arguments=st.dictionaries(WORDS, st.integers(0, 9), max_size=2)
)
ANSWERS = st.builds(ToolResult, id=IDS, parts=st.lists(TEXTS, max_size=2).map(tuple), is_error=st.booleans())
VALUES = st.sampled_from(["", "cmVk", "ni1.g.AAAA", "ni1.g.c.AAAA", "ni1.g.t.BBBB", "ni1.b.AAAA"])
SIGNATURES = st.sampled_from(["", "cmVk", "ni1.g.AAAA", "ni1.b.AAAA"])
THOUGHTS = st.builds(Reasoning, text=WORDS, signature=SIGNATURES, redacted=VALUES)
TURNS = st.one_of(
    st.builds(Turn, role=st.just(Role.USER), parts=st.lists(TEXTS | ANSWERS, max_size=3).map(tuple)),
    st.builds(Turn, role=st.just(Role.ASSISTANT), parts=st.lists(TEXTS | CALLS | THOUGHTS, max_size=4).map(tuple)),
)
REQUESTS = st.builds(
    Request,
    turns=st.lists(TURNS, max_size=5).map(lambda turns: (QUESTION, *turns)),
    tools=st.sampled_from([(), (TOOL,)]),
    thinking=st.builds(
        Thinking,
        kind=st.sampled_from(["default", "off", "on"]),
        effort=st.sampled_from(["", "minimal", "low", "max"]),
        budget=st.none() | st.integers(0, 40000),
    ),
    max_tokens=st.none() | st.integers(1, 9000),
)


@given(REQUESTS, st.sampled_from([PLAIN, FLASH, PRO, GEMINI_3]))
def test_what_is_sent_is_valid_alternates_and_says_what_was_said(request: Request, flags: ModelFlags) -> None:
    try:
        written = judged(write_request(request, flags))
    except InvalidRequest as refused:
        event(f"refused: {refused.param}")
        return
    roles = [content["role"] for content in written.body["contents"]]
    assert roles == ["user", "model"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    told = [part for content in written.body["contents"] for part in content["parts"]]
    given_ = [part for turn in request.turns for part in turn.parts]
    calls = [part["functionCall"] for part in told if "functionCall" in part]
    assert [(each["name"], each["args"]) for each in calls] == [
        (part.name, part.arguments) for part in given_ if isinstance(part, ToolCall)
    ]
    assert sum("functionResponse" in part for part in told) == sum(isinstance(part, ToolResult) for part in given_)
    assert sorted(part["text"] for part in told if part.get("text", "").strip() and not part.get("thought")) == sorted(
        part.text for part in given_ if isinstance(part, Text) and part.text.strip()
    )
    assert not any("ni1." in part.get("thoughtSignature", "") for part in told)
