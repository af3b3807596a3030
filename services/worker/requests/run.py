"""One request at a worker: taken, brought along its slip until a candidate answers, passed back, closed."""

import asyncio
import time

from libs.bus.outflow import Gone, Outflows
from libs.contracts.errors import (
    OUR_FAULT,
    CreditOnHold,
    InsufficientCredits,
    Internal,
    NorthernError,
    ResidencyRefused,
    RouteUnavailable,
    SpendCapReached,
    StreamBroken,
    WorkerLost,
)
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.worker import domain
from services.worker.requests.attempt import Attempt
from services.worker.requests.request import Request, apart
from services.worker.street import Street
from services.worker.upstream.signals import Ending

_LATE_MS = 500  # half of what the edge waits for a word of anybody
_NO_MONEY = (InsufficientCredits, SpendCapReached, CreditOnHold)  # what may end an answer that has begun


class Run:
    """All that happens to one request here. `tick` is called every quarter of a second with the monotonic time."""

    __slots__ = ("_attempt", "_elsewhere", "_outflow", "_request", "_street", "task")

    def __init__(self, street: Street, envelope: Envelope, outflows: Outflows) -> None:
        envelope, body = apart(envelope)
        self._street = street
        self._outflow = outflows.open(envelope.reply, envelope.attempt, self._leave)
        self._request = Request(street, envelope, self._outflow, body)
        self._attempt: Attempt | None = None
        self._elsewhere = False  # another worker has it, or may have: it is for that one to close
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """The whole request; whatever happens, what was put on record is closed and the caller is told."""
        try:
            await self._ask_first()
            await self._walk()
        except asyncio.CancelledError:
            if self._outflow.gone:
                await self._cancelled()
            else:
                await self._fail(
                    WorkerLost("this worker had to stop before the end; send it again", retry_after_ms=500)
                )
                raise
        except Gone:
            await self._cancelled()
        except NorthernError as error:
            await self._fail(error)
        except Exception:
            await self._fail(Internal(OUR_FAULT))
            raise
        finally:
            if self._attempt is not None:
                self._attempt.over(Ending.NOT_THEIR_FAULT)  # where nobody has said otherwise
            self._request.current = None  # nothing refers in a circle any more: all of it goes at once, with the task
            self._outflow.close()

    async def turn_away(self, error: NorthernError) -> None:
        """For want of room: told to the caller, and closed as a worker before us has opened it."""
        try:
            await self._fail(error)
        finally:
            self._outflow.close()

    async def tick(self, now: float) -> None:
        """Deadlines of the provider, and Head for an answer that is live but says nothing."""
        if self._attempt is not None and await self._attempt.tick(now) and self.task is not None:
            self.task.cancel()

    def _leave(self) -> None:
        """The client is gone: whatever is awaited, stop."""
        if self.task is not None:
            self.task.cancel()

    async def _ask_first(self) -> None:
        """Of a request that lay somewhere, in a process or a broker that hung, ask first whether anybody waits for it.

        Its edge may have given it up as neither run nor charged. Clocks that differ cost a question and decide nothing.
        """
        since = self._request.envelope.received_at_ms
        if since and abs(time.time() * 1000 - since) > _LATE_MS:
            await self._outflow.wanted()

    async def _walk(self) -> None:
        """Candidate after candidate. Raises what the caller is to hear."""
        request, first = self._request, None
        while True:
            error = await self._failure()
            if error is None:
                return
            attempt, earlier = self._attempt, bool(request.tries)
            assert attempt is not None
            if isinstance(error, ResidencyRefused) and not request.record.closed:
                request.refused(error)
            ended = attempt.answering or request.record.closed
            over = ended or not domain.mends(error, dialled=attempt.dialled, earlier=earlier)
            first = first or error
            if attempt.dialled:
                attempt.over(domain.ending(error, byok=request.terms.byok))
                if over or not request.more:
                    raise error
                request.tried(attempt, error)
            elif over or not request.more:
                raise self._in_short(error, first)
            if not await self._next():
                if self._elsewhere:
                    return
                raise self._in_short(error, first)

    async def _failure(self) -> NorthernError | None:
        """What failed the candidate whose turn it is; None: it has answered."""
        self._request.current = self._attempt = attempt = Attempt(self._request)
        try:
            await attempt.make()
        except asyncio.CancelledError:
            # The ticker cancelled what waited for the provider; anybody else's cancelling goes on.
            if attempt.late is None or self._outflow.gone or self.task is None or self.task.uncancel():
                raise
            return attempt.late
        except NorthernError as error:
            return error
        return None

    async def _next(self) -> bool:
        """Turn to the next candidate that is served here, or hand the request on to who serves it."""
        request = self._request
        while request.more:
            envelope = request.envelope
            envelope.attempt += 1
            egress = envelope.slip[envelope.attempt].egress
            if egress in self._street.ways:
                return True
            request.leave()
            self._elsewhere = True
            if await self._street.handoffs.hand_on(request.handed_on(), egress):
                return False
            self._elsewhere = False
            self._street.metrics.count("handoffs_refused_total")
        return False

    def _in_short(self, error: NorthernError, first: NorthernError) -> NorthernError:
        """What is told where the last candidate was not called: how the last call went, else why the first was none."""
        tries = self._request.tries
        if not tries:
            return first if isinstance(error, (ResidencyRefused, RouteUnavailable)) else error
        return self._request.error or domain.retold(tries[-1])

    async def _cancelled(self) -> None:
        if not self._elsewhere:
            await self._request.close(Outcome.OUTCOME_CANCELLED, "client_gone")

    async def _fail(self, error: NorthernError) -> None:
        if self._elsewhere:
            return
        request = self._request
        committed, opened = request.committed, request.opened
        if not opened:
            request.state_refusals()
        await request.close(Outcome.OUTCOME_CUT if committed else Outcome.OUTCOME_FAILED, error.code)
        told = error
        if committed and not isinstance(error, StreamBroken):
            kind = type(error) if isinstance(error, _NO_MONEY) else StreamBroken
            told = kind(f"{error.message} The answer above is incomplete.")
        called = request.told
        failure = to_failure(told, called.facts if called is not None else None)
        failure.limits.update(request.limits)
        failure.attempts = request.calls
        for secrets in request.secrets:
            failure.message = domain.scrubbed(failure.message, secrets)
        try:
            await self._outflow.send(failure=failure)
        except Gone:
            return
