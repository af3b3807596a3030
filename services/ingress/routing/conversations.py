"""Which conversation of its account a request belongs to: by what its client says, else by how it began."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SESSION: Final = "X-Session-Id"
_HEAD: Final = 1_024  # characters of a prompt that tell conversations apart
_EARLY: Final = 64  # messages within which a conversation has begun
_HEX: Final = 8  # bytes


@dataclass(frozen=True, kw_only=True)
class Conversations:
    """`key` is the street's own: what is made with it says nothing of the text to whoever reads it later."""

    key: bytes

    def of(self, body: Mapping[str, Any], headers: Mapping[str, str], tenant: str, key_id: str) -> str:
        """16 hex, another for every account; "" where nothing was said. Never raises, whatever the body is.

        A user alone is no conversation: clients send the same one with everything they ask.
        """
        if name := headers.get(SESSION, "").strip() or _text(body.get("conversation_id")):
            return self._digest("named", tenant, name)
        user = _text(body.get("user"))
        if name := _text(body.get("prompt_cache_key")):
            return self._digest("cache", tenant, user, name)
        metadata = body.get("metadata")
        person = _text(metadata.get("user_id")) if isinstance(metadata, dict) else ""
        if "session" in person:  # Claude Code's holds the session's own id
            return self._digest("client", tenant, person)
        system, turn = _opening(body)
        if not turn:
            return ""
        return self._digest("opening", tenant, key_id, user, person, system, turn)

    def _digest(self, *parts: str) -> str:
        pieces = [part.encode(errors="replace") for part in parts]
        said = b"".join([len(piece).to_bytes(4) + piece for piece in pieces])
        return hashlib.blake2b(said, digest_size=_HEX, key=self.key[:64]).hexdigest()


def _opening(body: Mapping[str, Any]) -> tuple[str, str]:
    """The beginnings of the system prompt and of the first thing that the user says."""
    system, turn = _said(body.get("system")), ""
    messages = body.get("messages")
    for message in messages[:_EARLY] if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        role = message.get("role")
        if not system and role in ("system", "developer"):
            system = _said(message.get("content"))
        elif not turn and role == "user":
            turn = _said(message.get("content"))
        if system and turn:
            break
    return system, turn


def _said(content: Any) -> str:
    """The beginning of the last of its texts: agents put reminders, always the same, before what was typed."""
    return next((text[:_HEAD] for text in _texts(content) if text), "")


def _texts(content: Any) -> Iterator[str]:
    """From the last on."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in reversed(content):
            yield part if isinstance(part, str) else _text(part.get("text")) if isinstance(part, dict) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
