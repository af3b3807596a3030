"""Asks through Anthropic's Python SDK: `.create`, and the stream helper."""

import base64
from collections.abc import Sequence
from typing import Any

import anthropic
from anthropic import AsyncAnthropic

from tests.clients.matrix.conversation import Call, End, Seen, Talk, Tool, Wish

_ENDS: dict[str | None, End] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "tools",
    "max_tokens": "length",
    "refusal": "refusal",
}
_BUDGET = 1024


class AnthropicAsker:
    """tests.clients.matrix.conversation.Asker."""

    def __init__(self, client: AsyncAnthropic) -> None:
        self._client = client

    def user(self, talk: Talk, text: str, image: bytes = b"") -> None:
        if not image:
            talk.messages.append({"role": "user", "content": text})
            return
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(image).decode()}
        parts = [{"type": "image", "source": source}, {"type": "text", "text": text}]
        talk.messages.append({"role": "user", "content": parts})

    def results(self, talk: Talk, seen: Seen, results: Sequence[str]) -> None:
        talk.messages.append(seen.turn)
        blocks = [
            {"type": "tool_result", "tool_use_id": call.id, "content": result}
            for call, result in zip(seen.calls, results, strict=True)
        ]
        talk.messages.append({"role": "user", "content": blocks})

    async def ask(self, talk: Talk, route: str, wish: Wish, *, stream: bool) -> Seen:
        asked = {"model": route, "messages": talk.messages, **_wished(wish)}
        try:
            if stream:
                return await self._streamed(asked)
            raw = await self._client.messages.with_raw_response.create(**asked)
            return _seen(await raw.parse(), raw.headers.get("x-ni-dropped-params", ""))
        except anthropic.APIStatusError as error:
            return Seen(status=error.status_code, error=type(error).__name__, message=error.message)
        except anthropic.APIError as error:
            return Seen(error=type(error).__name__, message=error.message)

    async def _streamed(self, asked: dict[str, Any]) -> Seen:
        text = ""
        async with self._client.messages.stream(**asked) as stream:
            try:
                async for event in stream:
                    if event.type == "text":
                        text += event.text
                final = await stream.get_final_message()
            except anthropic.APIError as error:
                return Seen(error=type(error).__name__, message=error.message, text=text)
            headers = stream.response.headers
        seen = _seen(final, headers.get("x-ni-dropped-params", ""))
        assert seen.text == text, "the helper's deltas are not its final text"
        return seen


def _wished(wish: Wish) -> dict[str, Any]:
    asked: dict[str, Any] = {"max_tokens": wish.max_tokens}
    if wish.tools:
        asked["tools"] = [_tool(tool) for tool in wish.tools]
    if wish.forced:
        asked["tool_choice"] = {"type": "tool", "name": wish.forced}
    if wish.schema is not None:
        asked["output_config"] = {"format": {"type": "json_schema", "schema": wish.schema}}
    if wish.thinking:
        asked["thinking"] = {"type": "enabled", "budget_tokens": _BUDGET}
    return asked


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "input_schema": tool.schema}


def _seen(answer: Any, dropped: str) -> Seen:
    calls = tuple(
        Call(id=block.id, name=block.name, arguments=block.input)
        for block in answer.content
        if block.type == "tool_use"
    )
    usage = answer.usage
    return Seen(
        text="".join(block.text for block in answer.content if block.type == "text"),
        thought="".join(block.thinking for block in answer.content if block.type == "thinking"),
        calls=calls,
        end=_ENDS[answer.stop_reason],
        input_tokens=usage.input_tokens
        + (usage.cache_read_input_tokens or 0)
        + (usage.cache_creation_input_tokens or 0),
        output_tokens=usage.output_tokens,
        dropped=dropped,
        turn={"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
    )
