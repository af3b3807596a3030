"""What the sandbox answers: pure decisions from a request that any provider may have been sent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import orjson

from services.sandbox.model.examples import Schema, example
from services.sandbox.model.phrases import announces, hides_thoughts, refuses, to_repeat, tools_named, without_tools
from services.sandbox.orders.directives import PLAIN, Directive

# A token is a word piece: at most eight characters with the space before them, or one white-space character.
_PIECE = re.compile(r" ?\S{1,8}|\s")
_NUMBERED_BYTES = 64
_LOOKED_AT = 1 << 18  # characters of a text that may hold words for us: a body of 8 MiB must not hold up other answers


class Finish(StrEnum):
    """Why an answer ended, in no provider's words."""

    END = "end"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    TOOLS = "tools"
    REFUSED = "refused"


class Choice(StrEnum):
    """What the caller says about tools."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True)
class Tool:
    name: str
    schema: Schema


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """A beginning of the prompt that may be kept: `key` stands for all of its bytes, `tokens` for its length.

    `keep_s` 0: it is used where it was kept before, and not kept now.
    """

    key: bytes
    tokens: int
    keep_s: int = 300


@dataclass(frozen=True, kw_only=True)
class Cached:
    """How many input tokens were read from the prompt cache, and how many were written to it, by how long they stay."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    @property
    def written(self) -> int:
        return self.written_5m + self.written_1h


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A chat request. `text` is the last user text without directives; `text_bytes` counts all text of all messages.

    `prefixes`: shortest first. `max_tokens` holds the thoughts too, where `thinking` asks for them.
    """

    model: str
    text: str = ""
    text_bytes: int = 0
    stream: bool = False
    include_usage: bool = False
    images: tuple[str, ...] = ()
    tool_results: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice.AUTO
    forced: str = ""
    parallel: bool = True
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    json_schema: Schema | None = None
    thinking: bool = False
    thoughts_shown: bool = True
    prefixes: tuple[Prefix, ...] = ()
    directive: Directive = field(default=PLAIN)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One tool call; `arguments` is a JSON object as text, and as it streams."""

    name: str
    arguments: str

    @property
    def pieces(self) -> list[str]:
        return pieces_of(self.arguments)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`thoughts` are the tokens of the reasoning, `pieces` those of the text after it, in order; calls come last.

    `input_tokens` is the whole prompt, cached or not; `output_tokens` holds thoughts, text and calls.
    `event_bytes` > 0: a streamed piece is padded to that size. `secret`: the thoughts are not for the caller's eyes.
    """

    pieces: Sequence[str]
    calls: tuple[Call, ...]
    finish: Finish
    input_tokens: int
    output_tokens: int
    stop_sequence: str = ""
    event_bytes: int = 0
    thoughts: Sequence[str] = ()
    secret: bool = False
    cached: Cached = field(default=Cached())

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def thought(self) -> str:
        return "".join(self.thoughts)


def answer(ask: Ask, cached: Cached = Cached()) -> Answer:
    """The same answer to the same request, always; `cached` is what was found of its prefixes."""
    ask = replace(ask, text=_looked_at(ask.text))
    directive = ask.directive
    thoughts = pieces_of(_thought(ask)) if ask.thinking else []
    most = ask.max_tokens
    calls: tuple[Call, ...] = ()
    if most is not None and len(thoughts) > most:
        thoughts, pieces, finish, stopped = thoughts[:most], list[str](), Finish.LENGTH, ""
    else:
        calls = () if directive.chunks is not None or directive.body_bytes is not None else _calls(ask)
        if calls:
            pieces, finish, stopped = _announced(ask), Finish.TOOLS, ""
        else:
            pieces, finish, stopped = _text_pieces(ask, None if most is None else most - len(thoughts))
    produced = len(thoughts) + len(pieces) + sum(len(call.pieces) for call in calls)
    return Answer(
        pieces=pieces,
        calls=calls,
        finish=finish,
        input_tokens=input_tokens(ask.text_bytes),
        output_tokens=produced * ask.n,
        stop_sequence=stopped,
        event_bytes=directive.chunk_bytes,
        thoughts=thoughts,
        secret=hides_thoughts(ask.text),
        cached=cached,
    )


def input_tokens(text_bytes: int) -> int:
    """One token for every four bytes of text, rounded up."""
    return -(-text_bytes // 4)


def pieces_of(text: str) -> list[str]:
    """A text as tokens: joined they are the text."""
    return _PIECE.findall(text)


def _looked_at(text: str) -> str:
    """A text, or beginning and end of a very long one."""
    return text if len(text) <= _LOOKED_AT else f"{text[: _LOOKED_AT // 2]}\n{text[-_LOOKED_AT // 2 :]}"


def _text_pieces(ask: Ask, most: int | None) -> tuple[list[str], Finish, str]:
    finish, stopped = Finish.REFUSED if _refused(ask) else Finish.END, ""
    pieces = _numbered(ask.directive)
    if pieces is None:
        text = _text(ask)
        at, stopped = _first_stop(text, ask.stop)
        if stopped:
            text, finish = text[:at], Finish.STOP_SEQUENCE
        pieces = pieces_of(text)
    if most is not None and len(pieces) > most:
        return pieces[:most], Finish.LENGTH, ""
    return pieces, finish, stopped


def _first_stop(text: str, stops: Sequence[str]) -> tuple[int, str]:
    found = [(at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    return min(found, default=(0, ""))


def _numbered(directive: Directive) -> list[str] | None:
    """`w0 w1 w2 …`: a reader can tell that nothing is missing. None: no directive asks for it."""
    if directive.body_bytes is None:
        return None if directive.chunks is None else [f"w{i} " for i in range(directive.chunks)]
    count = max(1, directive.chunks or -(-directive.body_bytes // _NUMBERED_BYTES))
    width, rest = divmod(directive.body_bytes, count)
    widths = (width + (1 if i < rest else 0) for i in range(count))
    return [f"w{i}".ljust(max(0, w - 1), ".")[: max(0, w - 1)] + " " * min(w, 1) for i, w in enumerate(widths)]


def _calls(ask: Ask) -> tuple[Call, ...]:
    if not ask.tools or ask.choice is Choice.NONE or ask.tool_results or _refused(ask):
        return ()
    named: Mapping[str, Tool] = {tool.name: tool for tool in ask.tools}
    chosen = [named[name] for name in tools_named(ask.text) if name in named]
    if ask.forced:
        chosen = [tool for tool in chosen if tool.name == ask.forced] or [named[ask.forced]]
    elif ask.choice is Choice.REQUIRED:
        chosen = chosen or [ask.tools[0]]
    words = without_tools(ask.text).strip(" \t\r\n.,:;") or ask.text
    made = tuple(Call(name=t.name, arguments=_json(example(t.schema, _first_words(words)))) for t in chosen)
    return made if ask.parallel else made[:1]


def _announced(ask: Ask) -> list[str]:
    return pieces_of("I will look that up.") if announces(ask.text) else []


def _thought(ask: Ask) -> str:
    about = _first_words(without_tools(ask.text)) or "the request"
    return f'Let me think about "{about}". It is clear what to do.'


def _refused(ask: Ask) -> bool:
    return not ask.tool_results and refuses(ask.text)


def _text(ask: Ask) -> str:
    asked = " ".join(ask.text.split()).lower()
    if ask.tool_results:
        return " ".join(f'The tool answered: "{result}".' for result in ask.tool_results)
    if _refused(ask):
        return "I cannot help with that."
    if ask.json_schema is not None:
        return _json(example(ask.json_schema, _first_words(ask.text)))
    if (repeated := to_repeat(ask.text)) is not None:
        return repeated
    if "what model are you" in asked:
        return f"I am {ask.model}, played by the sandbox."
    if "count to five" in asked:
        return "1, 2, 3, 4, 5"
    if ask.images:
        return f"I see {' and '.join(ask.images)}."
    return f"Hello from the sandbox, which stands in for {ask.model}: your message arrived."


def _first_words(text: str) -> str:
    return " ".join(text.split()[:4])


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
