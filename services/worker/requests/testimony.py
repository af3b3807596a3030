"""A worker's own statement of one call, signed by it: nobody else saw the provider."""

import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from libs.contracts.northern.v1.envelope_pb2 import Try
from libs.contracts.northern.v1.facts_pb2 import Egress, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.runtime.identity import Identity
from libs.tlog.signing import SEED, SigningKey
from libs.tlog.testimony import DOMAIN

NAMES: Final = {number: name.removeprefix("OUTCOME_").lower() for name, number in Outcome.items()}


class Intent(NamedTuple):
    """What is stated of a call before it is made and again when it has ended; the egress record itself is not kept."""

    attempt: int
    route: RouteFacts
    host: str
    catalogue: str
    residency: tuple[str, ...]
    request_hash: bytes
    sent_hash: bytes

    @classmethod
    def of(cls, egress: Egress, route: RouteFacts) -> Self:
        """`route` is the record's, as a message of its own: a part of a message keeps all of it alive."""
        return cls(
            attempt=egress.attempt,
            route=route,
            host=egress.host,
            catalogue=egress.catalogue,
            residency=tuple(egress.residency),
            request_hash=egress.request_hash,
            sent_hash=egress.sent_hash,
        )


@dataclass(frozen=True, kw_only=True)
class Witness:
    """The worker as a witness of its calls: who it is, and the key that it signs with."""

    identity: Identity
    key: SigningKey

    @classmethod
    def read(cls, identity: Identity, path: Path | None) -> Self:
        """With the key in a file (32 raw bytes, an Ed25519 seed); without one, with a key of this process alone.

        Raises ValueError and OSError with a sentence.
        """
        if path is None:
            return cls(identity=identity, key=SigningKey(secrets.token_bytes(SEED)))
        return cls(identity=identity, key=SigningKey.read(path, "NI_WORKER_KEY_FILE"))

    def testify(self, request_id: str, intent: Intent, finished: Finished) -> None:
        """Put statement, signature and public key on the end of a call."""
        said = orjson.dumps(self._statement(request_id, intent, finished), option=orjson.OPT_SORT_KEYS)
        finished.statement, finished.signature, finished.signer = said, self.key.sign(DOMAIN + said), self.key.public

    def _statement(self, request_id: str, intent: Intent, finished: Finished) -> dict[str, Any]:
        """RFC 8785 for what it holds: ASCII names, strings, integers, no floats."""
        seen, identity = finished.endpoint, self.identity
        said: dict[str, Any] = {
            "v": 1,
            "role": "worker",
            "request_id": request_id,
            "attempt": intent.attempt,
            "node": identity.node,
            "build": identity.build,
            "place": identity.place,
            "at_ms": time.time_ns() // 1_000_000,
            "route": _route(intent.route.SerializeToString()),
            "catalogue": intent.catalogue,
            "residency": intent.residency,
            "endpoint": {
                "host": intent.host,
                "address": seen.address,
                "tls_version": seen.tls_version,
                "certificate_key_hash": seen.certificate_key_hash.hex(),
                "provider_request_id": seen.provider_request_id,
                "status": finished.provider_status,
            },
            "returned": dict(finished.returned),
            "hashes": {
                "request_received": intent.request_hash.hex(),
                "request_sent": intent.sent_hash.hex(),
                "response_received": finished.response_hash.hex(),
            },
            "outcome": NAMES.get(finished.outcome) or str(finished.outcome),
            "error_code": finished.error_code,
        }
        if finished.tries:
            said["tries"] = [_try(each) for each in finished.tries]
        return said


def _try(said: Try) -> dict[str, Any]:
    """A call that failed before this one, or that was held back after it: who had the request counts as much."""
    return {
        "attempt": said.attempt,
        "route_id": said.route_id,
        "error_code": said.code,
        "status": said.provider_status,
        "sent": said.sent,
    }


@lru_cache(maxsize=1024)  # the same words, call after call
def _route(facts: bytes) -> orjson.Fragment:
    """What is stated of a route, as JSON."""
    route = RouteFacts.FromString(facts)
    said = {
        "route_id": route.route_id,
        "model": route.model,
        "provider": route.provider,
        "tier": route.tier,
        "credential_source": route.credential_source,
        "custody_path": route.custody_path,
        "entry_region": route.region,
        "entry_jurisdiction": route.jurisdiction,
        "processing_jurisdictions": list(route.processing_jurisdictions),
        "processing_regions": list(route.processing_regions),
        "scope": route.scope,
        "evidence": route.evidence,
        "sandbox": route.sandbox,
    }
    return orjson.Fragment(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
