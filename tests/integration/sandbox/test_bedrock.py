"""AWS's own SDK against the sandbox."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.integration.sandbox.running import SECRET, Running

CLAUDE = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
MODEL = "mistral.mistral-large-2402-v1:0"
TOOL = {"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object", "properties": {}}}}}


@contextmanager
def client(sandbox: Running, secret: str = SECRET, region: str = "ca-central-1") -> Iterator[Any]:
    made = boto3.client(
        "bedrock-runtime",
        region_name=region,
        endpoint_url=f"{sandbox.url}/bedrock/ca-central-1",
        aws_access_key_id="AKIATEST",
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )
    try:
        yield made
    finally:
        made.close()


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


async def converse(sandbox: Running, text: str, model: str = MODEL, **more: Any) -> dict[str, Any]:
    return await said(sandbox, model, user(text), **more)


async def said(sandbox: Running, model: str, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    with client(sandbox) as caller:
        return await asyncio.to_thread(caller.converse, modelId=model, messages=messages, **more)


async def events(sandbox: Running, text: str, model: str = MODEL, **more: Any) -> list[dict[str, Any]]:
    def read() -> list[dict[str, Any]]:
        with client(sandbox) as caller:
            stream = caller.converse_stream(modelId=model, messages=user(text), **more)["stream"]
            try:
                return list(stream)
            finally:
                stream.close()

    return await asyncio.to_thread(read)


async def test_a_signed_call_is_answered(signed: Running) -> None:
    answer = await converse(signed, "What model are you?")
    assert MODEL in answer["output"]["message"]["content"][0]["text"]
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-ni-sandbox"] == "true"
    assert answer["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize("model", ["arn:aws:bedrock:ca-central-1:1:application-inference-profile/x", MODEL])
async def test_any_model_id_is_signed_and_named(signed: Running, model: str) -> None:
    answer = await converse(signed, "What model are you?", model=model)
    assert model in answer["output"]["message"]["content"][0]["text"]


@pytest.mark.parametrize(("secret", "region"), [("another", "ca-central-1"), (SECRET, "us-east-1")])
async def test_a_wrong_signature_is_refused(signed: Running, secret: str, region: str) -> None:
    with client(signed, secret, region) as caller, pytest.raises(ClientError) as refused:
        await asyncio.to_thread(caller.converse, modelId=MODEL, messages=user("hi"))
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


async def test_no_signature_is_refused(sandbox: Running) -> None:
    url = f"{sandbox.url}/bedrock/ca-central-1/model/m/converse"
    async with sandbox.http.post(url, json={"messages": user("hi")}) as response:
        assert response.status == 403
        assert response.headers["x-amzn-ErrorType"].startswith("MissingAuthenticationTokenException")
        assert await response.json() == {"message": "Missing Authentication Token"}


async def test_a_stream_has_every_event_in_order(signed: Running) -> None:
    found = await events(signed, "count to five")
    kinds = [next(iter(event)) for event in found]
    assert kinds == ["messageStart", *["contentBlockDelta"] * 5, "contentBlockStop", "messageStop", "metadata"]
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in found if "contentBlockDelta" in e)
    assert text == "1, 2, 3, 4, 5"
    assert found[-1]["metadata"]["usage"]["outputTokens"] == 5


async def test_tool_use_is_streamed_with_its_start(sandbox: Running) -> None:
    spec = TOOL["toolSpec"] | {
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    }
    config = {"tools": [{"toolSpec": spec}], "toolChoice": {"any": {}}}
    found = await events(sandbox, "Montreal", toolConfig=config)
    assert found[1]["contentBlockStart"]["start"]["toolUse"]["name"] == "now"
    pieces = [e["contentBlockDelta"]["delta"]["toolUse"]["input"] for e in found if "contentBlockDelta" in e]
    assert "".join(pieces) == '{"city":"Montreal"}'
    assert found[-2]["messageStop"]["stopReason"] == "tool_use"


async def test_a_tool_loop_ends_in_a_sentence(sandbox: Running) -> None:
    config = {"tools": [TOOL], "toolChoice": {"tool": {"name": "now"}}}
    first = (await converse(sandbox, "what time", toolConfig=config))["output"]["message"]
    use = first["content"][0]["toolUse"]
    assert use["input"] == {}
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "noon"}]}}
    messages = [*user("what time"), first, {"role": "user", "content": [result]}]
    second = await said(sandbox, MODEL, messages, toolConfig={"tools": [TOOL]})
    assert '"noon"' in second["output"]["message"]["content"][0]["text"]


async def test_an_image_is_sent_as_bytes(sandbox: Running) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(60)
    content = [{"text": "what is it"}, {"image": {"format": "png", "source": {"bytes": png}}}]
    answer = await said(sandbox, MODEL, [{"role": "user", "content": content}])
    assert "an image/png of 68 bytes" in answer["output"]["message"]["content"][0]["text"]


async def test_max_tokens_and_stop_sequences_end_an_answer(sandbox: Running) -> None:
    cut = await converse(sandbox, "count to five", inferenceConfig={"maxTokens": 2})
    assert (cut["stopReason"], cut["output"]["message"]["content"]) == ("max_tokens", [{"text": "1, 2,"}])
    stopped = await converse(sandbox, "count to five", inferenceConfig={"stopSequences": [", 3"]})
    assert (stopped["stopReason"], stopped["output"]["message"]["content"]) == ("stop_sequence", [{"text": "1, 2"}])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ],
)
async def test_errors_are_the_sdks_own_classes(sandbox: Running, status: int, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        await converse(sandbox, f"[[sandbox status={status}]]")
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


async def test_what_boto_does_not_check_the_sandbox_does(sandbox: Running) -> None:
    with pytest.raises(ClientError, match="temperature"):
        await converse(sandbox, "hi", inferenceConfig={"temperature": 5.0})


@pytest.mark.parametrize(
    "name", ["throttling", "modelStreamError", "internalServer", "serviceUnavailable", "validation"]
)
async def test_an_exception_within_a_stream_reaches_the_sdk(sandbox: Running, name: str) -> None:
    with pytest.raises(EventStreamError) as broken:
        await events(sandbox, f"[[sandbox chunks=9 error_after=3 error={name}]]")
    assert broken.value.response["Error"]["Code"] == f"{name}Exception"


THINK: dict[str, Any] = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
BOTH = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}}
        for name in ("now", "then")
    ]
}


def deltas(found: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """The index and the kind of each delta."""
    each = [event["contentBlockDelta"] for event in found if "contentBlockDelta" in event]
    return [(one["contentBlockIndex"], next(iter(one["delta"]))) for one in each]


@pytest.mark.parametrize("prompt", ["use the tools now and then", "use the tools now and then, think in secret"])
async def test_thinking_before_two_calls_comes_back_on_the_next_turn(sandbox: Running, prompt: str) -> None:
    first = await converse(sandbox, prompt, CLAUDE, toolConfig=BOTH, **THINK)
    message = first["output"]["message"]
    reasoning, *uses = message["content"]
    assert [use["toolUse"]["name"] for use in uses] == ["now", "then"]
    results = [
        {"toolResult": {"toolUseId": use["toolUse"]["toolUseId"], "content": [{"text": "noon"}]}} for use in uses
    ]
    messages = [*user(prompt), message, {"role": "user", "content": results}]
    second = await said(sandbox, CLAUDE, messages, toolConfig=BOTH, **THINK)
    assert second["output"]["message"]["content"][-1]["text"] == 'The tool answered: "noon". The tool answered: "noon".'
    if "reasoningText" in reasoning["reasoningContent"]:
        reasoning["reasoningContent"]["reasoningText"]["text"] += "!"
    else:
        reasoning["reasoningContent"]["redactedContent"] = b"made up"
    with pytest.raises(ClientError, match="Invalid `signature`"):
        await said(sandbox, CLAUDE, messages, toolConfig=BOTH, **THINK)


async def test_reasoning_is_streamed_before_text_and_signed(sandbox: Running) -> None:
    whole = await converse(sandbox, "count to five", CLAUDE, **THINK)
    found = await events(sandbox, "count to five", CLAUDE, **THINK)
    assert not any("contentBlockStart" in event for event in found)
    assert [kind for index, kind in deltas(found) if index == 1] == ["text"] * 5
    reasoned = [
        event["contentBlockDelta"]["delta"]["reasoningContent"]
        for event in found
        if "reasoningContent" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    text = {"text": "".join(one.get("text", "") for one in reasoned), "signature": reasoned[-1]["signature"]}
    assert whole["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"] == text
    assert found[-1]["metadata"]["usage"] == whole["usage"]
    stops = [event["contentBlockStop"]["contentBlockIndex"] for event in found if "contentBlockStop" in event]
    assert stops == [0, 1]


async def test_calls_in_a_stream_have_indices_after_thoughts_and_text(sandbox: Running) -> None:
    found = await events(sandbox, "announce it: use the tools now and then", CLAUDE, toolConfig=BOTH, **THINK)
    starts = [event["contentBlockStart"] for event in found if "contentBlockStart" in event]
    assert [(s["contentBlockIndex"], s["start"]["toolUse"]["name"]) for s in starts] == [(2, "now"), (3, "then")]
    assert sorted({index for index, _ in deltas(found)}) == [0, 1, 2, 3]
    stops = [event["contentBlockStop"]["contentBlockIndex"] for event in found if "contentBlockStop" in event]
    assert stops == [0, 1, 2, 3]


async def test_what_is_cached_is_counted_beside_the_input(sandbox: Running) -> None:
    system = [{"text": "be kind, " * 400}, {"cachePoint": {"type": "default"}}]
    first, second = [
        (await converse(sandbox, text, CLAUDE, system=system))["usage"] for text in ("count to five", "hi")
    ]
    assert (first["cacheReadInputTokens"], first["cacheWriteInputTokens"]) == (0, 900)
    assert first["cacheDetails"] == [{"ttl": "5m", "inputTokens": 900}]
    assert (second["cacheReadInputTokens"], second["cacheWriteInputTokens"]) == (900, 0)
    for usage in (first, second):
        assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] + 900


async def test_a_refusal_says_who_filtered(sandbox: Running) -> None:
    guard = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert (await converse(sandbox, "refuse this"))["stopReason"] == "content_filtered"
    assert (await converse(sandbox, "refuse this", guardrailConfig=guard))["stopReason"] == "guardrail_intervened"
    assert (await events(sandbox, "refuse this"))[-2]["messageStop"]["stopReason"] == "content_filtered"


async def test_the_stop_sequence_is_named_when_asked_for(sandbox: Running) -> None:
    wanted: dict[str, Any] = {
        "inferenceConfig": {"stopSequences": [", 3"]},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }
    answer = await converse(sandbox, "count to five", CLAUDE, **wanted)
    assert answer["additionalModelResponseFields"] == {"stop_sequence": ", 3"}
    found = await events(sandbox, "count to five", CLAUDE, **wanted)
    assert found[-2]["messageStop"]["additionalModelResponseFields"] == {"stop_sequence": ", 3"}
    assert "additionalModelResponseFields" not in await converse(sandbox, "count to five", CLAUDE)


async def test_a_document_is_sent_as_bytes_and_a_schema_as_a_string(sandbox: Running) -> None:
    document = {"document": {"format": "pdf", "name": "a report", "source": {"bytes": b"%PDF-1.7"}}}
    answer = await said(sandbox, MODEL, [{"role": "user", "content": [{"text": "what is it"}, document]}])
    assert "a pdf document of 8 bytes" in answer["output"]["message"]["content"][0]["text"]
    schema = '{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}'
    form = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, "name": "n"}}}}
    answer = await converse(sandbox, "x", outputConfig=form)
    assert answer["output"]["message"]["content"] == [{"text": '{"ok":true}'}]
