"""AWS's own SDK calls Claude through InvokeModel, and counts tokens."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.integration.sandbox.running import SECRET, Running

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99}


@contextmanager
def client(sandbox: Running) -> Iterator[Any]:
    made = boto3.client(
        "bedrock-runtime",
        region_name="ca-central-1",
        endpoint_url=f"{sandbox.url}/bedrock/ca-central-1",
        aws_access_key_id="AKIATEST",
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )
    try:
        yield made
    finally:
        made.close()


def body(text: str, **more: Any) -> str:
    return json.dumps({**BODY, "messages": [{"role": "user", "content": text}], **more})


async def invoked(sandbox: Running, asked: str, model: str = MODEL) -> dict[str, Any]:
    def call() -> dict[str, Any]:
        with client(sandbox) as caller:
            answer = caller.invoke_model(modelId=model, body=asked)
            assert answer["contentType"] == "application/json"
            found: dict[str, Any] = json.loads(answer["body"].read())
            return found

    return await asyncio.to_thread(call)


async def events(sandbox: Running, asked: str) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        with client(sandbox) as caller:
            answer = caller.invoke_model_with_response_stream(modelId=MODEL, body=asked)
            assert answer["contentType"] == "application/json"
            stream = answer["body"]
            try:
                return [json.loads(event["chunk"]["bytes"]) for event in stream]
            finally:
                stream.close()

    return await asyncio.to_thread(read)


async def test_an_answer_names_the_model_as_anthropic_does(signed: Running) -> None:
    answer = await invoked(signed, body("count to five"))
    assert (answer["model"], answer["stop_reason"]) == ("claude-haiku-4-5-20251001", "end_turn")
    assert answer["id"].startswith("msg_bdrk_")
    assert answer["content"] == [{"type": "text", "text": "1, 2, 3, 4, 5"}]


async def test_a_stream_ends_with_its_metrics(signed: Running) -> None:
    found = await events(signed, body("count to five"))
    kinds = [event["type"] for event in found]
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 5,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    metrics = found[-1]["amazon-bedrock-invocationMetrics"]
    assert (metrics["inputTokenCount"], metrics["outputTokenCount"]) == (4, 5)


async def test_frames_have_the_size_that_was_ordered(sandbox: Running) -> None:
    url = f"{sandbox.url}/bedrock/ca-central-1/model/{MODEL}/invoke-with-response-stream"
    for size in (400, 401, 402, 403, 1000):
        asked = json.loads(body(f"[[sandbox chunks=20 chunk_bytes={size}]]"))
        async with sandbox.http.post(url, json=asked, headers={"authorization": "Bearer k"}) as response:
            raw = await response.read()
        sizes = []
        while raw:
            sizes.append(int.from_bytes(raw[:4], "big"))
            raw = raw[sizes[-1] :]
        assert sizes.count(size) >= 20


@pytest.mark.parametrize(
    "asked",
    [
        body("hi", model=MODEL),
        body("hi", stream=True),
        json.dumps({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
        body("hi", anthropic_version="2026-10-21"),
        body("hi", anthropic_beta="x"),
        body(" "),
        "[]",
    ],
)
async def test_what_is_refused_is_a_validation_exception(sandbox: Running, asked: str) -> None:
    with pytest.raises(ClientError) as refused:
        await invoked(sandbox, asked)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


async def test_a_newer_model_takes_the_newer_version(sandbox: Running) -> None:
    asked = body("count to five", anthropic_version="2026-10-21", anthropic_beta=["some-beta-2026-01-01"])
    assert (await invoked(sandbox, asked, "global.anthropic.claude-opus-4-8"))["model"] == "claude-opus-4-8"


async def test_a_model_of_another_house_is_not_invoked(sandbox: Running) -> None:
    with pytest.raises(ClientError, match="model identifier is invalid"):
        await invoked(sandbox, body("hi"), "mistral.mistral-large-2402-v1:0")
    with pytest.raises(ClientError) as missing:
        await invoked(sandbox, body("hi"), "anthropic.claude-missing-model")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDeniedException"), (429, "ThrottlingException")])
async def test_errors_are_the_sdks_own_classes(sandbox: Running, status: int, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        await invoked(sandbox, body(f"[[sandbox status={status}]]"))
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("name", ["throttling", "modelStreamError", "internalServer", "serviceUnavailable"])
async def test_an_exception_within_a_stream_reaches_the_sdk(sandbox: Running, name: str) -> None:
    with pytest.raises(EventStreamError) as broken:
        await events(sandbox, body(f"[[sandbox chunks=9 error_after=3 error={name}]]"))
    assert broken.value.response["Error"]["Code"] == f"{name}Exception"


async def test_both_forms_of_a_request_are_counted_alike(signed: Running) -> None:
    def count(**given: Any) -> int:
        with client(signed) as caller:
            counted: int = caller.count_tokens(modelId=MODEL, input=given)["inputTokens"]
            return counted

    native = await asyncio.to_thread(count, invokeModel={"body": body("count to five", temperature=0.5)})
    messages = [{"role": "user", "content": [{"text": "count to five"}]}]
    assert native == await asyncio.to_thread(count, converse={"messages": messages}) == 4
    with pytest.raises(ClientError, match="at least one message"):
        await asyncio.to_thread(count, invokeModel={"body": json.dumps({**BODY, "messages": []})})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("house", ["bedrock", "openai", "azure/openai", "self-hosted"])
async def test_every_wire_is_cut_at_the_byte_that_was_ordered(sandbox: Running, house: str, *, stream: bool) -> None:
    messages = [{"role": "user", "content": "[[sandbox chunks=40 cut_byte=123]]"}]
    asked: dict[str, Any] = {"model": "m", "messages": messages, "stream": stream}
    url = f"{sandbox.url}/{house}/v1/chat/completions"
    if house == "bedrock":
        operation = "invoke-with-response-stream" if stream else "invoke"
        asked = {**BODY, "messages": messages}
        url = f"{sandbox.url}/bedrock/ca-central-1/model/{MODEL}/{operation}"
    raw = b""
    async with sandbox.http.post(url, json=asked, headers={"authorization": "Bearer k"}) as response:
        try:
            async for part in response.content.iter_any():
                raw += part
        except aiohttp.ClientPayloadError:
            pass
        else:
            pytest.fail("a cut answer ended as a whole one does")
    assert len(raw) == 123
    assert [entry["outcome"] for entry in await sandbox.log()] == ["cut"]
