"""What was substituted in a request, as facts: types, places, substitutes and keyed hashes, never an original; pure."""

from collections.abc import Iterator
from typing import Final

from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Fact, Substitute, Substituted
from services.pii.hop.base import Listed, Masked

OF_ONE_FACT: Final = 200  # entities; each takes some 150 bytes
_LONGEST: Final = 256  # characters of a place or a substitute


def facts_of(envelope: Envelope, masked: Masked, at_ms: int) -> Iterator[Fact]:
    """At least one, with the counts: that nothing was found is worth knowing, too."""
    parts = max(1, -(-len(masked.listed) // OF_ONE_FACT))
    for part in range(parts):
        first = part * OF_ONE_FACT
        said = Substituted(
            policy=masked.policy,
            key_id=envelope.key_id,
            counts=masked.counts if not part else None,
            entities=[_substitute(one) for one in masked.listed[first : first + OF_ONE_FACT]],
            part=part,
            parts=parts,
            first=first,
            unlisted=0 if part else masked.unlisted,
            retention_days=masked.audit_days,
            images=masked.images,
        )
        yield Fact(request_id=envelope.request_id, tenant=envelope.tenant, at_ms=at_ms, pii=said)


def _substitute(one: Listed) -> Substitute:
    return Substitute(
        type=one.type,
        place=_short(one.place),
        count=one.count,
        substitute=_short(one.substitute),
        original_hash=one.original_hash,
        original_shape=one.original_shape,
        recognizer=one.recognizer,
        score_permille=round(one.score * 1000),
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
