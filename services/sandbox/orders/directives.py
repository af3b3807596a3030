"""Directives: what a caller asks the sandbox to do beside answering, as text and as a value."""

import re
from dataclasses import asdict, dataclass, fields
from typing import Self

STATUSES = frozenset({400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529})
ERRORS = frozenset({"throttling", "modelStreamError", "internalServer", "serviceUnavailable", "validation"})
# No number in a directive is above these: a typo must not fill the memory, nor one answer hold up all others.
_MOST = 1 << 28
_MOST_OF = {"chunks": 100_000, "chunk_bytes": 64 << 20, "body_bytes": 64 << 20}
_DIGITS = len(str(_MOST))

_WRITTEN = re.compile(r"[ \t]*\[\[sandbox\b([^\]]*)\]\]", re.IGNORECASE)


class UnknownDirectiveError(ValueError):
    """The sentence says what is wrong; a mistyped directive is never ignored."""


@dataclass(frozen=True, kw_only=True)
class Directive:
    """One answer's course. Times in milliseconds, sizes in bytes; None and 0 mean: as usual."""

    chunks: int | None = None
    chunk_bytes: int = 0
    chunk_ms: int = 0
    burst: int = 1
    first_ms: int = 0
    latency_ms: int = 0
    body_bytes: int | None = None
    status: int | None = None
    retry_after: int | None = None
    cut_after: int | None = None
    cut_byte: int | None = None
    stall_after: int | None = None
    error_after: int | None = None
    error: str = "modelStreamError"
    garbage: bool = False
    hang: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """`chunks=20 hang …` as a value; raises UnknownDirectiveError."""
        return cls(**dict(map(_member, text.split())))  # type: ignore[arg-type]  # _member types each by its name

    @property
    def stop_at(self) -> int | None:
        """The content chunk before which a stream ends otherwise than by its own end."""
        given = [n for n in (self.cut_after, self.stall_after, self.error_after) if n is not None]
        return min(given, default=None)

    def under(self, fault: Self) -> Self:
        """Both: what the fault says differently from a plain answer wins."""
        plain = asdict(type(self)())
        said = {name: value for name, value in asdict(fault).items() if value != plain[name]}
        return type(self)(**{**asdict(self), **said})


def written_in(text: str) -> tuple[str, Directive]:
    """A prompt without its directives, and what they say together."""
    if "[[" not in text:
        return text, PLAIN
    words = " ".join(match.group(1) for match in _WRITTEN.finditer(text))
    return _WRITTEN.sub("", text), Directive.parse(words)


def _member(word: str) -> tuple[str, int | str | bool]:
    name, _, value = word.partition("=")
    kind = _KINDS.get(name)
    if kind is None:
        raise UnknownDirectiveError(f"sandbox: there is no directive {name!r}")
    if kind == "flag":
        return name, _flag(name, value)
    if name == "error":
        if value not in ERRORS:
            raise UnknownDirectiveError(f"sandbox: error is one of {', '.join(sorted(ERRORS))}")
        return name, value
    most = _MOST_OF.get(name, _MOST)
    if not (value.isascii() and value.isdigit()) or len(value) > _DIGITS or int(value) > most:
        raise UnknownDirectiveError(f"sandbox: {name} takes a whole number up to {most}")
    if name == "status" and int(value) not in STATUSES:
        raise UnknownDirectiveError(f"sandbox: status is one of {sorted(STATUSES)}")
    return name, max(1, int(value)) if name == "burst" else int(value)


def _flag(name: str, value: str) -> bool:
    if value not in {"", "true"}:
        raise UnknownDirectiveError(f"sandbox: {name} takes no value")
    return True


PLAIN = Directive()
_KINDS = {f.name: "flag" if f.type is bool else "value" for f in fields(Directive)}
