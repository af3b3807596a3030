"""Asks through OpenAI's Python SDK: `.create`, and the stream helper."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import openai
from openai import AsyncOpenAI

from tests.clients.matrix.conversation import Call, End, Seen, Talk, Tool, Wish

_ENDS: dict[str | None, End] = {"stop": "end", "tool_calls": "tools", "length": "length", "content_filter": "refusal"}
_USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


class OpenAIAsker:
    """tests.clients.matrix.conversation.Asker."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    def user(self, talk: Talk, text: str, image: bytes = b"") -> None:
        if not image:
            talk.messages.append({"role": "user", "content": text})
            return
        url = "data:image/png;base64," + base64.b64encode(image).decode()
        parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
        talk.messages.append({"role": "user", "content": parts})

    def results(self, talk: Talk, seen: Seen, results: Sequence[str]) -> None:
        talk.messages.append(seen.turn)
        for call, result in zip(seen.calls, results, strict=True):
            talk.messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

    async def ask(self, talk: Talk, route: str, wish: Wish, *, stream: bool) -> Seen:
        asked = {"model": route, "messages": talk.messages, **_wished(wish)}
        try:
            if stream:
                return await self._streamed(asked)
            raw = await self._client.chat.completions.with_raw_response.create(**asked)
            return _seen(raw.parse(), raw.headers.get("x-ni-dropped-params", ""))
        except openai.APIStatusError as error:
            return Seen(status=error.status_code, error=type(error).__name__, message=error.message)
        except openai.APIError as error:  # in mid-stream: there is no status any more
            return Seen(error=type(error).__name__, message=error.message)

    async def _streamed(self, asked: dict[str, Any]) -> Seen:
        text = ""
        async with self._client.chat.completions.stream(**asked, **_USAGE) as stream:
            try:
                async for event in stream:
                    if event.type == "content.delta":
                        text += event.delta
                final: Any = await stream.get_final_completion()
            except openai.LengthFinishReasonError as error:  # the helper takes both of these ends for failures
                final = error.completion
            except openai.ContentFilterFinishReasonError:
                return Seen(end="refusal", text=text)
            except openai.APIError as error:
                return Seen(error=type(error).__name__, message=error.message, text=text)
            headers = stream._response.headers
        seen = _seen(final, headers.get("x-ni-dropped-params", ""))
        assert seen.text == text, "the helper's deltas are not its final text"
        return seen


def _wished(wish: Wish) -> dict[str, Any]:
    asked: dict[str, Any] = {"max_completion_tokens": wish.max_tokens}
    if wish.tools:
        asked["tools"] = [_tool(tool) for tool in wish.tools]
    if wish.forced:
        asked["tool_choice"] = {"type": "function", "function": {"name": wish.forced}}
    if wish.schema is not None:
        schema = {"name": "answer", "schema": wish.schema, "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    if wish.thinking:
        asked["reasoning_effort"] = "medium"
    return asked


def _tool(tool: Tool) -> dict[str, Any]:
    return {"type": "function", "function": {"name": tool.name, "parameters": tool.schema}}


def _seen(answer: Any, dropped: str) -> Seen:
    choice = answer.choices[0]
    message = choice.message
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    calls = tuple(
        Call(id=call.id, name=call.function.name, arguments=json.loads(call.function.arguments))
        for call in message.tool_calls or ()
    )
    refused = bool(getattr(message, "refusal", None))
    return Seen(
        text=message.content or "",
        thought=getattr(message, "reasoning_content", None) or "",
        calls=calls,
        end="refusal" if refused else _ENDS[choice.finish_reason],
        input_tokens=answer.usage.prompt_tokens,
        output_tokens=answer.usage.completion_tokens,
        dropped=dropped,
        turn=message.model_dump(exclude_none=True, exclude={"parsed"}),
    )
