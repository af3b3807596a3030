"""Anthropic's own SDKs, on their three transports, against the sandbox."""

import asyncio
import base64
import json
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message

from tests.integration.sandbox.claude import MODELS, OLDER, Client, client_of, said, streamed, text, user
from tests.integration.sandbox.pictures import PNG
from tests.integration.sandbox.running import Running

TOOLS: Any = [
    {
        "name": "get_weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
    {"name": "now", "input_schema": {"type": "object", "properties": {}}},
]
SHOWN: Any = {"type": "adaptive", "display": "summarized"}


async def test_an_answer_is_parsed_on_every_transport(caller: tuple[Client, str]) -> None:
    client, model = caller
    answer = await said(client, model, user("What model are you?"))
    assert model in text(answer)
    assert (answer.stop_reason, answer.stop_sequence, answer.role) == ("end_turn", None, "assistant")
    assert answer.model.startswith("claude-")
    assert "anthropic" not in answer.model
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (5, 0)


@pytest.mark.parametrize("prompt", ["count to five", "use the tools now, get_weather and now; announce it"])
async def test_a_stream_is_the_same_message_as_the_whole(caller: tuple[Client, str], prompt: str) -> None:
    client, model = caller
    whole = await said(client, model, user(prompt), tools=TOOLS, thinking=SHOWN)
    kinds, made = await streamed(client, model, user(prompt), tools=TOOLS, thinking=SHOWN)
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == len(whole.content)
    plain: Any = {"id": ..., "content": {"__all__": {"id"}}}
    assert made.model_dump(exclude=plain) == whole.model_dump(exclude=plain)


async def test_the_events_have_their_names_and_a_ping(sandbox: Running) -> None:
    body = {"model": MODELS["direct"], "max_tokens": 9, "messages": user("count to five"), "stream": True}
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    async with sandbox.http.post(f"{sandbox.url}/anthropic/v1/messages", json=body, headers=headers) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["request-id"].startswith("req_")
        events = [event.split("\n") for event in (await response.text()).split("\n\n") if event]
    kinds = [lines[0].removeprefix("event: ") for lines in events]
    values = [json.loads(lines[1].removeprefix("data: ")) for lines in events]
    assert kinds == [value["type"] for value in values]
    assert kinds[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    usage = values[-2]["usage"]
    assert (values[0]["message"]["usage"]["output_tokens"], usage["output_tokens"], usage["input_tokens"]) == (1, 5, 4)


async def test_one_ping_comes_however_many_blocks_there_are(sandbox: Running) -> None:
    asked = user("announce it and use the tool now")
    body = {"model": MODELS["direct"], "max_tokens": 99, "messages": asked, "tools": TOOLS, "stream": True}
    headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    async with sandbox.http.post(f"{sandbox.url}/anthropic/v1/messages", json=body, headers=headers) as response:
        raw = await response.text()
    assert (raw.count("event: content_block_start"), raw.count("event: ping")) == (2, 1)


async def test_several_tools_are_called_at_once_unless_forbidden(caller: tuple[Client, str]) -> None:
    client, model = caller
    asked = user("Use the tools get_weather and now")
    both = await said(client, model, asked, tools=TOOLS)
    assert [b.name for b in both.content if b.type == "tool_use"] == ["get_weather", "now"]
    assert both.stop_reason == "tool_use"
    one = await said(client, model, asked, tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert [b.name for b in one.content if b.type == "tool_use"] == ["get_weather"]


async def test_a_tool_loop_with_thinking_goes_on_only_with_its_thinking(caller: tuple[Client, str]) -> None:
    client, model = caller
    asked = user("use the tool get_weather: Laval")
    first = await said(client, model, asked, tools=TOOLS, thinking=SHOWN)
    thought, use = first.content
    assert thought.type == "thinking"
    assert thought.thinking.startswith("Let me think about")
    assert use.type == "tool_use"
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "-4 C"}]}

    async def after(blocks: list[Any]) -> Message:
        messages = [*asked, {"role": "assistant", "content": blocks}, result]
        return await said(client, model, messages, tools=TOOLS, thinking=SHOWN)

    second = await after([thought.model_dump(), use.model_dump()])
    assert '"-4 C"' in text(second)
    changed = thought.model_dump() | {"thinking": thought.thinking + "!"}
    with pytest.raises(anthropic.BadRequestError, match="cannot be modified"):
        await after([changed, use.model_dump()])
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        await after([thought.model_dump() | {"signature": "Zm9v"}, use.model_dump()])


