"""A request in, a routing slip on it, and on to a worker; or a failure straight to the edge."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message
from libs.bus.beats import Heard
from libs.bus.facts import FactPublisher
from libs.catalog.model import Catalog
from libs.catalog.resolve import meant
from libs.contracts import subjects
from libs.contracts.errors import BusUnavailable, NorthernError, Overloaded, RecordUnavailable, ResidencyRefused
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Candidate, Envelope
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.contracts.northern.v1.street_pb2 import EgressState
from libs.contracts.refusals import refused
from libs.runtime.identity import Identity
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.router import domain

_ON_ITS_WAY_S = 2.0  # "no responders" comes at once or never


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Routes requests; remembers where to send a refusal for as long as one can come."""

    bus: Bus
    catalog: Catalog
    heard: Heard
    facts: FactPublisher
    metrics: Metrics
    identity: Identity
    aliases: Callable[[str], Mapping[str, str]] = lambda _: {}  # an account's own names of models
    on_their_way: "OrderedDict[str, tuple[float, Envelope]]" = field(default_factory=OrderedDict)

    async def route(self, message: Message) -> None:
        """One envelope: chosen and handed on."""
        try:
            envelope = Envelope.FromString(message.data)
        except DecodeError:
            logger().error("envelope_unreadable")
            return
        try:
            policy, own = envelope.policy, self.aliases(envelope.tenant)
            name = meant(self.catalog, envelope.shape.model, own, policy.allowed_tiers)
            chosen = domain.choose(self.catalog, name, policy, self._state)
        except NorthernError as error:
            await self._refuse(envelope, error)
            return
        envelope.slip.append(Candidate(route_id=chosen.route_id, egress=chosen.egress))
        envelope.hops.append(self.identity.hop())
        token = subjects.random_token()
        self._remember(token, envelope)
        try:
            await self.bus.publish(
                subjects.work(chosen.egress),
                envelope.SerializeToString(),
                subjects.nak("router", self.identity.node, token),
            )
        except BusUnavailable:
            return  # the edge hears nothing and says so

    async def nobody(self, message: Message) -> None:
        """A worker was announced but does not listen any more."""
        known = self.on_their_way.pop(message.subject.rpartition(".")[2], None)
        if known is None or not message.no_responders:
            return
        self.metrics.count("handoffs_refused_total")
        await self._refuse(known[1], Overloaded("no worker is there for this route; try again", retry_after_ms=1000))

    def _state(self, egress: str) -> EgressState | None:
        """What is known of a way out. Just after a start silence proves nothing: nobody there is found out then."""
        state = self.heard.egress(egress)
        if state is None and not self.heard.settled:
            return EgressState(name=egress, available=True)
        return state

    def _remember(self, token: str, envelope: Envelope) -> None:
        now = time.monotonic()
        while self.on_their_way and next(iter(self.on_their_way.values()))[0] < now - _ON_ITS_WAY_S:
            self.on_their_way.popitem(last=False)
        self.on_their_way[token] = (now, Envelope(request_id=envelope.request_id, reply=envelope.reply))

    async def _refuse(self, envelope: Envelope, error: NorthernError) -> None:
        if isinstance(error, ResidencyRefused):
            self._on_record(envelope, error)
        frame = Frame(attempt=envelope.attempt, n=0, failure=to_failure(error))
        try:
            await self.bus.publish(envelope.reply, frame.SerializeToString())
        except BusUnavailable:
            return

    def _on_record(self, envelope: Envelope, error: ResidencyRefused) -> None:
        try:
            self.facts.publish("refused", refused(envelope, error, self.identity.hop()))
        except RecordUnavailable:
            logger().error("refusal_lost", request_id=envelope.request_id)
