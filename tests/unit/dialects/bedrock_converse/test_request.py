"""Converse requests: sampling, thinking, tools, structured answers, and what is refused or dropped by name."""

from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.dialects.bedrock_converse.request import write_request
from libs.dialects.form import Reasoning, Request, Role, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from libs.dialects.models import ModelFlags
from tests.unit.dialects.bedrock_converse.judge import (
    CALL,
    GPT_OSS,
    NEWEST,
    OLD_CLAUDE,
    PLAIN,
    QUESTION,
    RESULTS,
    SONNET,
    TOOL,
    USER,
    judged,
    sent,
    write,
)


@pytest.mark.parametrize(
    ("flags", "kept", "dropped"),
    [
        (PLAIN, {"temperature": 0.5, "topP": 0.9}, []),
        (OLD_CLAUDE, {"temperature": 0.5, "topP": 0.9}, []),
        (SONNET, {"temperature": 0.5}, ["top_p"]),
        (NEWEST, {}, ["temperature", "top_p"]),
    ],
)
def test_each_model_gets_the_sampling_it_takes(flags: ModelFlags, kept: dict[str, float], dropped: list[str]) -> None:
    body, told = write(USER, temperature=0.5, top_p=0.9, flags=flags)
    assert body.get("inferenceConfig", {}) == kept
    assert told == dropped


def test_top_p_alone_is_kept_where_one_of_the_two_may_be() -> None:
    assert write(USER, top_p=0.9, flags=SONNET)[0]["inferenceConfig"] == {"topP": 0.9}


def test_a_temperature_above_one_is_sent_as_one_and_said_so() -> None:
    body, dropped = write(USER, temperature=1.7)
    assert body["inferenceConfig"] == {"temperature": 1}
    assert dropped == ["temperature"]
    assert write(USER, temperature=1)[1] == []


def test_effort_switches_thinking_on_the_models_way() -> None:
    body, dropped = write(USER, reasoning_effort="medium", temperature=0.2, max_completion_tokens=4000, flags=SONNET)
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    assert body["inferenceConfig"] == {"maxTokens": 4000}
    assert dropped == ["temperature"]
    body, dropped = write(USER, reasoning_effort="minimal", flags=NEWEST)
    assert body["outputConfig"] == {"effort": "low"}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert dropped == []


@pytest.mark.parametrize(
    "more",
    [
        {"flags": PLAIN},
        {"flags": SONNET, "max_tokens": 1000},
        {"flags": SONNET, "tools": [TOOL], "tool_choice": "required"},
    ],
)
def test_effort_that_cannot_be_honoured_is_named(more: dict[str, Any]) -> None:
    body, dropped = write(USER, reasoning_effort="high", **more)
    assert dropped == ["reasoning_effort"]
    assert "thinking" not in body.get("additionalModelRequestFields", {})


def test_thinking_stays_off_behind_a_call_whose_thoughts_are_gone() -> None:
    assert write(USER, CALL, *RESULTS, reasoning_effort="high", flags=SONNET)[1] == ["reasoning_effort"]


def test_tools_are_described_and_an_empty_description_is_not_sent() -> None:
    body, _ = write(USER, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "f"}})
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    spec = {"name": "f", "inputSchema": {"json": closed}, "strict": True}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "f"}}}
    assert write(USER, tools=[TOOL], tool_choice="required")[0]["toolConfig"]["toolChoice"] == {"any": {}}
    assert "toolChoice" not in write(USER, tools=[TOOL])[0]["toolConfig"]


