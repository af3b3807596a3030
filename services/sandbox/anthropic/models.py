"""What each Claude takes of a request, by its version; and the list of models."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from services.sandbox.wire import Reply

# `claude-opus-4-8`, `us.anthropic.claude-haiku-4-5-20251001-v1:0`, `claude-sonnet-4-5@20250929`, `claude-3-7-sonnet-…`
_NAME = re.compile(
    r"claude-(?:(?P<line>opus|sonnet|haiku|fable|mythos)-(?P<major>\d)(?:-(?P<minor>\d{1,2})(?!\d))?"
    r"|(?P<old_major>\d)(?:-(?P<old_minor>\d))?-(?P<old_line>opus|sonnet|haiku))"
)
_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.(claude-.+?)(?:-v\d+(?::\d+.*)?)?")
_LISTED = {
    "claude-opus-4-8": "Claude Opus 4.8",
    "claude-opus-4-7": "Claude Opus 4.7",
    "claude-sonnet-4-6": "Claude Sonnet 4.6",
    "claude-haiku-4-5-20251001": "Claude Haiku 4.5",
    "claude-sonnet-4-5-20250929": "Claude Sonnet 4.5",
}
# The most a model writes, from the version on; the newest that fits counts.
_MOST_TOKENS = (
    ((4, 6), 128_000),
    ((4, 5), 64_000),
    ((4, 0), 32_000),
    ((3, 7), 64_000),
    ((3, 5), 8_192),
    ((3, 0), 4_096),
)


@dataclass(frozen=True, kw_only=True)
class Claude:
    """`version` (0, 0): unknown, and nothing is refused for its sake."""

    name: str
    line: str = ""
    version: tuple[int, int] = (0, 0)

    def since(self, major: int, minor: int) -> bool:
        """Whether it is known to be of this version or a later one."""
        return self.version >= (major, minor)

    def before(self, major: int, minor: int) -> bool:
        return (0, 0) < self.version < (major, minor)

    @property
    def most_tokens(self) -> int:
        """0: no limit is known."""
        if self.version[0] == 4 and self.version[1] == 0 and self.line == "sonnet":  # noqa: PLR2004 - Sonnet 4
            return 64_000
        return next((most for least, most in _MOST_TOKENS if self.version >= least), 0)

    @property
    def efforts(self) -> tuple[str, ...]:
        """Empty: the parameter is refused."""
        if self.before(4, 5) or (self.before(4, 6) and self.line != "opus"):
            return ()
        if self.before(4, 6):
            return ("low", "medium", "high")
        if self.before(4, 7):
            return ("low", "medium", "high", "max")
        return ("low", "medium", "high", "xhigh", "max")


def claude(name: str) -> Claude:
    found = _NAME.search(name)
    if found is None:
        return Claude(name=name)
    version = int(found["major"] or found["old_major"]), int(found["minor"] or found["old_minor"] or 0)
    return Claude(name=name, line=found["line"] or found["old_line"], version=version)


def said_name(model: str) -> str:
    """The model as an answer names it: Bedrock's and Vertex's ids without what is theirs."""
    if found := _BEDROCK.fullmatch(model):
        return found[1]
    return "claude" if model.startswith("arn:") else model.replace("@", "-")


def listed() -> Reply:
    """The list of models; any other name is answered too."""
    data = [_shown(name) for name in _LISTED]
    page = {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return Reply(status=200, body=orjson.dumps(page))


def one(name: str) -> Reply | None:
    """None: there is no such model."""
    if "missing-model" in name or not name.startswith("claude"):
        return None
    return Reply(status=200, body=orjson.dumps(_shown(name)))


def _shown(name: str) -> dict[str, Any]:
    known = claude(name)
    return {
        "type": "model",
        "id": name,
        "display_name": _LISTED.get(name, name),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": known.line or None,
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": 200_000,
        "max_tokens": known.most_tokens or 64_000,
        "capabilities": dict(_capabilities(known)),
    }


def _capabilities(known: Claude) -> Iterator[tuple[str, Any]]:
    for name in ("batch", "citations", "code_execution", "image_input", "pdf_input", "structured_outputs"):
        yield name, {"supported": True}
    yield "context_management", {"supported": True}
    yield "server_tools", {"supported": True}
    levels = {name: {"supported": name in known.efforts} for name in ("low", "medium", "high", "xhigh", "max")}
    yield "effort", {"supported": bool(known.efforts), **levels}
    adaptive, enabled = not known.before(4, 6), not known.since(4, 7)
    types = {"adaptive": adaptive, "enabled": enabled, "disabled": True, "between_tools": not known.before(4, 7)}
    shown = {name: {"supported": supported} for name, supported in types.items()}
    yield "thinking", {"supported": not known.before(3, 7), "types": shown}
