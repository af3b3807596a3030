"""What the attempts at one request share: envelope and body, record and money, and how all of it is closed, once."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from libs.bus.outflow import Outflow
from libs.catalog.model import Route
from libs.contracts.errors import NorthernError, ResidencyRefused
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Try
from libs.contracts.northern.v1.facts_pb2 import OUTCOME_FAILED, OUTCOME_NOT_SENT, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import End, Head, RouteFacts
from libs.telemetry.log import logger
from services.worker import callers, domain
from services.worker.money.charge import Terms
from services.worker.money.holding import NO_LIMITS
from services.worker.requests.record import Record
from services.worker.requests.seen import Seen
from services.worker.requests.testimony import NAMES, Intent
from services.worker.street import Street

_LARGE = 8 << 10  # bytes of a body that is kept apart


def apart(envelope: Envelope) -> tuple[Envelope, bytes]:
    """Envelope and body, where that is large: a message that lives keeps the memory of what was cleared in it."""
    body = envelope.body
    if len(body) < _LARGE:
        return envelope, b""
    envelope.ClearField("body")
    rest = Envelope()
    rest.CopyFrom(envelope)
    return rest, body


class Made(Protocol):
    """An attempt, as far as the end of its request needs to know it. `intent`: of its record, once that was begun."""

    intent: Intent | None
    facts: RouteFacts | None
    unheld: bool

    @property
    def dialled(self) -> bool: ...

    @property
    def egress(self) -> str:
        """The name of its way out."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Headers that were sent."""

    def finished(self, outcome: Outcome, error_code: str) -> tuple[Finished, End]:
        """Its end as it goes on record, and as the caller is told of it."""

    def tried(self, error_code: str) -> Try:
        """The same in short, for what comes after it."""

    def give_back(self) -> None:
        """What it holds on the account."""


