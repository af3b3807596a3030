"""One call to a provider: sent once, watched, passed back as it comes; how it went is told to the signals."""

import time

import aiohttp

from libs.contracts.errors import UpstreamError, UpstreamTimeout
from libs.contracts.northern.v1.facts_pb2 import OUTCOME_COMPLETED
from libs.contracts.northern.v1.frames_pb2 import End, Head, RouteFacts
from services.worker.money.holding import Holding
from services.worker.providers.base import Decoder, Prepared
from services.worker.requests.preparing import Place
from services.worker.requests.request import Request
from services.worker.requests.seen import Seen
from services.worker.upstream.dialling import post
from services.worker.upstream.endpoint import Answered
from services.worker.upstream.signals import Ending

_HEAD_S = 10.0  # a live 200 without content commits after this
_OK = 200
_MAX_ANSWER = 64 << 20
_MAX_ERROR = 1 << 20
# Nobody listens, nobody answers in time, or the proxy in between does not let it through: not a byte of it has left.
_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)


class Call:
    """`late`: the provider ran out of time. `connected`: bytes may have left."""

    __slots__ = (
        "_ended",
        "_facts",
        "_holding",
        "_place",
        "_prepared",
        "_read_at",
        "_request",
        "_seen",
        "_signals",
        "_street",
        "connected",
        "late",
    )

    def __init__(
        self, request: Request, place: Place, prepared: Prepared, holding: Holding | None, facts: RouteFacts, seen: Seen
    ) -> None:
        self._request, self._street = request, request.street
        self._place, self._prepared, self._holding, self._facts = place, prepared, holding, facts
        self._seen = seen
        self._ended = False
        self._read_at = 0.0  # until then the answer lay unread here, for its reader took no more
        # A count of tokens is another thing than an answer, and an account's own credential has limits and resources of
        # its own: how such a call went says nothing of the deployment that the others are sent to.
        apart = request.terms.free or request.terms.byok
        self._signals = None if apart else self._street.signals
        self.connected = True
        self.late: UpstreamTimeout | None = None

    async def make(self) -> None:
        """All of it. Raises the provider's failure or refusal."""
        way, prepared = self._place.way, self._prepared
        headers = prepared.headers
        if way.sandbox:
            headers = {**headers, "x-ni-egress-id": self._request.envelope.request_id}
        self._seen.dialled = time.monotonic()
        if self._signals is not None:
            self._signals.started(self._place.route.route_id)
        session = self._street.sessions[way.egress.name]
        try:
            async with post(session, prepared.url, headers, prepared.body) as response:
                self._seen.answers(response)
                prepared.body = b""
                if self._signals is not None:
                    self._signals.headroom(self._place.route.route_id, response.headers)
                if response.status != _OK:  # anything else is a refusal, redirects too
                    said = await self._refused(response)
                    raise self._place.provider.refusal(response.status, response.headers, said)
                if self._request.streams:
                    await self._stream(response)
                else:
                    await self._whole(response)
        except _UNREACHED as error:
            self.connected = False
            raise UpstreamError("The provider could not be reached; try again.", retry_after_ms=1000) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise UpstreamError("The provider broke off; try again.", retry_after_ms=1000) from error

    async def tick(self, now: float) -> bool:
        """Deadlines of the provider (True: one is over), and Head for an answer that is live but says nothing."""
        seen, request = self._seen, self._request
        if not seen.dialled or self._ended or self.late is not None or request.record.closed:
            return False
        if self._holding is not None:
            self._holding.renew(now)
        limits = self._place.route.limits
        if request.outflow.waits:  # whoever does not read hears nothing: that is not the provider's silence
            self._read_at = now
        silent = now - max(seen.dialled, seen.last, self._read_at)
        if seen.first or (seen.answered and request.committed):
            limit = limits.between_bytes_s
        else:
            limit = limits.first_event_s if request.streams else limits.whole_s
        longest = limits.stream_s if request.streams else limits.whole_s
        if silent > limit:
            self.late = UpstreamTimeout(f"The provider said nothing for {limit:.0f} s; try again.")
            return True
        if now - seen.dialled > longest:
            self.late = UpstreamTimeout(f"The answer took longer than {longest:.0f} s, as none may; ask for less.")
            return True
        if request.streams and seen.status == _OK and now - seen.answered > _HEAD_S:
            await self._commit()
        return False

    def over(self, kind: Ending) -> None:
        """What follows is no longer this call's time. The deployment's signals are told how it ended, once."""
        seen, decoder = self._seen, self._prepared.decoder
        if self._ended or not seen.dialled:
            return
        self._ended = True
        seen.over()
        if self._signals is None:
            return
        usage = decoder.usage if kind is Ending.OK else None
        self._signals.ended(
            self._place.route.route_id,
            kind,
            (seen.ended - seen.dialled) * 1000,
            usage.output if usage is not None else 0,
            (seen.last - seen.first) * 1000 if self._request.streams and seen.first else 0,
        )

    async def _refused(self, response: Answered) -> bytes:
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

    async def _whole(self, response: Answered) -> None:
        decoder = self._prepared.decoder
        parts = []
        size = 0
        while part := await response.content.readany():
            self._seen.came(part)
            self._content()
            parts.append(part)
            size += len(part)
            if size > _MAX_ANSWER:
                raise UpstreamError("the provider's answer is larger than 64 MiB; ask for it as a stream")
        out = decoder.whole(parts[0] if len(parts) == 1 else b"".join(parts))
        end = await self._completed()
        await self._request.outflow.send(head=self.head(), data=out, output_bytes=decoder.output_bytes, end=end)

    async def _stream(self, response: Answered) -> None:
        decoder, request = self._prepared.decoder, self._request
        held = b""
        while part := await response.content.readany():
            self._seen.came(part)
            out = decoder.feed(part)
            if decoder.started:
                self._content()
            if not request.committed and not decoder.started:
                held += out
                if decoder.error is not None:
                    break
                continue
            if held or out:
                await self._pass_on(held + out, decoder)
            held = part = out = b""  # while the provider says nothing, nothing that it said is kept
            if decoder.error is not None:
                break
        if decoder.error is not None:
            raise decoder.error
        if not decoder.complete:
            raise UpstreamError("The provider broke off; try again.", retry_after_ms=1000)
        await self._commit()
        end = await self._completed()
        await request.outflow.send(data=held + decoder.finish(), output_bytes=decoder.output_bytes, end=end)

    async def _completed(self) -> End:
        self.over(Ending.OK)
        return await self._request.close(OUTCOME_COMPLETED)

    def _content(self) -> None:
        """The first of it: no other candidate is tried from here on, so nothing is kept for one."""
        if self._seen.first:
            return
        self._seen.content()
        self._request.drop_body()
        if self._signals is not None:
            self._signals.first_byte(self._place.route.route_id, (self._seen.first - self._seen.dialled) * 1000)

    async def _pass_on(self, data: bytes, decoder: Decoder) -> None:
        """Nothing that is not held for. Of an answer that is whole the usage is known, seldom a token a byte."""
        output, usage = decoder.output_bytes, decoder.usage if decoder.complete else None
        if self._holding is not None:
            await self._holding.cover(output if usage is None else usage.output)
        await self._request.outflow.send(head=self._committing(), data=data, output_bytes=output)
        self._seen.forwarded = output

    async def _commit(self) -> None:
        if (head := self._committing()) is not None:
            await self._request.outflow.send(head=head)

    def _committing(self) -> Head | None:
        """What is to be said before the answer, if it was not yet: from here on it is this provider's."""
        if self._request.committed:
            return None
        head = self.head()
        self._request.commit()
        return head

    def head(self) -> Head:
        return self._request.head(self._place.route, self._facts, self._seen, self._prepared.dropped)
