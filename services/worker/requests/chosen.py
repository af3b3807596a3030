"""What a request for `auto` says of thinking, left out where the model that was chosen for it knows no such thing.

Whoever names a model is told by its provider what it does not take; whoever names none cannot know.
"""

from typing import Any

import orjson

from libs.catalog.model import Route
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker import callers, domain


def fitting(envelope: Envelope, body: bytes, route: Route) -> tuple[bytes, tuple[str, ...]]:
    """The body for the route, and the caller's members that it does without. Read only where thinking is asked for."""
    if not (envelope.HasField("decision") and envelope.shape.thinking):
        return body, ()
    asked = orjson.loads(body)
    dropped = _of_claude(asked, route) if callers.is_anthropic(envelope) else _of_openai(asked, route)
    return (orjson.dumps(asked), dropped) if dropped else (body, ())


def _of_openai(asked: dict[str, Any], route: Route) -> tuple[str, ...]:
    if domain.flags_of(route).thinking != "none":
        return ()
    return tuple(name for name in ("reasoning_effort", "reasoning") if asked.pop(name, None) is not None)


def _of_claude(asked: dict[str, Any], route: Route) -> tuple[str, ...]:
    """Of the Claudes some take a budget alone, others none. The writers for everybody else's models see to theirs."""
    if not domain.is_claude(route):
        return ()
    knows, dropped = domain.flags_of(route).thinking, []
    thinking, config = asked.get("thinking"), asked.get("output_config")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if (kind == "adaptive" and knows != "adaptive") or (kind == "enabled" and knows != "budget"):
        del asked["thinking"]
        dropped.append("thinking")
    if knows != "adaptive" and isinstance(config, dict) and config.pop("effort", None) is not None:
        dropped.append("output_config.effort")
        if not config:
            del asked["output_config"]
    return tuple(dropped)
