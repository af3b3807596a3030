"""Answers as each provider writes them, whole and streamed: written here once more, by the vendors' own tables."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from libs.dialects.form import Answer, Reasoning, StopReason, Text, ToolCall, Usage
from services.sandbox import eventstream

_MODEL = {"id": "r1", "created": 1, "model": "m"}


def split(said: str, size: int) -> list[str]:
    return [said[at : at + size] for at in range(0, len(said), size)]


def _sse(payload: object, name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(payload) + b"\n\n"


def _texts(answer: Answer) -> tuple[str, str]:
    thought = "".join(part.text for part in answer.parts if isinstance(part, Reasoning))
    return thought, "".join(part.text for part in answer.parts if isinstance(part, Text))


def _calls(answer: Answer) -> list[ToolCall]:
    return [part for part in answer.parts if isinstance(part, ToolCall)]


def _json(call: ToolCall) -> str:
    return orjson.dumps(call.arguments).decode()


# --- OpenAI -------------------------------------------------------------------------------------------------------

_O_STOPS = {
    StopReason.END: "stop",
    StopReason.MAX_TOKENS: "length",
    StopReason.TOOL_USE: "tool_calls",
    StopReason.CONTENT_FILTER: "content_filter",
}


def openai_usage(usage: Usage) -> dict[str, Any]:
    """Everything read is in the prompt, what was cached and what was written too."""
    written = usage.cache_write_5m + usage.cache_write_1h
    prompt = usage.input + usage.cache_read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def openai(answer: Answer) -> dict[str, Any]:
    thought, said = _texts(answer)
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _json(call)}}
        for call in _calls(answer)
    ]
    message = {"role": "assistant", "content": said or None, "reasoning_content": thought, "tool_calls": calls or None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _O_STOPS[answer.stop]}
    return {**_MODEL, "object": "chat.completion", "choices": [choice], "usage": openai_usage(answer.usage or Usage())}


def openai_stream(answer: Answer, size: int) -> bytes:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return _sse({**_MODEL, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    thought, said = _texts(answer)
    out = [_sse({"id": "", "choices": [], "prompt_filter_results": []}), chunk({"role": "assistant", "content": ""})]
    out += [chunk({"reasoning_content": each}) for each in split(thought, size)]
    out += [chunk({"content": each}) for each in split(said, size)]
    for at, call in enumerate(_calls(answer)):
        first = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        out.append(chunk({"tool_calls": [{"index": at, **first}]}))
        pieces = split(_json(call), size) if call.arguments else []  # without parameters nothing is sent
        out += [chunk({"tool_calls": [{"index": at, "function": {"arguments": each}}]}) for each in pieces]
    usage = _sse({**_MODEL, "choices": [], "usage": openai_usage(answer.usage or Usage())})
    return b"".join([*out, chunk({}, _O_STOPS[answer.stop]), usage, b"data: [DONE]\n\n"])


# --- Anthropic ----------------------------------------------------------------------------------------------------

_A_STOPS = {
    StopReason.END: "end_turn",
    StopReason.MAX_TOKENS: "max_tokens",
    StopReason.TOOL_USE: "tool_use",
    StopReason.CONTENT_FILTER: "refusal",
}


def anthropic_usage(usage: Usage) -> dict[str, Any]:
    """The buckets are disjoint as they are."""
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def _anthropic_block(part: Text | Reasoning | ToolCall) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Reasoning():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}


def anthropic(answer: Answer) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [_anthropic_block(part) for part in answer.parts],
        "stop_reason": _A_STOPS[answer.stop],
        "stop_sequence": None,
        "usage": anthropic_usage(answer.usage or Usage()),
    }


def anthropic_events(answer: Answer, size: int) -> Iterator[dict[str, Any]]:
    usage = anthropic_usage(answer.usage or Usage())
    empty = {**anthropic(answer), "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": empty}
    yield {"type": "ping"}
    for at, part in enumerate(answer.parts):
        deltas: list[dict[str, Any]]
        match part:
            case Text():
                start: dict[str, Any] = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": each} for each in split(part.text, size)]
            case Reasoning():
                start = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": each} for each in split(part.text, size)]
                deltas.append({"type": "signature_delta", "signature": part.signature})
            case ToolCall():
                start = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
                pieces = ["", *(split(_json(part), size) if part.arguments else [])]
                deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
        yield {"type": "content_block_start", "index": at, "content_block": start}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    yield {"type": "message_delta", "delta": {"stop_reason": _A_STOPS[answer.stop]}, "usage": usage}
    yield {"type": "message_stop"}


def anthropic_stream(answer: Answer, size: int) -> bytes:
    return b"".join(_sse(event, event["type"]) for event in anthropic_events(answer, size))


# --- Bedrock's Converse -------------------------------------------------------------------------------------------

_B_STOPS = {**_A_STOPS, StopReason.CONTENT_FILTER: "content_filtered"}


def converse_usage(usage: Usage) -> dict[str, Any]:
    written = usage.cache_write_5m + usage.cache_write_1h
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": written,
        "cacheDetails": [
            {"ttl": "5m", "inputTokens": usage.cache_write_5m},
            {"ttl": "1h", "inputTokens": usage.cache_write_1h},
        ],
        "totalTokens": usage.input + usage.output + usage.cache_read + written,
    }


def _converse_block(part: Text | Reasoning | ToolCall) -> dict[str, Any]:
    match part:
        case Text():
            return {"text": part.text}
        case Reasoning():
            return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
        case ToolCall():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": part.arguments}}


def converse(answer: Answer) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [_converse_block(part) for part in answer.parts]}},
        "stopReason": _B_STOPS[answer.stop],
        "usage": converse_usage(answer.usage or Usage()),
        "metrics": {"latencyMs": 5},
    }


def converse_events(answer: Answer, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Texts and thoughts have no start; the usage follows the stop."""
    yield "messageStart", {"role": "assistant"}
    for at, part in enumerate(answer.parts):
        deltas: list[dict[str, Any]]
        match part:
            case Text():
                deltas = [{"text": each} for each in split(part.text, size)]
            case Reasoning():
                deltas = [{"reasoningContent": {"text": each}} for each in split(part.text, size)]
                deltas.append({"reasoningContent": {"signature": part.signature}})
            case ToolCall():
                start = {"toolUse": {"toolUseId": part.id, "name": part.name}}
                yield "contentBlockStart", {"contentBlockIndex": at, "start": start}
                pieces = split(_json(part), size) if part.arguments else []
                deltas = [{"toolUse": {"input": each}} for each in pieces]
        for delta in deltas:
            yield "contentBlockDelta", {"contentBlockIndex": at, "delta": delta, "p": "abcdef"}
        yield "contentBlockStop", {"contentBlockIndex": at}
    yield "messageStop", {"stopReason": _B_STOPS[answer.stop]}
    yield "metadata", {"usage": converse_usage(answer.usage or Usage()), "metrics": {"latencyMs": 5}}


