"""OpenAI's own SDK against the sandbox."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from tests.integration.sandbox.running import Running

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


@pytest.fixture
async def client(sandbox: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{sandbox.url}/openai/v1", api_key="k", max_retries=0) as made:
        yield made


def user(text: str) -> Any:  # a TypedDict of many; the SDK does not look at run time
    return [{"role": "user", "content": text}]


async def test_an_answer_is_parsed(client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user("What model are you?"))
    answer = raw.parse()
    assert "gpt-4o" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-ni-sandbox"] == "true"
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["openai-processing-ms"]) >= 0


async def test_a_stream_is_the_same_text_and_the_same_usage(client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model="gpt-4o", messages=user("count to five"))
    stream = await client.chat.completions.create(
        model="gpt-4o", messages=user("count to five"), stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "1, 2, 3, 4, 5"
    assert sum(1 for c in chunks if c.choices and c.choices[0].delta.content) == 5
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert all(chunk.usage is None and "usage" in chunk.model_fields_set for chunk in chunks[:-1])


async def test_usage_comes_only_when_asked_for(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="gpt-4o", messages=user("hi"), stream=True)
    chunks = [chunk async for chunk in stream]
    assert all("usage" not in chunk.model_fields_set and chunk.choices for chunk in chunks)


async def test_the_stream_helper_calls_a_forced_tool(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="gpt-4o", messages=user("Montreal today"), tools=TOOLS, tool_choice="required", n=2
    ) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_completion()
    assert len(final.choices) == 2
    for choice in final.choices:
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls or []
        assert json.loads(call.function.arguments) == {"city": "Montreal today"}


async def test_a_tool_loop_ends_in_a_sentence(client: AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": "use the tool get_weather: Laval"}]
    first = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    message = first.choices[0].message
    (call,) = message.tool_calls or []
    messages += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "-4 C"}]
    second = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    assert '"-4 C"' in (second.choices[0].message.content or "")
    assert second.choices[0].finish_reason == "stop"


async def test_limits_stops_and_schemas(client: AsyncOpenAI) -> None:
    cut = await client.chat.completions.create(model="gpt-4o", messages=user("count to five"), max_tokens=2)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("1, 2,", "length")
    stopped = await client.chat.completions.create(model="gpt-4o", messages=user("count to five"), stop=", 3", n=2)
    assert [c.message.content for c in stopped.choices] == ["1, 2", "1, 2"]
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}}
    said = await client.chat.completions.create(model="gpt-4o", messages=user("x"), response_format=wanted)
    assert json.loads(said.choices[0].message.content or "") == {"ok": True}


async def test_an_image_is_described(client: AsyncOpenAI) -> None:
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    content: Any = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    said = await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])
    assert "an image/png of 68 bytes" in (said.choices[0].message.content or "")


async def test_errors_are_the_sdks_own_classes(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as unknown:
        await client.chat.completions.create(model="gpt-4o", messages=user("x"), extra_body={"privacy_tier": "x"})
    assert (unknown.value.code, unknown.value.param) == ("unknown_parameter", "privacy_tier")
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="missing-model", messages=user("x"))
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model="m", messages=user("[[sandbox status=429 retry_after=2]]"))
    assert limited.value.response.headers["retry-after"] == "2"


async def test_an_error_within_a_stream_reaches_the_sdk(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="m", messages=user("[[sandbox chunks=9 error_after=3 error=throttling]]"), stream=True
    )
    seen = [(await anext(stream)).choices[0].delta.content for _ in range(4)]
    assert seen == ["", "w0 ", "w1 ", "w2 "]
    with pytest.raises(openai.APIError, match="Rate limit"):
        await anext(stream)


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert "gpt-4o" in [model.id async for model in client.models.list()]


async def test_azure_answers_in_both_of_its_styles(sandbox: Running) -> None:
    async with (
        AsyncAzureOpenAI(
            azure_endpoint=f"{sandbox.url}/azure", api_version="2024-10-21", api_key="k", max_retries=0
        ) as old,
        AsyncOpenAI(base_url=f"{sandbox.url}/azure/openai/v1", api_key="k", max_retries=0) as new,
    ):
        for client in (old, new):
            stream = await client.chat.completions.create(model="gpt-4o", messages=user("count to five"), stream=True)
            first, *rest = [chunk async for chunk in stream]
            assert (first.choices, first.id, first.model) == ([], "", "")
            assert (first.model_extra or {})["prompt_filter_results"]
            assert "".join(c.choices[0].delta.content or "" for c in rest) == "1, 2, 3, 4, 5"
            said = await client.chat.completions.create(model="dep-1", messages=user("What model are you?"))
            assert "dep-1" in (said.choices[0].message.content or "")
    (path,) = {e["path"] for e in await sandbox.log() if "deployments/dep-1" in e["path"]}
    assert path == "/azure/openai/deployments/dep-1/chat/completions?api-version=2024-10-21"


async def test_each_house_asks_for_its_credential(sandbox: Running) -> None:
    for house, status in (("openai", 401), ("azure/openai", 401), ("self-hosted", 200)):
        body = {"model": "m", "messages": user("hi")}
        async with sandbox.http.post(f"{sandbox.url}/{house}/v1/chat/completions", json=body) as response:
            assert response.status == status
            answer = await response.json()
        if house == "openai":
            assert answer["error"]["code"] == "invalid_api_key"
        if house == "azure/openai":
            assert answer["error"]["code"] == "401"


async def test_a_self_hosted_server_has_numbers_for_codes(sandbox: Running) -> None:
    async with await sandbox.chat("[[sandbox status=503]]", house="self-hosted") as response:
        assert (response.status, (await response.json())["error"]["code"]) == (503, 503)


async def said(client: AsyncOpenAI, text: str, model: str = "gpt-4o", **more: Any) -> Any:
    return await client.chat.completions.create(model=model, messages=user(text), **more)


async def test_reasoning_is_counted_and_not_shown(client: AsyncOpenAI) -> None:
    answer = await said(client, "count to five", "gpt-5")
    assert answer.choices[0].message.content == "1, 2, 3, 4, 5"
    reasoned = answer.usage.completion_tokens_details.reasoning_tokens
    assert answer.usage.completion_tokens == reasoned + 5
    assert reasoned > 5
    cut = await said(client, "count to five", "o3", max_completion_tokens=3)
    assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("", "length")
    assert cut.usage.completion_tokens_details.reasoning_tokens == 3
    with pytest.raises(openai.BadRequestError, match="temperature"):
        await said(client, "x", "gpt-5", temperature=0.5)


async def test_a_long_beginning_is_read_from_the_cache(client: AsyncOpenAI) -> None:
    messages: Any = [{"role": "system", "content": "be kind, " * 600}]
    for model, written in (("gpt-4o", 0), ("gpt-5", 1280)):
        first, second = [
            (await client.chat.completions.create(model=model, messages=messages + user(text))).usage
            for text in ("count to five", "hi")
        ]
        assert first is not None
        assert second is not None
        for usage, cached, wrote in ((first, 0, written), (second, 1280, 0)):
            details = usage.prompt_tokens_details
            assert details is not None
            assert (details.cached_tokens, details.cache_write_tokens) == (cached, wrote)
        assert second.prompt_tokens > 1280


async def test_a_refusal_has_a_member_of_its_own(client: AsyncOpenAI) -> None:
    whole = (await said(client, "refuse this")).choices[0]
    assert (whole.message.content, whole.message.refusal, whole.finish_reason) == (
        None,
        "I cannot help with that.",
        "stop",
    )
    stream = await said(client, "refuse this", stream=True)
    refused = [chunk.choices[0].delta.refusal or "" async for chunk in stream]
    assert "".join(refused) == "I cannot help with that."


async def test_log_probabilities_come_with_each_token(client: AsyncOpenAI) -> None:
    asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 2}
    whole = (await said(client, "count to five", **asked)).choices[0].logprobs.content
    stream = await said(client, "count to five", stream=True, n=2, **asked)
    chunks = [chunk.choices[0] async for chunk in stream]
    parts = [c.logprobs.content[0] for c in chunks if c.delta.content and c.index == 1]
    assert parts == whole
    assert [one.token for one in whole] == ["1,", " 2,", " 3,", " 4,", " 5"]
    assert [(len(one.top_logprobs), bytes(one.bytes).decode() == one.token) for one in whole] == [(2, True)] * 5
    assert (await said(client, "hi")).choices[0].logprobs is None


async def test_obfuscation_hides_how_long_tokens_are(client: AsyncOpenAI, sandbox: Running) -> None:
    chunks = [chunk async for chunk in await said(client, "What model are you?", stream=True)]
    assert all(chunk.obfuscation for chunk in chunks)
    async with await sandbox.chat("What model are you?", stream=True) as response:
        events = (await response.read()).split(b"\n\n")
    assert len({len(event) for event in events if b'"content":' in event and b'"role"' not in event}) == 1
    plain = await said(client, "hi", stream=True, stream_options={"include_obfuscation": False})
    assert all(chunk.obfuscation is None for chunk in [chunk async for chunk in plain])


async def test_n_streams_run_beside_each_other(client: AsyncOpenAI) -> None:
    texts = ["", "", ""]
    async for chunk in await said(client, "count to five", n=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["1, 2, 3, 4, 5"] * 3


async def test_two_tools_are_called_at_once_unless_it_is_forbidden(client: AsyncOpenAI) -> None:
    now: Any = {"type": "function", "function": {"name": "now"}}
    asked: dict[str, Any] = {"tools": [*TOOLS, now]}
    prompt = "announce it: use the tools get_weather and now"
    whole = (await said(client, prompt, **asked)).choices[0].message
    assert whole.content == "I will look that up."
    assert [call.function.name for call in whole.tool_calls] == ["get_weather", "now"]
    async with client.chat.completions.stream(model="gpt-4o", messages=user(prompt), **asked) as stream:
        fragments = [event async for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = (await stream.get_final_completion()).choices[0].message
    assert len(fragments) > 3
    assert final.content == whole.content
    assert [(c.function.name, c.function.arguments) for c in final.tool_calls or []] == [
        (call.function.name, call.function.arguments) for call in whole.tool_calls
    ]
    one = (await said(client, prompt, parallel_tool_calls=False, **asked)).choices[0].message
    assert [call.function.name for call in one.tool_calls] == ["get_weather"]


async def test_azures_filter_stands_before_and_behind_the_model(sandbox: Running) -> None:
    async with AsyncOpenAI(base_url=f"{sandbox.url}/azure/openai/v1", api_key="k", max_retries=0) as azure:
        with pytest.raises(openai.BadRequestError) as blocked:
            await said(azure, "refuse this prompt")
        assert blocked.value.code == "content_filter"
        assert isinstance(blocked.value.body, dict)
        inner = blocked.value.body["innererror"]
        assert (inner["code"], inner["content_filter_result"]["violence"]["filtered"]) == (
            "ResponsibleAIPolicyViolation",
            True,
        )
        whole = (await said(azure, "refuse this")).choices[0]
        assert (whole.finish_reason, whole.message.content) == ("content_filter", "")
        *_, last = [chunk async for chunk in await said(azure, "refuse this", stream=True)]
        assert last.choices[0].finish_reason == "content_filter"
        assert last.choices[0].model_extra["content_filter_results"]["violence"]["filtered"] is True
        *_, last = [chunk async for chunk in await said(azure, "hi", stream=True)]
        assert last.obfuscation is None


async def test_a_self_hosted_server_shows_its_reasoning_and_its_usage_as_it_goes(sandbox: Running) -> None:
    async with AsyncOpenAI(base_url=f"{sandbox.url}/self-hosted/v1", api_key="k", max_retries=0) as vllm:
        asked: dict[str, Any] = {"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}}
        whole = await said(vllm, "count to five", "Qwen/Qwen3-14B", **asked)
        thought = whole.choices[0].message.model_extra["reasoning_content"]
        assert thought.startswith("Let me think")
        assert whole.usage.prompt_tokens_details is None
        asked["extra_body"]["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        chunks = [chunk async for chunk in await said(vllm, "count to five", "Qwen/Qwen3-14B", stream=True, **asked)]
    shown = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in shown) == thought
    assert "".join(delta.content or "" for delta in shown) == "1, 2, 3, 4, 5"
    counts = [chunk.usage.completion_tokens for chunk in chunks]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-1] == whole.usage.completion_tokens
    assert len(set(counts)) == counts[-1] + 1
