"""OpenAI chat as the caller speaks it: what is read, what is refused by name, what is written."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

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
from libs.dialects.form import (
    Answer,
    BlockStop,
    Event,
    Failure,
    Image,
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
    ToolChoice,
    ToolResult,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_chat import (
    StreamEncoder,
    read_error,
    read_request,
    read_usage,
    stream_error,
    write_answer,
    write_usage,
)

USER = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgoAAAAN"
TOOL = {"type": "function", "function": {"name": "f"}}


def call(id: str = "a", arguments: str = "{}", **more: object) -> dict[str, Any]:  # noqa: A002 - the wire's own name
    function = {"name": "f", "arguments": arguments}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": function}],
        **more,
    }


def read(*messages: object, **more: object) -> Request:
    return read_request({"messages": list(messages), **more})


def image(url: object) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


def result(id: str = "a", content: object = "42") -> dict[str, Any]:  # noqa: A002 - the wire's own name
    return {"role": "tool", "tool_call_id": id, "content": content}


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": ["hi"]}, "messages.0"),
    ({"messages": [{"content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "robot", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "function", "name": "f", "content": "hi"}]}, "messages.0.role"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0.type"),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0.type"),
    ({"messages": [{"role": "system", "content": [{"type": "image_url"}]}]}, "messages.0.content.0.type"),
    ({"messages": [image("ftp://x/y.png")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("http://x/y.png")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("https://[x")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,@@")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,é")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:image/png;base64,")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image("data:text/html;base64,aGVsbG8=")]}, "messages.0.content.0.image_url.url"),
    ({"messages": [image(None)]}, "messages.0.content.0.image_url.url"),
    ({"messages": [USER, call(arguments="{"), result()]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [USER, call(arguments="[]"), result()]}, "messages.1.tool_calls.0.function.arguments"),
    ({"messages": [USER, call(id=""), result()]}, "messages.1.tool_calls.0.id"),
    ({"messages": [USER, call(tool_calls="f")]}, "messages.1.tool_calls"),
    ({"messages": [USER, call(function_call={})]}, "messages.1.function_call"),
    ({"messages": [USER, call(audio={"id": "x"}), result()]}, "messages.1.audio"),
    ({"messages": [USER, {**call(), "tool_calls": call()["tool_calls"] * 2}]}, "messages.1.tool_calls"),
    ({"messages": [USER, result()]}, "messages.1.tool_call_id"),
    ({"messages": [USER, call(), result("b")]}, "messages.2.tool_call_id"),
    ({"messages": [USER, call(), result(), result()]}, "messages.3.tool_call_id"),
    ({"messages": [USER, call()]}, "messages.1.tool_calls"),
    ({"messages": [USER, call(), USER]}, "messages.1.tool_calls"),
    ({"messages": [USER], "tools": {}}, "tools"),
    ({"messages": [USER], "tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
    ({"messages": [USER], "tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
    ({"messages": [USER], "tools": [TOOL, TOOL]}, "tools"),
    ({"messages": [USER], "tool_choice": "required"}, "tools"),
    ({"messages": [USER], "tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
    (
        {"messages": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice",
    ),
    ({"messages": [USER], "temperature": 2.1}, "temperature"),
    ({"messages": [USER], "temperature": "1"}, "temperature"),
    ({"messages": [USER], "temperature": True}, "temperature"),
    ({"messages": [USER], "top_p": -1}, "top_p"),
    ({"messages": [USER], "max_tokens": 0}, "max_tokens"),
    ({"messages": [USER], "max_completion_tokens": 1.5}, "max_completion_tokens"),
    ({"messages": [USER], "stop": [1]}, "stop.0"),
    ({"messages": [USER], "stop": {}}, "stop"),
    ({"messages": [USER], "response_format": "json"}, "response_format"),
    ({"messages": [USER], "response_format": {"type": "xml"}}, "response_format.type"),
    ({"messages": [USER], "response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"messages": [USER], "reasoning_effort": "much"}, "reasoning_effort"),
    ({"messages": [USER], "reasoning_effort": {}}, "reasoning_effort"),
    ({"messages": [USER], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
]


@pytest.mark.parametrize(("body", "param"), BAD)
def test_a_bad_member_is_refused_by_its_path(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_request(body)
    assert refused.value.param == param


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from(["user", "tool", "text", "auto", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "tool_calls", "id", "function", "name", "arguments", "url"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(
        st.sampled_from(["messages", "tools", "tool_choice", "stop", "n", "response_format", "logit_bias", "x"]), JSON
    )
)
def test_arbitrary_json_is_read_or_refused_and_nothing_else(body: dict[str, Any]) -> None:
    try:
        read_request(body)
    except InvalidRequest:
        pass


def test_a_conversation_is_read_in_order() -> None:
    request = read(
        {"role": "system", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "look"}, *image(PNG)["content"]]},
        {"role": "developer", "content": [{"type": "text", "text": "two"}]},
    )
    assert request.system == (Text(text="one"), Text(text="two"))
    assert [turn.role for turn in request.turns] == [Role.USER]
    assert request.turns[0].parts == (Text(text="look"), Image(media_type="image/png", data="iVBORw0KGgoAAAAN"))


def test_tool_calls_and_their_results_are_read() -> None:
    request = read(USER, call(arguments=""), result(), tools=[TOOL])
    assert request.turns[1].parts == (ToolCall(id="a", name="f", arguments={}),)
    assert request.turns[2].parts == (ToolResult(id="a", parts=(Text(text="42"),)),)
    assert request.tools[0].schema == {"type": "object", "properties": {}}


def test_the_bytes_of_an_image_win_over_its_label() -> None:
    part = read(image("data:image/jpg;base64,iVBORw0KGgoAAAAN")).turns[0].parts[0]
    assert isinstance(part, Image)
    assert part.media_type == "image/png"
    part = read(image("data:image/JPG;base64,AAAA")).turns[0].parts[0]
    assert isinstance(part, Image)
    assert part.media_type == "image/jpeg"


def test_allowed_tools_narrow_the_list() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [other]}}
    request = read(USER, tools=[TOOL, other], tool_choice=allowed)
    assert [tool.name for tool in request.tools] == ["g"]
    assert request.tool_choice == ToolChoice(kind="required")


def test_hints_demands_and_members_that_ask_for_nothing_are_told_apart() -> None:
    request = read(
        USER, seed=1, user="u", metadata={"a": "b"}, logprobs=True, n=2, functions=[{}], unheard_of=1,
        service_tier="auto", logit_bias={}, modalities=["text"], stream=True, stream_options={}, model="m", store=None,
    )  # fmt: skip
    assert set(request.hints) == {"seed", "user", "metadata"}
    assert set(request.demands) == {"logprobs", "n", "functions", "unheard_of"}
    assert not read(USER, n=1, logprobs=False, presence_penalty=0).demands


# --- usage (facts verified over recordings: total = prompt + completion, cached and written lie inside prompt) --------


def test_usage_is_read_into_disjoint_buckets() -> None:
    given_usage = {
        "prompt_tokens": 4020, "completion_tokens": 50, "total_tokens": 4070,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 4012},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    assert read_usage(given_usage) == Usage(input=4, cache_read=4, cache_write_5m=4012, output=50, reasoning=30)


def test_hidden_thinking_is_billed_as_output() -> None:
    usage = read_usage({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})
    assert usage == Usage(input=35, output=74, reasoning=62)


@pytest.mark.parametrize(
    "nothing", [None, {}, [], "x", {"prompt_tokens": None}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_usage_that_counts_nothing_is_no_usage(nothing: object) -> None:
    assert read_usage(nothing) is None


COUNTS = st.integers(0, 10**9)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 10**9), COUNTS)
def test_usage_written_and_read_again_is_the_same(fresh: int, read_: int, write: int, out: int, thought: int) -> None:
    usage = Usage(input=fresh, cache_read=read_, cache_write_5m=write, output=out, reasoning=min(thought, out))
    written = write_usage(usage)
    assert (
        written["total_tokens"]
        == written["prompt_tokens"] + written["completion_tokens"]
        == fresh + read_ + write + out
    )
    assert read_usage(written) == usage


@given(st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens"]), COUNTS), COUNTS, COUNTS)
def test_the_buckets_never_exceed_what_was_told(told: dict[str, int], cached: int, written: int) -> None:
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    usage = read_usage({**told, "prompt_tokens_details": details})
    if usage is not None:
        assert usage.input + usage.cache_read + usage.cache_write_5m == told.get("prompt_tokens", 0)
        assert usage.reasoning <= usage.output


# --- answers ------------------------------------------------------------------------------------------------------


def test_an_answer_is_one_that_the_official_sdk_reads() -> None:
    parts = (Reasoning(text="hm"), Text(text="a"), ToolCall(id="t", name="f", arguments={"x": 1}))
    answer = Answer(parts=parts, stop=StopReason.TOOL_USE, usage=Usage(input=1, output=2))
    body = write_answer(answer, id="chatcmpl-1", created=7, model="m")
    read_back = ChatCompletion.model_validate_json(body)
    assert read_back.choices[0].finish_reason == "tool_calls"
    assert read_back.usage is not None
    assert read_back.usage.total_tokens == 3
    message = orjson.loads(body)["choices"][0]["message"]
    assert message["content"] == "a"
    assert message["reasoning_content"] == "hm"
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x":1}'}


def test_content_is_null_beside_calls_and_empty_without() -> None:
    for parts, content in (((ToolCall(id="t", name="f", arguments={}),), None), ((), "")):
        body = write_answer(Answer(parts=parts, stop=StopReason.MAX_TOKENS), id="i", created=0, model="m")
        assert orjson.loads(body)["choices"][0]["message"]["content"] == content
        assert orjson.loads(body)["choices"][0]["finish_reason"] == "length"


# --- streams ------------------------------------------------------------------------------------------------------

EVENTS: list[Event] = [
    ReasoningDelta(index=0, text="hm"),
    ReasoningDelta(index=0, signature="s"),
    BlockStop(index=0),
    TextDelta(index=1, text="one "),
    BlockStop(index=1),
    ToolCallStart(index=2, id="a", name="f"),
    ToolCallDelta(index=2, json=""),
    ToolCallDelta(index=2, json='{"x"'),
    ToolCallDelta(index=2, json=":1}"),
    BlockStop(index=2),
    ToolCallStart(index=3, id="b", name="g"),
    BlockStop(index=3),
    ToolCallStart(index=4, id="c", name="h"),
    Stop(reason=StopReason.TOOL_USE),
    UsageEvent(usage=Usage(input=3, output=4)),
]


def chunks(data: bytes) -> list[dict[str, Any]]:
    found = [orjson.loads(event.removeprefix(b"data: ")) for event in data.split(b"\n\n") if event]
    for each in found:
        ChatCompletionChunk.model_validate(each)
    return found


def test_a_stream_begins_with_the_role_and_numbers_tools_by_themselves() -> None:
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode(EVENTS))
    assert out[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    arguments: dict[int, str] = {}
    for each in out:
        for tool in each["choices"][0]["delta"].get("tool_calls", []):
            arguments[tool["index"]] = arguments.get(tool["index"], "") + tool["function"]["arguments"]
    assert arguments == {0: '{"x":1}', 1: "{}", 2: "{}"}
    assert out[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert all("usage" not in each for each in out)


def test_usage_is_one_last_chunk_and_null_on_the_others_if_asked() -> None:
    late: list[Event] = [EVENTS[-1], *EVENTS[:-1]]
    for events in (EVENTS, late, [*EVENTS, EVENTS[-1]]):
        out = chunks(StreamEncoder("i", 1, "m", include_usage=True).encode(events))
        assert out[-1]["choices"] == []
        assert out[-1]["usage"]["total_tokens"] == 7
        assert all(each["usage"] is None for each in out[:-1])


def test_an_empty_answer_still_has_role_and_finish_reason() -> None:
    out = chunks(StreamEncoder("i", 1, "m", include_usage=False).encode([Stop(reason=StopReason.END)]))
    assert [each["choices"][0]["finish_reason"] for each in out] == [None, "stop"]


def test_a_failure_writes_nothing_and_the_end_is_written_apart() -> None:
    encoder = StreamEncoder("i", 1, "m", include_usage=False)
    assert encoder.encode([Failure(error=UpstreamError("x"))]) == b""
    assert encoder.done() == b"data: [DONE]\n\n"
    assert orjson.loads(stream_error("m", "server_error", "upstream_error")[6:])["error"]["code"] == "upstream_error"


# --- errors -------------------------------------------------------------------------------------------------------

ERRORS: list[tuple[int, bytes, type[NorthernError]]] = [
    (400, b'{"error":{"message":"bad","param":"stop"}}', ProviderRefused),
    (404, b'{"error":{"message":"bad"}}', ProviderRefused),
    (405, b"", ProviderRefused),
    (401, b'{"error":{"message":"Incorrect API key provided: sk-abc123456"}}', CredentialRefused),
    (402, b"", CredentialRefused),
    (403, b"", CredentialRefused),
    (408, b"", UpstreamTimeout),
    (409, b"", UpstreamError),
    (429, b'{"error":{"message":"slow"}}', ProviderRateLimited),
    (429, b'{"error":{"code":"insufficient_quota"}}', CredentialRefused),
    (500, b"<html>", UpstreamError),
    (503, b"[]", Overloaded),
    (504, b"\xff", UpstreamTimeout),
    (302, b"", UpstreamError),
]


@pytest.mark.parametrize(("status", "body", "kind"), ERRORS)
def test_a_status_of_the_provider_has_one_meaning(status: int, body: bytes, kind: type[NorthernError]) -> None:
    error = read_error(status, {}, body)
    assert type(error) is kind
    assert "sk-" not in error.message


@pytest.mark.parametrize("status", [500, 502])
def test_a_provider_that_failed_may_be_cold_and_is_worth_another_try(status: int) -> None:
    error = read_error(status, {}, b"")
    assert error.message.startswith("Backend error: the model may be cold starting, retry")
    assert error.retry_after_ms > 0
    assert read_error(status, {"retry-after": "7"}, b"").retry_after_ms == 7000


def test_a_refusal_keeps_message_and_member() -> None:
    error = read_error(422, {}, b'{"error":{"message":"bad\\nthing","param":"stop"}}')
    assert isinstance(error, ProviderRefused)
    assert (error.message, error.param, error.provider_status) == ("bad thing", "stop", 422)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2000),
        ({"retry-after": "1", "Retry-After-Ms": "250"}, 250),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 30_000),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 0),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1e999"}, 0),
        ({"retry-after": "999999999"}, 3_600_000),
        ({}, 0),
    ],
)
def test_the_providers_own_wait_is_kept(headers: dict[str, str], wait: int) -> None:
    assert read_error(429, headers, b"").retry_after_ms == wait
