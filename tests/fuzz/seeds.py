"""The corpus that fuzzing starts from: what the providers and the callers really send, small, written by code."""

from typing import Any

import orjson

# --- OpenAI's chat ------------------------------------------------------------------------------------------------

_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
_USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
_LOGPROBS = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}]}


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def _fragment(arguments: str, at: int = 0, **first: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": at, **first, "function": {"name": first.get("id", ""), "arguments": arguments}}]}


OPENAI_CHUNKS: tuple[list[Any], ...] = (
    [
        {"id": "", "choices": [], "prompt_filter_results": [], "model": ""},
        _chunk({"role": "assistant", "content": ""}),
        _chunk({"content": "hé"}, obfuscation="abc"),
        _chunk({"content": "llo"}, obfuscation="a"),
        _chunk({}, "stop"),
        {"id": "c1", "choices": [], "usage": _USAGE, "model": "m"},
    ],
    [
        _chunk({"role": "assistant", "reasoning_content": "hm"}),
        _chunk(_fragment("", id="call_1", type="function")),
        _chunk(_fragment('{"x"')),
        _chunk(_fragment('{"y":2}', 1, id="call_2")),
        _chunk(_fragment(":1}")),
        _chunk({}, "tool_calls", usage=_USAGE),
    ],
    [_chunk({"refusal": "no"}), _chunk({}, "content_filter", x_groq={"usage": _USAGE})],
    [_chunk({"content": "a"}), {"error": {"message": "busy", "code": 503}}],
    [_chunk({"content": [{"type": "thinking", "thinking": [{"text": "t"}]}, {"text": "s"}]}, "length")],
    [_chunk({"function_call": {"name": "f", "arguments": "{}"}}, "function_call")],
)
OPENAI_ANSWERS = (
    {"id": "c1", "created": 1, "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"},
     "logprobs": _LOGPROBS, "finish_reason": "stop"}], "usage": _USAGE},
    {"choices": [{"message": {"content": None, "reasoning": "hm", "tool_calls": [_CALL, {"function": {"name": "g"}}]},
     "finish_reason": "tool_calls"}], "model": "m", "nested": {"model": "n"}},
    {"error": {"message": "Rate limit", "type": "x", "code": "rate_limit_exceeded", "param": "messages"}},
    {"object": "error", "message": "vllm says no", "code": 400},
)  # fmt: skip

# --- Anthropic's messages -----------------------------------------------------------------------------------------

_COUNTS = {
    "input_tokens": 4,
    "cache_read_input_tokens": 2,
    "cache_creation_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
    "output_tokens": 5,
    "output_tokens_details": {"thinking_tokens": 1},
}
_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": _COUNTS}


def _block(at: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": at, "content_block": block},
        *({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": at},
    ]


def _whole(reason: str, *blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": "message_start", "message": _MESSAGE},
        {"type": "ping"},
        *(event for block in blocks for event in block),
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": _COUNTS},
        {"type": "message_stop"},
    ]


_TEXT = _block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in ("hé", "llo")))
_THOUGHT = _block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "hm"},
    {"type": "signature_delta", "signature": "EqQB"},
)
_USE = _block(
    1,
    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
    *({"type": "input_json_delta", "partial_json": each} for each in ("", '{"x"', ":1}")),
)
ANTHROPIC_EVENTS: tuple[list[dict[str, Any]], ...] = (
    _whole("end_turn", _TEXT),
    _whole("tool_use", _THOUGHT, _USE, _block(2, {"type": "tool_use", "id": "b", "name": "g", "input": {"y": 1}})),
    _whole("refusal", _block(0, {"type": "redacted_thinking", "data": "ZW5j"})),
    [*_TEXT[:2], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}],
    [*_whole("end_turn", _TEXT)[:-1], *_block(1, {"type": "text", "text": "late"}), *_whole("end_turn")[-2:]],
    _whole(
        "end_turn",
        _block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in ("", "a", "b"))),
    ),
)
ANTHROPIC_ANSWERS = (
    {**_MESSAGE, "stop_reason": "tool_use", "stop_sequence": None, "content": [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"}, {"type": "redacted_thinking", "data": "ZW5j"},
        {"type": "text", "text": "hi"}, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}}]},
    {"type": "error", "error": {"type": "invalid_request_error", "message": "credit balance is too low"}},
    {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED"}},
)  # fmt: skip

