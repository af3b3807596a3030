"""What a user says about a list of routes: `ni-models`, or a bare number; read from the end of a conversation."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.ingress.names.lists import Shown, read_list

_BARE: Final = re.compile(r"(?P<list>ni-models)|#?(?P<number>[0-9]{1,4})[.)]?", re.IGNORECASE | re.ASCII)
_LONGEST: Final = 64  # characters of a turn that may be either
_OPEN, _CLOSE = "<user_query>", "</user_query>"  # Cursor's wrapping of what was typed


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """`number` 0: the list is asked for. `before` is the list that the assistant's last turn is, if it is one.

    `begun`: an assistant has spoken in this conversation.
    """

    number: int
    before: Shown | None
    begun: bool


def said(body: Mapping[str, Any]) -> Said | None:
    """None: the last turn is neither, which nearly every one is. Reads both dialects; never raises."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return None
    last = messages[-1]
    if not isinstance(last, dict) or last.get("role") != "user":
        return None
    found = _bare(last.get("content"))
    if found is None:
        return None
    number = int(found["number"] or 0)
    if number == 0 and not found["list"]:
        return None
    spoken = next(
        (each for each in reversed(messages) if isinstance(each, dict) and each.get("role") == "assistant"), None
    )
    before = read_list("".join(_texts(spoken.get("content")))) if spoken is not None else None
    return Said(number=number, before=before, begun=spoken is not None)


def _bare(content: Any) -> re.Match[str] | None:
    """Agents put reminders of their own around what the user typed, so the last of several texts, or the first."""
    if isinstance(content, str):
        return _BARE.fullmatch(_typed(content))
    texts = [text for text in _texts(content) if text]
    for text in (*texts[-1:], *texts[:1]):
        if found := _BARE.fullmatch(_typed(text)):
            return found
    return None


def _typed(text: str) -> str:
    end = text[-2 * _LONGEST :].rstrip()
    if end.endswith(_CLOSE):
        return end.removesuffix(_CLOSE).rpartition(_OPEN)[2].strip()
    return text.strip() if len(text) <= _LONGEST else ""


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                yield text
