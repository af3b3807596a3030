"""What Converse refuses, refused in its words."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.bedrock.request import read
from services.sandbox.domain import Ask, Choice
from services.sandbox.wire import Refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
HI = {"role": "user", "content": [{"text": "hi"}]}
USE = {"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "noon"}], "status": "success"}}
SPEC = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}
SCHEMA = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}}}


def ask(to: str = "mistral.mistral-large-2402-v1:0", **given: Any) -> Ask:
    return read(orjson.dumps({"messages": [HI]} | given), to, stream=False)


def refusal(to: str = "mistral.mistral-large-2402-v1:0", **given: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(to, **given)
    return caught.value


def image(kind: str, data: bytes = PNG) -> dict[str, Any]:
    return {
        "role": "user",
        "content": [{"image": {"format": kind, "source": {"bytes": base64.b64encode(data).decode()}}}],
    }


@pytest.mark.parametrize(
    "given",
    [
        {"privacy_tier": "x"},
        {"model": "x"},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": [{"text": "hi"}]}]},
        {"messages": [HI, HI]},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]},
        {"messages": [{"role": "user", "content": [USE]}]},
        {"messages": [image("jpeg")]},
        {"messages": [image("tiff")]},
        {"system": "be kind"},
        {"system": [{"text": ""}]},
        {"inferenceConfig": {"maxTokens": 0}},
        {"inferenceConfig": {"temperature": 1.5}},
        {"inferenceConfig": {"topP": -0.1}},
        {"inferenceConfig": {"max_tokens": 5}},
        {"inferenceConfig": {"stopSequences": [""]}},
        {"toolConfig": {"tools": []}},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "a b", "inputSchema": {"json": {"type": "object"}}}}]}},
        {"toolConfig": {"tools": [{"toolSpec": SPEC["toolSpec"] | {"description": ""}}]}},
        {"toolConfig": {"tools": [SPEC], "toolChoice": {"none": {}}}},
        {"toolConfig": {"tools": [SPEC], "toolChoice": {"tool": {"name": "other"}}}},
        {"messages": [HI, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}]},
        {"messages": [HI, {"role": "assistant", "content": [USE]}, HI], "toolConfig": {"tools": [SPEC]}},
        {
            "messages": [HI, {"role": "assistant", "content": [{"text": "x"}]}, {"role": "user", "content": [RESULT]}],
            "toolConfig": {"tools": [SPEC]},
        },
        {"outputConfig": {"textFormat": SCHEMA | {"structure": {"jsonSchema": {"schema": {"type": "object"}}}}}},
    ],
)
def test_what_converse_refuses_is_a_validation_exception(given: dict[str, Any]) -> None:
    refused = refusal(**given)
    assert (refused.status, refused.kind) == (400, "ValidationException")


def test_sampling_is_refused_where_claude_dropped_it() -> None:
    assert "deprecated" in refusal("us.anthropic.claude-opus-4-8", inferenceConfig={"temperature": 0.5}).message
    both = {"temperature": 0.5, "topP": 0.9}
    assert "both" in refusal("global.anthropic.claude-haiku-4-5-20251001-v1:0", inferenceConfig=both).message
    assert ask(inferenceConfig=both).model == "mistral.mistral-large-2402-v1:0"
    assert ask("anthropic.claude-3-haiku-20240307-v1:0", inferenceConfig=both).n == 1


def test_an_unknown_model_is_not_found() -> None:
    assert refusal("missing-model").status == 404


def test_a_tool_loop_is_read() -> None:
    seen = ask(
        messages=[HI, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}],
        toolConfig={"tools": [SPEC], "toolChoice": {"any": {}}},
        system=[{"text": "be kind"}],
    )
    assert (seen.tool_results, seen.choice, seen.text, seen.text_bytes) == (("noon",), Choice.REQUIRED, "hi", 13)


def test_an_image_is_described_by_type_and_size() -> None:
    assert ask(messages=[image("png")]).images == ("an image/png of 68 bytes",)


def test_the_schema_of_an_answer_is_a_string_of_json() -> None:
    assert ask(outputConfig={"textFormat": SCHEMA}).json_schema == {"type": "object"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "user", "a", "png"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "text",
                    "image",
                    "source",
                    "format",
                    "toolUse",
                    "toolResult",
                    "tools",
                    "toolSpec",
                    "toolChoice",
                    "tool",
                    "textFormat",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["messages", "system", "inferenceConfig", "toolConfig", "outputConfig"]), JSON))
def test_any_json_is_read_or_refused(given_: dict[str, Any]) -> None:
    with suppress(Refusal):  # any other exception is the failure
        assert read(orjson.dumps({"messages": [HI]} | given_), "m", stream=False).model == "m"
