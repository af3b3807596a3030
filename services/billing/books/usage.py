"""A row of the request log: made of a finished request's facts, kept in the table `usage`, shown to its account."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from libs.catalog.billing.breakdown import explain
from libs.catalog.model import Catalog
from libs.contracts.ids import issued_at_ms
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.envelope_pb2 import Decision, Dialect, Operation, Surface
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.billing.books.calls import Ended
from services.billing.charges import charge, has_account

TABLE = "usage"
COLUMNS = tuple(
    """
    tenant request_id created finished key_id model route tier provider region credential_source dialect surface
    operation task complexity confidence optimize routing_reason routing_model routing_fit expected_cost propensity
    candidates routing_ns router_version stream status error_code attempts input_tokens cache_read_tokens
    cache_write_5m_tokens cache_write_1h_tokens output_tokens reasoning_tokens image_parts estimated cost currency
    provider_cost provider_currency breakdown latency_ms first_byte_ms stream_seq open_from
    """.split()
)
_LONGEST = 256  # of a model's name: callers write what they like
_MOST_MS = (1 << 32) - 1


def names(enum: EnumTypeWrapper, prefix: str) -> dict[int, str]:
    """The lower-case names of a closed set, by number."""
    return {number: name.removeprefix(prefix).lower() for name, number in enum.items()}


_DIALECTS, _SURFACES = names(Dialect, "DIALECT_"), names(Surface, "SURFACE_")
_OPERATIONS, STATUSES = names(Operation, "OPERATION_"), names(Outcome, "OUTCOME_")


def row(catalog: Catalog, ended: Ended) -> tuple[Any, ...] | None:
    """The values of COLUMNS but the last; None for what can be nobody's. Amounts in nano-units.

    Everything in it is of the facts and the catalogue, so that whoever reads them again makes the same row.
    """
    seq, _, _, fact = ended.placed
    egress, finished = ended.egress, fact.finished
    if not has_account(fact, egress):
        return None
    charged = charge(catalog, egress, finished, fact.at_ms)
    used, bill, route = charged.usage, charged.bill, charged.route
    return (
        fact.tenant,
        fact.request_id,
        issued_at_ms(fact.request_id),
        fact.at_ms,
        egress.key_id,
        egress.model_requested[:_LONGEST],
        route.route_id,
        route.tier,
        route.provider,
        route.region,
        route.credential_source,
        _DIALECTS.get(egress.dialect) or str(egress.dialect),
        _SURFACES.get(egress.surface) or str(egress.surface),
        _OPERATIONS.get(egress.operation) or str(egress.operation),
        *(_decided(egress.decision) if egress.HasField("decision") else _UNDECIDED),
        egress.stream,
        STATUSES.get(finished.outcome) or str(finished.outcome),
        finished.error_code,
        finished.attempts,
        used.input,
        used.cache_read,
        used.cache_write_5m,
        used.cache_write_1h,
        used.output,
        used.reasoning,
        used.images,
        used.estimated,
        charged.total_nano,
        bill.billed.currency if bill else "",
        bill.provider.total_nano if bill else 0,
        bill.provider.currency if bill else "",
        orjson.dumps(explain(bill)).decode() if bill else "",
        min(finished.total_ms, _MOST_MS),
        min(finished.first_byte_ms, _MOST_MS),
        seq,
    )


def _decided(decision: Decision) -> tuple[Any, ...]:
    """From `task` on; empty and 0 where nothing was to be decided."""
    return (
        decision.task,
        decision.complexity,
        decision.confidence,
        decision.optimize,
        decision.reason,
        decision.model,
        decision.fit,
        decision.expected_nano,
        decision.propensity,
        decision.considered,
        decision.time_ns,
        decision.version,
    )


_UNDECIDED: Final = _decided(Decision())


def shown(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A row as its account sees it: `created` in Unix seconds, amounts as decimal strings."""
    prompt = sum(
        kept[name] for name in ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    )
    return {
        "request_id": kept["request_id"],
        "object": "usage",
        "created": int(kept["created"].timestamp()),
        "model": kept["model"],
        "route": kept["route"],
        "status": kept["status"],
        "prompt_tokens": prompt,
        "completion_tokens": kept["output_tokens"],
        "total_tokens": prompt + kept["output_tokens"],
        "reasoning_tokens": kept["reasoning_tokens"],
        "cached_tokens": kept["cache_read_tokens"],
        "cache_write_tokens": kept["cache_write_5m_tokens"] + kept["cache_write_1h_tokens"],
        "image_parts": kept["image_parts"],
        "cost": decimal_text(kept["cost"]),
        "provider_cost": decimal_text(kept["provider_cost"]),
        "currency": kept["currency"],
        "provider_currency": kept["provider_currency"],
        "latency_ms": kept["latency_ms"],
        "first_byte_ms": kept["first_byte_ms"],
        "key_id": kept["key_id"] or None,
        "tier": kept["tier"],
        "provider": kept["provider"],
        "region": kept["region"],
        "credential_source": kept["credential_source"],
        "dialect": kept["dialect"],
        "surface": kept["surface"],
        "operation": kept["operation"],
        "task": kept["task"] or None,
        "routing": _routing(kept),
        "stream": kept["stream"],
        "attempts": kept["attempts"],
        "error_code": kept["error_code"] or None,
        "estimated": kept["estimated"],
        "breakdown": orjson.Fragment(kept["breakdown"]) if kept["breakdown"] else None,
    }


def _routing(kept: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `auto` chose and why; None where the model was named directly."""
    if not kept["routing_model"]:
        return None
    return {
        "task": kept["task"],
        "complexity": kept["complexity"],
        "confidence": round(kept["confidence"], 4),
        "model": kept["routing_model"],
        "optimize": kept["optimize"],
        "reason": kept["routing_reason"],
        "fit": round(kept["routing_fit"], 4),
        "expected_cost_usd": decimal_text(kept["expected_cost"]),
        "candidates_considered": kept["candidates"],
        "propensity": kept["propensity"],
        "routing_time_ms": round(kept["routing_ns"] / 1_000_000, 3),
        "router_version": kept["router_version"],
    }
