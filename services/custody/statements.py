"""A fact as its canonical statement: plain values under the contract's own names, the bytes that go on record; pure."""

from functools import lru_cache
from typing import Any

import orjson
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from libs.contracts.northern.v1.envelope_pb2 import Decision, Dialect, Hop, Operation, Surface, Try
from libs.contracts.northern.v1.facts_pb2 import (
    Delivered,
    Delivery,
    Egress,
    Fact,
    Finished,
    Outcome,
    Refused,
    Substituted,
)
from libs.contracts.northern.v1.frames_pb2 import RouteFacts


def _names(enum: EnumTypeWrapper, prefix: str) -> dict[int, str]:
    return {number: name.removeprefix(prefix).lower() for name, number in enum.items()}


_DIALECTS = _names(Dialect, "DIALECT_")
_SURFACES = _names(Surface, "SURFACE_")
_OPERATIONS = _names(Operation, "OPERATION_")
_OUTCOMES = _names(Outcome, "OUTCOME_")
_DELIVERIES = _names(Delivery, "DELIVERY_")


def canonical(statement: dict[str, Any]) -> bytes:
    """RFC 8785 for what statements hold: ASCII names in order, integers, strings, no floats."""
    return orjson.dumps(statement, option=orjson.OPT_SORT_KEYS)


def statement(fact: Fact) -> dict[str, Any]:
    """A fact in plain values: hashes and the salt as hex, enums by their lower-case names, money in nano-units.

    A number of a closed set that this version does not know is shown as that number.
    """
    kind = fact.WhichOneof("kind")
    match kind:
        case "egress":
            said = _egress(fact.egress)
        case "finished":
            said = _finished(fact.finished)
        case "delivered":
            said = _delivered(fact.delivered)
        case "refused":
            said = _refused(fact.refused)
        case "pii":
            said = _pii(fact.pii)
        case _:
            raise ValueError("a fact without a kind")
    said["v"] = 1
    said["kind"] = kind
    said["request_id"] = fact.request_id
    said["tenant"] = fact.tenant
    said["at_ms"] = fact.at_ms
    return said


def _egress(egress: Egress) -> dict[str, Any]:
    return {
        "boot_id": egress.boot_id,
        "attempt": egress.attempt,
        "key_id": egress.key_id,
        "dialect": _DIALECTS.get(egress.dialect) or str(egress.dialect),
        "surface": _SURFACES.get(egress.surface) or str(egress.surface),
        "stream": egress.stream,
        "model_requested": egress.model_requested,
        "route": _route(egress.route),
        "host": egress.host,
        "salt": egress.salt.hex(),
        "request_hash": egress.request_hash.hex(),
        "sent_hash": egress.sent_hash.hex(),
        "received_at_ms": egress.received_at_ms,
        "residency": list(egress.residency),
        "edge": egress.edge,
        "traceparent": egress.traceparent,
        "operation": _OPERATIONS.get(egress.operation) or str(egress.operation),
        "images_fetched": egress.images_fetched,
        "images_linked": egress.images_linked,
        "hops": [_hop(each) for each in egress.hops],
        "catalogue": egress.catalogue,
        "decision": _decision(egress.decision) if egress.HasField("decision") else None,
    }


def _decision(said: Decision) -> dict[str, Any]:
    """Shares as decimal strings of four digits: a canonical form of floats is nobody's friend."""
    return {
        "task": said.task,
        "complexity": said.complexity,
        "confidence": f"{said.confidence:.4f}",
        "model": said.model,
        "time_ns": said.time_ns,
        "optimize": said.optimize,
        "fit": f"{said.fit:.4f}",
        "expected_nano": said.expected_nano,
        "reason": said.reason,
        "fallbacks": list(said.fallbacks),
        "considered": said.considered,
        "version": said.version,
        "propensity": f"{said.propensity:.4f}",
    }


