"""What goes wrong, as OpenAI's Python SDK raises it."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.clients.asking import AZURE, HAIKU, QWEN, user
from tests.support.street import Street

pytestmark = pytest.mark.street


@pytest.fixture
def street(failing_street: Street) -> Street:
    return failing_street


both_wires = pytest.mark.parametrize("route", [AZURE, HAIKU])


def message_of(error: openai.APIError) -> str:
    assert isinstance(error.body, dict)
    return str(error.body["message"])


async def test_an_unknown_key_is_an_authentication_error(street: Street) -> None:
    other = street.api_key[:-8] + ("A" if street.api_key[-8] != "A" else "B") + street.api_key[-7:]
    for key in (other, "ni_live_nonsense", "sk-proj-somebody-elses"):
        async with AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=key, max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError) as caught:
                await client.chat.completions.create(model=AZURE, messages=user("hi"))
        assert caught.value.status_code == 401
        assert caught.value.code == "invalid_api_key"
        assert "Invalid API key" in message_of(caught.value)
        assert key not in str(caught.value)


async def test_an_unknown_model_is_not_found(street: Street) -> None:
    base_url = f"{street.base_url}/api/v1/inference"
    async with AsyncOpenAI(base_url=base_url, api_key=street.api_key, max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="no/such-model", messages=user("hi"))
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no/such-model")


async def test_a_bad_field_is_a_bad_request_that_names_it(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=AZURE, messages=[])
    assert caught.value.param == "messages"
    assert caught.value.type == "invalid_request_error"


@both_wires
async def test_what_the_provider_refuses_is_a_bad_request_in_its_words(client: AsyncOpenAI, route: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=route, messages=user("[[sandbox status=400]] hi"))
    assert "asked to answer 400" in message_of(caught.value)
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_the_providers_own_code_is_the_errors_code(client: AsyncOpenAI) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    message: Any = {"role": "user", "content": [picture]}
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model=AZURE, messages=[message], stream=stream)
        assert (caught.value.code, caught.value.type) == ("invalid_image_format", "invalid_request_error")


async def test_a_residency_refusal_is_permission_denied(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await client.chat.completions.create(model=HAIKU, messages=user("hi"), extra_body={"residency": ["CA"]})
    assert caught.value.code == "residency_refused"


@both_wires
async def test_a_provider_that_limits_the_rate_is_a_rate_limit_error(client: AsyncOpenAI, route: str) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await client.chat.completions.create(model=route, messages=user("[[sandbox status=429 retry_after=3]] hi"))
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "3"


@both_wires
@pytest.mark.parametrize(("said", "status"), [(500, 502), (503, 503), (401, 502), (403, 502)])
async def test_a_provider_that_fails_is_a_server_error(client: AsyncOpenAI, route: str, said: int, status: int) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model=route, messages=user(f"[[sandbox status={said}]] hi"))
    assert caught.value.status_code == status
    assert caught.value.type == "server_error"


async def test_the_sdk_tries_again_by_itself_where_that_helps(street: Street) -> None:
    before = len(await street.sandbox_log())
    async with AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key, max_retries=1) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(model=AZURE, messages=user("[[sandbox status=503]] hi"))
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model=AZURE, messages=user("[[sandbox status=400]] hi"))
    assert [entry["status"] for entry in (await street.sandbox_log())[before:]] == [503, 503, 400]


@pytest.mark.parametrize("route", [AZURE, QWEN, HAIKU])
@pytest.mark.parametrize("fault", ["error_after=3", "cut_after=3"])
async def test_a_failure_in_mid_stream_raises_and_never_ends_cleanly(
    client: AsyncOpenAI, route: str, fault: str
) -> None:
    stream = await client.chat.completions.create(
        model=route, messages=user(f"[[sandbox chunks=9 {fault}]]"), stream=True
    )
    said: list[str] = []

    async def read() -> None:
        async for chunk in stream:
            said.extend(choice.delta.content or "" for choice in chunk.choices)

    with pytest.raises(openai.APIError) as caught:
        await read()
    assert "".join(said) == "w0 w1 w2 "
    assert caught.value.code == "stream_broken"


@both_wires
async def test_the_stream_helper_raises_in_mid_stream_too(client: AsyncOpenAI, route: str) -> None:
    asked = client.chat.completions.stream(model=route, messages=user("[[sandbox chunks=9 error_after=3]]"))
    async with asked as stream:
        with pytest.raises(openai.APIError):
            await stream.until_done()


@both_wires
async def test_a_stream_that_fails_before_content_is_still_a_status(client: AsyncOpenAI, route: str) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(
            model=route, messages=user("[[sandbox chunks=9 error_after=0]]"), stream=True
        )
    assert caught.value.status_code in {502, 503}
