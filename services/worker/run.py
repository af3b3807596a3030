"""One request at a worker: taken, put on record, sent once, passed back as it comes, put on record again."""

import asyncio
import hmac
import io
import time
from dataclasses import dataclass, field
from functools import lru_cache

import aiohttp
import yarl

from libs.bus.outflow import Gone, Outflows
from libs.catalog.model import Route
from libs.contracts.errors import (
    Internal,
    NorthernError,
    RecordUnavailable,
    StreamBroken,
    UpstreamError,
    UpstreamTimeout,
    WorkerLost,
)
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Endpoint, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import End, Head, RouteFacts, Usage
from services.worker import callers, domain
from services.worker.endpoint import endpoint_of
from services.worker.preparing import Ready, made_ready, placed
from services.worker.providers.base import Estimated, Prepared, Provider
from services.worker.record import Record, intent
from services.worker.street import Street
from services.worker.ways_out import WayOut

_HEAD_S = 10.0  # a live 200 without content commits after this
_OK = 200
_MAX_ANSWER = 64 << 20
_MAX_ERROR = 1 << 20
_PIECEWISE = 1 << 20  # a body larger than this is written in pieces


@dataclass(kw_only=True)
class Timings:
    """Monotonic seconds; 0: has not happened."""

    began: float = field(default_factory=time.monotonic)
    dialled: float = 0.0
    answered: float = 0.0
    first: float = 0.0
    last: float = 0.0


