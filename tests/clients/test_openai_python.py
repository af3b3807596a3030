"""OpenAI's official Python SDK through the running street: answers, streams, tools, images, models."""

import asyncio
import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients.asking import AZURE, FORCED, HAIKU, OPENAI, QWEN, ROUTES, WEATHER, png, user, with_image
from tests.support.street import Street

pytestmark = pytest.mark.street

MISTRAL = "bedrock/mistral.mistral-large-2402-v1:0-ca"

each_route = pytest.mark.parametrize("route", ROUTES)


def test_the_blocking_client_gets_an_answer(street: Street) -> None:
    with OpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key) as client:
        answer = client.chat.completions.create(model=AZURE, messages=user("Repeat this line exactly: bonjour"))
    assert answer.choices[0].message.content == "bonjour"


@each_route
async def test_create_answers_with_usage_and_custody_headers(client: AsyncOpenAI, route: str) -> None:
    raw = await client.chat.completions.with_raw_response.create(model=route, messages=user("What model are you?"))
    answer = raw.parse()
    assert answer.object == "chat.completion"
    assert answer.choices[0].finish_reason == "stop"
    assert "I am " in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert raw.headers["x-ni-custody-path"].startswith("NI-CA -> ")
    assert raw.headers["x-request-id"] == raw.headers["x-ni-request-id"]


@each_route
async def test_create_with_stream_is_the_same_text_and_usage_as_without(client: AsyncOpenAI, route: str) -> None:
    asked: dict[str, Any] = {"model": route, "messages": user("count to five")}
    whole = await client.chat.completions.create(**asked)
    stream = await client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    said = [chunk for chunk in chunks if chunk.choices]  # Azure begins with a chunk of filter results, without choices
    assert said[0].choices[0].delta.role == "assistant"
    assert said[-1].choices[0].finish_reason == "stop"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in said)
    assert text == whole.choices[0].message.content == "1, 2, 3, 4, 5"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert len({chunk.id for chunk in said}) == 1


@each_route
async def test_usage_is_not_streamed_unless_asked_for(client: AsyncOpenAI, route: str) -> None:
    stream = await client.chat.completions.create(model=route, messages=user("hi"), stream=True)
    assert [chunk.usage async for chunk in stream if chunk.usage is not None] == []


@each_route
async def test_the_stream_helper_folds_to_the_final_completion(client: AsyncOpenAI, route: str) -> None:
    async with client.chat.completions.stream(
        model=route, messages=user("count to five"), stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()
    assert kinds.count("content.delta") > 1
    assert "content.done" in kinds
    assert final.choices[0].message.content == "1, 2, 3, 4, 5"
    assert final.choices[0].finish_reason == "stop"
    assert final.usage is not None


@each_route
async def test_a_forced_tool_is_called_with_arguments_that_parse(client: AsyncOpenAI, route: str) -> None:
    answer = await client.chat.completions.create(
        model=route, messages=user("Montreal"), tools=[WEATHER], tool_choice=FORCED
    )
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Montreal", "days": 1}


@each_route
async def test_the_stream_helper_folds_a_tool_call(client: AsyncOpenAI, route: str) -> None:
    async with client.chat.completions.stream(
        model=route, messages=user("Montreal"), tools=[WEATHER], tool_choice=FORCED
    ) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    (call,) = final.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"city": "Montreal", "days": 1}


@each_route
async def test_a_tool_result_is_read_back(client: AsyncOpenAI, route: str) -> None:
    asked = user("use the tool get_weather Montreal")
    first = await client.chat.completions.create(model=route, messages=asked, tools=[WEATHER])
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls or []
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "minus four"}
    said: Any = first.choices[0].message.model_dump(exclude_none=True)
    second = await client.chat.completions.create(model=route, messages=[*asked, said, result], tools=[WEATHER])
    assert "minus four" in (second.choices[0].message.content or "")


