"""What Converse refuses, refused in its words."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.bedrock.request import ConverseAsk, read
from services.sandbox.domain import Choice
from services.sandbox.model.seals import seal
from services.sandbox.wire import Refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
HI = {"role": "user", "content": [{"text": "hi"}]}
USE = {"toolUse": {"toolUseId": "t1", "name": "now", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "noon"}], "status": "success"}}
SPEC = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}
SCHEMA = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}}}


def ask(to: str = "mistral.mistral-large-2402-v1:0", **given: Any) -> ConverseAsk:
    return read(orjson.dumps({"messages": [HI]} | given), to, stream=False)


def refusal(to: str = "mistral.mistral-large-2402-v1:0", **given: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(to, **given)
    return caught.value


CLAUDE = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOLS: dict[str, Any] = {"toolConfig": {"tools": [SPEC]}}
THINK: dict[str, Any] = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}


def thought(text: str, signature: str | None) -> dict[str, Any]:
    signed = {} if signature is None else {"signature": signature}
    return {"reasoningContent": {"reasoningText": {"text": text} | signed}}


def document(**given: Any) -> dict[str, Any]:
    source = {"bytes": base64.b64encode(b"%PDF-1.7").decode()}
    return {"document": {"format": "pdf", "name": "a report", "source": source} | given}


def loop(*said: dict[str, Any]) -> list[Any]:
    return [HI, {"role": "assistant", "content": [*said, USE]}, {"role": "user", "content": [RESULT]}]


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


def test_a_document_is_described_and_stands_beside_a_text() -> None:
    text = {"text": "read"}
    assert ask(messages=[{"role": "user", "content": [text, document()]}]).images == ("a pdf document of 8 bytes",)
    for content in (
        [document()],
        [text, document(name="a  report")],
        [text, document(name="report.pdf")],
        [text, document(format="rtf")],
        [text, document(format="docx")],
        [text, document(source={"bytes": "a"})],
    ):
        assert refusal(messages=[{"role": "user", "content": content}]).status == 400


def test_more_than_twenty_images_are_refused() -> None:
    picture = image("png")["content"][0]
    assert len(ask(messages=[{"role": "user", "content": [picture] * 20}]).images) == 20
    assert "too many" in refusal(messages=[{"role": "user", "content": [picture] * 21}]).message


@pytest.mark.parametrize(
    "signature", [None, "", "made up", seal("other", family="claude"), seal("why", family="gemini")]
)
def test_claudes_reasoning_must_come_back_as_it_was(signature: str | None) -> None:
    assert "Invalid `signature`" in refusal(CLAUDE, messages=loop(thought("why", signature)), **TOOLS).message
    assert ask(CLAUDE, messages=loop(thought("why", seal("why", family="claude"))), **TOOLS).tool_results == ("noon",)


def test_redacted_reasoning_is_a_blob_that_must_come_back_as_it_was() -> None:
    def redacted(sealed: str) -> list[Any]:
        return loop({"reasoningContent": {"redactedContent": base64.b64encode(sealed.encode()).decode()}})

    assert ask(CLAUDE, messages=redacted(seal("redacted", family="claude")), **TOOLS).tool_results == ("noon",)
    assert "Invalid `signature`" in refusal(CLAUDE, messages=redacted("made up"), **TOOLS).message
    assert refusal(messages=redacted(seal("redacted", family="claude")), **TOOLS).status == 400


def test_other_models_reasoning_has_no_signature() -> None:
    assert ask(messages=loop(thought("why", None)), **TOOLS).tool_results == ("noon",)
    assert refusal(messages=loop(thought("why", seal("why", family="claude"))), **TOOLS).status == 400


def test_thinking_brings_claudes_rules() -> None:
    assert ask(CLAUDE, **THINK).thinking
    assert not ask(CLAUDE).thinking
    for more, words in (
        ({"inferenceConfig": {"maxTokens": 1024}}, "greater than `thinking.budget_tokens`"),
        ({"inferenceConfig": {"temperature": 0.5}}, "may only be set to 1"),
        ({"toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}}}, "forces tool use"),
        ({"toolConfig": {"tools": [SPEC]}, "messages": loop()}, "Expected `thinking`"),
        ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 5}}}, "budget_tokens"),
        ({"additionalModelRequestFields": {"privacy_tier": "x"}}, "Extra inputs"),
    ):
        assert words in refusal(CLAUDE, **(THINK | more)).message


def test_claude_is_told_to_call_one_tool_in_fields_of_its_own() -> None:
    choice = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    assert not ask(CLAUDE, additionalModelRequestFields=choice).parallel
    assert ask(CLAUDE).parallel


def test_cache_points_mark_what_is_kept() -> None:
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    seen = ask(CLAUDE, system=[{"text": "be kind" * 100}, point])
    assert [(prefix.tokens, prefix.keep_s) for prefix in seen.prefixes] == [(175, 3600)]
    other = ask(
        CLAUDE, system=[{"text": "be kind" * 100}, point], messages=[{"role": "user", "content": [{"text": "x"}]}]
    )
    assert other.prefixes == seen.prefixes
    assert ask(CLAUDE, system=[{"text": "be kind" * 100}]).prefixes == ()
    changed = ask(CLAUDE, system=[{"text": "be cruel" * 100}, {"text": "end"}, point]).prefixes
    assert changed[-1].key != ask(CLAUDE, system=[{"text": "be kind" * 100}, {"text": "end"}, point]).prefixes[-1].key
    for bad in ({"type": "other"}, {"type": "default", "ttl": "2h"}, {}):
        assert refusal(CLAUDE, system=[{"text": "be kind"}, {"cachePoint": bad}]).status == 400


def test_a_guardrail_is_named_and_paths_are_pointers() -> None:
    guard = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert ask(guardrailConfig=guard).guarded
    assert ask(additionalModelResponseFieldPaths=["/stop_sequence"]).paths == ("/stop_sequence",)
    assert refusal(guardrailConfig={"guardrailIdentifier": "g"}).status == 400
    assert refusal(additionalModelResponseFieldPaths=["stop_sequence"]).status == 400
    assert refusal(outputConfig={"effort": "utmost"}).status == 400


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
                    "document",
                    "reasoningContent",
                    "reasoningText",
                    "redactedContent",
                    "cachePoint",
                    "thinking",
                    "type",
                    "textFormat",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


MEMBERS = """
    messages system inferenceConfig toolConfig outputConfig additionalModelRequestFields guardrailConfig
    additionalModelResponseFieldPaths
""".split()


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.sampled_from(["m", CLAUDE]))
def test_any_json_is_read_or_refused(given_: dict[str, Any], model: str) -> None:
    with suppress(Refusal):  # any other exception is the failure
        assert read(orjson.dumps({"messages": [HI]} | given_), model, stream=False).model == model
