"""Bedrock Converse as the provider speaks it: requests out, model by model; answers, stream events and errors in."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest, NorthernError, UpstreamError
from libs.dialects import failures
from libs.dialects.converse_messages import answers_unsigned_call, called_tools, write_messages, write_system
from libs.dialects.converse_models import ModelFlags
from libs.dialects.fields import count, obj, seq, string
from libs.dialects.form import (
    Answer,
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
    Usage,
    UsageEvent,
)

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000}
_LEAST_BUDGET = 1024  # Anthropic's own minimum of thinking.budget_tokens


def write_request(request: Request, flags: ModelFlags) -> tuple[dict[str, Any], list[str]]:
    """The body, and the names of the caller's members that it does not honour. InvalidRequest where that would not do.

    A temperature above 1, Converse's highest, is sent as 1 and named as dropped.
    """
    _refuse_demands(request)
    dropped = sorted(request.hints)
    extra: dict[str, Any] = {}
    body: dict[str, Any] = {"messages": write_messages(request.turns)}
    if system := write_system(request):
        body["system"] = system
    thinking = _thinking(request, flags, dropped)
    if inference := _inference(request, flags, thinking=bool(thinking), dropped=dropped):
        body["inferenceConfig"] = inference
    if tools := _tool_config(request, flags, dropped):
        body["toolConfig"] = tools
        extra |= _one_at_a_time(request, flags, tools, dropped)
    output = _answer_format(request, flags)
    if effort := thinking.pop("effort", None):
        output["effort"] = effort
    if output:
        body["outputConfig"] = output
    if extra := extra | thinking:
        body["additionalModelRequestFields"] = extra
    return body, dropped


def _refuse_demands(request: Request) -> None:
    for name in request.demands:
        raise InvalidRequest(f"'{name}' is not available on this route: leave it out or choose another.", param=name)


# --- sampling, length, thinking -----------------------------------------------------------------------------------


def _inference(request: Request, flags: ModelFlags, *, thinking: bool, dropped: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if request.max_tokens is not None:
        config["maxTokens"] = request.max_tokens
    if request.temperature is not None and not _drops(flags, dropped, "temperature", also=thinking):
        config["temperature"] = min(request.temperature, 1)
        if request.temperature > 1:
            dropped.append("temperature")
    if request.top_p is not None:
        second = flags.sampling == "one" and "temperature" in config
        if not _drops(flags, dropped, "top_p", also=thinking or second):
            config["topP"] = request.top_p
    if request.stop:
        if flags.claude and not all(each.strip() for each in request.stop):
            raise InvalidRequest("This model takes no stop sequence of white space alone.", param="stop")
        config["stopSequences"] = list(request.stop)
    return config


def _drops(flags: ModelFlags, dropped: list[str], name: str, *, also: bool) -> bool:
    """Thinking models want their sampling left alone, newer Claudes always."""
    if flags.sampling != "none" and not also:
        return False
    dropped.append(name)
    return True


def _thinking(request: Request, flags: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    """Members of additionalModelRequestFields, and `effort`, which lies elsewhere. Empty: no thinking."""
    effort = request.reasoning_effort
    if effort in ("", "none"):
        return {}
    forced = request.tool_choice.kind in ("required", "tool")  # Claude refuses the two together
    if flags.thinking == "none" or forced or answers_unsigned_call(request.turns):
        dropped.append("reasoning_effort")
        return {}
    if flags.thinking == "adaptive":
        return {"thinking": {"type": "adaptive"}, "effort": "low" if effort == "minimal" else effort}
    budget = _BUDGETS[effort]
    if request.max_tokens is not None:  # thinking is part of the answer's length and must leave room for words
        budget = min(budget, request.max_tokens // 2)
    if budget < _LEAST_BUDGET:
        dropped.append("reasoning_effort")
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


# --- tools --------------------------------------------------------------------------------------------------------


def _tool_config(request: Request, flags: ModelFlags, dropped: list[str]) -> dict[str, Any]:
    """There is no choice "none": tools are withheld instead, unless the history calls some, which must be described."""
    called = called_tools(request.turns)
    withheld = request.tool_choice.kind == "none"
    if not called and (withheld or not request.tools):
        return {}
    if withheld and request.tools:
        dropped.append("tool_choice")
    known = {tool.name for tool in request.tools}
    specs = [_spec(tool, flags) for tool in request.tools]
    specs += [_spec(Tool(name=name, schema={"type": "object"}), flags) for name in called if name not in known]
    if not flags.structured and any(tool.strict for tool in request.tools):
        dropped.append("tools.strict")
    config: dict[str, Any] = {"tools": specs}
    match request.tool_choice.kind:
        case "required":
            config["toolChoice"] = {"any": {}}
        case "tool":
            config["toolChoice"] = {"tool": {"name": request.tool_choice.name}}
        case "auto" | "none":
            pass  # Converse's default
    return config


def _spec(tool: Tool, flags: ModelFlags) -> dict[str, Any]:
    if not _NAME.fullmatch(tool.name):
        raise InvalidRequest("On this route tool names are 1 to 64 letters, digits, '_' or '-'.", param="tools")
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.schema}}
    if tool.description.strip():
        spec["description"] = tool.description
    if tool.strict and flags.structured:
        spec["strict"] = True
    return {"toolSpec": spec}


def _one_at_a_time(request: Request, flags: ModelFlags, config: dict[str, Any], dropped: list[str]) -> dict[str, Any]:
    """Converse has no switch for parallel calls; Claude's own rides beside its request."""
    if request.parallel_tool_calls:
        return {}
    if not flags.claude:
        dropped.append("parallel_tool_calls")
        return {}
    match config.get("toolChoice"):
        case {"any": _}:
            choice: dict[str, Any] = {"type": "any"}
        case {"tool": {"name": name}}:
            choice = {"type": "tool", "name": name}
        case _:
            choice = {"type": "auto"}
    return {"tool_choice": choice | {"disable_parallel_tool_use": True}}


