"""A body of each dialect with everything in it that the dialect has, and what of it is no text."""

from typing import Any

import orjson

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "a title",
    "description": "the schema of Jane",
    "$defs": {"city": {"type": "string", "enum": ["Oshawa", "Laval"], "$comment": "a comment"}},
    "properties": {
        "type": {"type": "string", "const": "Jane Doe", "format": "email"},
        "city": {"$ref": "#/$defs/city", "default": "Oshawa"},
        "of": {"anyOf": [{"type": "string", "pattern": "^Jane$"}, {"type": "null"}], "examples": [{"type": "Jane"}]},
        "list": {"type": "array", "items": {"type": "string", "description": "one of them"}},
        "other": {"type": "object", "additionalProperties": {"description": "any other"}, "x-told": "an extension"},
    },
    "required": ["type", "city"],
}
ARGUMENTS = {"name": "Jane Doe", "address": {"city": "Oshawa", "type": "home"}, "tags": ["a tag"], "id": "Jane"}

OPENAI: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "You help Jane."},
        {
            "role": "developer",
            "content": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "user", "name": "jane", "content": "I am Jane."},
        {
            "role": "assistant",
            "name": "clerk",
            "content": [{"type": "text", "text": "Hello"}, {"type": "refusal", "refusal": "No, Jane"}],
            "refusal": "I will not",
            "reasoning_content": "She is Jane",
            "reasoning": "Jane it is",
            "reasoning_details": [
                {"type": "reasoning.text", "index": 0, "text": "unsigned Jane", "format": "northern-v1"},
                {"type": "reasoning.text", "index": 1, "text": "signed Jane", "signature": "c2lnbmVk"},
                {"type": "reasoning.summary", "summary": "a summary", "id": "rs_1"},
                {"type": "reasoning.encrypted", "data": "ZGF0YQ=="},
            ],
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "write", "arguments": orjson.dumps(ARGUMENTS).decode()},
                    "extra_content": {"google": {"thought_signature": "c2ln"}},
                },
                {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "for Jane"}},
                {"id": "call_3", "type": "function", "function": {"name": "write", "arguments": "no JSON, Jane"}},
            ],
            "function_call": {"name": "old", "arguments": '{"to": "Jane"}'},
            "annotations": [{"type": "url_citation", "url_citation": {"title": "Of Jane", "url": "https://a.example"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "write", "content": "written to Jane"},
        {"role": "tool", "tool_call_id": "call_2", "content": '{"who": "Ren\\u00e9e", "lines": "a\\nJane"}'},
        {"role": "function", "name": "old", "content": "done for Jane"},
        {"role": "user", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm, Jane"}]}, "bare"]},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "write", "description": "to Jane", "parameters": SCHEMA, "strict": True},
        },
        {
            "type": "custom",
            "custom": {
                "name": "run",
                "description": "runs for Jane",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "Jane"'}},
            },
        },
    ],
    "functions": [{"name": "old", "description": "as of old", "parameters": SCHEMA}],
    "tool_choice": {"type": "function", "function": {"name": "write"}},
    "function_call": {"name": "old"},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "description": "for Jane", "schema": SCHEMA, "strict": True},
    },
    "prediction": {"type": "content", "content": [{"type": "text", "text": "Dear Jane"}]},
    "stop": ["Jane", "Doe"],
    "user": "jane",
    "safety_identifier": "jane-1",
    "prompt_cache_key": "jane-2",
    "metadata": {"type": "vip", "customer": "Jane"},
    "web_search_options": {
        "search_context_size": "low",
        "user_location": {
            "type": "approximate",
            "approximate": {"city": "Oshawa", "country": "CA", "region": "Ontario"},
        },
    },
    "modalities": ["text"],
    "reasoning_effort": "low",
    "service_tier": "auto",
    "verbosity": "low",
    "unheard_of": {"type": "Jane", "deep": [["Doe"]]},
}

# Members of the schemas, wherever they stand.
_OF_SCHEMAS = (
    "$schema type required[] $defs.city.type properties.type.type properties.type.format properties.city.$ref "
    "properties.of.anyOf[].type properties.list.type properties.list.items.type properties.other.type"
).split()


def _schema(place: str) -> list[str]:
    return [f"{place}.{member}" for member in _OF_SCHEMAS]


