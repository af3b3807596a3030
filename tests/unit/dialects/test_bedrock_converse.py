"""Bedrock Converse as the provider speaks it, with botocore's service model as the judge of what is sent."""

from functools import lru_cache
from typing import Any

import botocore.session
import orjson
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import (
    CredentialRefused,
    InvalidRequest,
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.bedrock_converse import StreamDecoder, read_answer, read_error, read_usage, write_request
from libs.dialects.converse_models import ModelFlags, flags_of
from libs.dialects.form import (
    BlockStop,
    Event,
    Failure,
    Reasoning,
    ReasoningDelta,
    Request,
    Role,
    Stop,
    StopReason,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    Turn,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat import StreamEncoder, read_request

PLAIN = ModelFlags()
SONNET = flags_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
NEWEST = flags_of("us.anthropic.claude-opus-4-8")
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "description": "", "strict": True}}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b/" + "c" * 80, "type": "function", "function": {"name": "g", "arguments": ""}},
    ],
}
RESULTS = [
    {"role": "tool", "tool_call_id": "a", "content": "42"},
    {"role": "tool", "tool_call_id": "b/" + "c" * 80, "content": ""},
]


@lru_cache
def service() -> ServiceModel:
    return botocore.session.Session().get_service_model("bedrock-runtime")


def write(*messages: object, flags: ModelFlags = PLAIN, **more: object) -> tuple[dict[str, Any], list[str]]:
    body, dropped = write_request(read_request({"messages": list(messages), **more}), flags)
    shape = service().operation_model("Converse").input_shape
    assert shape is not None
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    assert not report.has_errors(), report.generate_report()
    orjson.dumps(body)
    return body, dropped


def test_turns_are_merged_results_come_first_and_blanks_are_left_out() -> None:
    system = {"role": "system", "content": "one"}
    late = {"role": "developer", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "two"}]}
    body, dropped = write(system, USER, {"role": "user", "content": "there"}, CALL, *RESULTS, USER, late, tools=[TOOL])
    assert body["system"] == [{"text": "one"}, {"text": "two"}]
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "hi"}, {"text": "there"}]
    last = body["messages"][2]["content"]
    assert [next(iter(block)) for block in last] == ["toolResult", "toolResult", "text"]
    assert last[0]["toolResult"] == {"toolUseId": "a", "content": [{"text": "42"}]}
    uses = [block["toolUse"]["toolUseId"] for block in body["messages"][1]["content"]]
    assert uses == [block["toolResult"]["toolUseId"] for block in last[:2]]
    assert dropped == []


def test_tools_are_described_and_an_empty_description_is_not_sent() -> None:
    body, _ = write(USER, tools=[TOOL], tool_choice={"type": "function", "function": {"name": "f"}})
    spec = {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}, "strict": True}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "f"}}}
    assert write(USER, tools=[TOOL], tool_choice="required")[0]["toolConfig"]["toolChoice"] == {"any": {}}
    assert "toolChoice" not in write(USER, tools=[TOOL])[0]["toolConfig"]


def test_choice_none_withholds_the_tools_unless_the_history_needs_them() -> None:
    assert "toolConfig" not in write(USER, tools=[TOOL], tool_choice="none")[0]
    body, dropped = write(USER, CALL, *RESULTS, tools=[TOOL], tool_choice="none")
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f", "g"]
    assert dropped == ["tool_choice"]
    assert len(write(USER, CALL, *RESULTS)[0]["toolConfig"]["tools"]) == 2


def test_one_call_at_a_time_is_claudes_own_switch() -> None:
    body, dropped = write(USER, tools=[TOOL], tool_choice="required", parallel_tool_calls=False, flags=SONNET)
    assert body["additionalModelRequestFields"]["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert dropped == []
    assert write(USER, tools=[TOOL], parallel_tool_calls=False)[1] == ["parallel_tool_calls"]


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        ("mistral.mistral-large-2402-v1:0", {"temperature": 0.5, "topP": 0.9}, []),
        ("anthropic.claude-3-haiku-20240307-v1:0", {"temperature": 0.5, "topP": 0.9}, []),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", {"temperature": 0.5, "topP": 0.9}, []),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", {"temperature": 0.5}, ["top_p"]),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", {"temperature": 0.5}, ["top_p"]),
        ("us.anthropic.claude-sonnet-4-6", {"temperature": 0.5}, ["top_p"]),
        ("us.anthropic.claude-opus-4-7", {}, ["temperature", "top_p"]),
        ("us.anthropic.claude-opus-4-8", {}, ["temperature", "top_p"]),
        ("anthropic.claude-whatever-9", {}, ["temperature", "top_p"]),
    ],
)
def test_each_model_gets_the_sampling_it_takes(model: str, sent: dict[str, float], dropped: list[str]) -> None:
    body, told = write(USER, temperature=0.5, top_p=0.9, flags=flags_of(model))
    assert body.get("inferenceConfig", {}) == sent
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