@pytest.mark.parametrize("schema", [{"properties": {"a": {}}}, {"$ref": "#/$defs/A", "$defs": {"A": {}}}])
def test_a_schema_that_leaves_its_type_out_is_sent_with_one(schema: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    (spec,) = write(USER, tools=[tool])[0]["toolConfig"]["tools"]
    assert spec["toolSpec"]["inputSchema"]["json"] == {"type": "object", **schema}


def test_choice_none_withholds_the_tools_unless_the_history_needs_them() -> None:
    assert "toolConfig" not in write(USER, tools=[TOOL], tool_choice="none")[0]
    body, dropped = write(USER, CALL, *RESULTS, tools=[TOOL], tool_choice="none")
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == ["tool_choice"]
    assert len(write(USER, CALL, *RESULTS)[0]["toolConfig"]["tools"]) == 2


def test_a_model_that_takes_no_name_is_left_with_the_one_tool_that_it_must_call() -> None:
    flags = ModelFlags(forced="any")
    tools = [TOOL, {"type": "function", "function": {"name": "other"}}]
    forced = {"type": "function", "function": {"name": "f"}}
    body, dropped = write(USER, tools=tools, tool_choice=forced, flags=flags)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert dropped == []
    body, dropped = write(USER, CALL, *RESULTS, tools=tools, tool_choice=forced, flags=flags)  # which calls `g` too
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == ["tool_choice"]
    described = {"type": "function", "function": {"name": "g", "description": "its own"}}
    body, _ = write(USER, CALL, *RESULTS, tools=[*tools, described], tool_choice=forced, flags=flags)
    assert [tool["toolSpec"].get("description") for tool in body["toolConfig"]["tools"]] == [None, "its own"]
    assert len(write(USER, tools=tools, tool_choice="required", flags=flags)[0]["toolConfig"]["tools"]) == 2


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_a_model_that_cannot_be_made_to_call_is_not_asked_to(choice: object) -> None:
    flags = ModelFlags(forced="none")
    with pytest.raises(InvalidRequest) as refused:
        write(USER, tools=[TOOL], tool_choice=choice, flags=flags)
    assert refused.value.param == "tool_choice"
    assert "toolChoice" not in write(USER, tools=[TOOL], flags=flags)[0]["toolConfig"]


def test_one_call_at_a_time_is_claudes_own_switch() -> None:
    body, dropped = write(USER, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, flags=SONNET)
    assert body["additionalModelRequestFields"]["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert dropped == []
    assert write(USER, tools=[TOOL], parallel_tool_calls=False)[1] == ["parallel_tool_calls"]


def test_a_schema_is_sent_as_a_string() -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    body, _ = write(USER, response_format=format_)
    schema = {"schema": '{"type":"object"}', "name": "n"}
    assert body["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": schema}}


def test_hints_are_dropped_by_name() -> None:
    hints: dict[str, Any] = {"seed": 1, "user": "u", "metadata": {"a": "b"}, "store": True, "service_tier": "scale"}
    _, dropped = write(USER, **hints, prompt_cache_key="k", frequency_penalty=0.5)
    assert dropped == sorted([*hints, "prompt_cache_key", "frequency_penalty"])


IMAGE_URL = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://h/x.png"}}]}
TIFF = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}}]}


