"""One request at a worker: taken, put on record, sent once, passed back as it comes, put on record again."""

import asyncio
import io
import time
from functools import lru_cache

import aiohttp
import yarl

from libs.bus.outflow import Gone, Outflows
from libs.catalog.model import Route
from libs.catalog.observed import INFERENCE_GEO
from libs.contracts.errors import (
    CredentialRefused,
    CreditOnHold,
    InsufficientCredits,
    Internal,
    NorthernError,
    RecordUnavailable,
    ResidencyRefused,
    SpendCapReached,
    StreamBroken,
    UpstreamError,
    UpstreamTimeout,
    WorkerLost,
)
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.frames_pb2 import End, Head, RouteFacts
from services.worker import callers, domain
from services.worker.byok.clients import refused_own
from services.worker.money.charge import charge
from services.worker.money.holding import Account, Holding
from services.worker.money.reckoning import reckon
from services.worker.preparing import Ready, made_ready, placed
from services.worker.providers.base import Decoder, Estimated, Prepared, Provider
from services.worker.record import Record, intent
from services.worker.seen import Seen, end_of
from services.worker.street import Street
from services.worker.ways_out import WayOut

_HEAD_S = 10.0  # a live 200 without content commits after this
_OK = 200
_MAX_ANSWER = 64 << 20
_MAX_ERROR = 1 << 20
_PIECEWISE = 1 << 20  # a body larger than this is written in pieces
_NO_MONEY = (InsufficientCredits, SpendCapReached, CreditOnHold)  # what may end an answer that has begun


