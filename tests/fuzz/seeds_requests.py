"""The corpus of callers' requests, in both dialects: every kind of member once, small, written by code."""

import base64
from typing import Any

_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
_PDF = base64.b64encode(b"%PDF-1.4\n").decode()
_SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
_MARK = {"type": "ephemeral", "ttl": "1h"}

OPENAI: tuple[dict[str, Any], ...] = (
    {"model": "m", "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
     "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 80, "stop": ["END"], "stream": True,
     "stream_options": {"include_usage": True}, "seed": 7, "user": "u1", "residency": ["CA"]},
    {"model": "m", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "look", "cache_control": _MARK},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PNG}", "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_PDF}"}}]},
        {"role": "assistant", "content": None, "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "EqQB", "format": "northern-v1"},
            {"type": "reasoning.encrypted", "data": "ni1.g.c.QUJD", "id": "call_1", "format": "northern-v1"}],
         "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'},
                         "extra_content": {"google": {"thought_signature": "QUJD"}}},
                        {"id": "call_2", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "43"}]}],
     "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": _SCHEMA,
                "strict": True}}],
     "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False,
     "reasoning_effort": "low"},
    {"model": "m", "messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "hi", "name": "n"}],
     "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": _SCHEMA}},
     "reasoning": {"effort": "high", "exclude": True}, "top_k": 5, "logprobs": True, "top_logprobs": 2,
     "tools": [{"type": "function", "function": {"name": "f"}}],
     "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
         {"type": "function", "function": {"name": "f"}}]}}},
)  # fmt: skip

ANTHROPIC: tuple[dict[str, Any], ...] = (
    {"model": "m", "max_tokens": 80, "system": "be brief", "messages": [{"role": "user", "content": "hi"}],
     "temperature": 0.5, "stop_sequences": ["END"], "metadata": {"user_id": "u1"}, "service_tier": "auto"},
    {"model": "m", "max_tokens": 4000, "system": [{"type": "text", "text": "s", "cache_control": _MARK}],
     "messages": [
        {"role": "user", "content": [{"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
            {"type": "document", "title": "t", "source": {"type": "base64", "media_type": "application/pdf",
                                                         "data": _PDF}},
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "d"}]}}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "EqQB"},
            {"type": "redacted_thinking", "data": "ni1.g.c.QUJD"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "t2", "name": "f", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "42", "is_error": True},
            {"type": "tool_result", "tool_use_id": "t2", "content": [
                {"type": "search_result", "title": "a", "source": "b", "content": [{"type": "text", "text": "c"}]}]},
            {"type": "text", "text": "so?"}]}],
     "tools": [{"name": "f", "description": "d", "input_schema": _SCHEMA, "cache_control": _MARK, "strict": True}],
     "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
     "thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"model": "m", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"},
        {"role": "system", "content": "late"}, {"role": "assistant", "content": "so "}],
     "thinking": {"type": "adaptive", "display": "omitted"},
     "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": _SCHEMA}},
     "context_management": {"edits": [{"type": "x"}]}, "stream": True},
)  # fmt: skip
