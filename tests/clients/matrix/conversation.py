"""What the matrix asks and sees, in neither dialect's words; one asker for each SDK speaks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Schema = Mapping[str, Any]
End = Literal["end", "tools", "length", "refusal", ""]


@dataclass(frozen=True, kw_only=True)
class Tool:
    name: str
    schema: Schema


@dataclass(frozen=True, kw_only=True)
class Call:
    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One answer, or how it failed. `turn` is what goes back as the assistant's message, as the SDK made it."""

    text: str = ""
    thought: str = ""
    calls: tuple[Call, ...] = ()
    end: End = ""
    input_tokens: int = 0
    output_tokens: int = 0
    status: int = 200
    error: str = ""  # the SDK's own class of error
    message: str = ""
    dropped: str = ""
    turn: Any = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked beside the messages."""

    tools: tuple[Tool, ...] = ()
    forced: str = ""
    schema: Schema | None = None
    max_tokens: int = 2000
    thinking: bool = False


@dataclass(kw_only=True)
class Talk:
    """A conversation as one dialect writes it; the asker appends to it."""

    messages: list[Any] = field(default_factory=list)


class Asker(Protocol):
    """One SDK at one address."""

    def user(self, talk: Talk, text: str, image: bytes = b"") -> None:
        """Append what a user says, with a PNG beside it."""

    def results(self, talk: Talk, seen: Seen, results: Sequence[str]) -> None:
        """Append an answer with calls, and what each of them came to."""

    async def ask(self, talk: Talk, route: str, wish: Wish, *, stream: bool) -> Seen:
        """One request. A failure is seen, not raised."""
