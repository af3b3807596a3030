"""What OpenAI refuses, refused in its words."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.domain import Choice
from services.sandbox.openai.houses import ChatAsk, House
from services.sandbox.openai.request import read
from services.sandbox.wire import Refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "now"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}


def ask(**given: Any) -> ChatAsk:
    return read(orjson.dumps({"model": "gpt-4o", "messages": HI} | given))


def refusal(**given: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(**given)
    return caught.value


@pytest.mark.parametrize("field", ["privacy_tier", "allow_fallbacks", "pii_substitution", "routing", "top_k"])
def test_a_field_that_openai_does_not_know_is_refused(field: str) -> None:
    refused = refusal(**{field: True})
    assert (refused.status, refused.code, refused.param) == (400, "unknown_parameter", field)


def test_vllm_has_fields_of_its_own_and_still_not_ours() -> None:
    body = {"model": "Qwen/Qwen3-14B", "messages": HI, "top_k": 3}
    assert read(orjson.dumps(body), house=House.SELF_HOSTED).model == "Qwen/Qwen3-14B"
    with pytest.raises(Refusal, match="privacy_tier"):
        read(orjson.dumps(body | {"privacy_tier": "x"}), house=House.SELF_HOSTED)


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-mini", "o3", "o4-mini"])
def test_reasoning_models_refuse_max_tokens(model: str) -> None:
    assert refusal(model=model, max_tokens=5).code == "unsupported_parameter"
    assert ask(model=model, max_completion_tokens=5).max_tokens == 5
    assert ask(model="gpt-4o", max_tokens=5).max_tokens == 5


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"temperature": 0.5}, "unsupported_value"),
        ({"top_p": 0.9}, "unsupported_value"),
        ({"presence_penalty": 1}, "unsupported_value"),
        ({"logprobs": True}, "unsupported_parameter"),
        ({"logit_bias": {"1": 1}}, "unsupported_parameter"),
        ({"reasoning_effort": "much"}, "invalid_value"),
    ],
)
def test_reasoning_models_refuse_sampling(given: dict[str, Any], code: str) -> None:
    assert refusal(model="gpt-5", **given).code == code
    if "reasoning_effort" not in given:
        assert not ask(model="gpt-5.4", reasoning_effort="none", **given).thinking
        assert ask(model="gpt-4o", **given).model == "gpt-4o"


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-mini-2025-08-07", "o3"])
@pytest.mark.parametrize("effort", ["none", "xhigh", "max"])
def test_the_first_reasoning_models_always_think_and_no_more_than_high(model: str, effort: str) -> None:
    assert refusal(model=model, reasoning_effort=effort).code == "unsupported_value"
    assert ask(model="gpt-5.4", reasoning_effort=effort).thinking is (effort != "none")


def test_what_is_said_of_the_caller_is_short_and_metadata_an_object() -> None:
    assert ask(user="u" * 64, metadata={"a": "b"}).model
    assert refusal(user="u" * 65).code == "string_above_max_length"
    assert refusal(metadata=True).code == "invalid_type"


def test_reasoning_models_think_and_others_are_not_asked_to() -> None:
    assert ask(model="o3", temperature=1).thinking
    assert not ask(model="gpt-5", reasoning_effort="minimal").thinking
    assert not ask(model="gpt-4o").thinking
    assert refusal(model="gpt-4o", reasoning_effort="low").code == "unsupported_parameter"


def test_a_self_hosted_qwen_thinks_when_told_to() -> None:
    def thinks(model: str = "Qwen/Qwen3-14B", **given: Any) -> bool:
        body = orjson.dumps({"model": model, "messages": HI} | given)
        return read(body, house=House.SELF_HOSTED).thinking

    assert not thinks()
    assert thinks(chat_template_kwargs={"enable_thinking": True})
    assert thinks(reasoning_effort="low")
    assert not thinks(reasoning_effort="low", chat_template_kwargs={"enable_thinking": False})
    assert not thinks("mistralai/Mistral-7B", reasoning_effort="low")


def test_each_house_has_stream_options_of_its_own() -> None:
    def options(house: House, **given: Any) -> ChatAsk:
        body = {"model": "m", "messages": HI, "stream": True, "stream_options": given}
        return read(orjson.dumps(body), house=house)

    assert options(House.OPENAI).obfuscated
    assert not options(House.OPENAI, include_obfuscation=False).obfuscated
    assert not options(House.SELF_HOSTED).obfuscated
    assert options(House.SELF_HOSTED, include_usage=True, continuous_usage_stats=True).usage_in_each
    for house, name in ((House.OPENAI, "continuous_usage_stats"), (House.SELF_HOSTED, "include_obfuscation")):
        with pytest.raises(Refusal, match=name):
            options(house, **{name: True})


def test_alternatives_need_log_probabilities() -> None:
    assert (ask().logprobs, ask(logprobs=True).logprobs, ask(logprobs=True, top_logprobs=3).logprobs) == (None, 0, 3)
    assert refusal(top_logprobs=3).param == "top_logprobs"
    assert refusal(logprobs="yes").code == "invalid_type"


def test_long_beginnings_are_kept_in_whole_steps() -> None:
    long = {"role": "system", "content": "be kind, " * 600}
    first, second = (ask(messages=[long, {"role": "user", "content": text}]) for text in ("a", "b"))
    assert [prefix.tokens for prefix in first.prefixes] == [1280, 1280]
    assert first.prefixes[0] == second.prefixes[0]
    assert first.prefixes[1] != second.prefixes[1]
    assert ask().prefixes == ()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"messages": None}, "missing_required_parameter"),
        ({"messages": []}, "empty_array"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "x": 1}]}]}, "invalid_value"),
        ({"temperature": 2.1}, "integer_above_max_value"),
        ({"n": 0}, "integer_below_min_value"),
        ({"n": True}, "invalid_type"),
        ({"stream": "yes"}, "invalid_type"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "invalid_type"),
        ({"tools": []}, "empty_array"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "invalid_value"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "invalid_value"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "missing_required_parameter"),
        ({"model": "missing-model"}, "model_not_found"),
        ({"messages": [{"role": "user", "content": "[[sandbox chunk=1]]"}]}, "sandbox_directive"),
    ],
)
def test_a_wrong_value_is_refused_with_its_code(given: dict[str, Any], code: str) -> None:
    assert refusal(**given).code == code


@pytest.mark.parametrize(
    "given",
    [
        {"model": ""},
        {"stream_options": {"include_usage": True}},
        {"tool_choice": "auto"},
        {"response_format": {"type": "json_object"}},
        {"messages": [*HI, {"role": "tool", "tool_call_id": "c1", "content": "x"}]},
        {"messages": [*HI, {"role": "assistant", "tool_calls": [CALL]}, *HI]},
        {"messages": [*HI, {"role": "assistant", "content": None}]},
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any]) -> None:
    assert refusal(**given).status == 400


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"model": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal, match="parse the JSON"):
        read(raw)


def test_a_tool_loop_is_read() -> None:
    seen = ask(
        messages=[
            *HI,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "noon"},
        ],
        tools=[TOOL],
        tool_choice="required",
    )
    assert (seen.tool_results, seen.choice, seen.text, seen.text_bytes) == (("noon",), Choice.REQUIRED, "hi", 6)


def test_an_image_is_checked_against_its_type() -> None:
    def with_image(media: str, data: bytes) -> list[dict[str, Any]]:
        url = f"data:{media};base64,{base64.b64encode(data).decode()}"
        return [
            {
                "role": "user",
                "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": url}}],
            }
        ]

    assert ask(messages=with_image("image/png", PNG)).images == ("an image/png of 68 bytes",)
    assert refusal(messages=with_image("image/jpeg", PNG)).code == "invalid_image_format"
    assert refusal(messages=with_image("image/tiff", PNG)).code == "invalid_image_format"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "user", "text", "function", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "role", "content", "function", "name", "url", "image_url", "id", "text", "tool_calls"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messages",
                "tools",
                "tool_choice",
                "stop",
                "stream",
                "stream_options",
                "response_format",
                "reasoning_effort",
                "logprobs",
                "n",
                "max_tokens",
            ]
        ),
        JSON,
    )
)
def test_any_json_is_read_or_refused(given_: dict[str, Any]) -> None:
    with suppress(Refusal):  # any other exception is the failure
        assert read(orjson.dumps({"model": "m", "messages": HI} | given_)).model == "m"
