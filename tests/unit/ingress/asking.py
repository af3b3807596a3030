"""A chat body that is fine, and reading one as a key that allows everything."""

from collections.abc import Mapping
from typing import Any

import orjson

from libs.contracts.northern.v1.envelope_pb2 import Surface
from services.ingress import domain

ALL = domain.Allowed(tiers=domain.TIERS, residency=())


def chat(**more: Any) -> dict[str, Any]:
    """A body; a member given as `...` is left out."""
    body = {"model": "openai/gpt-4.1-mini-us", "messages": [{"role": "user", "content": "hi"}], **more}
    return {name: value for name, value in body.items() if value is not ...}


def read(
    body: dict[str, Any],
    headers: Mapping[str, str] | None = None,
    allowed: domain.Allowed = ALL,
    surface: Surface = Surface.SURFACE_GATEWAY,
) -> domain.Asked:
    """As the edge does it: from bytes."""
    return domain.read(domain.parse(orjson.dumps(body)), headers or {}, allowed, surface)
