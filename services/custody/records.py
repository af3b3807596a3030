"""The custody record of a request, put together from its facts; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.custody import provenance
from services.custody.times import rfc3339 as rfc3339  # noqa: PLC0414 - others show times as records do

VERSION = 1  # of what a record holds; members are added, none is renamed
UNDELIVERED_MS = 10_000  # after Finished the record is sealed without a Delivered
_NANO = 1_000_000_000
_HEADERS = (
    "resolved-tier resolved-provider resolved-region resolved-jurisdiction custody-path credential-source "
    "resolved-litellm-model processing-jurisdiction residency-evidence attempts sandbox".split()
)
_UNDERSCORED = {name: name.replace("-", "_") for name in _HEADERS}

Statement = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One fact as the store has it."""

    stream_seq: int
    idx: int
    said: Statement


def record(rows: Sequence[Row], now_ms: int) -> dict[str, Any]:
    """The record of one request as its facts have it at `now_ms`; at least one fact. Raises ValueError without any.

    Header values stand under the headers' names without `x-ni-`, once as they are spelt there (`resolved-tier`) and
    once as the other members are (`resolved_tier`), so that a reader of either finds them. A row that was written
    twice is one fact; of several Finished the first in stream order counts.
    """
    placed = {(r.stream_seq, r.idx): r for r in rows}
    facts = [placed[place] for place in sorted(placed)]
    if not facts:
        raise ValueError("a record needs a fact")
    said = _by_kind(facts)
    egresses, finishes = said["egress"], said["finished"]
    finished = finishes[0] if finishes else None
    egress = _counted(egresses, finished)
    delivered = next(iter(said["delivered"]), None)
    refused = next(iter(said["refused"]), None)
    route = (finished or {}).get("route") or {}
    if not route.get("route_id"):
        route = (egress or {}).get("route") or {}
    place = provenance.processing(egress, finished)
    headers = _headers(route, (finished or {}).get("attempts") or len(egresses))
    return {
        "request_id": facts[0].said["request_id"],
        "request-id": facts[0].said["request_id"],
        "object": "custody.record",
        "status": _status(finished, delivered, refused, now_ms),
        **headers,
        **{_UNDERSCORED[name]: value for name, value in headers.items()},
        **_identity(egress, refused),
        **_outcome(finished, refused),
        "route": route.get("route_id"),
        "provider": _provider(egress, finished),
        "images": _images(egress),
        "entry": provenance.entry(egress, finished),
        "processing": place,
        "verdict": provenance.verdict(egress, refused, place),
        "hops": provenance.hops(egresses, finishes, delivered, refused, said["pii"]),
        "tries": provenance.tries(egresses, finishes),
        "keys": provenance.signers(finishes),
        "versions": {"record": VERSION, "catalogue": (egress or {}).get("catalogue") or None},
        "pii": _pii(said["pii"]),
        "hashes": _hashes(egresses, egress, finished, delivered, refused),
        "timings": _timings(finished, delivered),
        "delivery": _delivery(finished, delivered, now_ms),
        "finished_ignored": max(0, len(finishes) - 1),
        "facts": [
            {"kind": r.said["kind"], "stream_seq": r.stream_seq, "idx": r.idx, "at": rfc3339(r.said["at_ms"])}
            for r in facts
        ],
    }


def pending(request_id: str) -> dict[str, Any]:
    """What is said of a young id of which no fact was read yet."""
    return {"request_id": request_id, "request-id": request_id, "object": "custody.record", "status": "pending"}


def decimal(nano: int) -> str:
    """Nano-units as a decimal string: 1500000000 is "1.50"; no digit is lost."""
    whole, rest = divmod(abs(nano), _NANO)
    fraction = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{whole}.{fraction}"


def _by_kind(facts: Sequence[Row]) -> dict[str, list[Statement]]:
    found: dict[str, list[Statement]] = {"egress": [], "finished": [], "delivered": [], "refused": [], "pii": []}
    for row in facts:
        if (kind := found.get(row.said["kind"])) is not None:
            kind.append(row.said)
    return found


def _counted(egresses: Sequence[Statement], finished: Statement | None) -> Statement | None:
    """The egress record of the attempt that Finished speaks of, else the latest."""
    if finished is not None:
        for egress in reversed(egresses):
            if egress["attempt"] + 1 == finished["attempts"]:
                return egress
    return egresses[-1] if egresses else None


def _status(finished: Statement | None, delivered: Statement | None, refused: Statement | None, now_ms: int) -> str:
    if finished is None:
        return "sealed" if refused is not None else "pending"
    return "sealed" if delivered is not None or now_ms - finished["at_ms"] > UNDELIVERED_MS else "pending"


