"""A body of each dialect that is fine, and reading one as a key that allows everything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Operation, Surface
from services.ingress import domain

ALL = domain.Allowed(tiers=domain.TIERS, residency=())
CHAT = domain.Call(surface=Surface.SURFACE_GATEWAY, dialect=Dialect.DIALECT_OPENAI_CHAT)
MESSAGES = domain.Call(surface=Surface.SURFACE_GATEWAY, dialect=Dialect.DIALECT_ANTHROPIC_MESSAGES)
COUNT = replace(MESSAGES, operation=Operation.OPERATION_COUNT_TOKENS)


def chat(**more: Any) -> dict[str, Any]:
    """A body; a member given as `...` is left out."""
    body = {"model": "openai/gpt-4.1-mini-us", "messages": [{"role": "user", "content": "hi"}], **more}
    return {name: value for name, value in body.items() if value is not ...}


def message(**more: Any) -> dict[str, Any]:
    """A body of Anthropic's; a member given as `...` is left out."""
    return chat(**{"model": "claude-sonnet-4-5-20250929", "max_tokens": 80, **more})


def read(
    body: dict[str, Any],
    headers: Mapping[str, str] | None = None,
    allowed: domain.Allowed = ALL,
    call: domain.Call = CHAT,
) -> domain.Asked:
    """As the edge does it: from bytes."""
    return domain.read(domain.parse(orjson.dumps(body)), headers or {}, allowed, call)
