"""What Claude's stand-in refuses, and how it fails, as Anthropic's own SDKs raise it."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic, AsyncAnthropicBedrock, AsyncAnthropicVertex

from tests.integration.sandbox.claude import MODELS, OLDER, Client, client_of, said, streamed, user
from tests.integration.sandbox.running import SECRET, Running


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (408, "timeout_error", anthropic.APIStatusError),
        (413, "request_too_large", anthropic.APIStatusError),
        (422, "invalid_request_error", anthropic.UnprocessableEntityError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (503, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.InternalServerError),
    ],
)
async def test_errors_are_the_sdks_own_classes(
    direct: AsyncAnthropic, status: int, kind: str, error: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(error) as refused:
        await said(direct, OLDER, user(f"[[sandbox status={status} retry_after=2]]"))
    body: Any = refused.value.body
    assert (refused.value.status_code, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == refused.value.request_id
    assert refused.value.response.headers["retry-after"] == "2"


async def test_bedrock_and_google_refuse_in_their_own_shape(signed: Running) -> None:
    async with client_of(signed.url, "bedrock") as bedrock, client_of(signed.url, "vertex") as vertex:
        with pytest.raises(anthropic.RateLimitError) as limited:
            await said(bedrock, MODELS["bedrock"], user("[[sandbox status=429]]"))
        assert limited.value.response.headers["x-amzn-ErrorType"].startswith("ThrottlingException")
        assert list(limited.value.response.json()) == ["message"]
        with pytest.raises(anthropic.RateLimitError) as limited:
            await said(vertex, MODELS["vertex"], user("[[sandbox status=429]]"))
        assert limited.value.response.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
        with pytest.raises(anthropic.BadRequestError) as wrong:
            await said(vertex, MODELS["vertex"], user(" "))
        assert wrong.value.response.json()["request_id"].startswith("req_vrtx_")


@pytest.mark.parametrize(
    ("name", "kind"), [("serviceUnavailable", "overloaded_error"), ("internalServer", "api_error")]
)
async def test_an_error_within_a_stream_reaches_the_sdk(caller: tuple[Client, str], name: str, kind: str) -> None:
    client, model = caller
    seen: list[str] = []

    async def read() -> None:
        asked = user(f"[[sandbox chunks=9 error_after=3 error={name}]]")
        async with client.messages.stream(model=model, max_tokens=99, messages=asked) as stream:
            async for piece in stream.text_stream:
                seen.append(piece)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(anthropic.APIStatusError) as broken:
        await read()
    assert seen == ["w0 ", "w1 ", "w2 "]
    error: Any = broken.value.body
    expected = f"{name}Exception" if isinstance(client, AsyncAnthropicBedrock) else kind
    assert error["error"]["type"] == expected


async def test_a_stream_is_cut_at_any_byte(direct: AsyncAnthropic) -> None:
    for cut in (0, 1, 350, 700):
        with pytest.raises((httpx2.RemoteProtocolError, anthropic.APIConnectionError)):
            await streamed(direct, OLDER, user(f"[[sandbox chunks=9 cut_byte={cut}]]"))


async def test_the_key_and_the_version_are_asked_for(sandbox: Running) -> None:
    url = f"{sandbox.url}/anthropic/v1/messages"
    body = {"model": OLDER, "max_tokens": 9, "messages": user("hi"), "temperature": 0.5}
    old, new = {"anthropic-version": "2023-06-01"}, {"anthropic-version": "2026-10-21"}
    for headers, status in (
        (old, 401),
        ({"x-api-key": "k"}, 400),
        ({"x-api-key": "k", "anthropic-version": "2024-01-01"}, 400),
        ({"x-api-key": "k", **old}, 200),
        ({"authorization": "Bearer k", **old}, 200),
        ({"x-api-key": "k", **new}, 400),
    ):
        async with sandbox.http.post(url, json=body, headers=headers) as response:
            assert response.status == status, headers
            if status != 200:
                assert (await response.json())["request_id"] == response.headers["request-id"]


async def test_another_secret_or_place_is_refused(signed: Running) -> None:
    elsewhere = AsyncAnthropicBedrock(
        base_url=f"{signed.url}/bedrock/ca-central-1",
        aws_region="us-east-1",
        aws_access_key="AKIATEST",
        aws_secret_key=SECRET,
        max_retries=0,
    )
    other = AsyncAnthropicVertex(
        base_url=f"{signed.url}/vertex/us-east5/v1", region="global", project_id="p", access_token="t", max_retries=0
    )
    async with elsewhere, other:
        with pytest.raises(anthropic.PermissionDeniedError):
            await said(elsewhere, MODELS["bedrock"], user("hi"))
        with pytest.raises(anthropic.NotFoundError):
            await said(other, MODELS["vertex"], user("hi"))