@pytest.mark.parametrize(
    ("messages", "more", "param"),
    [
        ([IMAGE_URL], {}, "messages"),
        ([TIFF], {}, "messages"),
        ([{"role": "system", "content": "x"}], {}, "messages"),
        ([{"role": "user", "content": "  "}], {}, "messages"),
        ([{"role": "assistant", "content": "x"}, USER], {}, "messages"),
        ([USER], {"n": 2}, "n"),
        ([USER], {"logprobs": True}, "logprobs"),
        ([USER], {"logit_bias": {"1": 2}}, "logit_bias"),
        ([USER], {"audio": {"voice": "x"}}, "audio"),
        ([USER], {"functions": [{"name": "f"}]}, "functions"),
        ([USER], {"web_search_options": {}}, "web_search_options"),
        ([USER], {"modalities": ["audio"]}, "modalities"),
        ([USER], {"unheard_of": 0}, "unheard_of"),
        ([USER], {"response_format": {"type": "json_object"}, "tools": [TOOL]}, "response_format"),
        ([USER], {"stop": "\n\n", "flags": SONNET}, "stop"),
    ],
)
def test_what_converse_cannot_do_is_refused_by_name(messages: list[object], more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        write(*messages, **more)
    assert refused.value.param == param


def test_a_budget_is_kept_as_the_caller_gave_it() -> None:
    written = sent(QUESTION, flags=SONNET, thinking=Thinking(kind="on", budget=3000), max_tokens=4000)
    assert written.body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 3000
    written = sent(QUESTION, flags=NEWEST, thinking=Thinking(kind="on", budget=3000))
    assert written.body["outputConfig"] == {"effort": "medium"}


def test_adaptive_thinking_without_an_effort_is_the_models_own() -> None:
    written = sent(QUESTION, flags=NEWEST, thinking=Thinking(kind="on"))
    assert written.body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert "outputConfig" not in written.body


def test_thinking_switched_off_or_left_alone_sends_nothing() -> None:
    for flags in (PLAIN, SONNET, NEWEST):
        for thinking in (Thinking(), Thinking(kind="off")):
            assert sent(QUESTION, flags=flags, thinking=thinking) == sent(QUESTION, flags=flags)


def test_a_model_of_three_levels_gets_the_nearest_and_cannot_stop() -> None:
    levels = {"minimal": "low", "low": "low", "medium": "medium", "max": "high"}
    for effort, level in levels.items():
        written = sent(QUESTION, flags=GPT_OSS, thinking=Thinking(kind="on", effort=effort))
        assert written.body["additionalModelRequestFields"] == {"reasoning_effort": level}
        assert written.dropped == ()
    assert sent(QUESTION, flags=GPT_OSS, thinking=Thinking(kind="off")).dropped == ("thinking",)


def test_top_k_is_claudes_own_and_dropped_elsewhere_and_where_it_thinks() -> None:
    assert sent(QUESTION, flags=SONNET, top_k=5).body["additionalModelRequestFields"] == {"top_k": 5}
    thinking = Thinking(kind="on", effort="low")
    assert sent(QUESTION, flags=SONNET, top_k=5, thinking=thinking).dropped == ("top_k",)
    for flags in (PLAIN, NEWEST):
        written = sent(QUESTION, flags=flags, top_k=5)
        assert written.dropped == ("top_k",)
        assert "additionalModelRequestFields" not in written.body


def test_claude_is_asked_which_stop_sequence_it_was() -> None:
    body = sent(QUESTION, flags=SONNET, stop=("END",)).body
    assert body["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert body["inferenceConfig"] == {"stopSequences": ["END"]}
    assert "additionalModelResponseFieldPaths" not in sent(QUESTION, stop=("END",)).body
    assert "additionalModelResponseFieldPaths" not in sent(QUESTION, flags=SONNET).body


@pytest.mark.parametrize(("asked", "tier"), [("priority", "priority"), ("flex", "flex"), ("fast", None), (7, None)])
def test_a_service_tier_that_bedrock_knows_is_sent(asked: object, tier: str | None) -> None:
    written = sent(QUESTION, hints={"service_tier": asked})
    assert written.body.get("serviceTier") == ({"type": tier} if tier else None)
    assert written.dropped == (() if tier else ("service_tier",))


# --- any request of the form --------------------------------------------------------------------------------------

WORDS = st.text(max_size=6)
TEXTS = st.builds(Text, text=WORDS)
CALLS = st.builds(
    ToolCall,
    id=st.text(min_size=1, max_size=6),
    name=st.sampled_from(["f", "g"]),
    arguments=st.dictionaries(WORDS, st.integers(-(2**63), 2**63 - 1), max_size=2),
)
ANSWERS = st.builds(ToolResult, id=st.text(min_size=1, max_size=6), parts=st.lists(TEXTS, max_size=2).map(tuple))
THOUGHTS = st.builds(Reasoning, text=WORDS, signature=st.sampled_from(["", "s", "ni1.b.s", "ni1.g.s"]))
TURNS = st.one_of(
    st.builds(Turn, role=st.just(Role.USER), parts=st.lists(TEXTS | ANSWERS, max_size=3).map(tuple)),
    st.builds(Turn, role=st.just(Role.ASSISTANT), parts=st.lists(TEXTS | CALLS | THOUGHTS, max_size=3).map(tuple)),
)
REQUESTS = st.builds(
    Request,
    turns=st.lists(TURNS, max_size=5).map(tuple),
    system=st.lists(TEXTS, max_size=2).map(tuple),
    tools=st.sampled_from([(), (Tool(name="f", schema={"type": "object"}, strict=True),)]),
    thinking=st.builds(
        Thinking,
        kind=st.sampled_from(["default", "off", "on"]),
        effort=st.sampled_from(["", "minimal", "low", "max"]),
        budget=st.none() | st.integers(1024, 40000),
    ),
    max_tokens=st.none() | st.integers(1, 9000),
    temperature=st.none() | st.floats(0, 2),
    top_k=st.none() | st.integers(1, 9),
    parallel_tool_calls=st.booleans(),
)


@given(REQUESTS, st.sampled_from([PLAIN, OLD_CLAUDE, SONNET, NEWEST, GPT_OSS]))
def test_what_is_sent_is_valid_alternates_and_says_what_was_said(request: Request, flags: ModelFlags) -> None:
    try:
        written = judged(write_request(request, flags))
    except InvalidRequest as refused:
        event(f"refused: {refused.param}")
        return
    roles = [message["role"] for message in written.body["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    told = [block for message in written.body["messages"] for block in message["content"]]
    parts = [part for turn in request.turns for part in turn.parts]
    assert sorted(block["toolUse"]["name"] for block in told if "toolUse" in block) == sorted(
        part.name for part in parts if isinstance(part, ToolCall)
    )
    assert sorted(block["text"].rstrip() for block in told if "text" in block) == sorted(
        part.text.rstrip() for part in parts if isinstance(part, Text) and part.text.strip()
    )