# --- structured answers -------------------------------------------------------------------------------------------


def _answer_format(request: Request, flags: ModelFlags) -> dict[str, Any]:
    asked = request.answer_format
    if asked is None:
        return {}
    if asked.kind == "json_object" or not flags.structured:
        other = "use json_schema" if flags.structured else "force a tool with that schema"
        told = f"This response format is not available on this route: {other}, or choose another route."
        raise InvalidRequest(told, param="response_format")
    schema: dict[str, Any] = {"schema": orjson.dumps(asked.schema).decode(), "name": asked.name}
    if asked.description:
        schema["description"] = asked.description
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


# --- answers ------------------------------------------------------------------------------------------------------

_STOPS = {
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "model_context_window_exceeded": StopReason.MAX_TOKENS,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
}


def _stop_reason(value: object) -> StopReason:
    """A malformed answer is a failure (UpstreamError), and so is a reason nobody knows: neither may pass for an end."""
    if reason := _STOPS.get(string(value)):
        return reason
    raise UpstreamError("The model broke off with an answer that cannot be used; try again.")


def read_usage(value: object) -> Usage:
    """Converse's buckets are disjoint as they come; written tokens without a lifetime count as the short one."""
    given = obj(value)
    details = [obj(each) for each in seq(given.get("cacheDetails"))]
    long = sum(count(each.get("inputTokens")) for each in details if each.get("ttl") == "1h")
    short = sum(count(each.get("inputTokens")) for each in details if each.get("ttl") == "5m")
    written = count(given.get("cacheWriteInputTokens", given.get("cacheWriteInputTokenCount")))
    return Usage(
        input=count(given.get("inputTokens")),
        cache_read=count(given.get("cacheReadInputTokens", given.get("cacheReadInputTokenCount"))),
        cache_write_5m=max(written - long, short),
        cache_write_1h=long,
        output=count(given.get("outputTokens")),
    )


def read_answer(body: dict[str, Any]) -> Answer:
    """UpstreamError where the body is not an answer; blocks that no caller's format has are passed over."""
    content = obj(obj(body.get("output")).get("message")).get("content")
    if not isinstance(content, list):
        raise UpstreamError("The provider answered something that is not an answer; try again.")
    parts = [part for block in content for part in _read_block(obj(block))]
    return Answer(parts=tuple(parts), stop=_stop_reason(body.get("stopReason")), usage=read_usage(body.get("usage")))


def _read_block(block: dict[str, Any]) -> list[Text | Reasoning | ToolCall]:
    match block:
        case {"text": str(said)}:
            return [Text(text=said)]
        case {"toolUse": {"toolUseId": str(id), "name": str(name)} as use}:
            return [ToolCall(id=id, name=name, arguments=obj(use.get("input")))]
        case {"reasoningContent": {"reasoningText": dict(thought)}}:
            return [Reasoning(text=string(thought.get("text")), signature=string(thought.get("signature")))]
        case {"reasoningContent": {"redactedContent": str(redacted)}}:
            return [Reasoning(redacted=redacted)]
        case {"citationsContent": {"content": list(cited)}}:
            return [Text(text=string(obj(each).get("text"))) for each in cited]
        case _:
            return []