OPENAI_SAFE = {
    *"model tool_choice.type tool_choice.function.name function_call.name modalities[] reasoning_effort".split(),
    *"service_tier verbosity response_format.type response_format.json_schema.name prediction.type".split(),
    *"web_search_options.search_context_size web_search_options.user_location.type prediction.content[].type".split(),
    "web_search_options.user_location.approximate.country",
    *"tools[].type tools[].function.name tools[].custom.name tools[].custom.format.type functions[].name".split(),
    "tools[].custom.format.grammar.syntax",
    *_schema("tools[].function.parameters"),
    *_schema("functions[].parameters"),
    *_schema("response_format.json_schema.schema"),
    *(
        f"messages[].{member}"
        for member in (
            "role tool_call_id content[].type content[].cache_control.type content[].thinking[].type "
            "tool_calls[].id tool_calls[].type tool_calls[].function.name tool_calls[].custom.name function_call.name "
            "tool_calls[].extra_content.google.thought_signature reasoning_details[].type reasoning_details[].format "
            "reasoning_details[].signature reasoning_details[].id reasoning_details[].data"
        ).split()
    ),
}
# At some places only: the name of a tool beside its result, a thought where it is signed.
OPENAI_SAFE_AT: set[tuple[str | int, ...]] = {
    ("messages", 4, "name"),
    ("messages", 6, "name"),
    ("messages", 3, "reasoning_details", 1, "text"),
}

ANTHROPIC: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "You help Jane.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": "I am Jane."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Read this"},
                {
                    "type": "document",
                    "title": "Of Jane",
                    "context": "from Jane",
                    "source": {"type": "text", "media_type": "text/plain", "data": "Jane was here"},
                },
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "and here"}]}},
                {
                    "type": "search_result",
                    "source": "https://jane.example",
                    "title": "Jane found",
                    "content": [{"type": "text", "text": "found her"}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "signed Jane", "signature": "c2lnbmVk"},
                {"type": "thinking", "thinking": "unsigned Jane", "signature": ""},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {
                    "type": "text",
                    "text": "Jane says",
                    "citations": [
                        {
                            "type": "web_search_result_location",
                            "cited_text": "Jane said",
                            "title": "a title",
                            "url": "https://jane.example",
                            "encrypted_index": "ZW5j",
                        },
                        {
                            "type": "char_location",
                            "cited_text": "here",
                            "document_title": "of her",
                            "document_index": 0,
                        },
                    ],
                },
                {"type": "tool_use", "id": "toolu_1", "name": "write", "input": ARGUMENTS},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Jane"}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "srvtoolu_1",
                    "content": [
                        {
                            "type": "web_search_result",
                            "title": "Jane on the web",
                            "url": "https://jane.example",
                            "encrypted_content": "ZW5j",
                            "page_age": "a day",
                        }
                    ],
                },
                {
                    "type": "code_execution_tool_result",
                    "tool_use_id": "srvtoolu_2",
                    "content": {
                        "type": "code_execution_result",
                        "stdout": "Jane out",
                        "stderr": "Jane err",
                        "return_code": 0,
                        "content": [{"type": "code_execution_output", "file_id": "file_1"}],
                    },
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "written to Jane"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "text", "text": "told Jane"}]},
                {"type": "tool_result", "tool_use_id": "toolu_3", "content": '{"who": "Ren\\u00e9e"}'},
            ],
        },
    ],
    "tools": [
        {"name": "write", "description": "to Jane", "input_schema": SCHEMA, "input_examples": [{"to": "Jane"}]},
        {
            "type": "web_search_20250305",
            "name": "web_search",
            "allowed_domains": ["jane.example"],
            "user_location": {"type": "approximate", "city": "Oshawa", "country": "CA"},
        },
    ],
    "tool_choice": {"type": "tool", "name": "write"},
    "stop_sequences": ["Jane"],
    "metadata": {"user_id": "jane"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    "service_tier": "auto",
    "unheard_of": {"type": "Jane", "deep": [["Doe"]]},
}

ANTHROPIC_SAFE = {
    *"model system[].type system[].cache_control.type system[].cache_control.ttl thinking.type".split(),
    *"output_config.effort output_config.format.type service_tier tool_choice.type tool_choice.name".split(),
    *"tools[].type tools[].name tools[].user_location.type tools[].user_location.country".split(),
    *_schema("tools[].input_schema"),
    *_schema("output_config.format.schema"),
    *(
        f"messages[].{member}"
        for member in (
            "role content[].type content[].source.type content[].source.media_type content[].source.content[].type "
            "content[].content[].type content[].signature content[].data content[].id content[].name "
            "content[].tool_use_id content[].citations[].type content[].citations[].encrypted_index "
            "content[].content[].encrypted_content content[].content.type content[].content.content[].type "
            "content[].content.content[].file_id"
        ).split()
    ),
}
ANTHROPIC_SAFE_AT: set[tuple[str | int, ...]] = {("messages", 2, "content", 0, "thinking")}
