"""What `auto` chose, as the caller is told: the first event of an OpenAI stream, and headers on every answer; pure."""

from typing import Any

import orjson

from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.envelope_pb2 import Decision


def routing_event(decision: Decision) -> bytes:
    """A server-sent event that OpenAI's SDKs read over.

    `choices` is empty because the Node SDK's stream helper goes through it in every event; there is no `id`, because it
    takes another id for the beginning of another answer. The Python SDK's helper passes over every other `object`.
    Anthropic's streams have no such event: their first one is `message_start`, and what helpers fold begins with it.
    """
    said: dict[str, Any] = {
        "object": "routing",
        "task": decision.task,
        "complexity": decision.complexity,
        "confidence": round(decision.confidence, 4),
        "model": decision.model,
        "routing_time_ms": milliseconds(decision),
        "choices": [],
        "optimize": decision.optimize,
        "fit": round(decision.fit, 4),
        "reason": decision.reason,
        "fallbacks": list(decision.fallbacks),
        "expected_cost_usd": decimal_text(decision.expected_nano),
        "candidates_considered": decision.considered,
        "router_version": decision.version,
    }
    return b"data: " + orjson.dumps(said) + b"\n\n"


def stated(decision: Decision) -> dict[str, str]:
    """The same as headers, not cleaned yet."""
    return {
        "x-ni-route-model": decision.model,
        "x-ni-route-task": decision.task,
        "x-ni-route-complexity": decision.complexity,
        "x-ni-route-confidence": f"{decision.confidence:.4f}",
        "x-ni-route-reason": decision.reason,
        "x-ni-route-optimize": decision.optimize,
        "x-ni-route-fit": f"{decision.fit:.4f}",
        "x-ni-route-fallbacks": ",".join(decision.fallbacks),
        "x-ni-route-expected-cost-usd": decimal_text(decision.expected_nano),
        "x-ni-route-considered": str(decision.considered),
        "x-ni-route-time-ms": f"{milliseconds(decision):.3f}",
        "x-ni-route-version": decision.version,
    }


def milliseconds(decision: Decision) -> float:
    """To the microsecond: a decision takes some hundred of them."""
    return round(decision.time_ns / 1_000_000, 3)
