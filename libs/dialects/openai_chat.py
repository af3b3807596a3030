"""OpenAI's chat completions as the caller speaks it: requests in, answers, stream chunks, usage and errors out."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

import orjson

from libs.contracts.errors import CredentialRefused, InvalidRequest, NorthernError
from libs.dialects import failures
from libs.dialects.fields import count, flag, items, members, named, number, obj, string, text, whole, wrong
from libs.dialects.form import (
    Answer,
    AnswerFormat,
    BlockStop,
    Event,
    Failure,
    Reasoning,
    ReasoningDelta,
    Request,
    Stop,
    StopReason,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    ToolChoice,
    Usage,
    UsageEvent,
)
from libs.dialects.openai_messages import read_messages

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# --- requests -----------------------------------------------------------------------------------------------------

# Members with a field of their own in the form, or that concern the gateway alone.
_READ = frozenset(
    "messages model stream stream_options tools tool_choice parallel_tool_calls max_tokens max_completion_tokens "
    "temperature top_p stop response_format reasoning_effort".split()
)
# Hints: an answer given without them is still an answer to the request.
_HINTS = frozenset(
    "frequency_penalty metadata prediction presence_penalty prompt_cache_key prompt_cache_options "
    "prompt_cache_retention safety_identifier seed service_tier store user verbosity".split()
)
# Values that ask for nothing beyond what every answer is.
_NOTHING: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": ({},),
    "modalities": (["text"], []),
    "n": (1,),
    "presence_penalty": (0,),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
}


def read_request(body: dict[str, Any]) -> Request:
    """InvalidRequest names the member at fault. Unknown members are demands: nobody can say that they do not matter."""
    given = {name: value for name, value in body.items() if value is not None}
    system, turns = read_messages(given.get("messages"))
    tools, choice = _read_tools(given)
    rest = {name: v for name, v in given.items() if name not in _READ and v not in _NOTHING.get(name, ())}
    return Request(
        system=system,
        turns=turns,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=flag(given.get("parallel_tool_calls", True), "parallel_tool_calls"),
        max_tokens=_max_tokens(given),
        temperature=_number(given, "temperature", 2),
        top_p=_number(given, "top_p", 1),
        stop=_stop(given.get("stop")),
        answer_format=_answer_format(given.get("response_format")),
        reasoning_effort=_effort(given.get("reasoning_effort")),
        hints={name: v for name, v in rest.items() if name in _HINTS},
        demands={name: v for name, v in rest.items() if name not in _HINTS},
    )


def _number(given: dict[str, Any], name: str, high: float) -> float | None:
    return number(given[name], name, 0, high) if name in given else None


def _max_tokens(given: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in given:
            return whole(given[name], name, 1)
    return None


def _stop(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (named(value, "stop"),)
    return tuple(named(each, f"stop.{at}") for at, each in enumerate(items(value, "stop")))


def _effort(value: object) -> str:
    if value is not None and value not in EFFORTS:
        raise wrong("reasoning_effort", f"be one of {', '.join(EFFORTS)}")
    return string(value)


def _answer_format(value: object) -> AnswerFormat | None:
    if value is None:
        return None
    asked = members(value, "response_format")
    match asked.get("type"):
        case "text":
            return None
        case "json_object":
            return AnswerFormat(kind="json_object")
        case "json_schema":
            path = "response_format.json_schema"
            given = members(asked.get("json_schema"), path)
            return AnswerFormat(
                kind="json_schema",
                name=named(given.get("name"), f"{path}.name"),
                description=text(given.get("description") or "", f"{path}.description"),
                schema=members(given.get("schema", {}), f"{path}.schema"),
            )
        case _:
            raise wrong("response_format.type", "be one of text, json_object, json_schema")


def _read_tools(given: dict[str, Any]) -> tuple[tuple[Tool, ...], ToolChoice]:
    tools = tuple(_tool(each, f"tools.{at}") for at, each in enumerate(items(given.get("tools", []), "tools")))
    known = {tool.name for tool in tools}
    if len(known) != len(tools):
        raise wrong("tools", "give each tool its own name")
    choice, allowed = _tool_choice(given.get("tool_choice", "auto"))
    for name in allowed:
        if name not in known:
            raise wrong("tool_choice", "name tools that stand in 'tools'")
    if choice.kind == "required" and not tools:
        raise wrong("tools", "hold a tool when 'tool_choice' requires one")
    if allowed and choice.kind != "tool":
        tools = tuple(tool for tool in tools if tool.name in allowed)
    return tools, choice


def _tool(value: object, path: str) -> Tool:
    tool = members(value, path)
    if tool.get("type") != "function":
        raise InvalidRequest("Only tools of type 'function' can be sent on this route.", param=f"{path}.type")
    function = members(tool.get("function"), f"{path}.function")
    name = named(function.get("name"), f"{path}.function.name")
    if not TOOL_NAME.fullmatch(name):
        raise wrong(f"{path}.function.name", "be 1 to 64 letters, digits, '_' or '-'")
    schema = function.get("parameters")
    return Tool(
        name=name,
        description=text(function.get("description") or "", f"{path}.function.description"),
        schema=members(schema, f"{path}.function.parameters") if schema else {"type": "object", "properties": {}},
        strict=flag(function.get("strict") or False, f"{path}.function.strict"),
    )


def _tool_choice(value: object) -> tuple[ToolChoice, tuple[str, ...]]:
    """The choice, and the names it speaks of (`allowed_tools` narrows the list without forcing one)."""
    if value in ("auto", "none", "required"):
        return ToolChoice(kind=value), ()
    if not isinstance(value, dict) or value.get("type") not in ("function", "allowed_tools"):
        raise wrong("tool_choice", "be none, auto, required, a function or allowed_tools")
    if value["type"] == "function":
        name = named(members(value.get("function"), "tool_choice.function").get("name"), "tool_choice.function.name")
        return ToolChoice(kind="tool", name=name), (name,)
    path = "tool_choice.allowed_tools"
    allowed = members(value.get("allowed_tools"), path)
    if allowed.get("mode") not in ("auto", "required"):
        raise wrong(f"{path}.mode", "be auto or required")
    names = tuple(_allowed(each, f"{path}.tools.{at}") for at, each in enumerate(items(allowed.get("tools"), path)))
    if not names:
        raise wrong(f"{path}.tools", "name at least one tool")
    return ToolChoice(kind=allowed["mode"]), names


def _allowed(value: object, path: str) -> str:
    return named(members(members(value, path).get("function"), path).get("name"), f"{path}.function.name")


# --- usage --------------------------------------------------------------------------------------------------------


def read_usage(value: object) -> Usage | None:
    """OpenAI's counts overlap; ours do not. None where nothing was counted.

    A total above prompt + completion is thinking that an OpenAI-compatible front hides: it is output, billed as such.
    """
    given = obj(value)
    prompt, completion = count(given.get("prompt_tokens")), count(given.get("completion_tokens"))
    total = count(given.get("total_tokens"))
    if not prompt and not completion and not total:
        return None
    details = obj(given.get("prompt_tokens_details"))
    cached = min(count(details.get("cached_tokens", given.get("prompt_cache_hit_tokens"))), prompt)
    written = min(count(details.get("cache_write_tokens")), prompt - cached)
    hidden = max(0, total - prompt - completion)
    output = completion + hidden
    told = count(obj(given.get("completion_tokens_details")).get("reasoning_tokens"))
    return Usage(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write_5m=written,
        output=output,
        reasoning=min(max(told, hidden), output),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    written = usage.cache_write_5m + usage.cache_write_1h
    prompt = usage.input + usage.cache_read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


# --- answers ------------------------------------------------------------------------------------------------------


def finish_reason(stop: StopReason) -> str:
    match stop:
        case StopReason.END | StopReason.STOP_SEQUENCE:
            return "stop"
        case StopReason.TOOL_USE:
            return "tool_calls"
        case StopReason.MAX_TOKENS:
            return "length"
        case StopReason.CONTENT_FILTER:
            return "content_filter"
        case _:
            assert_never(stop)


def write_answer(answer: Answer, *, id: str, created: int, model: str) -> bytes:  # noqa: A002 - the wire's own name
    """`created` is Unix seconds. Reasoning is shown as `reasoning_content`, which has no official place."""
    calls = [_call_out(part) for part in answer.parts if isinstance(part, ToolCall)]
    said = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Reasoning))
    message: dict[str, Any] = {"role": "assistant", "content": None if calls and not said else said, "refusal": None}
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(answer.stop)}
    out = {"id": id, "object": "chat.completion", "created": created, "model": model, "choices": [choice]}
    if answer.usage is not None:
        out["usage"] = write_usage(answer.usage)
    return orjson.dumps(out)


def _call_out(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": call.id, "type": "function", "function": function}


class StreamEncoder:
    """Events of the form as chunks; `done()` is apart because it is sent only once the end is on record."""

    def __init__(self, id: str, created: int, model: str, include_usage: bool) -> None:  # noqa: A002 - the wire's name
        frame = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = b"data: " + orjson.dumps(frame)[:-1] + b',"choices":['
        # With usage asked for, every chunk has the member and only the last one a value (OpenAI's own rule).
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"
        self._include_usage = include_usage
        self._begun = False
        self._stopped = False
        self._usage: Usage | None = None
        self._tools: dict[int, int] = {}  # provider's block -> our tool index: text and reasoning take no number
        self._silent: set[int] = set()  # blocks of tools that have sent no arguments yet

    def encode(self, events: Iterable[Event]) -> bytes:
        return b"".join(map(self._encode, events))

    def done(self) -> bytes:
        return DONE

    def _encode(self, event: Event) -> bytes:
        match event:
            case TextDelta():
                return self._delta({"content": event.text}) if event.text else b""
            case ReasoningDelta():
                return self._delta({"reasoning_content": event.text}) if event.text else b""
            case ToolCallStart():
                at = self._tools[event.index] = len(self._tools)
                self._silent.add(event.index)
                function = {"name": event.name, "arguments": ""}
                call = {"index": at, "id": event.id, "type": "function", "function": function}
                return self._delta({"tool_calls": [call]})
            case ToolCallDelta():
                return self._arguments(event.index, event.json)
            case BlockStop():
                return self._close(event.index)
            case Stop():
                return self._stop(event.reason)
            case UsageEvent():
                self._usage = event.usage
                return self._usage_chunk()
            case Failure():
                return b""  # an error is the edge's to write, in stream_error's shape
            case _:
                assert_never(event)

    def _delta(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        begin = b"" if self._begun else self._choice({"role": "assistant", "content": ""}, None)
        self._begun = True
        return begin + self._choice(delta, finish)

    def _choice(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._head + orjson.dumps(choice) + b"]" + self._tail

    def _arguments(self, block: int, fragment: str) -> bytes:
        if not fragment or block not in self._tools:
            return b""
        self._silent.discard(block)
        return self._delta({"tool_calls": [{"index": self._tools[block], "function": {"arguments": fragment}}]})

    def _close(self, block: int) -> bytes:
        """A tool without parameters sends no fragment, yet a caller parses what he collected: give him an object."""
        return self._arguments(block, "{}") if block in self._silent else b""

    def _stop(self, reason: StopReason) -> bytes:
        closing = b"".join(self._close(block) for block in sorted(self._silent))
        finish = self._delta({}, finish_reason(reason))
        self._stopped = True
        return closing + finish + self._usage_chunk()

    def _usage_chunk(self) -> bytes:
        """Once, after the finish reason, whichever of the two came first."""
        if not self._include_usage or not self._stopped or self._usage is None:
            return b""
        self._include_usage = False
        return self._head + b'],"usage":' + orjson.dumps(write_usage(self._usage)) + b"}\n\n"


# --- errors -------------------------------------------------------------------------------------------------------


def stream_error(message: str, type: str, code: str) -> bytes:  # noqa: A002 - the wire's own name
    """The event that ends a failed stream; `[DONE]` never follows it."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return b"data: " + orjson.dumps({"error": error}) + b"\n\n"


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """The provider's refusal; the shapes of OpenAI, Azure, vLLM and plain `{"message"}` or `{"detail"}` are known."""
    told = failures.told(body)
    error = told.get("error")
    inner = obj(error) or told
    message = string(error) or string(inner.get("message")) or string(inner.get("detail"))
    if status == 429 and "insufficient_quota" in (inner.get("code"), inner.get("type")):  # noqa: PLR2004 - HTTP's number
        return CredentialRefused("The provider refused the gateway's own account; try another route.")
    wait = failures.retry_after_ms(headers)
    return failures.from_status(status, message, wait_ms=wait, param=string(inner.get("param")))