@each_route
async def test_an_image_by_data_url_arrives_byte_for_byte(client: AsyncOpenAI, route: str) -> None:
    image = png()
    answer = await client.chat.completions.create(model=route, messages=with_image("What is this?", image))
    assert f"an image/png of {len(image)} bytes" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize(
    "route", [HAIKU, MISTRAL, AZURE, "vertex_ai/gemini-2.5-pro-ca", "vertex_ai/claude-sonnet-4-6-us"]
)
async def test_any_json_object_is_an_answer_on_every_makers_route(client: AsyncOpenAI, route: str) -> None:
    asked: Any = {
        "model": route,
        "messages": user("Answer in JSON, please."),
        "response_format": {"type": "json_object"},
    }
    answer = await client.chat.completions.create(**asked)
    (choice,) = answer.choices
    assert isinstance(json.loads(choice.message.content or ""), dict)
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    async with client.chat.completions.stream(**asked) as stream:
        streamed = (await stream.get_final_completion()).choices[0]
    assert isinstance(json.loads(streamed.message.content or ""), dict)
    assert (streamed.finish_reason, streamed.message.tool_calls) == ("stop", None)


@each_route
async def test_max_tokens_cuts_with_length(client: AsyncOpenAI, route: str) -> None:
    answer = await client.chat.completions.create(model=route, messages=user("count to five"), max_tokens=2)
    assert answer.choices[0].finish_reason == "length"


@each_route
@pytest.mark.parametrize("base", ["/v1", "/v1/v1", "/api/v1/inference", "/api/v1/inference/v1"])
async def test_every_base_url_leads_to_the_same_place(street: Street, route: str, base: str) -> None:
    async with AsyncOpenAI(base_url=street.base_url + base, api_key=street.api_key, max_retries=0) as client:
        answer = await client.chat.completions.create(model=route, messages=user("Repeat this line exactly: there"))
    assert answer.choices[0].message.content == "there"


@each_route
async def test_answers_of_the_inference_surface_name_the_model_asked_for(street: Street, route: str) -> None:
    base_url = f"{street.base_url}/api/v1/inference"
    async with AsyncOpenAI(base_url=base_url, api_key=street.api_key, max_retries=0) as client:
        answer = await client.chat.completions.create(model=route, messages=user("hi"))
        stream = await client.chat.completions.create(model=route, messages=user("hi"), stream=True)
        named = {chunk.model async for chunk in stream}
    assert answer.model == route
    assert named == {route}


@pytest.mark.parametrize("native", ["gpt-4.1-mini", "claude-haiku-4-5"])
async def test_a_native_id_on_the_inference_surface_is_named_in_the_answer(street: Street, native: str) -> None:
    base_url = f"{street.base_url}/api/v1/inference"
    async with AsyncOpenAI(base_url=base_url, api_key=street.api_key, max_retries=0) as client:
        answer = await client.chat.completions.create(model=native, messages=user("hi"))
    assert answer.model == native


async def test_the_key_is_taken_from_x_api_key_too(street: Street) -> None:
    headers = {"x-api-key": street.api_key, "Authorization": openai.Omit()}
    async with AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key="not-sent", max_retries=0) as client:
        answer = await client.chat.completions.create(
            model=AZURE,
            messages=user("Repeat this line exactly: hello"),
            extra_headers=headers,  # type: ignore[arg-type]  # Omit is how the SDK leaves a header out
        )
    assert answer.choices[0].message.content == "hello"


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    listed = {model.id: model async for model in client.models.list()}
    assert set(ROUTES) <= set(listed)
    assert listed[HAIKU].model_dump()["supports_vision"] is True


@pytest.mark.parametrize("base", ["/v1", "/api/v1/inference"])
@pytest.mark.parametrize("route", [HAIKU, QWEN, OPENAI])
async def test_a_model_is_retrieved_by_its_id_with_slashes_and_colons(street: Street, route: str, base: str) -> None:
    async with AsyncOpenAI(base_url=street.base_url + base, api_key=street.api_key, max_retries=0) as client:
        assert (await client.models.retrieve(route)).id == route  # percent-encoded by the SDK
        plain = await client.get(f"/models/{route}", cast_to=object)
    assert isinstance(plain, dict)
    assert plain["id"] == route


async def test_forty_answers_at_once_are_each_their_own(client: AsyncOpenAI) -> None:
    async def ask(n: int) -> str | None:
        route = ROUTES[n % len(ROUTES)]
        answer = await client.chat.completions.create(
            model=route, messages=user(f"Repeat this line exactly: number {n}")
        )
        return answer.choices[0].message.content

    assert await asyncio.gather(*map(ask, range(40))) == [f"number {n}" for n in range(40)]
