"""One attempt at one candidate: its place found, made ready, held for, put on record, called."""

from collections.abc import Mapping

from libs.catalog.observed import INFERENCE_GEO
from libs.contracts.errors import CredentialRefused, NorthernError, RecordUnavailable, ResidencyRefused, UpstreamTimeout
from libs.contracts.northern.v1.envelope_pb2 import Try
from libs.contracts.northern.v1.facts_pb2 import (
    OUTCOME_COMPLETED,
    OUTCOME_FAILED,
    OUTCOME_NOT_SENT,
    Finished,
    Outcome,
)
from libs.contracts.northern.v1.frames_pb2 import End, RouteFacts
from services.worker import callers
from services.worker.byok.clients import refused_own
from services.worker.money.charge import charge
from services.worker.money.holding import Account, Holding
from services.worker.money.reckoning import Asked, reckon
from services.worker.providers.base import Estimated, Prepared
from services.worker.requests.calling import Call
from services.worker.requests.preparing import Place, Ready, made_ready, placed, still_allowed
from services.worker.requests.record import intent
from services.worker.requests.request import Request
from services.worker.requests.seen import Seen, end_of
from services.worker.requests.testimony import Intent
from services.worker.upstream.signals import Ending


class Attempt:
    """services.worker.requests.request.Made of the candidate whose turn it is."""

    __slots__ = (
        "_call",
        "_holding",
        "_place",
        "_prepared",
        "_request",
        "_seen",
        "_street",
        "facts",
        "intent",
        "unheld",
    )

    def __init__(self, request: Request) -> None:
        self._request, self._street = request, request.street
        self._seen = Seen(salt=request.envelope.salt)
        self._place: Place | None = None
        self._prepared: Prepared | None = None
        self._holding: Holding | None = None
        self._call: Call | None = None
        self.facts: RouteFacts | None = None
        self.intent: Intent | None = None
        self.unheld = False  # the account does not carry the request: nothing was sent, and no way out is claimed

    @property
    def dialled(self) -> bool:
        return self._seen.dialled > 0

    @property
    def egress(self) -> str:
        assert self._place is not None
        return self._place.route.egress

    @property
    def answering(self) -> bool:
        """Whether content has come: from then on no other candidate may begin anew."""
        return self._seen.first > 0

    @property
    def late(self) -> UpstreamTimeout | None:
        """Set by `tick`, whose caller then cancels what runs."""
        return self._call.late if self._call is not None else None

    @property
    def secrets(self) -> Mapping[str, str]:
        return self._prepared.headers if self._prepared is not None else {}

    async def make(self) -> None:
        """All of it. Raises what failed it, as the caller is to hear it."""
        try:
            call = await self._made_ready()
            if isinstance(call, Estimated):
                await self._estimate(call)
            else:
                await self._called(call)
        except CredentialRefused as error:
            raise self._whose(error) from error

    async def tick(self, now: float) -> bool:
        """Called every quarter of a second with the monotonic time; True: the provider has run out of it."""
        return self._call is not None and await self._call.tick(now)

    def over(self, kind: Ending) -> None:
        if self._call is not None:
            self._call.over(kind)

    def tried(self, error_code: str) -> Try:
        assert self.intent is not None
        return Try(
            attempt=self.intent.attempt,
            route_id=self.intent.route.route_id,
            code=error_code,
            provider_status=self._seen.status,
            total_ms=self._seen.called_ms(),
            sent=self._call is not None and self._call.connected,
        )

    def give_back(self) -> None:
        if self._holding is not None:
            self._holding.give_back()

    def finished(self, outcome: Outcome, error_code: str) -> tuple[Finished, End]:
        assert self._place is not None
        assert self.intent is not None
        route, decoder = self._place.route, self._prepared.decoder if self._prepared else None
        if outcome == OUTCOME_COMPLETED and decoder is not None:
            self._seen.forwarded = decoder.output_bytes
        said, forwarded = decoder.usage if decoder else None, self._seen.forwarded
        charged = charge(self._place.catalog, route, self._request.terms, outcome, said, forwarded)
        finished = self._seen.finished(outcome, charged, error_code)
        finished.attempts, finished.rate_card = self.intent.attempt + 1, route.rate_card
        if said is not None and said.inference_geo:
            finished.returned[INFERENCE_GEO] = said.inference_geo
        return finished, end_of(charged)

    async def _made_ready(self) -> Prepared | Estimated:
        """All that stands before the call. What it took ends here: the call may last an hour."""
        request, envelope = self._request, self._request.envelope
        self._place = place = await placed(self._street, envelope)
        self.facts = self._street.facts_of(place.catalog, place.route, place.way, place.source)
        body = await request.body()
        ready = await made_ready(self._street, envelope, body, place)
        asked = Asked.of(body)
        del body
        request.let_go()
        if isinstance(ready.call, Prepared):
            self._prepared = ready.call
            await self._intend(ready.call, ready, place, asked)
        return ready.call

    async def _intend(self, prepared: Prepared, ready: Ready, place: Place, asked: Asked) -> None:
        """The egress record (I1) and the hold (I3): both are asked for, then both awaited, or nothing leaves."""
        request, envelope = self._request, self._request.envelope
        assert self.facts is not None
        egress = await intent(
            envelope,
            prepared.body,
            boot_id=self._street.boot_id,
            route=self.facts,
            host=place.way.host,
            fetched=ready.images_fetched,
            linked=ready.images_linked,
            catalogue=place.catalog.digest,
        )
        still_allowed(self._street, envelope, place)
        request.record.begin(egress)
        self.intent = Intent.of(egress, self.facts)
        await self._hold(place, asked)
        if not await request.record.durable():
            await request.close(OUTCOME_NOT_SENT, RecordUnavailable.code, wait=False)
            raise RecordUnavailable(
                "the custody record cannot be written right now, so nothing was sent; try again", retry_after_ms=1000
            )
        request.state_refusals()
        if self._street.catalog is not place.catalog:  # edited meanwhile
            await self._checked_again(place)
        self._street.metrics.count("egress_records_total")

    async def _checked_again(self, place: Place) -> None:
        """Nothing leaves by a rule that changed while the record was written: it is closed, and that is the end."""
        request = self._request
        try:
            still_allowed(self._street, request.envelope, place)
        except NorthernError as error:
            if isinstance(error, ResidencyRefused):
                request.record.refuse(request.envelope, error)
            await request.close(OUTCOME_NOT_SENT, error.code, wait=False)
            raise

    async def _hold(self, place: Place, asked: Asked) -> None:
        """Counting tokens costs nothing, so nothing is held for it."""
        street, request, envelope = self._street, self._request, self._request.envelope
        if callers.counts(envelope):
            return
        reckoning = reckon(place.catalog, place.route, envelope, asked)
        self._holding = holding = Holding(street.ledger, street.metrics, reckoning, Account.of(envelope))
        await holding.begin()
        try:
            await holding.granted()
        except NorthernError as error:
            self.unheld = True
            await request.close(OUTCOME_NOT_SENT, error.code, wait=False)
            raise
        finally:
            request.limits = holding.limits or request.limits  # an extension's answer has none
        envelope.held_nano = holding.nano

    async def _called(self, prepared: Prepared) -> None:
        """A refusal is the answer, unless we have one of our own for it."""
        assert self._place is not None
        assert self.facts is not None
        request, ours = self._request, prepared.estimated
        self._call = call = Call(request, self._place, prepared, self._holding, self.facts, self._seen)
        try:
            await call.make()
        except NorthernError as error:
            if ours is None or not ours.replaces(error):
                raise
            ours.noted()
            call.over(Ending.NOT_THEIR_FAULT)
            head = call.head()
            head.estimated = True
            end = await request.close(OUTCOME_FAILED, self._whose(error).code)
            await request.outflow.send(head=head, data=ours.body, end=end)

    async def _estimate(self, estimated: Estimated) -> None:
        """An answer of our own: it claims no provider's work, and costs nothing."""
        assert self._place is not None
        request = self._request
        end = await request.close(OUTCOME_FAILED)
        head = request.head(
            self._place.route, None, self._seen, ()
        )  # a place where nothing was sent is no claim to make (I9)
        head.estimated = True
        if (called := request.told) is not None and called.facts is not None:
            head.route.CopyFrom(called.facts)
        await request.outflow.send(head=head, data=estimated.body, end=end)

    def _whose(self, error: NorthernError) -> NorthernError:
        """A refused credential is the operator's to look after, unless it was the account's own."""
        if isinstance(error, CredentialRefused) and self._request.terms.byok and self._place is not None:
            return refused_own(self._place.catalog.egress_of(self._place.route))
        return error