def _finished(finished: Finished) -> dict[str, Any]:
    usage, endpoint = finished.usage, finished.endpoint
    return {
        "boot_id": finished.boot_id,
        "attempts": finished.attempts,
        "outcome": _OUTCOMES.get(finished.outcome) or str(finished.outcome),
        "usage": {
            "input": usage.input,
            "cache_read": usage.cache_read,
            "cache_write_5m": usage.cache_write_5m,
            "cache_write_1h": usage.cache_write_1h,
            "output": usage.output,
            "reasoning": usage.reasoning,
            "estimated": usage.estimated,
            "service_tier": usage.service_tier,
            "images": usage.images,
            "inference_geo": usage.inference_geo,
        },
        "rate_card": finished.rate_card,
        "cost_nano": finished.cost_nano,
        "currency": finished.currency,
        "billed_nano": finished.billed_nano,
        "billed_currency": finished.billed_currency,
        "provider_status": finished.provider_status,
        "error_code": finished.error_code,
        "endpoint": {
            "host": endpoint.host,
            "address": endpoint.address,
            "tls_version": endpoint.tls_version,
            "certificate_key_hash": endpoint.certificate_key_hash.hex(),
            "provider_request_id": endpoint.provider_request_id,
        },
        "response_hash": finished.response_hash.hex(),
        "first_byte_ms": finished.first_byte_ms,
        "total_ms": finished.total_ms,
        "output_bytes": finished.output_bytes,
        "route": _route(finished.route) if finished.HasField("route") else {},  # else that of its egress
        "returned": dict(finished.returned),
        "statement": finished.statement.decode(errors="replace"),  # as it was signed, to the byte
        "signature": finished.signature.hex(),
        "signer": finished.signer.hex(),
        "tries": [_try(each) for each in finished.tries],
    }


def _try(said: Try) -> dict[str, Any]:
    return {
        "attempt": said.attempt,
        "route_id": said.route_id,
        "code": said.code,
        "provider_status": said.provider_status,
        "total_ms": said.total_ms,
        "sent": said.sent,
    }


def _delivered(delivered: Delivered) -> dict[str, Any]:
    return {
        "delivery": _DELIVERIES.get(delivered.delivery) or str(delivered.delivery),
        "status": delivered.status,
        "size": delivered.size,
        "chunks": delivered.chunks,
        "hash": delivered.hash.hex(),
        "output_bytes": delivered.output_bytes,
        "first_byte_ms": delivered.first_byte_ms,
        "total_ms": delivered.total_ms,
        "hop": _hop(delivered.hop) if delivered.HasField("hop") else None,
    }


def _refused(refused: Refused) -> dict[str, Any]:
    return {
        "code": refused.code,
        "rule": refused.rule,
        "model_requested": refused.model_requested,
        "key_id": refused.key_id,
        "rule_name": refused.rule_name,
        "route_id": refused.route_id,
        "nearest": refused.nearest,
        "residency": list(refused.residency),
        "salt": refused.salt.hex(),
        "request_hash": refused.request_hash.hex(),
        "received_at_ms": refused.received_at_ms,
        "hops": [_hop(each) for each in refused.hops],
    }


def _pii(substituted: Substituted) -> dict[str, Any]:
    """How much of what was substituted, and under which policy; what stood where is the audit's, not the record's."""
    return {
        "policy": substituted.policy,
        "counts": dict(substituted.counts),
        "images": substituted.images,
        "part": substituted.part,
    }


def _route(route: RouteFacts) -> dict[str, Any]:
    return _routed(route.SerializeToString())


@lru_cache(maxsize=256)  # a catalogue has some dozens, and each request names one or two; nobody writes into them
def _routed(raw: bytes) -> dict[str, Any]:
    route = RouteFacts.FromString(raw)
    return {
        "route_id": route.route_id,
        "tier": route.tier,
        "provider": route.provider,
        "region": route.region,
        "jurisdiction": route.jurisdiction,
        "custody_path": route.custody_path,
        "credential_source": route.credential_source,
        "litellm_model": route.litellm_model,
        "processing_jurisdictions": list(route.processing_jurisdictions),
        "evidence": route.evidence,
        "sandbox": route.sandbox,
        "model": route.model,
        "processing_regions": list(route.processing_regions),
        "scope": route.scope,
        "source": route.source,
        "checked": route.checked,
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {"role": hop.role, "node": hop.node, "build": hop.build, "place": hop.place, "at_ms": hop.at_ms}
