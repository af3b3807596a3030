"""What a run puts on record: the intent before anything leaves, and one end for it, in that order."""

import asyncio
import time

from google.protobuf.message import Message as Proto

from libs.bus.facts import FactPublisher
from libs.contracts.errors import RecordUnavailable, ResidencyRefused
from libs.contracts.large import keyed_hash
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, Finished
from libs.contracts.northern.v1.frames_pb2 import RouteFacts
from libs.contracts.refusals import refused
from libs.telemetry.log import logger
from services.worker import domain
from services.worker.requests.testimony import Intent, Witness

WAIT_S = 5.0  # how long a fact may take to become durable before somebody is told


class Record:
    """The facts of one request at one worker. `closed`: its end was stated."""

    __slots__ = ("_facts", "_later", "_recorded", "_request_id", "_tenant", "_witness", "closed")

    def __init__(self, facts: FactPublisher, envelope: Envelope, witness: Witness) -> None:
        self._facts, self._witness = facts, witness
        self._request_id, self._tenant = envelope.request_id, envelope.tenant
        self._recorded: asyncio.Future[None] | None = None  # the last egress record, until it is known to be durable
        self._later: asyncio.Future[None] | None = None
        self.closed = False

    def begin(self, egress: Egress) -> None:
        """State an intent; from now on it may be on record. Raises RecordUnavailable where too much waits already.

        The one before it is durable by then: its attempt was made.
        """
        self._recorded = self._facts.publish("egress", self._fact(egress=egress))

    async def durable(self) -> bool:
        """Whether the intent is on record: only then may a byte leave (I1)."""
        assert self._recorded is not None
        if not self._recorded.done():  # most often it is: the ledger was waited for meanwhile
            await asyncio.wait([self._recorded], timeout=WAIT_S)
        if not self._recorded.done():
            return False
        self._recorded = None
        return True

    async def close(self, finished: Finished, intent: Intent | None, *, wait: bool) -> None:
        """State the end. Durable when this returns, if it is waited for; late only where the broker is.

        `intent`: what it speaks of; None: another worker's, whose call is not ours to testify to.
        """
        self.closed = True
        if intent is not None:
            self._witness.testify(self._request_id, intent, finished)
        fact = self._fact(finished=finished)
        if self._recorded is not None and not self._recorded.done():
            self._later = asyncio.ensure_future(self._publish_after(self._recorded, fact))
            if wait:
                await asyncio.wait([self._later], timeout=WAIT_S)
            return
        stored = self._facts.publish("finished", fact)
        if wait:
            late = stored.get_loop().call_later(WAIT_S, _no_longer, stored)
            try:
                await stored
            finally:
                late.cancel()

    def refuse(self, envelope: Envelope, error: ResidencyRefused) -> None:
        """State that nothing leaves, and by which rule."""
        try:
            self._facts.publish("refused", refused(envelope, error, self._witness.identity.hop()))
        except RecordUnavailable:
            logger().error("refusal_lost", request_id=self._request_id)

    async def _publish_after(self, recorded: "asyncio.Future[None]", fact: Fact) -> None:
        """Each kind of fact has a lane of its own: a Finished could stand before the record that it closes."""
        await asyncio.wait([recorded])
        await self._facts.publish("finished", fact)

    def _fact(self, **kind: Proto) -> Fact:
        return Fact(
            request_id=self._request_id,
            tenant=self._tenant,
            at_ms=int(time.time() * 1000),
            **kind,  # type: ignore[arg-type]  # one member of the oneof, named by the caller
        )


async def intent(
    envelope: Envelope,
    sent: bytes,
    *,
    boot_id: str,
    route: RouteFacts,
    host: str,
    fetched: int,
    linked: int,
    catalogue: str,
) -> Egress:
    """What is about to leave, for whom, and where to; `sent` byte for byte, `fetched` and `linked` of its images.

    Attempts are numbered by their records: a candidate that was passed over has none.
    """
    sent_hash = await keyed_hash(envelope.salt, sent)
    egress = Egress(
        boot_id=boot_id,
        attempt=len(envelope.tries),
        key_id=envelope.key_id,
        dialect=envelope.dialect,
        surface=envelope.surface,
        operation=envelope.operation,
        stream=envelope.shape.stream,
        model_requested=envelope.shape.model,
        route=route,
        host=host,
        salt=envelope.salt,
        request_hash=envelope.request_hash,
        sent_hash=sent_hash,
        received_at_ms=envelope.received_at_ms,
        edge=envelope.edge,
        traceparent=envelope.traceparent,
        images_fetched=fetched,
        images_linked=linked,
        catalogue=catalogue,
        decision=domain.decided(envelope, route.route_id),
    )
    egress.hops.extend(envelope.hops)
    egress.residency.extend(envelope.policy.residency)
    return egress


def _no_longer(stored: "asyncio.Future[None]") -> None:
    """The publisher goes on trying: the answer is not held back for the record's sake."""
    if not stored.done():
        stored.set_result(None)