async def test_a_budgeted_tool_loop_without_its_thinking_is_refused(direct: AsyncAnthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    asked = user("use the tool now")
    first = await said(direct, OLDER, asked, tools=TOOLS, thinking=thinking)
    blocks = [block.model_dump() for block in first.content]
    assert [block["type"] for block in blocks] == ["thinking", "tool_use"]
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": blocks[1]["id"], "content": "noon"}]}
    bare: Any = [*asked, {"role": "assistant", "content": blocks[1:]}, result]
    with pytest.raises(anthropic.BadRequestError, match="Expected `thinking` or `redacted_thinking`"):
        await said(direct, OLDER, bare, tools=TOOLS, thinking=thinking)
    assert '"noon"' in text(await said(direct, OLDER, bare, tools=TOOLS))


async def test_hidden_and_redacted_thoughts_go_back_as_they_came(caller: tuple[Client, str]) -> None:
    client, model = caller
    hidden: Any = {"type": "adaptive", "display": "omitted"}
    for prompt, kind in (
        ("use the tool now", "thinking"),
        ("think in secret, then use the tool now", "redacted_thinking"),
    ):
        kinds, first = await streamed(client, model, user(prompt), tools=TOOLS, thinking=hidden)
        assert [block.type for block in first.content] == [kind, "tool_use"]
        assert "thinking" not in kinds
        assert first.usage.output_tokens_details is not None
        assert first.usage.output_tokens_details.thinking_tokens > 0
        result = {"type": "tool_result", "tool_use_id": first.content[1].model_dump()["id"]}
        blocks = [block.model_dump() for block in first.content]
        loop = [*user(prompt), {"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
        assert (await said(client, model, loop, tools=TOOLS, thinking=hidden)).stop_reason == "end_turn"


async def test_limits_stops_schemas_and_refusals(caller: tuple[Client, str]) -> None:
    client, model = caller
    cut = await client.messages.create(model=model, max_tokens=2, messages=user("count to five"))
    assert (text(cut), cut.stop_reason) == ("1, 2,", "max_tokens")
    stopped = await said(client, model, user("count to five"), stop_sequences=[", 3"])
    assert (text(stopped), stopped.stop_reason, stopped.stop_sequence) == ("1, 2", "stop_sequence", ", 3")
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    fitted = await said(
        client, model, user("x"), output_config={"format": {"type": "json_schema", "schema": schema}, "effort": "low"}
    )
    assert json.loads(text(fitted)) == {"ok": True}
    for refused in (
        await said(client, model, user("refuse this")),
        (await streamed(client, model, user("refuse this")))[1],
    ):
        assert refused.stop_reason == "refusal"
        assert refused.stop_details is not None
        assert refused.stop_details.category == "general_harms"


async def test_a_marked_prompt_is_written_once_and_read_after(caller: tuple[Client, str]) -> None:
    client, model = caller
    system: Any = [
        {"type": "text", "text": "a" * 400, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b" * 40, "cache_control": {"type": "ephemeral"}},
    ]
    first = (await said(client, model, user("hi there"), system=system)).usage
    assert (first.input_tokens, first.cache_creation_input_tokens, first.cache_read_input_tokens) == (2, 110, 0)
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_1h_input_tokens == 100
    assert first.cache_creation.ephemeral_5m_input_tokens == 10
    again = (await streamed(client, model, user("another"), system=system))[1].usage
    assert (again.input_tokens, again.cache_creation_input_tokens, again.cache_read_input_tokens) == (2, 0, 110)
    other = (await said(client, model, user("hi there"), system=[system[0], system[1] | {"text": "c" * 40}])).usage
    assert (other.cache_creation_input_tokens, other.cache_read_input_tokens) == (10, 100)


async def test_a_conversation_grows_on_what_was_cached(direct: AsyncAnthropic) -> None:
    def marked(words: str) -> dict[str, Any]:
        return {"role": "user", "content": [{"type": "text", "text": words, "cache_control": {"type": "ephemeral"}}]}

    first = await said(direct, OLDER, [marked("a" * 400)])
    assert first.usage.cache_creation_input_tokens == 100
    turns: Any = [*user("a" * 400), {"role": "assistant", "content": text(first)}, marked("b" * 40)]
    turns[0]["content"] = [{"type": "text", "text": "a" * 400}]
    second = (await said(direct, OLDER, turns)).usage
    assert second.cache_read_input_tokens == 100
    assert second.input_tokens == 0
    assert (second.cache_creation_input_tokens or 0) > 10


async def test_an_image_is_decoded_and_described(caller: tuple[Client, str]) -> None:
    client, model = caller
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    answer = await said(client, model, [{"role": "user", "content": content}])
    assert f"an image/png of {len(PNG)} bytes" in text(answer)
    wrong = [{"type": "image", "source": source | {"media_type": "image/jpeg"}}]
    with pytest.raises(anthropic.BadRequestError, match="the image appears to be a image/png"):
        await said(client, model, [{"role": "user", "content": wrong}])


async def test_a_link_to_an_image_is_taken_by_anthropic_alone(caller: tuple[Client, str]) -> None:
    client, model = caller
    block = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    if isinstance(client, AsyncAnthropic):
        assert "behind a link" in text(await said(client, model, [{"role": "user", "content": [block]}]))
        return
    with pytest.raises(anthropic.BadRequestError, match="Input tag 'url'"):
        await said(client, model, [{"role": "user", "content": [block]}])


async def test_tokens_are_counted_as_they_are_billed(signed: Running) -> None:
    for transport in ("direct", "vertex"):
        async with client_of(signed.url, transport) as client:
            model = MODELS[transport]
            counted = await client.messages.count_tokens(model=model, messages=user("count to five"), system="be kind")
            billed = await said(client, model, user("count to five"), system="be kind")
            assert counted.input_tokens == billed.usage.input_tokens == 5


async def test_models_are_listed(direct: AsyncAnthropic) -> None:
    listed = [model async for model in direct.models.list()]
    assert OLDER in [model.id for model in listed]
    one = await direct.models.retrieve("claude-opus-4-8")
    assert (one.max_tokens, one.line) == (128_000, "opus")
    with pytest.raises(anthropic.NotFoundError):
        await direct.models.retrieve("claude-missing-model")


async def test_many_are_answered_at_once(direct: AsyncAnthropic) -> None:
    answers = await asyncio.gather(*(said(direct, OLDER, user("count to five")) for _ in range(20)))
    assert len({answer.id for answer in answers}) == 20
