"""Which requests are open, which of them nobody will close any more, and how custody closes those; pure decisions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from libs.contracts.errors import CreditOnHold, InsufficientCredits, SpendCapReached
from libs.contracts.ids import issued_at_ms
from libs.contracts.northern.v1.facts_pb2 import Endpoint, Fact, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from services.custody.records import Row

SILENT_S = 15.0
YOUNG_MS = 10_000
ABANDONED_MS = 30_000  # a worker states the end before the edge does, or within seconds of it
# Output of a lost worker is known in bytes alone. Four bytes a token is the usual rule of thumb for English text
# (https://platform.openai.com/tokenizer); the record marks the count `estimated`.
BYTES_PER_TOKEN = 4
NO_MONEY = frozenset({InsufficientCredits.code, SpendCapReached.code, CreditOnHold.code})


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenRequest:
    """A request with an egress record and no Finished. Of several attempts, the last."""

    tenant: str
    request_id: str
    boot_id: str
    attempt: int
    host: str
    route: Mapping[str, Any]
    delivered_bytes: int = 0  # of model output, as Delivered states it
    delivered_ms: int = 0  # Unix time of that; 0: not delivered


class OpenRequests:
    """The requests opened and not yet finished, as far as the facts (as statements, in stream order) were read."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], OpenRequest] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[OpenRequest]:
        return iter(tuple(self._open.values()))

    def observe(self, said: Mapping[str, Any]) -> bool:
        """Take one fact into account; False where it is a Finished of which an earlier one counts."""
        key = (said["tenant"], said["request_id"])
        match said["kind"]:
            case "egress":
                self._open[key] = OpenRequest(
                    tenant=said["tenant"],
                    request_id=said["request_id"],
                    boot_id=said["boot_id"],
                    attempt=said["attempt"],
                    host=said["host"],
                    route=said["route"],
                )
            case "finished":
                return self._open.pop(key, None) is not None
            case "delivered" if key in self._open:
                known = self._open[key]
                self._open[key] = replace(known, delivered_bytes=said["output_bytes"], delivered_ms=said["at_ms"])
        return True


def lost(
    requests: Iterable[OpenRequest], heard: Mapping[str, float], listening_since: float, now: float
) -> list[OpenRequest]:
    """The open requests whose worker has been silent for 15 s.

    Times are monotonic seconds. Silence counts from the last beat heard or, where there was none, from when we began to
    listen; a clock that goes backwards makes nothing lost.
    """
    return [r for r in requests if now - max(heard.get(r.boot_id, listening_since), listening_since) >= SILENT_S]


def abandoned(requests: Iterable[OpenRequest], now_ms: int) -> list[OpenRequest]:
    """The open requests that the edge has long ended, though their worker lives.

    It handed them on, and who was to have them next died with them before there was a record of it.
    """
    return [r for r in requests if r.delivered_ms and now_ms - r.delivered_ms >= ABANDONED_MS]


def closing(request: OpenRequest, at_ms: int) -> Fact:
    """The Finished of a request whose worker is lost: what was delivered counts as used, nothing else is known."""
    output = -(-request.delivered_bytes // BYTES_PER_TOKEN)
    return Fact(
        request_id=request.request_id,
        tenant=request.tenant,
        at_ms=at_ms,
        finished=Finished(
            boot_id=request.boot_id,
            attempts=request.attempt + 1,
            outcome=Outcome.OUTCOME_WORKER_LOST,
            usage=Usage(output=output, estimated=True),
            error_code="worker_lost",
            endpoint=Endpoint(host=request.host),
            output_bytes=request.delivered_bytes,
            route=RouteFacts(**request.route),
        ),
    )


def is_young(request_id: str, now_ms: int) -> bool:
    """Whether what will be stated of a request that was given this id may be on its way still."""
    return abs(now_ms - issued_at_ms(request_id)) < YOUNG_MS


def never_sealed(rows: Iterable[Row]) -> bool:
    """Whether a request has no leaf because nothing was sent: for want of money, its first Finished says."""
    finished = next((row.said for row in rows if row.said["kind"] == "finished"), None)
    return finished is not None and finished["outcome"] == "not_sent" and finished["error_code"] in NO_MONEY
