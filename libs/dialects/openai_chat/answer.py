"""A whole answer in OpenAI's chat format: the provider's read, the caller's written."""

import hashlib
from collections.abc import Sequence
from typing import Any, assert_never

import orjson

from libs.contracts.errors import UpstreamError
from libs.dialects.fields import count, obj, seq, string
from libs.dialects.form import (
    Answer,
    Reasoning,
    ReasoningDelta,
    StopReason,
    Text,
    TokenLogprob,
    ToolCall,
)
from libs.dialects.openai_chat.errors import read_failure
from libs.dialects.openai_chat.messages import parsed_arguments
from libs.dialects.openai_chat.thoughts import Details
from libs.dialects.openai_chat.usage import told_usage, write_usage
from libs.dialects.signatures import marked

# --- read ---------------------------------------------------------------------------------------------------------


def read_answer(body: dict[str, Any]) -> Answer:
    """The first choice. UpstreamError where there is none, or where a call is unusable."""
    if failure := read_failure(body):
        raise failure
    choice = next((obj(each) for each in seq(body.get("choices")) if count(obj(each).get("index")) == 0), None)
    if choice is None:
        raise UpstreamError("The provider answered something that is not a chat completion; try again.")
    message = obj(choice.get("message"))
    finish = choice.get("finish_reason")
    parts: list[Text | Reasoning | ToolCall] = []
    thought, said = words(message)
    if thought:
        parts.append(Reasoning(text=thought))
    refusal = string(message.get("refusal"))
    if said or refusal:
        parts.append(Text(text=said + refusal))
    calls = _calls(body, message, cut=finish == "length")
    return Answer(
        parts=(*parts, *calls),
        stop=stop_reason(finish, called=bool(calls), refused=bool(refusal)),
        usage=told_usage(body),
        logprobs=read_logprobs(choice.get("logprobs")),
    )


def words(said: dict[str, Any]) -> tuple[str, str]:
    """Thought and text of a message or a delta. Mistral writes both as a list of parts under `content`."""
    thought = string(said.get("reasoning_content")) or string(said.get("reasoning"))
    content = said.get("content")
    if isinstance(content, str) or not content:
        return thought, string(content)
    parts = [obj(part) for part in seq(content)]
    thought += "".join(string(obj(each).get("text")) for part in parts for each in seq(part.get("thinking")))
    return thought, "".join(string(part.get("text")) for part in parts)


def _calls(body: dict[str, Any], message: dict[str, Any], *, cut: bool) -> list[Reasoning | ToolCall]:
    found: list[Reasoning | ToolCall] = []
    calls = [obj(call) for call in seq(message.get("tool_calls"))]
    if legacy := obj(message.get("function_call")):
        calls.append({"function": legacy})
    for at, call in enumerate(calls):
        function = obj(call.get("function"))
        arguments = parsed_arguments(written_arguments(function.get("arguments")))
        if arguments is None and cut:
            continue  # the length ended it: what is left of it is of no use
        name = string(function.get("name"))
        if arguments is None or not name:
            raise UpstreamError("The provider's answer calls a tool in a way that cannot be read; try again.")
        if signature := google_signature(call):
            found.append(Reasoning(redacted=signature))
        id_ = string(call.get("id")) or minted_id(body, at)
        found.append(ToolCall(id=id_, name=name, arguments=arguments))
    return found


def written_arguments(value: object) -> str:
    """A string, as OpenAI has it; some compatible servers send the object itself."""
    if isinstance(value, dict):
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:  # nested deeper than orjson writes
            raise UpstreamError("The provider's answer is nested too deeply; try again.") from error
    return string(value)


def minted_id(answer: dict[str, Any], at: int) -> str:
    """For the call at this place of an answer that gives it none: the same whether streamed or not, and no other's."""
    origin = f"{answer.get('id')}\n{answer.get('created')}\n{at}"
    return f"call_{hashlib.sha256(origin.encode('utf-8', 'replace')).hexdigest()[:24]}"


def google_signature(call: dict[str, Any]) -> str:
    """Of a Gemini behind a compatible endpoint, which wants it back on the same call; "" where there is none."""
    signature = string(obj(obj(call.get("extra_content")).get("google")).get("thought_signature"))
    return marked("o", f"c.{signature}") if signature else ""


def stop_reason(finish: object, *, called: bool, refused: bool) -> StopReason:
    """Some servers say `stop` after calls; whoever waits for results must be told of the calls."""
    match finish:
        case "length" | "model_length":
            return StopReason.MAX_TOKENS
        case "content_filter":
            return StopReason.CONTENT_FILTER
        case "error" | "insufficient_system_resource" | "abort":
            raise UpstreamError("The provider failed in mid-answer; try again.")
        case _ if refused:
            return StopReason.CONTENT_FILTER
        case _:
            return StopReason.TOOL_USE if called else StopReason.END


def read_logprobs(value: object) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            token=string(token.get("token")),
            logprob=_logprob(token),
            top=tuple((string(obj(each).get("token")), _logprob(obj(each))) for each in seq(token.get("top_logprobs"))),
        )
        for token in map(obj, seq(obj(value).get("content")))
    )


def _logprob(token: dict[str, Any]) -> float:
    value = token.get("logprob")
    return float(value) if isinstance(value, int | float) else 0.0


# --- written ------------------------------------------------------------------------------------------------------


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
    """`created` is Unix seconds. Thoughts are shown as StreamEncoder shows them."""
    calls, entries = _shown(answer)
    said = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Reasoning))
    message: dict[str, Any] = {"role": "assistant", "content": None if calls and not said else said, "refusal": None}
    if thought:
        message["reasoning_content"] = thought
    if entries:
        message["reasoning_details"] = entries
    if calls:
        message["tool_calls"] = calls
    logprobs = write_logprobs(answer.logprobs) if answer.logprobs else None
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish_reason(answer.stop)}
    out = {"id": id, "object": "chat.completion", "created": created, "model": model, "choices": [choice]}
    if answer.usage is not None:
        out["usage"] = write_usage(answer.usage)
    return orjson.dumps(out)


def _shown(answer: Answer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The calls and the entries of `reasoning_details`."""
    calls: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    details = Details()
    for at, part in enumerate(answer.parts):
        match part:
            case Reasoning():
                thought = ReasoningDelta(index=at, text=part.text, signature=part.signature, redacted=part.redacted)
                entries += details.take(thought)
            case ToolCall():
                before, beside = details.of_call(part.id)
                entries += before
                function = {"name": part.name, "arguments": written_arguments(part.arguments)}
                calls.append({"id": part.id, "type": "function", "function": function, **beside})
            case Text():
                details.words(part.text)
    return calls, entries + details.rest()


def write_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    content = [
        {**_token(each.token, each.logprob), "top_logprobs": [_token(*other) for other in each.top]} for each in tokens
    ]
    return {"content": content, "refusal": None}


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}