def test_signed_thoughts_go_back_byte_for_byte_and_unsigned_ones_stay() -> None:
    thoughts = (
        Reasoning(text="hm", signature="s=="),
        Reasoning(text="lost"),
        Reasoning(redacted="cmVk"),
        Text(text="a "),
    )
    turns = (Turn(role=Role.USER, parts=(Text(text="q"),)), Turn(role=Role.ASSISTANT, parts=thoughts))
    body, _ = write_request(Request(turns=turns), SONNET)
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s=="}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
    ]


def test_a_schema_is_sent_as_a_string() -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}}
    body, _ = write(USER, response_format=format_)
    schema = {"schema": '{"type":"object"}', "name": "n"}
    assert body["outputConfig"]["textFormat"] == {"type": "json_schema", "structure": {"jsonSchema": schema}}


def test_an_image_is_sent_as_base64_with_its_format() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,/9j/4AAQ"}}
    body, _ = write({"role": "user", "content": [part]})
    assert body["messages"][0]["content"] == [{"image": {"format": "jpeg", "source": {"bytes": "/9j/4AAQ"}}}]


def test_hints_are_dropped_by_name() -> None:
    hints: dict[str, Any] = {"seed": 1, "user": "u", "metadata": {"a": "b"}, "store": True, "service_tier": "priority"}
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
        ([USER], {"response_format": {"type": "json_object"}}, "response_format"),
        ([USER], {"stop": "\n\n", "flags": SONNET}, "stop"),
    ],
)
def test_what_converse_cannot_do_is_refused_by_name(messages: list[object], more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        write(*messages, **more)
    assert refused.value.param == param


# --- answers ------------------------------------------------------------------------------------------------------


def body(stop: str = "end_turn", content: object = None) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": "a"}] if content is None else content}},
        "stopReason": stop,
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    }


def test_an_answer_is_read_block_by_block() -> None:
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "a"},
        {"somethingNew": {}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"x": 1}}},
        {"citationsContent": {"content": [{"text": "b"}], "citations": []}},
    ]
    answer = read_answer(body("tool_use", content))
    assert answer.parts == (
        Reasoning(text="hm", signature="s"),
        Reasoning(redacted="cmVk"),
        Text(text="a"),
        ToolCall(id="t", name="f", arguments={"x": 1}),
        Text(text="b"),
    )
    assert answer.stop is StopReason.TOOL_USE
    assert answer.usage == Usage(input=1, output=2)
    assert answer.output_bytes == len('hma{"x":1}b')


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"output": None},
        {"output": {"message": {"content": "x"}}},
        body("malformed_tool_use"),
        body("malformed_model_output"),
        body(""),
    ],
)
def test_an_answer_that_cannot_be_used_is_not_made_up(garbage: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_answer(garbage)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.STOP_SEQUENCE),
        ("max_tokens", StopReason.MAX_TOKENS),
        ("model_context_window_exceeded", StopReason.MAX_TOKENS),
        ("guardrail_intervened", StopReason.CONTENT_FILTER),
        ("content_filtered", StopReason.CONTENT_FILTER),
    ],
)
def test_stop_reasons(stop: str, reason: StopReason) -> None:
    assert read_answer(body(stop)).stop is reason


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)
)
def test_the_buckets_sum_to_the_providers_total(fresh: int, out: int, read: int, short: int, long: int) -> None:
    """Verified over recordings: total = in + out + read + write."""
    details = [{"ttl": "5m", "inputTokens": short}, {"ttl": "1h", "inputTokens": long}]
    counted = {
        "inputTokens": fresh,
        "outputTokens": out,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": short + long,
    }
    for usage in (read_usage({**counted, "cacheDetails": details}), read_usage(counted)):
        total = usage.input + usage.output + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
        assert total == fresh + out + read + short + long
    assert read_usage({**counted, "cacheDetails": details}).cache_write_1h == long


# --- streams ------------------------------------------------------------------------------------------------------


