"""What Anthropic refuses, refused in its words."""

import base64
import struct
import zlib
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.anthropic.blocks import Transport
from services.sandbox.anthropic.request import DATED, Call, read
from services.sandbox.domain import Ask, Choice
from services.sandbox.model import seals
from services.sandbox.wire import Refusal

OLD = "claude-sonnet-4-5-20250929"
NEW = "claude-opus-4-8"
FIRST = "claude-3-5-sonnet-20241022"
HI = {"role": "user", "content": "hi"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {}}
CALLS = {"role": "assistant", "content": [USE]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
RESULTS = {"role": "user", "content": [RESULT]}
TOOL: dict[str, Any] = {"name": "now", "input_schema": {"type": "object"}}
MARK = {"type": "ephemeral"}
THINKING = {"type": "enabled", "budget_tokens": 1024}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def png(width: int = 1) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 + width))) + chunk(b"IEND", b"")


def ask(call: Call | None = None, **given_: Any) -> Ask:
    body = {"model": OLD, "max_tokens": 2000, "messages": [HI]} | given_
    bare = {name: value for name, value in body.items() if value is not ...}
    return read(orjson.dumps(bare), call or Call(transport=Transport.DIRECT, version="2023-06-01"))


def refusal(call: Call | None = None, **given_: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(call, **given_)
    return caught.value


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def image(data: bytes, media_type: str = "image/png") -> dict[str, Any]:
    source = {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}
    return {"type": "image", "source": source}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"privacy_tier": "x"}, "privacy_tier: Extra inputs are not permitted"),
        ({"context_management": {}}, "context_management: Extra inputs are not permitted"),
        ({"model": ...}, "model: Field required"),
        ({"max_tokens": ...}, "max_tokens: Field required"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        (
            {"max_tokens": 64_001},
            f"max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for {OLD}",
        ),
        ({"messages": ...}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 'messages: first message must use the "user" role'),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        ({"messages": [HI, {"role": "system", "content": "x"}]}, 'messages: Unexpected role "system"'),
        (
            {"model": "claude-opus-4-7", "messages": [HI, {"role": "system", "content": "x"}]},
            "role 'system' is not supported on this model",
        ),
        ({"messages": [HI | {"name": "x"}]}, "messages.0.name: Extra inputs are not permitted"),
        ({"messages": [user()]}, "messages.0: user messages must have non-empty content"),
        ({"messages": [user(text(""))]}, "messages: text content blocks must be non-empty"),
        ({"messages": [user(text(" \n"))]}, "messages: text content blocks must contain non-whitespace text"),
        ({"messages": [user(text("x", foo=1))]}, "messages.0.content.0.text.foo: Extra inputs are not permitted"),
        ({"messages": [user({"type": "image_url"})]}, "messages.0.content.0: Input tag 'image_url' found using 'type'"),
        ({"messages": [user(USE)]}, "messages.0: `tool_use` blocks can only be in `assistant` messages"),
        ({"messages": [HI, CALLS]}, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately"),
        (
            {"messages": [HI, CALLS, HI]},
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately",
        ),
        ({"messages": [HI, CALLS, user(text("x"), RESULT)]}, "messages.1: `tool_use` ids were found without"),
        (
            {"messages": [RESULTS]},
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
        ),
        (
            {"messages": [HI, CALLS, user(RESULT, RESULT)]},
            "messages.2.content.1: each tool_use must have a single result",
        ),
        ({"messages": [HI, CALLS, RESULTS, CALLS, RESULTS]}, "messages: `tool_use` ids must be unique"),
        (
            {"messages": [HI, {"role": "assistant", "content": [USE | {"id": "a.b"}]}, RESULTS]},
            "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        ),
        (
            {"messages": [HI, {"role": "assistant", "content": [USE | {"input": "{}"}]}, RESULTS]},
            "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
        ),
        (
            {"messages": [HI, {"role": "assistant", "content": "x "}]},
            "messages: final assistant content cannot end with",
        ),
        (
            {"model": NEW, "messages": [HI, {"role": "assistant", "content": "x"}]},
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ),
        ({"system": [text("")]}, "system: text content blocks must be non-empty"),
        ({"system": [{"type": "image"}]}, "system.0: Input tag 'image' found using 'type'"),
        ({"stop_sequences": [" "]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"temperature": 1, "top_p": 1}, "`temperature` and `top_p` cannot both be specified for this model."),
        ({"model": NEW, "temperature": 1}, "`temperature` is deprecated for this model."),
        ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens: Field required"),
        ({"thinking": THINKING | {"budget_tokens": 1023}}, "thinking.enabled.budget_tokens: Input should be greater"),
        (
            {"thinking": THINKING | {"budget_tokens": 2000}},
            "`max_tokens` must be greater than `thinking.budget_tokens`",
        ),
        ({"thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
        ({"model": NEW, "thinking": THINKING}, '"thinking.type.enabled" is not supported for this model.'),
        ({"model": FIRST, "thinking": THINKING}, "thinking is not supported on this model"),
        ({"thinking": THINKING, "temperature": 0}, "`temperature` may only be set to 1 when thinking is enabled"),
        ({"thinking": THINKING, "top_k": 5}, "`top_k` must be unset when thinking is enabled"),
        ({"thinking": THINKING, "top_p": 0.5}, "`top_p` must be greater than or equal to 0.95"),
        (
            {"thinking": THINKING, "tools": [TOOL], "tool_choice": {"type": "any"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
        ({"tools": [{"name": "now"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [TOOL | {"input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [TOOL | {"name": "a b"}]}, "tools.0.custom.name: String should match pattern"),
        ({"tools": [TOOL | {"parameters": {}}]}, "tools.0.custom.parameters: Extra inputs are not permitted"),
        ({"tools": [TOOL | {"type": "function"}]}, "tools.0: Input tag 'function' found using 'type'"),
        ({"tools": [TOOL | {"strict": True}]}, "tools.0.custom: For 'object' type, 'additionalProperties' must be"),
        ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
        ({"tool_choice": {"type": "auto"}}, "tool_choice may only be specified while providing tools."),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "Tool 'x' not found in provided tools"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice: Input should be a valid dictionary or object"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema: Field required"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        ({"output_config": {"effort": "low"}}, "This model does not support the effort parameter."),
        ({"model": "claude-sonnet-4-6", "output_config": {"effort": "xhigh"}}, "output_config.effort: Input should be"),
        ({"messages": [user(image(png(), "image/jpeg"))]}, "messages.0.content.0.image.source.base64: The image was"),
        ({"messages": [user(image(png(), "image/bmp"))]}, "messages.0.content.0.image.source.base64.media_type: Input"),
        ({"messages": [user(image(png()[:-20]))]}, "Could not process image"),
        ({"messages": [user(image(png(8001)))]}, "messages.0.content.0.image.source.base64.data: At least one of the"),
        (
            {"messages": [user(image(png() + bytes(5 << 20)))]},
            "messages.0.content.0.image.source.base64: image exceeds",
        ),
        (
            {"messages": [user({"type": "image", "source": {"type": "url", "url": "http://example.com"}})]},
            "messages.0.content.0.image.source.url.url: Only HTTPS URLs are supported.",
        ),
        ({"messages": [user(*[text("x", cache_control=MARK)] * 5)]}, "A maximum of 4 blocks with cache_control may be"),
        (
            {
                "system": [text("x", cache_control=MARK)],
                "messages": [user(text("x", cache_control=MARK | {"ttl": "1h"}))],
            },
            "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m'",
        ),
        ({"messages": [user(text("x", cache_control={"type": "x"}))]}, "messages.0.content.0.cache_control: Input tag"),
        ({"messages": [user(text("[[sandbox nonsense]]"))]}, "messages: sandbox: there is no directive"),
    ],
)
def test_what_anthropic_refuses_names_the_place(given_: dict[str, Any], message: str) -> None:
    refused = refusal(**given_)
    assert refused.message.startswith(message), refused.message
    assert refused.status == 400


def test_a_missing_model_and_a_body_beyond_all_size_have_their_own_status() -> None:
    assert refusal(model="claude-missing-model").status == 404
    assert refusal(system="x" * (33 << 20)).status == 413
    with pytest.raises(Refusal, match="not valid JSON"):
        read(b"{", Call(transport=Transport.DIRECT))


@pytest.mark.parametrize(
    "given_",
    [
        {"temperature": 1},
        {"top_p": 0.9},
        {"top_k": 40},
        {"messages": [user(text("x", citations=[{"type": "char_location"}]))]},
    ],
)
def test_the_newer_version_takes_less(given_: dict[str, Any]) -> None:
    assert ask(**given_).text
    refused = refusal(Call(transport=Transport.DIRECT, version=DATED), **given_)
    assert refused.message.endswith("Extra inputs are not permitted")


def test_what_is_in_beta_needs_the_header() -> None:
    assert ask(Call(transport=Transport.DIRECT, version=DATED, betas="a-1"), context_management={}).text == "hi"


SCOPE = "prompt-caching-scope-2026-01-05"


@pytest.mark.parametrize(
    ("transport", "told"),
    [(Transport.BEDROCK, "invalid beta flag"), (Transport.VERTEX, f"Unexpected value(s) `{SCOPE}` for the")],
)
def test_a_cloud_refuses_a_request_over_a_beta_or_a_mark_that_it_does_not_know(transport: Transport, told: str) -> None:
    version = {Transport.BEDROCK: "bedrock-2023-05-31", Transport.VERTEX: "vertex-2023-10-16"}[transport]
    call = Call(transport=transport, model=OLD)
    cloud: dict[str, Any] = {"model": ..., "anthropic_version": version}
    assert ask(call, anthropic_beta=["context-1m-2025-08-07"], **cloud).text == "hi"
    assert refusal(call, anthropic_beta=[SCOPE], **cloud).message.startswith(told)
    assert refusal(call, cache_control=MARK, **cloud).message == "cache_control: Extra inputs are not permitted"
    scoped = {"system": [text("s") | {"cache_control": MARK | {"scope": "global"}}]}
    assert refusal(call, **scoped, **cloud).message.endswith("scope: Extra inputs are not permitted")
    assert ask(Call(transport=Transport.DIRECT, version=DATED, betas=SCOPE), cache_control=MARK, **scoped).text == "hi"


def test_a_tool_loop_is_read() -> None:
    seen = ask(
        messages=[HI, CALLS, user(RESULT, text("and now?"))],
        tools=[TOOL],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        system="be kind",
    )
    assert (seen.tool_results, seen.choice, seen.parallel) == (("noon",), Choice.REQUIRED, False)
    assert (seen.text, seen.text_bytes) == ("and now?", len("be kindhinoonand now?"))


def test_neighbours_of_one_role_are_one_turn() -> None:
    other = USE | {"id": "toolu_2"}
    calls = [CALLS, {"role": "assistant", "content": [other]}]
    results = [RESULTS, user(RESULT | {"tool_use_id": "toolu_2"})]
    assert ask(messages=[HI, HI, *calls, *results]).tool_results == ("noon", "noon")


def test_a_thought_goes_back_with_its_own_signature_only() -> None:
    thought = {"type": "thinking", "thinking": "so", "signature": seals.seal("so", family="claude")}
    hidden = {"type": "thinking", "thinking": "", "signature": seals.seal("", family="claude", full="so")}
    redacted = {"type": "redacted_thinking", "data": seals.seal("redacted", family="claude", full="so")}
    for block in (thought, hidden, redacted):
        turns = [HI, {"role": "assistant", "content": [block, USE]}, RESULTS]
        assert ask(messages=turns, thinking=THINKING).thinking
    other = thought | {"signature": seals.seal("so", family="gemini")}
    for block in (thought | {"thinking": "not so"}, other, redacted | {"data": hidden["signature"]}):
        turns = [HI, {"role": "assistant", "content": [block, USE]}, RESULTS]
        assert "cannot be modified" in refusal(messages=turns).message
    assert "Field required" in refusal(messages=[HI, {"role": "assistant", "content": [{"type": "thinking"}]}]).message


def test_with_a_budget_the_loop_begins_with_its_thinking() -> None:
    refused = refusal(messages=[HI, CALLS, RESULTS], thinking=THINKING)
    assert refused.message.startswith(
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
    )
    answered = [HI, CALLS, RESULTS, {"role": "assistant", "content": "noon"}, HI]
    assert ask(messages=answered, thinking=THINKING).thinking
    adaptive = ask(model=NEW, messages=[HI, CALLS, RESULTS], thinking={"type": "adaptive"})
    assert (adaptive.thinking, adaptive.thoughts_shown) == (True, False)


def test_bodies_differ_by_transport() -> None:
    vertex = Call(transport=Transport.VERTEX, model="claude-opus-4-8@20260401")
    taken = ask(vertex, model=..., anthropic_version="vertex-2023-10-16", stream=True)
    assert (taken.stream, taken.model) == (True, "claude-opus-4-8@20260401")
    assert refusal(vertex, anthropic_version=DATED).message == "model: Extra inputs are not permitted"
    assert refusal(vertex, model=...).message == "anthropic_version: Field required"
    counted = Call(transport=Transport.VERTEX, counting=True)
    assert ask(counted, max_tokens=..., anthropic_version=DATED).model == OLD
    assert refusal(counted, anthropic_version=DATED).message == "max_tokens: Extra inputs are not permitted"


def test_marks_become_prefixes_and_everything_before_them_counts() -> None:
    def keys(**given_: Any) -> list[bytes]:
        return [prefix.key for prefix in ask(**given_).prefixes if prefix.keep_s]

    turn = user(text("hello", cache_control=MARK))
    plain = keys(messages=[turn])
    assert len(plain) == 1
    assert keys(messages=[turn], cache_control=MARK) == plain
    assert keys(messages=[user(text("hello"))], cache_control=MARK) == plain
    for more in ({"system": "x"}, {"tools": [TOOL]}, {"model": "claude-haiku-4-5"}):
        assert keys(messages=[turn], **more) != plain
    assert ask(messages=[user(text("hello"))]).prefixes == ()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "user", "assistant", "a", "text", "tool_use", "tool_result", "image", "base64", "thinking"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                """role content type text id tool_use_id name input source data media_type thinking signature
                budget_tokens input_schema cache_control ttl format schema effort is_error""".split()
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
            """messages system tools tool_choice thinking output_config cache_control stop_sequences metadata
            temperature top_p top_k max_tokens stream""".split()
        ),
        JSON,
    )
)
def test_any_json_is_read_or_refused(given_: dict[str, Any]) -> None:
    with suppress(Refusal):  # any other exception is the failure
        assert ask(**given_).model == OLD


BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "document", "search_result", "tool_use", "tool_result", "thinking"])},
    optional=dict.fromkeys(("text", "source", "content", "id", "tool_use_id", "name", "input", "cache_control"), JSON),
)


def test_what_is_inside_a_document_is_counted_and_checked() -> None:
    def document(source: Any) -> dict[str, Any]:
        return user({"type": "document", "source": source})

    plain = {"type": "text", "media_type": "text/plain", "data": "four"}
    assert ask(messages=[document(plain)]).text_bytes == 4
    assert ask(messages=[document({"type": "content", "content": [text("four")]})]).text_bytes == 4
    found = {"type": "search_result", "source": "s", "title": "t", "content": [text("four")]}
    assert ask(messages=[user(found)]).text_bytes == 4
    for source in (
        {"type": "url", "url": "https://example.com/a.pdf", "content": 5},
        {"type": "content", "content": [{"type": "tool_result"}]},
        {"type": "base64", "media_type": "application/pdf", "data": "eHh4"},
        plain | {"media_type": "text/html"},
    ):
        assert refusal(messages=[document(source)]).status == 400
    assert refusal(messages=[user(found | {"content": [{"type": "document", "text": "x"}]})]).status == 400


@given(st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.lists(BLOCKS)})))
def test_any_blocks_are_read_or_refused(messages: list[dict[str, Any]]) -> None:
    with suppress(Refusal):
        assert ask(messages=messages).model == OLD
