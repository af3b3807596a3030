"""Anthropic's official Python SDK through the running street: its helpers, its names, its errors, on four wires."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool
from pydantic import BaseModel

from tests.clients.asking import png
from tests.clients.matrix.anthropic_asker import AnthropicAsker
from tests.clients.matrix.conversation import Talk
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = [
    pytest.mark.street,
    pytest.mark.filterwarnings("ignore:The model 'claude-sonnet-4-5-20250929' is deprecated:DeprecationWarning"),
]

DIRECT = "anthropic/claude-sonnet-4-5-20250929-us"
BEDROCK = "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0-global"
VERTEX = "vertex_ai/claude-haiku-4-5@20251001-us"
GEMINI = "vertex_ai/gemini-2.5-pro-ca"
CLAUDES = (DIRECT, BEDROCK, VERTEX)
each_claude = pytest.mark.parametrize("route", CLAUDES)
each_route = pytest.mark.parametrize("route", [*CLAUDES, GEMINI])


class Person(BaseModel):
    """What is asked for as JSON."""

    name: str
    age: int


@pytest.fixture
async def claude(street: Street) -> AsyncIterator[AsyncAnthropic]:
    """No retries: what the street answers is what the test sees."""
    async with AsyncAnthropic(base_url=street.base_url, api_key=street.api_key, max_retries=0) as made:
        yield made


def asked(route: str, text: str, **more: Any) -> Any:
    return {"model": route, "max_tokens": 2000, "messages": [{"role": "user", "content": text}], **more}


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@pytest.mark.parametrize("base", ["", "/v1", "/v1/", "/api/v1/inference", "/api/v1/inference/v1"])
def test_the_blocking_client_gets_an_answer_at_every_base_url(street: Street, base: str) -> None:
    with Anthropic(base_url=street.base_url + base, api_key=street.api_key, max_retries=0) as client:
        answer = client.messages.create(**asked(DIRECT, "Repeat this line exactly: bonjour"))
    assert text_of(answer) == "bonjour"


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
async def test_the_key_may_come_as_older_sdks_send_it_with_either_version(street: Street, version: str) -> None:
    headers: Any = {"x-api-key": street.api_key, "anthropic-version": version, "Authorization": anthropic.Omit()}
    async with AsyncAnthropic(base_url=street.base_url, api_key="unused", max_retries=0) as client:
        for route in (DIRECT, GEMINI):
            answer = await client.messages.create(
                **asked(route, "Repeat this line exactly: bonjour"), extra_headers=headers
            )
            assert text_of(answer) == "bonjour"


@each_route
async def test_the_stream_is_the_answer_in_pieces(claude: AsyncAnthropic, route: str) -> None:
    whole = await claude.messages.create(**asked(route, "count to five"))
    async with claude.messages.stream(**asked(route, "count to five")) as stream:
        pieces = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == text_of(final) == text_of(whole) == "1, 2, 3, 4, 5"
    assert final.stop_reason == whole.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens


@each_route
async def test_the_answers_id_and_the_custody_headers_stand_beside_it(claude: AsyncAnthropic, route: str) -> None:
    raw = await claude.messages.with_raw_response.create(**asked(route, "hi"))
    message = await raw.parse()
    assert message._request_id == raw.headers["x-ni-request-id"] == raw.headers["request-id"]
    assert raw.headers["x-ni-custody-path"].startswith("NI-CA -> ")
    assert message.id.startswith("msg_")


@each_claude
async def test_thinking_comes_with_a_signature_that_the_provider_takes_back(claude: AsyncAnthropic, route: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with claude.messages.stream(**asked(route, "hi", thinking=thinking)) as stream:
        final = await stream.get_final_message()
    thought = final.content[0]
    assert thought.type == "thinking"
    assert thought.thinking
    assert thought.signature
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": final.content},
        {"role": "user", "content": "count to five"},
    ]
    assert (
        text_of(await claude.messages.create(**asked(route, "", thinking=thinking, messages=turns))) == "1, 2, 3, 4, 5"
    )


@each_claude
async def test_redacted_thoughts_pass_through(claude: AsyncAnthropic, route: str) -> None:
    message = await claude.messages.create(
        **asked(route, "think in secret", thinking={"type": "enabled", "budget_tokens": 1024})
    )
    assert message.content[0].type == "redacted_thinking"
    assert message.content[0].data


@each_claude
async def test_the_prompt_cache_is_written_once_and_read_after(claude: AsyncAnthropic, route: str) -> None:
    system = [{"type": "text", "text": f"Be brief, {uuid4()}. " * 100, "cache_control": {"type": "ephemeral"}}]
    first = (await claude.messages.create(**asked(route, "hi", system=system))).usage
    second = (await claude.messages.create(**asked(route, "hi", system=system))).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    assert first.input_tokens == second.input_tokens == 1


@each_route
async def test_an_image_is_seen(claude: AsyncAnthropic, route: str) -> None:
    talk = Talk()
    AnthropicAsker(claude).user(talk, "What is this?", png())
    answer = await claude.messages.create(model=route, max_tokens=2000, messages=talk.messages)
    assert f"image/png of {len(png())} bytes" in text_of(answer)


@each_route
async def test_the_parse_helper_gets_its_model(claude: AsyncAnthropic, route: str) -> None:
    answer = await claude.messages.parse(**asked(route, "Someone"), output_format=Person)
    assert isinstance(answer.parsed_output, Person)


@beta_async_tool
async def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: Its name.
    """
    return f"minus four in {city}"