class Run:
    """One attempt at one provider. `tick` is called every quarter of a second with the monotonic time."""

    def __init__(self, street: Street, envelope: Envelope, outflows: Outflows) -> None:
        self._street, self._envelope = street, envelope
        self._outflow = outflows.open(envelope.reply, envelope.attempt, self._leave)
        self.task: asyncio.Task[None] | None = None
        self._seen = Seen(salt=envelope.salt)
        self._late: UpstreamTimeout | None = None
        self._record = Record(street.facts, envelope, street.witness)
        self._committed = False
        self._route: Route | None = None
        self._facts: RouteFacts | None = None
        self._prepared: Prepared | None = None
        self._holding: Holding | None = None
        self._unheld = False  # the account does not carry the request: nothing was sent, and no way out is claimed
        self._streams = envelope.shape.stream and not callers.counts(envelope)

    async def run(self) -> None:
        """The whole request; whatever happens, what was put on record is closed and the caller is told."""
        try:
            await self._attempt()
        except asyncio.CancelledError:
            if self._late is not None:
                await self._fail(self._late)
            elif self._outflow.gone:
                await self._finish(Outcome.OUTCOME_CANCELLED, "client_gone")
            else:
                await self._fail(
                    WorkerLost("this worker had to stop before the end; send it again", retry_after_ms=500)
                )
                raise
        except Gone:
            await self._finish(Outcome.OUTCOME_CANCELLED, "client_gone")
        except NorthernError as error:
            await self._fail(error)
        except Exception:
            await self._fail(Internal("something went wrong on our side; try again"))
            raise
        finally:
            self._outflow.close()

    async def tick(self, now: float) -> None:
        """Deadlines of the provider, and Head for an answer that is live but says nothing."""
        seen, route = self._seen, self._route
        if not seen.dialled or route is None or self._late is not None or self._record.closed:
            return
        if self._holding is not None:
            self._holding.renew(now)
        limits = route.limits
        silent = now - max(seen.dialled, seen.last)
        if seen.first or (seen.answered and self._committed):
            limit = limits.between_bytes_s
        else:
            limit = limits.first_event_s if self._streams else limits.whole_s
        if silent > limit or now - seen.dialled > limits.stream_s:
            self._late = UpstreamTimeout(f"the provider said nothing for {limit:.0f} s; try again")
            if self.task is not None:
                self.task.cancel()
        elif self._streams and seen.status == _OK and now - seen.answered > _HEAD_S:
            await self._commit()

    def _leave(self) -> None:
        """The client is gone: whatever is awaited, stop."""
        if self.task is not None:
            self.task.cancel()

    async def _attempt(self) -> None:
        envelope = self._envelope
        place = await placed(self._street, envelope)
        body = envelope.body
        if envelope.HasField("body_ref"):
            body = await self._outflow.pull(envelope.body_ref.subject, envelope.body_ref.size)
        self._route = place.route
        self._facts = self._street.facts_of(place.route, place.way, place.source)
        ready = await made_ready(self._street, envelope, body, place)
        size = len(body)
        envelope.ClearField("body")  # an answer may take an hour: what has been read is not kept
        del body
        if isinstance(ready.call, Estimated):
            await self._answer(ready.call)
            return
        self._prepared = ready.call
        await self._intend(ready.call, ready, place.way, size)
        await self._call(ready.call, place.provider, place.way)

    async def _intend(self, prepared: Prepared, ready: Ready, way: WayOut, size: int) -> None:
        """The egress record (I1) and the hold (I3): both are asked for, then both awaited, or nothing leaves."""
        assert self._facts is not None
        egress = await intent(
            self._envelope,
            prepared.body,
            boot_id=self._street.boot_id,
            route=self._facts,
            host=way.host,
            fetched=ready.images_fetched,
            linked=ready.images_linked,
            catalogue=self._street.catalog.digest,
        )
        self._record.begin(egress)
        await self._hold(size)
        if not await self._record.durable():
            await self._finish(Outcome.OUTCOME_NOT_SENT, RecordUnavailable.code, wait=False)
            raise RecordUnavailable(
                "the custody record cannot be written right now, so nothing was sent; try again", retry_after_ms=1000
            )
        self._street.metrics.count("egress_records_total")

    async def _hold(self, size: int) -> None:
        """Counting tokens costs nothing, so nothing is held for it. `size`: of the caller's body."""
        street, envelope = self._street, self._envelope
        if callers.counts(envelope):
            return
        assert self._route is not None
        reckoning = reckon(street.catalog, self._route, envelope, size)
        self._holding = Holding(street.ledger, street.metrics, reckoning, Account.of(envelope))
        await self._holding.begin()
        try:
            await self._holding.granted()
        except NorthernError as error:
            self._unheld = True
            await self._finish(Outcome.OUTCOME_NOT_SENT, error.code, wait=False)
            raise

    async def _answer(self, estimated: Estimated, end: End | None = None) -> None:
        """An answer of our own: it claims no provider's work, and costs nothing."""
        head = self._head()
        head.estimated = True
        if not self._seen.dialled:
            head.attempts = 0
            head.ClearField("route")  # a place where nothing was sent is no claim to make (I9)
        await self._outflow.send(head=head, data=estimated.body, end=end or End())

    async def _call(self, prepared: Prepared, provider: Provider, way: WayOut) -> None:
        headers = dict(prepared.headers)
        if way.sandbox:
            headers["x-ni-egress-id"] = self._envelope.request_id
        # aiohttp writes bytes at once and a file in pieces, between which running streams get their turn.
        body = io.BytesIO(prepared.body) if len(prepared.body) > _PIECEWISE else prepared.body
        self._seen.dialled = time.monotonic()
        session = self._street.sessions[way.egress.name]
        try:
            async with session.post(_url(prepared.url), data=body, headers=headers, allow_redirects=False) as (
                response
            ):
                self._seen.answers(response)
                prepared.body = body = b""
                if response.status != _OK:  # anything else is a refusal, redirects too
                    said = await self._refused(response)
                    await self._refuse(provider.refusal(response.status, response.headers, said), prepared)
                elif self._streams:
                    await self._stream(response, prepared)
                else:
                    await self._whole(response, prepared)
        except aiohttp.ClientConnectorError as error:
            raise UpstreamError("the provider could not be reached; try again", retry_after_ms=1000) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise UpstreamError("the provider broke off; try again", retry_after_ms=1000) from error

    async def _refused(self, response: aiohttp.ClientResponse) -> bytes:
        """What a provider says when it refuses, as far as it comes and within reason."""
        said = bytearray()
        try:
            async for part in response.content.iter_any():
                self._seen.came(part)
                said += part
                if len(said) > _MAX_ERROR:
                    break
        except aiohttp.ClientError:
            pass  # the status has been said
        return bytes(said)

    async def _refuse(self, error: NorthernError, prepared: Prepared) -> None:
        """The refusal is the answer, unless we have one of our own for it."""
        ours = prepared.estimated
        if ours is None or not ours.replaces(error):
            raise error
        ours.noted()
        await self._answer(ours, await self._finish(Outcome.OUTCOME_FAILED, self._whose(error).code))

    async def _whole(self, response: aiohttp.ClientResponse, prepared: Prepared) -> None:
        parts = []
        size = 0
        async for part in response.content.iter_any():
            self._seen.came(part)
            self._seen.content()
            parts.append(part)
            size += len(part)
            if size > _MAX_ANSWER:
                raise UpstreamError("the provider's answer is larger than 64 MiB; ask for it as a stream")
        out = prepared.decoder.whole(parts[0] if len(parts) == 1 else b"".join(parts))
        end = await self._finish(Outcome.OUTCOME_COMPLETED)
        await self._outflow.send(head=self._head(), data=out, output_bytes=prepared.decoder.output_bytes, end=end)

    async def _stream(self, response: aiohttp.ClientResponse, prepared: Prepared) -> None:
        decoder = prepared.decoder
        held = b""
        async for part in response.content.iter_any():
            self._seen.came(part)
            out = decoder.feed(part)
            if decoder.started:
                self._seen.content()
            if not self._committed and not decoder.started:
                held += out
                if decoder.error is not None:
                    break
                continue
            if held or out:
                await self._pass_on(held + out, decoder)
                held = b""
            if decoder.error is not None:
                break
        if decoder.error is not None:
            raise decoder.error
        if not decoder.complete:
            raise UpstreamError("the provider broke off; try again", retry_after_ms=1000)
        await self._commit()
        end = await self._finish(Outcome.OUTCOME_COMPLETED)
        await self._outflow.send(data=held + decoder.finish(), output_bytes=decoder.output_bytes, end=end)

    async def _pass_on(self, data: bytes, decoder: Decoder) -> None:
        """Nothing that is not held for. Of an answer that is whole the usage is known, seldom a token a byte."""
        output, usage = decoder.output_bytes, decoder.usage if decoder.complete else None
        if self._holding is not None:
            await self._holding.cover(output if usage is None else usage.output)
        await self._commit()
        await self._outflow.send(data=data, output_bytes=output)
        self._seen.forwarded = output

    async def _commit(self) -> None:
        """Head: from here on the answer is this provider's."""
        if not self._committed:
            self._committed = True
            await self._outflow.send(head=self._head())

    def _head(self) -> Head:
        return Head(
            status=200,
            stream=self._streams,
            route=self._facts,
            dropped_params=callers.as_called(self._envelope, self._prepared.dropped) if self._prepared else (),
            attempts=self._envelope.attempt + 1,
            limits=self._holding.limits if self._holding else None,
            provider_us=self._seen.provider_us(),
            provider_request_id=self._seen.endpoint.provider_request_id,
        )

    async def _fail(self, error: NorthernError) -> None:
        error = self._whose(error)
        if isinstance(error, ResidencyRefused):
            self._record.refuse(error)
        outcome = Outcome.OUTCOME_CUT if self._committed else Outcome.OUTCOME_FAILED
        await self._finish(outcome, error.code)
        told = error
        if self._committed and not isinstance(error, StreamBroken):
            kind = type(error) if isinstance(error, _NO_MONEY) else StreamBroken
            told = kind(f"{error.message} The answer above is incomplete.")
        try:
            failure = to_failure(told, self._facts if self._record.begun and not self._unheld else None)
            if self._holding is not None:
                failure.limits.update(self._holding.limits)
            if self._prepared is not None:
                failure.message = domain.scrubbed(failure.message, self._prepared.headers)
            await self._outflow.send(failure=failure)
        except Gone:
            return

    def _whose(self, error: NorthernError) -> NorthernError:
        """A refused credential is the operator's to look after, unless it was the account's own."""
        if isinstance(error, CredentialRefused) and self._envelope.policy.byok and self._route is not None:
            return refused_own(self._street.catalog.egress_of(self._route))
        return error

    async def _finish(self, outcome: Outcome, error_code: str = "", *, wait: bool = True) -> End:
        """Close what was put on record, once. Durable before the caller sees the end; late only where the broker is."""
        if self._record.closed or not self._record.begun or self._route is None:
            return End()
        if not self._seen.dialled:
            outcome = Outcome.OUTCOME_NOT_SENT
            if self._holding is not None:
                self._holding.give_back()
        decoder = self._prepared.decoder if self._prepared else None
        if outcome == Outcome.OUTCOME_COMPLETED and decoder is not None:
            self._seen.forwarded = decoder.output_bytes
        said, forwarded = decoder.usage if decoder else None, self._seen.forwarded
        charged = charge(self._street.catalog, self._route, self._envelope, outcome, said, forwarded)
        finished = self._seen.finished(outcome, charged, error_code)
        finished.boot_id, finished.attempts = self._street.boot_id, self._envelope.attempt + 1
        finished.rate_card = self._route.rate_card
        if said is not None and said.inference_geo:
            finished.returned[INFERENCE_GEO] = said.inference_geo
        self._street.metrics.count("provider_calls_total", self._route.egress, Outcome.Name(outcome)[8:].lower())
        await self._record.close(finished, wait=wait)
        return end_of(charged)


@lru_cache(maxsize=256)  # the same few addresses, request after request
def _url(address: str) -> yarl.URL:
    """As it was signed: yarl would write `%3A` back to `:`."""
    return yarl.URL(address, encoded=True)