def converse_stream(answer: Answer, size: int) -> bytes:
    return b"".join(
        eventstream.frame(
            eventstream.headers_of({":event-type": kind, ":message-type": "event"}), orjson.dumps(payload)
        )
        for kind, payload in converse_events(answer, size)
    )


# --- Gemini -------------------------------------------------------------------------------------------------------

_G_STOPS = {
    StopReason.END: "STOP",
    StopReason.MAX_TOKENS: "MAX_TOKENS",
    StopReason.TOOL_USE: "STOP",
    StopReason.CONTENT_FILTER: "SAFETY",
}


def gemini_usage(usage: Usage, tools: int = 0) -> dict[str, Any]:
    """Cached tokens are in the prompt, thoughts are not among the candidates'; `tools` of the input are Google's."""
    prompt = usage.input - tools + usage.cache_read
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cache_read,
        "toolUsePromptTokenCount": tools,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": prompt + tools + usage.output,
    }


def _gemini_parts(part: Text | Reasoning | ToolCall, size: int) -> list[dict[str, Any]]:
    match part:
        case Text():
            return [{"text": each} for each in split(part.text, size)]
        case Reasoning():
            thoughts: list[dict[str, Any]] = [{"text": each, "thought": True} for each in split(part.text, size)]
            return [*thoughts[:-1], {**thoughts[-1], "thoughtSignature": part.signature}]
        case ToolCall():
            return [{"functionCall": {"id": part.id, "name": part.name, "args": part.arguments}}]


def _gemini(answer: Answer, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = _G_STOPS[answer.stop]
    return {"candidates": [candidate], "usageMetadata": gemini_usage(answer.usage or Usage()), "responseId": "r1"}


def gemini(answer: Answer) -> dict[str, Any]:
    parts = [each for part in answer.parts for each in _gemini_parts(part, 1_000)]
    return _gemini(answer, parts, last=True)


def gemini_stream(answer: Answer, size: int) -> bytes:
    """A response for each part, the usage in every one."""
    parts = [each for part in answer.parts for each in _gemini_parts(part, size)]
    responses = [_gemini(answer, [part], last=False) for part in parts]
    return b"".join(map(_sse, [*responses, _gemini(answer, [], last=True)]))


Whole = Callable[[Answer], dict[str, Any]]
Streamed = Callable[[Answer, int], bytes]