@each_route
async def test_the_tool_runner_loops_to_its_end(claude: AsyncAnthropic, route: str) -> None:
    """Each time with the whole conversation: nothing of it is kept between two requests."""
    request = asked(route, "use the tool get_weather Montreal")
    final = await claude.beta.messages.tool_runner(**request, tools=[get_weather], thread=False).until_done()
    assert "minus four in Montreal" in text_of(final)


@each_route
async def test_the_tool_runner_goes_on_without_the_thread_it_asks_for(claude: AsyncAnthropic, route: str) -> None:
    request = asked(route, "use the tool get_weather Montreal")
    final = await claude.beta.messages.tool_runner(**request, tools=[get_weather]).until_done()
    assert "minus four in Montreal" in text_of(final)


@each_route
async def test_tokens_are_counted(claude: AsyncAnthropic, route: str) -> None:
    messages: Any = [{"role": "user", "content": "How long is this?"}]
    counted = await claude.messages.count_tokens(model=route, messages=messages)
    assert (
        counted.input_tokens == (await claude.messages.create(**asked(route, "How long is this?"))).usage.input_tokens
    )


async def test_betas_reach_anthropic(claude: AsyncAnthropic, street: Street) -> None:
    before = await mark(street)
    await claude.beta.messages.create(**asked(DIRECT, "hi"), betas=["one-2026-01-01", "two-2026-01-01"])
    (seen,) = await since(street, before)
    assert dict(seen["headers"])["anthropic-beta"] == "one-2026-01-01,two-2026-01-01"


@pytest.mark.parametrize(
    ("name", "tier", "path"),
    [
        ("claude-sonnet-4-5-20250929", "managed_canadian_cloud", "NI-CA -> Bedrock-CA"),
        ("claude-haiku-4-5-20251015", "managed_canadian_cloud", "NI-CA -> Bedrock-CA"),
        ("claude-opus-4-7", "managed_canadian_cloud", "NI-CA -> Bedrock-CA"),
        ("claude-haiku-4-5-20251015", "provider_api", "NI-CA -> Anthropic-US"),
        ("claude-opus-4-7", "provider_api", "NI-CA -> Anthropic-US"),
    ],
)
async def test_a_native_name_goes_where_its_tier_says(claude: AsyncAnthropic, name: str, tier: str, path: str) -> None:
    request = asked(name, "hi")
    by_body = await claude.messages.with_raw_response.create(**request, extra_body={"privacy_tier": tier})
    by_header = await claude.messages.with_raw_response.create(**request, extra_headers={"X-Privacy-Tier": tier})
    assert by_body.headers["x-ni-custody-path"] == by_header.headers["x-ni-custody-path"] == path


async def test_models_are_listed_and_retrieved(claude: AsyncAnthropic) -> None:
    listed = [model.id async for model in claude.models.list()]
    assert {*CLAUDES, GEMINI} <= set(listed)
    assert (await claude.models.retrieve(BEDROCK)).id == BEDROCK


@pytest.mark.parametrize("route", [*CLAUDES, GEMINI])
@pytest.mark.parametrize(
    ("directive", "kind", "status"),
    [
        ("status=400", anthropic.BadRequestError, 400),
        ("status=429", anthropic.RateLimitError, 429),
        ("status=401", anthropic.InternalServerError, 502),
        ("status=403", anthropic.InternalServerError, 502),
        ("status=500", anthropic.InternalServerError, 502),
        ("status=503", anthropic.InternalServerError, 529),
        ("garbage", anthropic.InternalServerError, 502),
        ("cut_after=0", anthropic.InternalServerError, 502),
    ],
)
async def test_what_goes_wrong_is_raised_as_the_sdks_own_class(
    claude: AsyncAnthropic, route: str, directive: str, kind: type[anthropic.APIStatusError], status: int
) -> None:
    request = asked(route, f"[[sandbox {directive}]]")
    with pytest.raises(kind) as whole:
        await claude.messages.create(**request)
    with pytest.raises(kind) as streamed:
        await claude.messages.create(**request, stream=True)
    for caught in (whole, streamed):
        assert caught.value.status_code == status
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["request_id"] == caught.value.request_id


@each_route
async def test_a_stream_that_breaks_raises_and_never_ends(claude: AsyncAnthropic, route: str) -> None:
    for fault in ("error_after=3", "cut_after=3"):
        said = ""
        async with claude.messages.stream(**asked(route, f"[[sandbox chunks=9 {fault}]]")) as stream:
            try:
                async for text in stream.text_stream:
                    said += text
            except anthropic.APIError:
                pass
            else:
                pytest.fail(f"a clean end after {fault}")
        assert said.startswith("w0 w1 "), fault
