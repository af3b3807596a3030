"""Facts of requests and batches of a journal as billing meets them, made short for its tests."""

from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Surface
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, FactBatch, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from libs.projection.base import Placed

AT_MS = 1_795_262_250_000  # 2026-11-21T11:57:30Z
ROUTE = RouteFacts(
    route_id="azure/gpt-4.1-mini-ca",
    tier="managed_canadian_cloud",
    provider="Azure",
    region="canadaeast",
    credential_source="platform",
)
CARD = "azure-gpt-4.1-mini-regional.2025-04"


def request_id(n: int = 0, at_ms: int = AT_MS) -> str:
    return f"{((at_ms - EPOCH_MS) << 23) + n:016x}"


def egress(
    n: int = 0,
    *,
    tenant: str = "t_one",
    attempt: int = 0,
    at_ms: int = AT_MS,
    model: str = "gpt-4.1-mini",
    key: str = "k_one",
) -> Fact:
    said = Egress(
        boot_id="b",
        attempt=attempt,
        key_id=key,
        dialect=Dialect.DIALECT_OPENAI_CHAT,
        surface=Surface.SURFACE_GATEWAY,
        model_requested=model,
        route=ROUTE,
        received_at_ms=at_ms,
    )
    return Fact(request_id=request_id(n, at_ms), tenant=tenant, at_ms=at_ms, egress=said)


def finished(
    n: int = 0,
    *,
    tenant: str = "t_one",
    outcome: Outcome = Outcome.OUTCOME_COMPLETED,
    usage: Usage | None = None,
    attempts: int = 1,
    at_ms: int = AT_MS,
    cost_nano: int = 0,
) -> Fact:
    said = Finished(
        boot_id="b",
        attempts=attempts,
        outcome=outcome,
        usage=usage if usage is not None else Usage(input=1000, output=200),
        rate_card=CARD,
        output_bytes=800,
        total_ms=40,
        first_byte_ms=9,
        cost_nano=cost_nano,
        currency="USD",
    )
    return Fact(request_id=request_id(n, at_ms), tenant=tenant, at_ms=at_ms + 40, finished=said)


def placed(seq: int, fact: Fact, idx: int = 0) -> Placed:
    kind = fact.WhichOneof("kind")
    assert kind is not None
    return Placed(seq, idx, kind, fact)


def message(*facts: Fact) -> bytes:
    return FactBatch(facts=facts).SerializeToString()