def _headers(route: Statement, attempts: int) -> dict[str, Any]:
    if not route:
        return {}
    return {
        "resolved-tier": route["tier"],
        "resolved-provider": route["provider"],
        "resolved-region": route["region"],
        "resolved-jurisdiction": route["jurisdiction"],
        "custody-path": route["custody_path"],
        "credential-source": route["credential_source"],
        "resolved-litellm-model": route["litellm_model"],
        "processing-jurisdiction": ", ".join(route["processing_jurisdictions"]),
        "residency-evidence": route["evidence"],
        "attempts": attempts,
        "sandbox": route["sandbox"],
    }


def _identity(egress: Statement | None, refused: Statement | None) -> dict[str, Any]:
    said: Statement = egress or {}
    first = egress or refused or {}
    return {
        "received_at": rfc3339(first.get("received_at_ms") or first.get("at_ms", 0)),
        "key_id": first.get("key_id"),
        "model_requested": first.get("model_requested"),
        "dialect": said.get("dialect"),
        # Facts from before there was anything else to ask for do not say it.
        "operation": said.get("operation", "generate") if said else None,
        "surface": said.get("surface"),
        "stream": said.get("stream"),
        "residency": first.get("residency", []),
        "traceparent": said.get("traceparent"),
    }


def _outcome(finished: Statement | None, refused: Statement | None) -> dict[str, Any]:
    if finished is None:
        return {
            "outcome": "refused" if refused else None,
            "error_code": refused["code"] if refused else None,
            "rule": refused["rule"] if refused else None,
            "finished_at": rfc3339(refused["at_ms"]) if refused else None,
            "usage": None,
            "cost": None,
        }
    priced = finished["currency"] or finished["rate_card"]
    cost = {
        "amount": decimal(finished["cost_nano"]),
        "currency": finished["currency"],
        "rate_card": finished["rate_card"],
    }
    return {
        "outcome": finished["outcome"],
        "error_code": finished["error_code"] or None,
        "rule": None,
        "finished_at": rfc3339(finished["at_ms"]),
        "usage": finished["usage"],
        "cost": cost if priced else None,
    }


def _provider(egress: Statement | None, finished: Statement | None) -> dict[str, Any] | None:
    if egress is None and finished is None:
        return None
    endpoint = (finished or {}).get("endpoint") or {}
    return {
        "host": endpoint.get("host") or (egress or {}).get("host"),
        "address": endpoint.get("address") or None,
        "tls_version": endpoint.get("tls_version") or None,
        "certificate_key_hash": endpoint.get("certificate_key_hash") or None,
        "request_id": endpoint.get("provider_request_id") or None,
        "status": (finished or {}).get("provider_status") or None,
    }


def _images(egress: Statement | None) -> dict[str, Any] | None:
    """Images named by URL, by who fetched them; older facts know of none."""
    if egress is None:
        return None
    return {
        "fetched_by_gateway": egress.get("images_fetched", 0),
        "fetched_by_provider": egress.get("images_linked", 0),
    }


def _pii(said: Sequence[Statement]) -> dict[str, Any] | None:
    """What was substituted before the request left, by type; None: not asked for. The first part counts all."""
    first = next((one for one in said if not one["part"]), None)
    return None if first is None else {"policy": first["policy"], "counts": first["counts"]}


def _hashes(
    egresses: Sequence[Statement],
    egress: Statement | None,
    finished: Statement | None,
    delivered: Statement | None,
    refused: Statement | None,
) -> dict[str, Any] | None:
    if egress is None:
        return _received(refused)
    return {
        "algorithm": "HMAC-SHA-256",
        "salt": egresses[0]["salt"],
        "request_received": egresses[0]["request_hash"],
        "request_sent": egress["sent_hash"],
        "response_received": (finished or {}).get("response_hash") or None,
        "response_delivered": (delivered or {}).get("hash") or None,
    }


def _received(refused: Statement | None) -> dict[str, Any] | None:
    """Of what was refused there is what was received, where the fact says it."""
    if not (refused or {}).get("salt"):
        return None
    assert refused is not None
    return {
        "algorithm": "HMAC-SHA-256",
        "salt": refused["salt"],
        "request_received": refused["request_hash"],
        "request_sent": None,
        "response_received": None,
        "response_delivered": None,
    }


def _timings(finished: Statement | None, delivered: Statement | None) -> dict[str, Any]:
    return {
        "first_byte_ms": (delivered or {}).get("first_byte_ms"),
        "total_ms": (delivered or {}).get("total_ms"),
        "provider_first_byte_ms": (finished or {}).get("first_byte_ms"),
        "provider_total_ms": (finished or {}).get("total_ms"),
    }


def _delivery(finished: Statement | None, delivered: Statement | None, now_ms: int) -> dict[str, Any] | None:
    if delivered is not None:
        return {
            "state": delivered["delivery"],
            "status": delivered["status"],
            "bytes": delivered["size"],
            "chunks": delivered["chunks"],
            "output_bytes": delivered["output_bytes"],
        }
    overdue = finished is not None and now_ms - finished["at_ms"] > UNDELIVERED_MS
    return {"state": "unknown"} if overdue else None
