"""A request in, a routing slip on it, and on to a worker; or a failure straight to the edge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message
from libs.bus.beats import Heard
from libs.bus.facts import FactPublisher
from libs.catalog.live import Live
from libs.catalog.model import Route
from libs.catalog.resolve import meant
from libs.contracts import subjects
from libs.contracts.errors import (
    OUR_FAULT,
    BusUnavailable,
    Internal,
    NorthernError,
    Overloaded,
    RecordUnavailable,
    ResidencyRefused,
    RouteUnavailable,
)
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.contracts.northern.v1.street_pb2 import EgressState
from libs.contracts.refusals import refused
from libs.runtime.identity import Identity
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.router import domain
from services.router.auto import AUTO, Auto
from services.router.handoffs import OnTheirWay
from services.router.health.order import Draw


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Routes requests; remembers where to send a refusal for as long as one can come."""

    bus: Bus
    live: Live
    heard: Heard
    facts: FactPublisher
    metrics: Metrics
    identity: Identity
    aliases: Callable[[str], Mapping[str, str]] = lambda _: {}  # an account's own names of models
    auto: Auto | None = None  # None: it does not choose here
    on_their_way: OnTheirWay = field(default_factory=OnTheirWay)

    async def route(self, message: Message) -> None:
        """One envelope: chosen and handed on."""
        try:
            envelope = Envelope.FromString(message.data)
        except DecodeError:
            logger().error("envelope_unreadable")
            return
        try:
            routes = self._choose(envelope)
        except NorthernError as error:
            await self._refuse(envelope, error)
            return
        except Exception as error:  # noqa: BLE001 - one request that nobody can choose for must not be left waiting
            logger().error("choice_fell", error_type=type(error).__name__)
            await self._refuse(envelope, Internal(OUR_FAULT))
            return
        for route in routes:
            envelope.slip.add(route_id=route.route_id, egress=route.egress)
        envelope.hops.append(self.identity.hop())
        await self._hand_on(envelope)

    async def nobody(self, message: Message) -> None:
        """A worker was announced but does not listen any more: on to the next candidate's, where there is one."""
        envelope = self.on_their_way.pop(message.subject.rpartition(".")[2], no_responders=message.no_responders)
        if envelope is None:
            return
        self.metrics.count("handoffs_refused_total")
        gone = envelope.slip[0].egress if envelope.slip else ""
        for index in reversed(range(len(envelope.slip))):
            if envelope.slip[index].egress == gone:
                del envelope.slip[index]
        if not envelope.slip:
            refusal = Overloaded("no worker is there for this route; try again", retry_after_ms=1000)
            await self._refuse(envelope, refusal)
            return
        if envelope.HasField("decision"):
            envelope.decision.model, envelope.decision.reason = envelope.slip[0].route_id, "fallback"
            envelope.decision.fallbacks[:] = [candidate.route_id for candidate in envelope.slip[1:]]
        await self._hand_on(envelope)

    def explain(self, envelope: Envelope) -> dict[str, Any]:
        """What `auto` would choose for it. Raises what would refuse it."""
        street, _ = self._street()
        return self._auto().explain(envelope, self.aliases(envelope.tenant), street)

    def _choose(self, envelope: Envelope) -> list[Route]:
        policy, shape, own = envelope.policy, envelope.shape, self.aliases(envelope.tenant)
        street, ways = self._street()
        if shape.model == AUTO:  # before anybody's own names: it is ours
            return self._auto().choose(envelope, own, street, ways)
        session = f"{envelope.tenant} {shape.session}" if shape.session else ""
        draw = Draw(session, envelope.request_id, shape.stream)
        catalog = self.live.current
        name = meant(catalog, shape.model, own, policy.allowed_tiers)
        return domain.candidates(catalog, name, policy, street, draw)

    def _auto(self) -> Auto:
        if self.auto is None:
            raise RouteUnavailable(f"`{AUTO}` does not choose here; name a model")
        return self.auto

    def _street(self) -> tuple[domain.Street, object]:
        """What is heard now, and what is another object as soon as another way out is open."""
        street = domain.Street(self._state, self.heard.signals())
        return street, self.heard.egresses() if self.heard.settled else object()

    async def _hand_on(self, envelope: Envelope) -> None:
        token, data = subjects.random_token(), envelope.SerializeToString()
        self.on_their_way.keep(token, envelope, len(data))
        try:
            await self.bus.publish(
                subjects.work(envelope.slip[0].egress), data, subjects.nak("router", self.identity.node, token)
            )
        except BusUnavailable:
            return  # the edge hears nothing and says so

    def _state(self, egress: str) -> EgressState | None:
        """What is known of a way out. Just after a start silence proves nothing: nobody there is found out then."""
        state = self.heard.egress(egress)
        if state is None and not self.heard.settled:
            return EgressState(name=egress, available=True)
        return state

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
