"""A refusal for residency as the fact that goes on record: a result worth proving, not only an error."""

from libs.contracts.errors import ResidencyRefused
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Hop
from libs.contracts.northern.v1.facts_pb2 import Fact, Refused


def refused(envelope: Envelope, error: ResidencyRefused, by: Hop) -> Fact:
    """What was refused, to whom, under which rule; `by` is the room that refuses, now."""
    return Fact(
        request_id=envelope.request_id,
        tenant=envelope.tenant,
        at_ms=by.at_ms,
        refused=Refused(
            code=error.code,
            rule=error.message,
            model_requested=envelope.shape.model,
            key_id=envelope.key_id,
            rule_name=error.rule,
            route_id=error.route_id,
            nearest=error.nearest,
            residency=envelope.policy.residency,
            salt=envelope.salt,
            request_hash=envelope.request_hash,
            received_at_ms=envelope.received_at_ms,
            hops=(*envelope.hops, by),
        ),
    )
