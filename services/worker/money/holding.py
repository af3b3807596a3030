"""What one running request holds on its account: asked for before anything is sent, raised while output comes."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from libs.contracts.errors import (
    BillingUnavailable,
    CreditOnHold,
    HoldNotOpen,
    InsufficientCredits,
    NorthernError,
    SpendCapReached,
)
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.ledger_pb2 import Extend, LedgerReply, LedgerRequest, Void
from libs.ledger.results import LARGEST_NANO
from libs.telemetry.metrics import Metrics
from services.worker.money.asking import Answer, Ledger
from services.worker.money.reckoning import Reckoning
from services.worker.money.refusals import refusal

_LARGEST = 8_192  # tokens of one extension; they double until then, so that long answers ask seldom
_LEAST = 64  # tokens of output for which an answer is worth beginning
_PATIENCE_S = 5.0  # how long an answer is held back until others give back what they hold
_ASK_AGAIN_S = 2.0  # after no answer
_RENEW_S = 300.0  # a hold runs out after 15 minutes unless it is renewed
_RETRY_MS = 500
_NEVER = 1 << 62
NO_LIMITS: Final[Mapping[str, str]] = MappingProxyType({})


class Account(NamedTuple):
    """Whose money it is, and for which attempt at which request. `held`: the attempts before it hold `held_nano`."""

    tenant: str
    key_id: str
    request_id: str
    attempt: int
    held: bool
    held_nano: int
    idempotency_key: str

    @classmethod
    def of(cls, envelope: Envelope) -> "Account":
        return cls(
            tenant=envelope.tenant,
            key_id=envelope.key_id,
            request_id=envelope.request_id,
            attempt=envelope.attempt,
            held=bool(envelope.tries),  # what costs nothing is held, too
            held_nano=envelope.held_nano,
            idempotency_key=envelope.idempotency_key,
        )


class Holding:
    """One attempt's. `granted` says yes or raises; then `cover` keeps what is held ahead of what is answered."""

    __slots__ = (
        "_account",
        "_asked",
        "_began",
        "_count",
        "_due",
        "_ledger",
        "_metrics",
        "_more",
        "_most",
        "_next_at",
        "_no_more",
        "_open",
        "_reckoning",
        "_renewed_at",
        "_tokens",
        "_unanswered",
        "_unsure",
        "limits",
        "nano",
        "refused",
    )

    def __init__(self, ledger: Ledger, metrics: Metrics, reckoning: Reckoning, account: Account) -> None:
        self._ledger, self._metrics, self._reckoning, self._account = ledger, metrics, reckoning, account
        self.nano = account.held_nano  # held in all
        self.limits: Mapping[str, str] = NO_LIMITS
        self.refused = False  # the ledger said no: there is nothing to give back
        self._tokens = reckoning.first  # of output, held for
        self._asked: Answer | None = None  # for the hold, until it is answered
        self._open = False  # it was asked for: there may be something to keep, or to give back
        self._began = time.monotonic()
        self._more: _More | None = None
        self._unsure: _More | None = None  # not answered: it may have been done, so the same is asked again
        self._count = 0  # of extensions, each an operation of its own
        self._most = _NEVER  # tokens of an extension, once a larger one was refused
        self._due = _NEVER  # output bytes at which more is to be asked for
        self._next_at = 0.0  # and the time before which it is not
        self._no_more: NorthernError | None = None
        self._unanswered = False
        self._renewed_at = self._began

    async def begin(self) -> None:
        """Ask. Nobody waits yet: what else has to be done before sending is done meanwhile."""
        account, bound = self._account, self._reckoning.bound(self._tokens)
        if account.held:
            self._asked = await self._extend(f"{account.attempt}", max(0, bound - account.held_nano))
            self.nano = max(bound, account.held_nano)
        else:
            self._asked = await self._hold(account.request_id, bound)
            self.nano = bound
        self._open = True

    async def granted(self) -> None:
        """Until the ledger has answered. Raises what refuses the request, or BillingUnavailable."""
        assert self._asked is not None
        reply = await self._asked
        self._asked = None
        if reply.code == InsufficientCredits.code and self._reckoning.seen and not self._account.held:
            reply = await self._less(reply)
        self._metrics.observe("hold_seconds", time.monotonic() - self._began)
        self._metrics.count("holds_total", reply.code or "granted")
        if reply.headers:
            self.limits = dict(reply.headers)  # themselves they would keep all of the answer
        if reply.code:
            self.refused = True
            raise refusal(reply, self.nano)
        self._watch()

    async def _less(self, reply: LedgerReply) -> LedgerReply:
        """Too little for a whole slice, enough for some output: what there is is held, and the answer ends with it."""
        tokens = self._reckoning.first_within(reply.balance_nano)
        if tokens < min(_LEAST, self._reckoning.limit):
            return reply
        amount = self._reckoning.bound(tokens)
        second = await (await self._hold(f"{self._account.request_id}:less", amount))
        if not second.code:
            self._tokens, self.nano = tokens, amount
        return second

    async def cover(self, output_bytes: int) -> None:
        """Called before so much output is passed on, as little as it costs when nothing is due.

        Raises the refusal once there is no money left for it; waits where there may be soon. While nobody answers the
        answer goes on: it is settled when there is somebody again.
        """
        if output_bytes < self._due:
            return
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self._take_in()
            if output_bytes < self._due:
                return
            await self._ask_more(output_bytes)
            if output_bytes <= self._tokens or self._unanswered:
                return
            if self._no_more is not None:
                raise self._no_more
            if self._more is not None:
                await asyncio.wait([self._more.answer])
            elif time.monotonic() > deadline:
                raise CreditOnHold("The credit left is held by other requests that are still running.")
            else:
                await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))

    def renew(self, now: float) -> None:
        """Called by the ticker: a hold that is needed for long is kept."""
        if not self._open or self.refused or now - self._renewed_at < _RENEW_S:
            return
        self._renewed_at = now
        self._ledger.tell(self._account.tenant, self._extension(f"r{now:.0f}", 0))

    def give_back(self) -> None:
        """Nothing left, so nothing is needed. The ledger may be away: it may have taken the hold all the same."""
        if self._open and not self.refused:
            void = Void(
                op_id=f"{self._account.request_id}:void",
                account=self._account.tenant,
                request_id=self._account.request_id,
            )
            self._ledger.tell(self._account.tenant, LedgerRequest(void=void), surely=True)

    def _watch(self) -> None:
        """More is asked for when three quarters of what is held for may be used; never beyond the answer's limit."""
        self._due = _NEVER if self._tokens >= self._reckoning.limit else self._tokens * 3 // 4

    def _take_in(self) -> None:
        """What came of the extension that was asked for, if anything has."""
        asked = self._more
        if asked is None or not asked.answer.done():
            return
        self._more = None
        try:
            reply = asked.answer.result()
        except BillingUnavailable as error:
            reply = LedgerReply(code=error.code)
        self._metrics.count("hold_extensions_total", reply.code or "granted")
        self._unanswered = False
        match reply.code:
            case "":
                self._tokens += asked.tokens
                self.nano += asked.nano
                self._watch()
            case CreditOnHold.code:
                self._next_at = time.monotonic() + (reply.retry_after_ms or _RETRY_MS) / 1000
            case InsufficientCredits.code | SpendCapReached.code:
                self._refuse_or_shrink(asked, reply)
            case HoldNotOpen.code:  # it ran out while nobody could renew it: settled late, like any other
                self._unanswered, self._due = True, _NEVER
            case _:  # nobody can say: the money is looked for again soon
                self._unanswered, self._unsure = True, asked
                self._next_at = time.monotonic() + _ASK_AGAIN_S

    def _refuse_or_shrink(self, asked: "_More", reply: LedgerReply) -> None:
        """A smaller extension may yet be had; when none is, what is held is used up first."""
        smaller = 0
        if reply.code == InsufficientCredits.code:
            smaller = self._reckoning.more_within(reply.balance_nano - self.nano, asked.tokens - 1)
        elif reply.code == SpendCapReached.code:
            smaller = asked.tokens // 4
        if smaller:
            self._most = smaller
        else:
            self._no_more, self._due = refusal(reply, self.nano + asked.nano), self._tokens + 1

    async def _ask_more(self, output_bytes: int) -> None:
        if self._more is not None or self._no_more is not None or time.monotonic() < self._next_at:
            return
        if (unsure := self._unsure) is not None:
            self._unsure, tokens, nano = None, unsure.tokens, unsure.nano
        else:
            wanted = max(min(self._tokens, _LARGEST), output_bytes - self._tokens)
            tokens = min(wanted, self._most, self._reckoning.limit - self._tokens)
            nano = self._reckoning.more(tokens)
            self._count += 1
        self._more = _More(tokens=tokens, nano=nano, answer=await self._extend(f"x{self._count}", nano))

    async def _hold(self, op_id: str, nano: int) -> Answer:
        account, request = self._account, LedgerRequest()
        hold = request.hold
        hold.op_id, hold.account, hold.key_id = op_id, account.tenant, account.key_id
        hold.request_id, hold.idempotency_key = account.request_id, account.idempotency_key
        hold.amount_nano, hold.tokens = min(nano, LARGEST_NANO), self._reckoning.rate_tokens
        return await self._ledger.ask(account.tenant, request)

    async def _extend(self, name: str, nano: int) -> Answer:
        return await self._ledger.ask(self._account.tenant, self._extension(name, nano))

    def _extension(self, name: str, nano: int) -> LedgerRequest:
        account = self._account
        extend = Extend(
            op_id=f"{account.request_id}:{account.attempt}:{name}",
            account=account.tenant,
            request_id=account.request_id,
            amount_nano=min(nano, LARGEST_NANO),
        )
        return LedgerRequest(extend=extend)


@dataclass(frozen=True, kw_only=True, slots=True)
class _More:
    """An extension that was asked for."""

    tokens: int
    nano: int
    answer: Answer