class StreamDecoder:
    """ConverseStream's events. `started`: model output was seen; `finished`: messageStop; `done`: metadata too.

    A stream that ends while neither `finished` nor `error` is set was cut.
    """

    def __init__(self) -> None:
        self.started = False
        self.finished = False
        self.done = False
        self.usage: Usage | None = None
        self.output_bytes = 0
        self.error: NorthernError | None = None

    def feed(self, kind: str, payload: dict[str, Any]) -> list[Event]:
        """`kind` is the frame's event or exception type. Nothing follows a Failure; unknown events are passed over."""
        if self.error is not None:
            return []
        at = count(payload.get("contentBlockIndex"))
        match kind:
            case "contentBlockDelta":
                return self._delta(at, obj(payload.get("delta")))
            case "contentBlockStart":
                return self._start(at, obj(payload.get("start")))
            case "contentBlockStop":
                return [BlockStop(index=at)]
            case "messageStop":
                return self._stop(payload.get("stopReason"))
            case "metadata":
                return self._metadata(payload.get("usage"))
            case _ if kind in _EXCEPTIONS or kind.endswith(("Exception", "Error")):
                return self._fail(_stream_error(kind, payload))
            case _:
                return []

    def _delta(self, at: int, delta: dict[str, Any]) -> list[Event]:
        match delta:
            case {"text": str(said)}:
                return self._output(said, TextDelta(index=at, text=said))
            case {"toolUse": {"input": str(fragment)}}:
                return self._output(fragment, ToolCallDelta(index=at, json=fragment))
            case {"reasoningContent": dict(thought)}:
                said = string(thought.get("text"))
                signature, redacted = string(thought.get("signature")), string(thought.get("redactedContent"))
                return self._output(said, ReasoningDelta(index=at, text=said, signature=signature, redacted=redacted))
            case _:
                return []

    def _output(self, said: str, event: Event) -> list[Event]:
        self.output_bytes += len(said.encode("utf-8", "replace"))
        self.started = self.started or bool(said)
        return [event]

    def _start(self, at: int, start: dict[str, Any]) -> list[Event]:
        match start:
            case {"toolUse": {"toolUseId": str(id), "name": str(name)}}:
                self.started = True
                return [ToolCallStart(index=at, id=id, name=name)]
            case _:
                return []

    def _stop(self, reason: object) -> list[Event]:
        try:
            event = Stop(reason=_stop_reason(reason))
        except UpstreamError as error:
            return self._fail(error)
        self.finished = True
        return [event]

    def _metadata(self, usage: object) -> list[Event]:
        self.usage = read_usage(usage)
        self.done = self.finished
        return [UsageEvent(usage=self.usage)]

    def _fail(self, error: NorthernError) -> list[Event]:
        self.error = error
        return [Failure(error=error)]


# --- errors -------------------------------------------------------------------------------------------------------

# The types that say more than their status does, or that come in a stream, where there is none.
_EXCEPTIONS = {
    "internalServerException": 500,
    "modelErrorException": 424,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceQuotaExceededException": 429,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


def _stream_error(kind: str, payload: dict[str, Any]) -> NorthernError:
    message = string(payload.get("message")) or string(payload.get("originalMessage"))
    return failures.from_status(_EXCEPTIONS.get(kind, 500), _innermost(message))


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """The type stands in `x-amzn-ErrorType`, sometimes with a URL behind a colon; the body has only the message."""
    kind = failures.lower(headers).get("x-amzn-errortype", "").partition(":")[0]
    status = _EXCEPTIONS.get(kind[:1].lower() + kind[1:], status)
    told = failures.told(body)
    message = string(told.get("message")) or string(told.get("Message"))
    return failures.from_status(status, _innermost(message), wait_ms=failures.retry_after_ms(headers))


def _innermost(message: str) -> str:
    """Claude's own error object often rides as JSON inside the sentence."""
    start = message.find("{")
    try:
        nested = obj(orjson.loads(message[start:])) if start >= 0 else {}
    except ValueError:
        return message
    return string(obj(nested.get("error")).get("message")) or string(nested.get("message")) or message