def delta(at: int, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": at, "delta": given, "p": "abcd"}


STREAM = [
    ("messageStart", {"role": "assistant"}),
    delta(0, {"reasoningContent": {"text": "hm"}}),
    delta(0, {"reasoningContent": {"signature": "s"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    delta(1, {"text": "a"}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}),
    delta(2, {"toolUse": {"input": '{"x":1}'}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {}}),
]


def test_a_stream_is_decoded_event_by_event_and_usage_comes_after_the_stop() -> None:
    decoder = StreamDecoder()
    events: list[Event] = []
    for at, (kind, payload) in enumerate(STREAM):
        events += decoder.feed(kind, payload)
        assert decoder.started is (at > 0)
        assert decoder.finished is (at >= 9)
    assert events == [
        ReasoningDelta(index=0, text="hm"),
        ReasoningDelta(index=0, signature="s"),
        BlockStop(index=0),
        TextDelta(index=1, text="a"),
        BlockStop(index=1),
        ToolCallStart(index=2, id="t", name="f"),
        ToolCallDelta(index=2, json='{"x":1}'),
        BlockStop(index=2),
        Stop(reason=StopReason.TOOL_USE),
        UsageEvent(usage=Usage(input=1, output=2)),
    ]
    assert decoder.done
    assert decoder.usage == Usage(input=1, output=2)
    assert decoder.output_bytes == len('hma{"x":1}')


def test_a_stream_cut_before_its_stop_is_not_finished() -> None:
    decoder = StreamDecoder()
    for kind, payload in STREAM[:-2]:
        decoder.feed(kind, payload)
    assert not decoder.finished
    assert decoder.error is None


@pytest.mark.parametrize(
    ("kind", "payload", "error"),
    [
        ("throttlingException", {"message": "slow"}, ProviderRateLimited),
        ("serviceUnavailableException", {}, Overloaded),
        ("modelTimeoutException", {}, UpstreamTimeout),
        ("modelStreamErrorException", {"originalMessage": "x", "originalStatusCode": 400}, UpstreamError),
        ("internalServerException", {}, UpstreamError),
        ("validationException", {"message": "bad"}, ProviderRefused),
        ("somethingNewException", {}, UpstreamError),
        ("InternalError", {}, UpstreamError),
        ("messageStop", {"stopReason": "malformed_tool_use"}, UpstreamError),
    ],
)
def test_an_exception_in_mid_stream_is_a_failure_and_the_end(
    kind: str, payload: dict[str, Any], error: type[NorthernError]
) -> None:
    decoder = StreamDecoder()
    events = decoder.feed(kind, payload)
    assert [type(event) for event in events] == [Failure]
    assert type(decoder.error) is error
    assert not decoder.finished
    assert decoder.feed("messageStop", {"stopReason": "end_turn"}) == []


KINDS = st.sampled_from([kind for kind, _ in STREAM] + ["", "throttlingException"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["delta", "text", "toolUse", "start", "input", "usage", "stopReason", "contentBlockIndex",
                 "toolUseId", "name", "reasoningContent", "inputTokens", "cacheDetails"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)  # fmt: skip


@given(
    st.lists(
        st.tuples(KINDS, st.dictionaries(st.sampled_from(["delta", "start", "usage", "contentBlockIndex"]), VALUES))
    )
)
def test_arbitrary_payloads_raise_nothing_and_can_be_encoded(frames: list[tuple[str, dict[str, Any]]]) -> None:
    decoder, encoder = StreamDecoder(), StreamEncoder("i", 1, "m", include_usage=True)
    for kind, payload in frames:
        encoder.encode(decoder.feed(kind, payload))


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "ValidationException:http://internal.amazon.com/", ProviderRefused),
        (400, "ServiceQuotaExceededException", ProviderRateLimited),
        (403, "AccessDeniedException", CredentialRefused),
        (403, "", CredentialRefused),
        (404, "ResourceNotFoundException", ProviderRefused),
        (408, "ModelTimeoutException", UpstreamTimeout),
        (424, "ModelErrorException", UpstreamError),
        (429, "ThrottlingException", ProviderRateLimited),
        (429, "ModelNotReadyException", ProviderRateLimited),
        (500, "InternalServerException", UpstreamError),
        (503, "ServiceUnavailableException", Overloaded),
    ],
)
def test_an_http_error_of_bedrock_has_one_meaning(status: int, kind: str, error: type[NorthernError]) -> None:
    told = read_error(status, {"x-amzn-ErrorType": kind}, b'{"message":"Credential=AKIAABCDEFGHIJKLMNOP/x said no"}')
    assert type(told) is error
    assert "AKIA" not in told.message


def test_claudes_nested_error_is_taken_out_of_the_sentence() -> None:
    nested = 'The model returned the following errors: {"type":"error","error":{"message":"stop: bad"}}'
    told = read_error(400, {}, orjson.dumps({"message": nested}))
    assert told.message == "stop: bad"


@given(st.integers(100, 599), st.binary(max_size=80))
def test_any_body_of_an_error_has_a_meaning(status: int, raw: bytes) -> None:
    assert isinstance(read_error(status, {}, raw), NorthernError)