# --- Bedrock's Converse -------------------------------------------------------------------------------------------

_CONVERSE_USAGE = {"inputTokens": 4, "outputTokens": 5, "totalTokens": 14, "cacheReadInputTokens": 2,
                   "cacheWriteInputTokens": 3, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]}  # fmt: skip


def _delta(at: int, **delta: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": at, "delta": delta, "p": "abc"}


CONVERSE_EVENTS: tuple[list[tuple[str, dict[str, Any]]], ...] = (
    [
        ("messageStart", {"role": "assistant"}),
        _delta(0, reasoningContent={"text": "hm"}),
        _delta(0, reasoningContent={"signature": "EqQB"}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        _delta(1, text="hé"),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}),
        _delta(2, toolUse={"input": '{"x":1}'}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "tool_use", "additionalModelResponseFields": {"stop_sequence": "END"}}),
        ("metadata", {"usage": _CONVERSE_USAGE, "metrics": {"latencyMs": 1}}),
    ],
    [_delta(0, text="a"), ("!modelStreamErrorException", {"originalMessage": "bad", "originalStatusCode": 500})],
    [_delta(0, reasoningContent={"redactedContent": "ZW5j"}), ("messageStop", {"stopReason": "content_filtered"})],
    [_delta(0, text="a"), *[("messageStop", {"stopReason": "end_turn"}), _delta(1, text="late")] * 2],
)
CONVERSE_ANSWERS = (
    {"output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "EqQB"}}}, {"text": "hi"},
        {"reasoningContent": {"redactedContent": "ZW5j"}}, {"citationsContent": {"content": [{"text": "c"}]}},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"x": 1}}}]}},
     "stopReason": "tool_use", "usage": _CONVERSE_USAGE},
    {"message": 'The model returned: {"error":{"message":"prompt is too long"}} arn:aws:bedrock:x:y:123456789012:z'},
)  # fmt: skip

# --- Gemini -------------------------------------------------------------------------------------------------------

_META = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "cachedContentTokenCount": 4,
         "toolUsePromptTokenCount": 1, "totalTokenCount": 15}  # fmt: skip


def _response(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": _META, "responseId": "r1", **more}


_SIGNED_CALL = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "CCCC"}
_THOUGHT_PART = {"text": "hm", "thought": True, "thoughtSignature": "AAAA"}
_CHOSEN = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}],
           "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}]}  # fmt: skip
GEMINI_CHUNKS: tuple[list[dict[str, Any]], ...] = (
    [_response({"text": "hé"}), _response({"text": "llo"}), _response(finish="STOP")],
    [_response(_THOUGHT_PART), _response({"text": "so", "thoughtSignature": "BBBB"}, _SIGNED_CALL, finish="STOP")],
    [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": _META}],
    [_response({"text": "a"}), {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}],
)
GEMINI_ANSWERS = (
    _response(_THOUGHT_PART, {"text": "so", "thoughtSignature": "BBBB"}, _SIGNED_CALL, finish="STOP"),
    {"candidates": [{"finishReason": "MAX_TOKENS", "logprobsResult": _CHOSEN}], "usageMetadata": _META},
    {"promptFeedback": {"blockReason": "SAFETY"}},
    [{"error": {"code": 429, "message": "projects/p1: quota", "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]}}],
)  # fmt: skip

# --- as bytes -----------------------------------------------------------------------------------------------------


def bodies(*values: Any) -> list[bytes]:
    return [orjson.dumps(value) for value in values]


def data_only(streams: tuple[list[Any], ...], last: bytes = b"") -> list[bytes]:
    """Server-sent events without names."""
    return [b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in stream) + last for stream in streams]


def named(streams: tuple[list[dict[str, Any]], ...]) -> list[bytes]:
    """Server-sent events under their types."""
    return [
        b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in stream)
        for stream in streams
    ]


def lines(streams: tuple[list[tuple[str, dict[str, Any]]], ...]) -> list[bytes]:
    """One frame a line, as tests.fuzz.streams.framed reads them."""
    return [b"\n".join(kind.encode() + b" " + orjson.dumps(payload) for kind, payload in stream) for stream in streams]


def chunks(streams: tuple[list[dict[str, Any]], ...]) -> list[bytes]:
    """Anthropic's events as the lines of `framed`."""
    return lines(tuple([("chunk", event) for event in stream] for stream in streams))
