"""Anthropic's own SDKs on their three transports, towards a sandbox."""

from typing import Any

from anthropic import AsyncAnthropic, AsyncAnthropicBedrock, AsyncAnthropicVertex
from anthropic.types import Message

from tests.integration.sandbox.running import SECRET

Client = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex
MODELS = {
    "direct": "claude-sonnet-4-6",
    "bedrock": "us.anthropic.claude-opus-4-8",
    "vertex": "claude-opus-4-7@20260401",
}
OLDER = "claude-haiku-4-5-20251001"


def client_of(url: str, transport: str) -> Any:
    match transport:
        case "direct":
            return AsyncAnthropic(base_url=f"{url}/anthropic", api_key="k", max_retries=0)
        case "bedrock":
            return AsyncAnthropicBedrock(
                base_url=f"{url}/bedrock/ca-central-1",
                aws_region="ca-central-1",
                aws_access_key="AKIATEST",
                aws_secret_key=SECRET,
                max_retries=0,
            )
        case _:
            return AsyncAnthropicVertex(
                base_url=f"{url}/vertex/us-east5/v1",
                region="us-east5",
                project_id="p",
                access_token="t",
                max_retries=0,
            )


def user(text: str) -> Any:  # a TypedDict of many; the SDK does not look at run time
    return [{"role": "user", "content": text}]


async def said(client: Client, model: str, messages: Any, **more: Any) -> Message:
    answer = await client.messages.create(model=model, max_tokens=2000, messages=messages, **more)
    assert isinstance(answer, Message)
    return answer


async def streamed(client: Client, model: str, messages: Any, **more: Any) -> tuple[list[str], Message]:
    """The kinds of the raw events in order, and what the helper makes of them."""
    async with client.messages.stream(model=model, max_tokens=2000, messages=messages, **more) as stream:
        kinds: list[str] = [event.type async for event in stream]
        return kinds, await stream.get_final_message()


def text(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")
