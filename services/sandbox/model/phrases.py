"""The words in a prompt that decide how it is answered."""

import re
from collections.abc import Sequence

_NAME = r"[`'\"]?[A-Za-z0-9_-]{1,64}[`'\"]?"
# `use the tool A`, and `use the tools A, B and A` for several calls at once.
_USE_TOOL = re.compile(rf"\buse the (?:tool ({_NAME})|tools ({_NAME}(?:(?:,? and |, ?){_NAME})*))", re.IGNORECASE)
_LISTED = re.compile(r",? and |, ?", re.IGNORECASE)
_REPEAT = re.compile(r"repeat this line exactly:[ \t]?([^\r\n]*)", re.IGNORECASE)
# The long phrases are Anthropic's own, made for tests of refusals and of redacted thinking.
_REFUSE = ("refuse this", "anthropic_magic_string_trigger_refusal_")
_THINK_IN_SECRET = ("think in secret", "anthropic_magic_string_trigger_redacted_thinking_")


def tools_named(text: str) -> list[str]:
    """The tools a prompt asks for: `tool A` counts once, however often; `tools A and A` as often as it says."""
    found: list[str] = []
    for one, several in _USE_TOOL.findall(text):
        names = [name.strip("`'\"") for name in (_LISTED.split(several) if several else [one])]
        found += names if several else [name for name in names if name not in found]
    return found


def without_tools(text: str) -> str:
    """What is left of a prompt beside the tools it asks for."""
    return _USE_TOOL.sub("", text)


def to_repeat(text: str) -> str | None:
    found = _REPEAT.search(text)
    return found[1] if found else None


def refuses(text: str) -> bool:
    return _says(text, _REFUSE)


def hides_thoughts(text: str) -> bool:
    return _says(text, _THINK_IN_SECRET)


def announces(text: str) -> bool:
    """Whether a call is to have a sentence before it."""
    return _says(text, ("announce it",))


def _says(text: str, phrases: Sequence[str]) -> bool:
    said = text.lower()
    return any(phrase in said for phrase in phrases)
