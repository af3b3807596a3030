"""The typed intermediate form between two wire formats: requests, answers, stream events and usage; values only."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Literal

import orjson

from libs.contracts.errors import InvalidRequest, NorthernError, UpstreamError
from libs.contracts.northern.v1 import frames_pb2
from libs.dialects.values import value

# --- parts of a turn ----------------------------------------------------------------------------------------------


class Cache(StrEnum):
    """Where a prompt's cached beginning ends: after the part that carries it, and how long it is kept."""

    NONE = ""
    SHORT = "5m"
    LONG = "1h"


@value
class Text:
    text: str
    cache: Cache = Cache.NONE


@value
class Image:
    """Either `data`, checked base64 of `media_type`, or an https `url`; the other is empty."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    cache: Cache = Cache.NONE


@value
class Document:
    """One of `data` (checked base64 of `media_type`), `text` and an https `url`; the others are empty."""

    media_type: str = ""
    data: str = ""
    text: str = ""
    url: str = ""
    name: str = ""
    cache: Cache = Cache.NONE


@value
class ToolCall:
    """`id` is never empty: a reader mints one where the provider gave none."""

    id: str
    name: str
    arguments: dict[str, Any]
    cache: Cache = Cache.NONE


@value
class ToolResult:
    id: str
    parts: tuple[Text | Image | Document, ...]
    is_error: bool = False
    cache: Cache = Cache.NONE


@value
class Reasoning:
    """`signature` and `redacted` (base64) belong to the family of models that made them, and go back byte for byte.

    Claude's stand as they come; another family's carry its mark (libs.dialects.signatures), so that none gets
    another's.
    """

    text: str = ""
    signature: str = ""
    redacted: str = ""


Part = Text | Image | Document | ToolCall | ToolResult | Reasoning


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@value
class Turn:
    """Tool results ride in user turns. Neighbours may share a role: writers merge where their format asks for it."""

    role: Role
    parts: tuple[Part, ...]


# --- the request --------------------------------------------------------------------------------------------------


@value
class Tool:
    name: str
    description: str = ""
    schema: dict[str, Any]
    strict: bool = False
    cache: Cache = Cache.NONE


@value
class ToolChoice:
    """`tool` is the one named in `name`; `required` is any of them."""

    kind: Literal["auto", "none", "required", "tool"] = "auto"
    name: str = ""


@value
class AnswerFormat:
    """Structured output: any JSON object, or one that fits `schema`."""

    kind: Literal["json_object", "json_schema"]
    name: str = ""
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)


@value
class Thinking:
    """How the model is to think: `default` leaves it alone; `on` by `effort`, by `budget` in tokens, both or neither.

    `effort` is one of low, medium, high, xhigh, max or OpenAI's minimal; "" where none was given. `shown`: the caller
    wants to see the thoughts (OpenAI's callers are shown them wherever there are some).
    """

    kind: Literal["default", "off", "on"] = "default"
    effort: str = ""
    budget: int | None = None
    shown: bool = True


@value
class Request:
    """What was asked. `hints` and `demands` hold, under the caller's names, what has no field here.

    A writer takes from them what its format has, names the hints that are left as dropped, and refuses over a demand.
    Two are the same member in more than one format and stand under OpenAI's name: `user` and `service_tier` (hints).
    """

    turns: tuple[Turn, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    answer_format: AnswerFormat | None = None
    thinking: Thinking = Thinking()
    hints: Mapping[str, Any] = field(default_factory=dict)
    demands: Mapping[str, Any] = field(default_factory=dict)


@value
class Written:
    """A request in a provider's format; `dropped` names the caller's members that it does not honour.

    `names`: of tools that stand in it under another name, the caller's. `answer_tool`: the one whose arguments are the
    answer; "" where words are.
    """

    body: dict[str, Any]
    dropped: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    answer_tool: str = ""

    def serialised(self, front: Mapping[str, Any] | None = None) -> bytes:
        """The body as JSON, `front`'s members before its own. InvalidRequest where it is too deep to be written."""
        try:
            return orjson.dumps({**front, **self.body} if front else self.body)
        except TypeError:  # orjson reads 1,024 levels and writes 254; a translation may add some
            raise InvalidRequest("The body is nested too deeply; 200 levels are the limit.") from None


# --- the answer ---------------------------------------------------------------------------------------------------


class StopReason(StrEnum):
    END = "end"
    STOP_SEQUENCE = "stop_sequence"
    MAX_TOKENS = "max_tokens"
    TOOL_USE = "tool_use"
    CONTENT_FILTER = "content_filter"


@value
class Usage:
    """Tokens in disjoint buckets; `reasoning` is a part of `output`, never added to it."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    inference_geo: str = ""  # where the provider says that it ran, in its own word
    service_tier: str = ""  # in which it says it served, in its own word: it decides the price

    def to_proto(self) -> frames_pb2.Usage:
        return frames_pb2.Usage(
            input=self.input,
            cache_read=self.cache_read,
            cache_write_5m=self.cache_write_5m,
            cache_write_1h=self.cache_write_1h,
            output=self.output,
            reasoning=self.reasoning,
            estimated=self.estimated,
            inference_geo=self.inference_geo,
            service_tier=self.service_tier,
        )


@value
class TokenLogprob:
    """`top`: the likeliest alternatives, (token, logprob) each."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@value
class Answer:
    """`stop_sequence` is the one that ended the answer, where the provider says so."""

    parts: tuple[Text | Reasoning | ToolCall, ...]
    stop: StopReason
    usage: Usage | None = None
    stop_sequence: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def output_bytes(self) -> int:
        """Bytes of model output, the measure that streams use too."""
        return sum(part_bytes(part) for part in self.parts)


def part_bytes(part: Text | Reasoning | ToolCall) -> int:
    match part:
        case Text() | Reasoning():
            return len(part.text.encode("utf-8", "replace"))
        case ToolCall():
            try:
                return len(orjson.dumps(part.arguments))
            except TypeError:  # nested deeper than orjson writes
                told = "The model called a tool in a way that cannot be used; try again."
                raise UpstreamError(told) from None


# --- the answer as a stream ---------------------------------------------------------------------------------------
# `index` is the provider's content block; other formats number what they show by themselves.


@value
class TextDelta:
    index: int
    text: str


@value
class ReasoningDelta:
    index: int
    text: str = ""
    signature: str = ""
    redacted: str = ""


@value
class ToolCallStart:
    index: int
    id: str
    name: str


@value
class ToolCallDelta:
    """A fragment of the arguments' JSON; only all of them together parse."""

    index: int
    json: str


@value
class BlockStop:
    index: int


@value
class Stop:
    reason: StopReason
    stop_sequence: str = ""


@value
class Logprobs:
    """Of the text that was just sent."""

    tokens: tuple[TokenLogprob, ...]


@value
class UsageEvent:
    """The usage so far: a later one replaces it."""

    usage: Usage


@value
class Failure:
    """The provider gave up in mid-stream; nothing follows."""

    error: NorthernError


Event = TextDelta | ReasoningDelta | ToolCallStart | ToolCallDelta | BlockStop | Logprobs | Stop | UsageEvent | Failure
