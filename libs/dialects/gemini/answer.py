"""A whole answer of generateContent, and the parts of one that streams share: calls, ids, why it stopped."""

import hashlib
from collections.abc import Iterator
from typing import Any

from libs.contracts.errors import UpstreamError
from libs.dialects.fields import obj, seq, string
from libs.dialects.form import Answer, Reasoning, StopReason, Text, TokenLogprob, ToolCall
from libs.dialects.gemini.errors import error_of, from_error
from libs.dialects.gemini.usage import read_usage
from libs.dialects.signatures import marked

_STOPS = {
    "STOP": StopReason.END,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    "SAFETY": StopReason.CONTENT_FILTER,
    "RECITATION": StopReason.CONTENT_FILTER,
    "LANGUAGE": StopReason.CONTENT_FILTER,
    "BLOCKLIST": StopReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "SPII": StopReason.CONTENT_FILTER,
    "MODEL_ARMOR": StopReason.CONTENT_FILTER,
    "IMAGE_SAFETY": StopReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "IMAGE_RECITATION": StopReason.CONTENT_FILTER,
    "IMAGE_OTHER": StopReason.CONTENT_FILTER,
}
_ID_LIMIT = 256


def read_answer(body: dict[str, Any]) -> Answer:
    """UpstreamError where the body is no answer, or a broken one; parts that no caller's format has are passed over.

    A prompt that was blocked has no candidates: that is an answer too, one without words.
    """
    if (error := error_of(body)) is not None:
        raise from_error(error)
    usage = read_usage(body.get("usageMetadata"))
    candidate = first_candidate(body)
    if candidate is None:
        if blocked(body):
            return Answer(parts=(), stop=StopReason.CONTENT_FILTER, usage=usage)
        raise UpstreamError("The provider answered something that is not an answer; try again.")
    ids = CallIds(seed_of(body))
    parts = [each for part in parts_of(candidate) for each in _read_part(part, ids)]
    called = any(isinstance(part, ToolCall) for part in parts)
    return Answer(
        parts=tuple(parts),
        stop=stop_reason(candidate.get("finishReason"), called=called),
        usage=usage,
        logprobs=read_logprobs(candidate.get("logprobsResult")),
    )


def first_candidate(body: dict[str, Any]) -> dict[str, Any] | None:
    for each in seq(body.get("candidates")):
        if isinstance(each, dict) and not each.get("index"):
            return each
    return None


def parts_of(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """`content` may lack `parts`: where thinking used up the answer's length, and where it was filtered."""
    return [obj(part) for part in seq(obj(candidate.get("content")).get("parts"))]


def blocked(body: dict[str, Any]) -> bool:
    return bool(string(obj(body.get("promptFeedback")).get("blockReason")))


def stop_reason(value: object, *, called: bool) -> StopReason:
    """Gemini says STOP behind calls too. UpstreamError for a broken answer and for a reason nobody knows."""
    reason = _STOPS.get(string(value))
    if reason is None:
        raise UpstreamError("The model broke off with an answer that cannot be used; try again.")
    return StopReason.TOOL_USE if called and reason is StopReason.END else reason


def _read_part(part: dict[str, Any], ids: "CallIds") -> Iterator[Text | Reasoning | ToolCall]:
    signature = string(part.get("thoughtSignature"))
    if "functionCall" in part:
        name, arguments = read_call(part)
        if signature:
            yield Reasoning(redacted=call_signature(signature))
        yield ToolCall(id=ids.next(part), name=name, arguments=arguments)
    elif isinstance(said := part.get("text", "" if signature else None), str):
        if part.get("thought") is True:
            if said or signature:
                yield Reasoning(text=said, signature=marked("g", signature))
            return
        if signature:
            yield Reasoning(redacted=text_signature(signature))
        if said:
            yield Text(text=said)


# --- signatures: those of calls and texts travel as redacted thoughts of their own --------------------------------


def call_signature(signature: str) -> str:
    return marked("g", f"c.{signature}")


def text_signature(signature: str) -> str:
    return marked("g", f"t.{signature}")


# --- calls --------------------------------------------------------------------------------------------------------


def read_call(part: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and arguments. UpstreamError for one without a name, or in pieces, which we never ask for."""
    call = obj(part.get("functionCall"))
    name, arguments = string(call.get("name")), call.get("args")
    pieces = bool(call.get("partialArgs")) or call.get("willContinue") is True
    if not name or pieces or not isinstance(arguments, dict | None):
        raise UpstreamError("The model called a tool in a way that cannot be used; try again.")
    return name, arguments or {}


def seed_of(body: dict[str, Any]) -> str:
    """What makes this answer's ids differ from every other's."""
    return string(body.get("responseId")) or repr(body)


class CallIds:
    """Ids for calls, which mostly come without: the same answer always gets the same ones."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._given: set[str] = set()
        self._count = 0

    def next(self, part: dict[str, Any]) -> str:
        self._count += 1
        id_ = string(obj(part.get("functionCall")).get("id"))
        if not id_ or len(id_) > _ID_LIMIT or id_ in self._given:
            digest = hashlib.sha256(f"{self._count}/{self._seed}".encode("utf-8", "replace")).hexdigest()
            id_ = f"call_{digest[:24]}"
        self._given.add(id_)
        return id_


# --- log probabilities --------------------------------------------------------------------------------------------


def read_logprobs(value: object) -> tuple[TokenLogprob, ...]:
    given = obj(value)
    chosen, top = seq(given.get("chosenCandidates")), seq(given.get("topCandidates"))
    told = []
    for at, each in enumerate(chosen):
        token, logprob = _token(each)
        others = seq(obj(top[at]).get("candidates")) if at < len(top) else []
        told.append(TokenLogprob(token=token, logprob=logprob, top=tuple(_token(other) for other in others)))
    return tuple(told)


def _token(value: object) -> tuple[str, float]:
    given = obj(value)
    logprob = given.get("logProbability")
    known = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    return string(given.get("token")), float(logprob) if known and logprob is not None else 0.0