class Run:
    """One attempt at one provider. `tick` is called every quarter of a second with the monotonic time."""

    def __init__(self, street: Street, envelope: Envelope, outflows: Outflows) -> None:
        self._street, self._envelope = street, envelope
        self._outflow = outflows.open(envelope.reply, envelope.attempt, self._leave)
        self.task: asyncio.Task[None] | None = None
        self._times = Timings()
        self._late: UpstreamTimeout | None = None
        self._record = Record(street.facts, envelope)
        self._committed = False
        self._status = 0
        self._endpoint = Endpoint()
        self._route: Route | None = None
        self._facts: RouteFacts | None = None
        self._prepared: Prepared | None = None
        self._hash = hmac.new(envelope.salt, digestmod="sha256")
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
        times, route = self._times, self._route
        if not times.dialled or route is None or self._late is not None or self._record.closed:
            return
        limits = route.limits
        silent = now - max(times.dialled, times.last)
        if times.first or (times.answered and self._committed):
            limit = limits.between_bytes_s
        else:
            limit = limits.first_event_s if self._streams else limits.whole_s
        if silent > limit or now - times.dialled > limits.stream_s:
            self._late = UpstreamTimeout(f"the provider said nothing for {limit:.0f} s; try again")
            if self.task is not None:
                self.task.cancel()
        elif self._streams and self._status == _OK and now - times.answered > _HEAD_S:
            await self._commit()

    def _leave(self) -> None:
        """The client is gone: whatever is awaited, stop."""
        if self.task is not None:
            self.task.cancel()

    async def _attempt(self) -> None:
        envelope = self._envelope
        place = placed(self._street, envelope)
        body = envelope.body
        if envelope.HasField("body_ref"):
            body = await self._outflow.pull(envelope.body_ref.subject, envelope.body_ref.size)
        self._route = place.route
        self._facts = self._street.facts_of(place.route, place.way)
        ready = await made_ready(self._street, envelope, body, place)
        envelope.ClearField("body")  # an answer may take an hour: what has been read is not kept
        del body
        if isinstance(ready.call, Estimated):
            await self._answer(ready.call)
            return
        self._prepared = ready.call
        await self._intend(ready.call, ready, place.way)
        await self._call(ready.call, place.provider, place.way)

    async def _intend(self, prepared: Prepared, ready: Ready, way: WayOut) -> None:
        """The egress record: durable before the first byte leaves, or nothing leaves (I1)."""
        assert self._facts is not None
        egress = await intent(
            self._envelope,
            prepared.body,
            boot_id=self._street.boot_id,
            route=self._facts,
            host=way.host,
            fetched=ready.images_fetched,
            linked=ready.images_linked,
        )
        if not await self._record.intend(egress):
            await self._finish(Outcome.OUTCOME_NOT_SENT, RecordUnavailable.code, wait=False)
            raise RecordUnavailable(
                "the custody record cannot be written right now, so nothing was sent; try again", retry_after_ms=1000
            )
        self._street.metrics.count("egress_records_total")

    async def _answer(self, estimated: Estimated, end: End | None = None) -> None:
        """An answer of our own: it claims no provider's work, and costs nothing."""
        head = self._head()
        head.estimated = True
        if not self._times.dialled:
            head.attempts = 0
            head.ClearField("route")  # a place where nothing was sent is no claim to make (I9)
        await self._outflow.send(head=head, data=estimated.body, end=end or End())

    async def _call(self, prepared: Prepared, provider: Provider, way: WayOut) -> None:
        headers = dict(prepared.headers)
        if way.sandbox:
            headers["x-ni-egress-id"] = self._envelope.request_id
        # aiohttp writes bytes at once and a file in pieces, between which running streams get their turn.
        body = io.BytesIO(prepared.body) if len(prepared.body) > _PIECEWISE else prepared.body
        self._times.dialled = time.monotonic()
        session = self._street.sessions[way.egress.name]
        try:
            async with session.post(_url(prepared.url), data=body, headers=headers, allow_redirects=False) as (
                response
            ):
                self._answered(response)
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

    def _answered(self, response: aiohttp.ClientResponse) -> None:
        self._times.answered = self._times.last = time.monotonic()
        self._status = response.status
        self._endpoint = endpoint_of(response)

    async def _refused(self, response: aiohttp.ClientResponse) -> bytes:
        """What a provider says when it refuses, as far as it comes and within reason."""
        said = bytearray()
        try:
            async for part in response.content.iter_any():
                self._hash.update(part)
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
        await self._answer(ours, await self._finish(Outcome.OUTCOME_FAILED, error.code))

    async def _whole(self, response: aiohttp.ClientResponse, prepared: Prepared) -> None:
        parts = []
        size = 0
        async for part in response.content.iter_any():
            self._times.last = time.monotonic()
            self._times.first = self._times.first or self._times.last
            self._hash.update(part)
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
            self._times.last = time.monotonic()
            self._hash.update(part)
            out = decoder.feed(part)
            if decoder.started and not self._times.first:
                self._times.first = self._times.last
            if not self._committed and not decoder.started:
                held += out
                if decoder.error is not None:
                    break
                continue
            if held or out:
                await self._commit()
                await self._outflow.send(data=held + out, output_bytes=decoder.output_bytes)
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

    async def _commit(self) -> None:
        """Head: from here on the answer is this provider's."""
        if not self._committed:
            self._committed = True
            await self._outflow.send(head=self._head())

    def _head(self) -> Head:
        first = self._times.first or time.monotonic()
        return Head(
            status=200,
            stream=self._streams,
            route=self._facts,
            dropped_params=callers.as_called(self._envelope, self._prepared.dropped) if self._prepared else (),
            attempts=self._envelope.attempt + 1,
            provider_us=int((first - self._times.dialled) * 1e6) if self._times.dialled else 0,
            provider_request_id=self._endpoint.provider_request_id,
        )

    async def _fail(self, error: NorthernError) -> None:
        outcome = Outcome.OUTCOME_CUT if self._committed else Outcome.OUTCOME_FAILED
        await self._finish(outcome, error.code)
        told = error
        if self._committed and not isinstance(error, StreamBroken):
            told = StreamBroken(f"{error.message} The answer above is incomplete.")
        try:
            failure = to_failure(told, self._facts if self._record.begun else None)
            if self._prepared is not None:
                failure.message = domain.scrubbed(failure.message, self._prepared.headers)
            await self._outflow.send(failure=failure)
        except Gone:
            return

    async def _finish(self, outcome: Outcome, error_code: str = "", *, wait: bool = True) -> End:
        """Close what was put on record, once. Durable before the caller sees the end; late only where the broker is."""
        if self._record.closed or not self._record.begun or self._route is None:
            return End()
        if not self._times.dialled:
            outcome = Outcome.OUTCOME_NOT_SENT
        usage = self._usage(outcome)
        priced = domain.cost(self._street.catalog, self._route, usage)
        now = time.monotonic()
        finished = Finished(
            boot_id=self._street.boot_id,
            attempts=self._envelope.attempt + 1,
            outcome=outcome,
            usage=usage,
            rate_card=self._route.rate_card,
            cost_nano=priced.total_nano,
            currency=priced.currency,
            provider_status=self._status,
            error_code=error_code,
            endpoint=self._endpoint,
            response_hash=self._hash.digest() if self._status else b"",
            first_byte_ms=_ms(self._times.first - self._times.dialled) if self._times.first else 0,
            total_ms=_ms(now - self._times.began),
            output_bytes=self._prepared.decoder.output_bytes if self._prepared else 0,
        )
        self._street.metrics.count("provider_calls_total", self._route.egress, Outcome.Name(outcome)[8:].lower())
        await self._record.close(finished, wait=wait)
        return End(usage=usage, cost_nano=priced.total_nano, currency=priced.currency)

    def _usage(self, outcome: Outcome) -> Usage:
        """What the provider said; else, where something was forwarded, an estimate; else nothing was used."""
        decoder = self._prepared.decoder if self._prepared else None
        if decoder is not None and decoder.usage is not None:
            return decoder.usage
        if decoder is None or not self._times.first or outcome == Outcome.OUTCOME_FAILED:
            return Usage()
        return domain.estimated(self._envelope.shape.text_bytes, decoder.output_bytes)


@lru_cache(maxsize=256)  # the same few addresses, request after request
def _url(address: str) -> yarl.URL:
    """As it was signed: yarl would write `%3A` back to `:`."""
    return yarl.URL(address, encoded=True)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
