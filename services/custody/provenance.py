"""Who had a request in hand, what each of them states, and where it was entered and processed; pure.

A hop's statement is its own: the edge, the router and the worker put theirs on the request, which the worker's egress
fact carries; the worker signs what it saw; of the provider there is what it returned.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from libs.catalog.observed import entered_at, processed_in
from libs.contracts.errors import ResidencyRefused
from services.custody.times import rfc3339

Statement = Mapping[str, Any]


def hops(
    egresses: Sequence[Statement],
    finishes: Sequence[Statement],
    delivered: Statement | None,
    refused: Statement | None,
    pii: Sequence[Statement],
) -> list[dict[str, Any]]:
    """Every hop in the order in which the request met it; of a refused one those that had it."""
    first = egresses[0] if egresses else refused or {}
    told = [_hop(each, _DID.get(each["role"], "had")) for each in first.get("hops", ())]
    if pii:
        told.insert(1, {"role": "pii", "did": "substituted", "at": rfc3339(pii[0]["at_ms"])})
    if refused is not None and told and not egresses:
        told[-1]["did"] = "refused"
    failed = {each["attempt"]: each for each in finishes[0].get("tries", ())} if len(egresses) > 1 and finishes else {}
    for egress in egresses:
        finished = _end_of(egress, finishes)
        told.append(_worker(egress, finished))
        if finished is not None and finished["provider_status"]:
            told.append(_provider(egress, finished))
        elif finished is None and failed.get(egress["attempt"], {}).get("provider_status"):
            told.append(_provider(egress, None))
    if delivered is not None and delivered.get("hop"):
        told.append(_hop(delivered["hop"], "delivered"))
    return told


def tries(egresses: Sequence[Statement], finishes: Sequence[Statement]) -> list[dict[str, Any]]:
    """Every attempt: where it went, and what became of it (null: nobody has said yet).

    What failed before the last attempt stands in the end of that one.
    """
    earlier: dict[int, Statement] = {}
    for finished in finishes[:1]:
        for each in finished.get("tries", ()):  # one after the attempt that counts was prepared and held back
            outcome = "failed" if each["attempt"] < finished["attempts"] else "not_sent"
            earlier[each["attempt"]] = {**each, "outcome": outcome, "error_code": each["code"]}
    return [_try(egress, _end_of(egress, finishes) or earlier.get(egress["attempt"])) for egress in egresses]


def entry(egress: Statement | None, finished: Statement | None) -> dict[str, Any] | None:
    """The endpoint that was dialled, and where it stands; `observed` where the provider names that region itself."""
    if egress is None:
        return None
    route = egress["route"]
    named = "" if route["sandbox"] else entered_at((finished or {}).get("returned", {}))
    return {
        "endpoint": egress["host"],
        "region": route["region"],
        "jurisdiction": route["jurisdiction"],
        "evidence": "observed" if named else route["evidence"],
        "region_returned": named or None,
        "contradicted": bool(named) and named != route["region"],
    }


def processing(egress: Statement | None, finished: Statement | None) -> dict[str, Any] | None:
    """Where the model ran: by the provider's own word if it gives it, else by the claim, with scope, source and date.

    What the sandbox returns is nobody's word.
    """
    if egress is None:
        return None
    route = egress["route"]
    claimed = route["processing_jurisdictions"]
    seen = () if route["sandbox"] else processed_in((finished or {}).get("returned", {}))
    return {
        "jurisdictions": list(seen) or claimed,
        "regions": route.get("processing_regions", []),
        "scope": route.get("scope") or None,
        "evidence": "observed" if seen else route["evidence"],
        "claimed": claimed,
        "contradicted": bool(seen) and bool(claimed) and "*" not in claimed and not set(seen) <= set(claimed),
        "source": route.get("source") or None,
        "checked": route.get("checked") or None,
    }


def verdict(egress: Statement | None, refused: Statement | None, place: dict[str, Any] | None) -> dict[str, Any]:
    """The residency rule as it was judged: what was required, and whether it was met, refused or (`broken`) belied.

    What was answered at the edge, or refused for another reason, was not judged: `none`.
    """
    required = (egress or refused or {}).get("residency", [])
    if egress is None and refused is not None and refused["code"] != ResidencyRefused.code:
        return {"required": required, "state": "none", "rule": None, "route": None, "nearest": None}
    if egress is None and refused is not None:
        return {
            "required": required,
            "state": "refused",
            "rule": refused.get("rule_name") or None,
            "route": refused.get("route_id") or None,
            "nearest": refused.get("nearest") or None,
        }
    belied = place is not None and place["evidence"] == "observed" and not set(place["jurisdictions"]) <= set(required)
    state = "none" if not required else "broken" if belied else "allowed"
    return {"required": required, "state": state, "rule": None, "route": None, "nearest": None}


def signers(finishes: Iterable[Statement]) -> list[dict[str, str]]:
    """The public keys that statements in the record are signed with."""
    found = dict.fromkeys(each["signer"] for each in finishes if each.get("signer"))
    return [{"role": "worker", "algorithm": "Ed25519", "public_key": key} for key in found]


_DID = {"ingress": "received", "pii": "substituted", "router": "routed", "worker": "checked"}


def _hop(said: Statement, did: str) -> dict[str, Any]:
    return {
        "role": said["role"],
        "did": did,
        "node": said["node"],
        "build": said["build"],
        "place": said["place"] or None,
        "at": rfc3339(said["at_ms"]),
    }


def _worker(egress: Statement, finished: Statement | None) -> dict[str, Any]:
    signed = (finished or {}).get("statement") or ""
    statement = _read(signed)
    return {
        "role": "worker",
        "did": "called",
        "node": egress["boot_id"],
        "build": statement.get("build"),
        "place": statement.get("place") or None,
        "at": rfc3339(egress["at_ms"]),
        "attempt": egress["attempt"],
        "statement": statement or None,
        "public_key": finished["signer"] if finished is not None and statement else None,
        "signature": finished["signature"] if finished is not None and statement else None,
    }


def _provider(egress: Statement, finished: Statement | None) -> dict[str, Any]:
    """One that failed had the request as well; of what it said, its status is kept, among the tries."""
    endpoint = (finished or {}).get("endpoint") or {}
    return {
        "role": "provider",
        "did": "answered",
        "node": endpoint.get("host") or egress["host"],
        "place": egress["route"]["jurisdiction"] or None,
        "request_id": endpoint.get("provider_request_id") or None,
        "returned": (finished or {}).get("returned", {}),
    }


def _try(egress: Statement, ended: Statement | None) -> dict[str, Any]:
    said: Statement = ended or {}
    return {
        "attempt": egress["attempt"],
        "at": rfc3339(egress["at_ms"]),
        "route": egress["route"]["route_id"],
        "provider": egress["route"]["provider"],
        "endpoint": egress["host"],
        "request_sent": egress["sent_hash"],
        "outcome": said.get("outcome"),
        "status": said.get("provider_status") or None,
        "error_code": said.get("error_code") or None,
    }


def _end_of(egress: Statement, finishes: Sequence[Statement]) -> Statement | None:
    """The first Finished of that attempt."""
    return next((each for each in finishes if each["attempts"] == egress["attempt"] + 1), None)


def _read(signed: str) -> dict[str, Any]:
    """What a worker signed; empty where there is nothing, or nothing that can be read."""
    try:
        said = orjson.loads(signed) if signed else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
