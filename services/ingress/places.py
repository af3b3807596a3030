"""Where a path leads: its surface, what lies below it, the dialect it is answered in, and what to use instead."""

import re
from collections.abc import Mapping

from libs.contracts.errors import NotFound
from libs.contracts.northern.v1.envelope_pb2 import (
    DIALECT_ANTHROPIC_MESSAGES,
    DIALECT_OPENAI_CHAT,
    SURFACE_GATEWAY,
    SURFACE_INFERENCE,
    Dialect,
    Surface,
)
from services.ingress.headers import clean

_PREFIX = re.compile(r"(/api/v1/inference)?((?:/v1)*)(/.*)?")
_CHAT, _MESSAGES = "POST /v1/chat/completions", "POST /v1/messages"
_ANTHROPIC = ("/messages", "/complete", "/files")  # whatever headers come with them
_OPENAI = ("/chat", "/responses", "/embeddings", "/completions")

# Paths of the vendors' APIs that are not served: what is missing, and what to use.
_INSTEAD = {
    "/messages/batches": f"message batches are not served; send each request to {_MESSAGES}",
    "/complete": f"text completions are not served; use {_MESSAGES}",
    "/files": f"files are not kept here; put what they hold into the messages of {_MESSAGES} or {_CHAT}",
    "/responses": f"/v1/responses is not served; use {_CHAT}, or {_MESSAGES}",
    "/embeddings": f"/v1/embeddings is not served, no route makes embeddings; {_CHAT} is what there is",
    "/completions": f"text completions are not served; use {_CHAT}",
    "/audio": f"/v1/audio is not served; use {_CHAT}, with text and images",
    "/images": f"/v1/images is not served; to show a model an image, put it into the messages of {_CHAT}",
    "/batches": f"batches are not served; send each request to {_CHAT}",
}
_OTHERS = (
    "/assistants", "/chat/completions", "/containers", "/conversations", "/evals", "/fine_tuning", "/moderations",
    "/organization", "/realtime", "/threads", "/uploads", "/vector_stores", "/videos",
)  # fmt: skip


def locate(path: str) -> tuple[Surface, str] | None:
    """The surface and the path below it; the doubled prefixes that the vendors' SDKs make are the same place.

    `/v1/v1/messages` and `/v1/messages` are ("gateway", "/messages"); None: not a path of either surface.
    """
    match = _PREFIX.fullmatch(path)
    if match is None or not (match[1] or match[2]):
        return None
    return (SURFACE_INFERENCE if match[1] else SURFACE_GATEWAY), match[3] or "/"


def speaks_anthropic(headers: Mapping[str, str]) -> bool:
    """Whether the client is one of Anthropic's API: its SDKs send a version with every request."""
    return "anthropic-version" in headers


def dialect_of(path: str, *, anthropic: bool = False) -> Dialect:
    """The dialect of what is answered at `path`. Where both APIs have it, that of the client (`anthropic`)."""
    place = locate(path)
    tail = "" if place is None else place[1]
    if any(_below(tail, root) for root in _ANTHROPIC):
        return DIALECT_ANTHROPIC_MESSAGES
    if tail and anthropic and not any(_below(tail, root) for root in _OPENAI):
        return DIALECT_ANTHROPIC_MESSAGES
    return DIALECT_OPENAI_CHAT


def nothing_at(path: str, tail: str) -> NotFound:
    """What a path of a surface that is not served answers."""
    for root, instead in _INSTEAD.items():
        if _below(tail, root):
            return NotFound(instead)
    if any(_below(tail, root) for root in _OTHERS):
        return NotFound(f"{clean(path)} is not served; use {_CHAT}")
    return NotFound(f"there is nothing at {clean(path)}; try {_CHAT}, {_MESSAGES} or GET /v1/models")


def _below(tail: str, root: str) -> bool:
    return tail == root or tail.startswith(root + "/")
