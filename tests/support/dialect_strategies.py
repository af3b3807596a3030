"""Strategies of the intermediate form: answers, usages, requests and cuts, as any provider or caller may have them."""

import base64
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal

from hypothesis import strategies as st

from libs.dialects.form import (
    Answer,
    AnswerFormat,
    Image,
    Part,
    Reasoning,
    Request,
    Role,
    StopReason,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Usage,
)

# Ids and names that every format takes as they are.
IDS = st.from_regex(r"call_[a-zA-Z0-9_-]{1,12}", fullmatch=True)
NAMES = st.from_regex(r"[a-z_][a-zA-Z0-9_-]{0,8}", fullmatch=True)
WORDS = st.text(min_size=1, max_size=12)
SAID = WORDS.filter(lambda said: bool(said.strip()))  # blank texts are refused in places and left out in others
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(max_size=6), JSON, max_size=3)
SIGNATURES = st.binary(min_size=3, max_size=24).map(lambda raw: base64.b64encode(raw).decode())
TOKENS = st.integers(0, 2**31)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(n % (len(data) + 1) for n in at)})
    return [data[a:b] for a, b in pairwise(marks)]


CUTS = st.lists(st.integers(0, 100_000), max_size=20)

Draw = Callable[[st.SearchStrategy[Any]], Any]

# --- answers ------------------------------------------------------------------------------------------------------


@st.composite
def usages(draw: Draw) -> Usage:
    """Never all zero: that reads as not counted."""
    output = draw(st.integers(1, 2**31))
    return Usage(
        input=draw(TOKENS),
        cache_read=draw(TOKENS),
        cache_write_5m=draw(TOKENS),
        cache_write_1h=draw(TOKENS),
        output=output,
        reasoning=draw(st.integers(0, output)),
    )


@st.composite
def answers(draw: Draw) -> Answer:
    """A thought or none, a text or none, calls or none: in this order, as models write them."""
    parts: list[Text | Reasoning | ToolCall] = []
    if draw(st.booleans()):
        parts.append(Reasoning(text=draw(SAID), signature=draw(SIGNATURES)))
    if draw(st.booleans()):
        parts.append(Text(text=draw(SAID)))
    ids = draw(st.lists(IDS, unique=True, max_size=3))
    parts += [ToolCall(id=id_, name=draw(NAMES), arguments=draw(ARGUMENTS)) for id_ in ids]
    reasons = [StopReason.END, StopReason.MAX_TOKENS, StopReason.CONTENT_FILTER]
    stop = StopReason.TOOL_USE if ids else draw(st.sampled_from(reasons))
    return Answer(parts=tuple(parts), stop=stop, usage=draw(usages()))


# --- requests -----------------------------------------------------------------------------------------------------

_MAGIC = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF\0\0\0\0WEBP"}
IMAGES = st.builds(
    lambda kind, rest: Image(media_type=kind, data=base64.b64encode(_MAGIC[kind] + rest).decode()),
    st.sampled_from(sorted(_MAGIC)),
    st.binary(max_size=20),
)
TEXTS = st.builds(Text, text=SAID)
SCHEMAS = st.dictionaries(
    st.sampled_from(["x", "y", "z"]), st.sampled_from([{"type": "string"}, {"type": "integer"}]), min_size=1, max_size=3
).map(  # closed, as Claude wants those that it is to keep to
    lambda members: {
        "type": "object",
        "properties": members,
        "required": sorted(members),
        "additionalProperties": False,
    }
)


def _conversation(draw: Draw, names: list[str]) -> tuple[Turn, ...]:
    """The user first and last, roles in turns, calls of tools that there are, each answered at once and in order."""
    used: set[str] = set()
    turns = [Turn(role=Role.USER, parts=tuple(draw(st.lists(TEXTS | IMAGES, min_size=1, max_size=3))))]
    for _ in range(draw(st.integers(0, 3))):
        ids = [id_ for id_ in draw(st.lists(IDS, unique=True, max_size=3 if names else 0)) if id_ not in used]
        used.update(ids)
        said: list[Part] = draw(st.lists(TEXTS, min_size=0 if ids else 1, max_size=1))
        said += [ToolCall(id=id_, name=draw(st.sampled_from(names)), arguments=draw(ARGUMENTS)) for id_ in ids]
        turns.append(Turn(role=Role.ASSISTANT, parts=tuple(said)))
        answered: list[Part] = [_result(draw, id_) for id_ in ids]
        answered += draw(st.lists(TEXTS | IMAGES, min_size=0 if ids else 1, max_size=2))
        turns.append(Turn(role=Role.USER, parts=tuple(answered)))
    return tuple(turns)


def _result(draw: Draw, id_: str) -> ToolResult:
    return ToolResult(id=id_, parts=tuple(draw(st.lists(TEXTS, min_size=1, max_size=2))), is_error=draw(st.booleans()))


@st.composite
def requests(draw: Draw) -> Request:
    """What every provider has a place for."""
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    tools = tuple(Tool(name=name, description=draw(st.just("") | SAID), schema=draw(SCHEMAS)) for name in names)
    kinds: list[Literal["auto", "required", "tool"]] = ["auto", "required", "tool"] if names else ["auto"]
    kind: Literal["auto", "required", "tool"] = draw(st.sampled_from(kinds))
    choice = ToolChoice(kind=kind, name=draw(st.sampled_from(names)) if kind == "tool" else "")
    format_ = st.builds(AnswerFormat, kind=st.just("json_schema"), name=st.just("answer"), schema=SCHEMAS)
    efforts = st.sampled_from(["low", "medium", "high"])
    return Request(
        turns=_conversation(draw, names),
        system=tuple(draw(st.lists(TEXTS, max_size=2))),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=draw(st.booleans()) if names else True,
        max_tokens=draw(st.integers(1, 100_000)),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_p=draw(st.none() | st.floats(0, 1)),
        stop=tuple(draw(st.lists(SAID, unique=True, max_size=4))),
        answer_format=draw(st.none() | format_),
        thinking=draw(st.just(Thinking()) | st.builds(Thinking, kind=st.just("on"), effort=efforts)),
    )