class Request:
    """One request at one worker. `envelope.attempt` is the candidate whose turn it is, `tries` what failed.

    `current`: the attempt that runs; `failed`: the last one of this worker that called a provider and failed, so that
    its Try is the last. `committed`: the answer is the current attempt's, whatever becomes of it.
    """

    __slots__ = (
        "_began",
        "_body",
        "_envelope",
        "_refusals",
        "_tries",
        "committed",
        "current",
        "error",
        "failed",
        "limits",
        "outflow",
        "record",
        "streams",
        "street",
        "terms",
    )

    def __init__(self, street: Street, envelope: Envelope, outflow: Outflow, body: bytes = b"") -> None:
        """`body`: where it stands apart from its envelope."""
        self.street, self.outflow, self._body = street, outflow, body
        self._envelope: Envelope | None = envelope
        self._tries: Sequence[Try] = ()  # once there is no envelope any more
        self.terms = Terms.of(envelope)
        self.record = Record(street.facts, envelope, street.witness)
        self.streams = envelope.shape.stream and not callers.counts(envelope)
        self.committed = False
        self.current: Made | None = None
        self.failed: Made | None = None
        self.error: NorthernError | None = None  # of `failed`
        self.limits: Mapping[str, str] = NO_LIMITS  # of the key, as the ledger stated them with the hold
        self._refusals: list[ResidencyRefused] = []
        self._began = time.monotonic()

    @property
    def envelope(self) -> Envelope:
        """As it came, until an answer is committed to."""
        assert self._envelope is not None
        return self._envelope

    @property
    def tries(self) -> Sequence[Try]:
        """The attempts before this one that called a provider and failed."""
        return self._tries if self._envelope is None else self._envelope.tries

    @property
    def more(self) -> bool:
        """Whether another candidate may take over should this one fail."""
        if self.committed:
            return False
        envelope = self.envelope
        left = envelope.policy.allow_fallbacks and envelope.attempt + 1 < len(envelope.slip)
        return left and (not envelope.budget_ms or self._budget_left_ms() > 0)

    @property
    def opened(self) -> bool:
        """Whether an egress record exists, or may: then there is an end to be stated."""
        current = self.current
        return bool(self.tries) or (current is not None and current.intent is not None)

    @property
    def secrets(self) -> list[Mapping[str, str]]:
        """Headers that were sent, of every call whose failure may be told."""
        return [each.secrets for each in (self.current, self.failed) if each is not None]

    @property
    def calls(self) -> int:
        """To providers, of this worker and those before it."""
        current = self.current
        return len(self.tries) + (current is not None and current.dialled)

    async def body(self) -> bytes:
        """As the caller sent it. A large one stays with its holder until Head, so it can be had again."""
        envelope = self.envelope
        if envelope.HasField("body_ref"):
            return await self.outflow.pull(envelope.body_ref.subject, envelope.body_ref.size)
        return self._body or envelope.body

    def handed_on(self) -> Envelope:
        """The envelope for another worker, with all that it needs."""
        if self._body:
            self.envelope.body = self._body
        return self.envelope

    def let_go(self) -> None:
        """What no later attempt can need is not kept."""
        if not self.more:
            self.drop_body()

    def drop_body(self) -> None:
        """What was asked is not needed for what is answered."""
        self._body = b""
        if self._envelope is not None:
            self._envelope.ClearField("body")

    def commit(self) -> None:
        """An answer may take an hour: nothing is kept meanwhile of how it was asked for."""
        self.committed = True
        self._body, self._tries, self._envelope = b"", tuple(self.tries), None

    def head(self, route: Route, facts: RouteFacts | None, seen: Seen, dropped: Iterable[str]) -> Head:
        """What stands before an answer. Time with providers is theirs, however many there were."""
        envelope = self.envelope
        head = Head(
            status=200,
            stream=self.streams,
            route=facts,
            dropped_params=callers.as_called(envelope, dropped),
            attempts=self.calls,
            provider_us=seen.provider_us() + 1000 * sum(each.total_ms for each in envelope.tries),
            provider_request_id=seen.provider_request_id,
            decision=domain.decided(envelope, route.route_id),
        )
        if self.limits:  # a map costs more than all the rest of the message, an empty one too
            head.limits.update(self.limits)
        return head

    def leave(self) -> None:
        """Another worker has it next."""
        if self.envelope.budget_ms:
            self.envelope.budget_ms = max(1, self._budget_left_ms())
            self._began = time.monotonic()
        if self._refusals:  # a refusal alone is an end, and nothing is on record yet that it could stand beside
            logger().warning("refusal_lost", request_id=self.envelope.request_id)

    def tried(self, attempt: Made, error: NorthernError) -> None:
        """A call that failed before its first content."""
        self._count(attempt, OUTCOME_FAILED)
        self.envelope.tries.append(attempt.tried(error.code))
        self.failed, self.error, self.current = attempt, error, None

    def refused(self, error: ResidencyRefused) -> None:
        """A candidate that this worker must not call."""
        self._refusals.append(error)
        if self.envelope.tries:
            self.state_refusals()

    def state_refusals(self) -> None:
        """Put them on record: beside a durable egress record or where there is none, for a refusal alone is an end."""
        for error in self._refusals:
            self.record.refuse(self.envelope, error)
        self._refusals.clear()

    @property
    def told(self) -> Made | None:
        """The attempt that the caller is told of: the last that called, or could have."""
        current = self.current
        if current is not None and current.intent is not None and (current.dialled or not self.tries):
            return None if current.unheld else current
        return self.failed

    async def close(self, outcome: Outcome, error_code: str = "", *, wait: bool = True) -> End:
        """Close what was put on record, once. Durable before the caller sees the end; late only where the broker is."""
        current = self.current
        if self.record.closed or not self.opened:
            return End()
        tries = list(self.tries)
        if current is not None and current.intent is not None and (current.dialled or not tries):
            if not current.dialled:
                outcome = OUTCOME_NOT_SENT
                current.give_back()
            counted: Made | None = current
            self._count(current, outcome)
        else:  # it got no further than the attempt before it, which did call
            held_back = [current.tried(error_code)] if current is not None and current.intent is not None else []
            counted, outcome, error_code = self.failed, OUTCOME_FAILED, tries.pop().code
            tries += held_back
        if counted is None:
            finished, end = _foreign(self.tries[-1]), End()
        else:
            finished, end = counted.finished(outcome, error_code)
        finished.boot_id = self.street.boot_id
        finished.tries.extend(tries)
        await self.record.close(finished, counted.intent if counted is not None else None, wait=wait)
        return end

    def _budget_left_ms(self) -> int:
        return self.envelope.budget_ms - int((time.monotonic() - self._began) * 1000)

    def _count(self, attempt: Made, outcome: Outcome) -> None:
        self.street.metrics.count("provider_calls_total", attempt.egress, NAMES[outcome])


def _foreign(last: Try) -> Finished:
    """The end of a request whose last call another worker made: what that one said of it."""
    return Finished(
        attempts=last.attempt + 1,
        outcome=OUTCOME_FAILED,
        error_code=last.code,
        provider_status=last.provider_status,
        total_ms=last.total_ms,
    )
