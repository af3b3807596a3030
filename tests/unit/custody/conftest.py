"""Facts of one request, and the table of facts over the fake store."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Dialect, Surface
from libs.contracts.northern.v1.facts_pb2 import (
    Delivered,
    Delivery,
    Egress,
    Endpoint,
    Fact,
    Finished,
    Outcome,
    Refused,
)
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from libs.store.memory import MemoryStore
from services.custody.queries import TABLE, FactTable
from services.custody.records import Row

AT = 1_800_000_000_000
ROUTE = RouteFacts(
    route_id="bedrock/claude-sonnet-4-5-ca",
    tier="managed_canadian_cloud",
    provider="Bedrock",
    region="ca-central-1",
    jurisdiction="CA",
    custody_path="NI-CA -> Bedrock-CA",
    credential_source="platform",
    litellm_model="bedrock/claude-sonnet-4-5",
    processing_jurisdictions=["CA"],
    evidence="contracted",
    sandbox=True,
    model="anthropic.claude-sonnet-4-5",
)
Make = Callable[..., Fact]


def make(kind: str, *, request_id: str = "0" * 16, tenant: str = "t_one", at_ms: int = AT, **fields: Any) -> Fact:
    """A fact of one kind with every field set; `fields` replaces some."""
    said = Fact(request_id=request_id, tenant=tenant, at_ms=at_ms)
    match kind:
        case "egress":
            egress: dict[str, Any] = {
                "boot_id": "worker-1",
                "key_id": "k_1",
                "dialect": Dialect.DIALECT_OPENAI_CHAT,
                "surface": Surface.SURFACE_GATEWAY,
                "stream": True,
                "model_requested": "bedrock/claude-sonnet-4-5-ca",
                "route": ROUTE,
                "host": "bedrock-runtime.ca-central-1.amazonaws.com",
                "salt": b"\x01" * 32,
                "request_hash": b"\x02" * 32,
                "sent_hash": b"\x03" * 32,
                "received_at_ms": AT - 5,
                "residency": ["CA"],
            }
            said.egress.CopyFrom(Egress(**(egress | fields)))
        case "finished":
            finished: dict[str, Any] = {
                "boot_id": "worker-1",
                "attempts": 1,
                "outcome": Outcome.OUTCOME_COMPLETED,
                "usage": Usage(input=12, output=34, reasoning=4),
                "rate_card": "2026-11",
                "cost_nano": 1_234_500_000,
                "currency": "CAD",
                "provider_status": 200,
                "endpoint": Endpoint(host="bedrock-runtime.ca-central-1.amazonaws.com", address="192.0.2.7"),
                "response_hash": b"\x04" * 32,
                "first_byte_ms": 20,
                "total_ms": 80,
                "output_bytes": 99,
                "route": ROUTE,
            }
            said.finished.CopyFrom(Finished(**(finished | fields)))
        case "delivered":
            delivered: dict[str, Any] = {
                "delivery": Delivery.DELIVERY_COMPLETE,
                "status": 200,
                "size": 512,
                "chunks": 3,
                "hash": b"\x05" * 32,
                "output_bytes": 99,
                "first_byte_ms": 25,
                "total_ms": 85,
            }
            said.delivered.CopyFrom(Delivered(**(delivered | fields)))
        case _:
            refused = {"code": "residency_refused", "rule": "residency CA", "model_requested": "m", "key_id": "k_1"}
            said.refused.CopyFrom(Refused(**(refused | fields)))
    return said


class KeptTable(FactTable):
    """The table's questions answered from the fake store's rows; its SQL is tested on the real host."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.kept = store
        self.asked = 0

    async def position(self) -> int:
        return max((row["stream_seq"] for row in self._rows()), default=0)

    async def of(self, tenant: str, request_id: str) -> list[Row]:
        self.asked += 1
        return [_row(row) for row in self._rows(tenant=tenant, request_id=request_id)]

    async def unfinished(self) -> list[Row]:
        done = {row["request_id"] for row in self._rows(kind="finished")}
        return [_row(row) for row in self._rows() if row["request_id"] not in done]

    def _rows(self, **equal: Any) -> list[dict[str, Any]]:
        self.kept._reach()
        return self.kept.rows(TABLE, **equal)


def _row(row: dict[str, Any]) -> Row:
    return Row(stream_seq=row["stream_seq"], idx=row["idx"], said=orjson.loads(row["fact"]))


@pytest.fixture
def fact() -> Make:
    return make


@pytest.fixture
def table() -> KeptTable:
    return KeptTable(MemoryStore())
