"""What callers ask of a shard, as entries of its journal: decided by the state and the limits of that moment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, assert_never

from libs.contracts.errors import (
    BillingUnavailable,
    CreditOnHold,
    HoldNotOpen,
    IdempotencyMismatch,
    IdempotentReplay,
    InsufficientCredits,
    InvalidRequest,
    NorthernError,
    NotFound,
    RateLimitExceeded,
    SpendCapReached,
)
from libs.contracts.northern.v1.ledger_pb2 import (
    Adjust,
    Extend,
    Hold,
    LedgerReply,
    LedgerRequest,
    LedgerResult,
    TopUp,
    Void,
)
from libs.ledger.limits import Decision, Limit, Room, Windows
from libs.ledger.state import State
from services.billing.ledger.rules import NO_LIMITS, Key, Rules, counted_as, day_and_month, opening
from services.billing.ledger.shard import Batch, Shard

HOLD_MS: Final = 15 * 60_000  # how long a hold stands by itself; an extension by nothing prolongs it
_PATIENCE: Final = 5  # times; a settlement takes some hundredths of a second
_SOON_MS: Final = 500  # when to come again where nobody knows how long a running request takes
_SAID: Final = {
    InsufficientCredits.code: "Insufficient credits. Add credit to the account, or ask for a shorter answer.",
    SpendCapReached.code: "The spending limit is reached. Raise it, or wait for the next period.",
    CreditOnHold.code: "The account's credit is held by running requests; try again in a moment.",
    IdempotentReplay.code: "This Idempotency-Key was used within the last 24 hours. Use a new one for a new request.",
    IdempotencyMismatch.code: "This operation's id was used before with other content.",
    HoldNotOpen.code: "The request's hold is over, so nothing more can be set aside for it. Send the request again.",
    NotFound.code: "There is no such account.",
    InvalidRequest.code: "The ledger does not take that value.",
}

Operation = Hold | Extend | Void | TopUp | Adjust


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What deciding needs besides the state. `windows` holds the rates of one owner's time."""

    rules: Rules
    windows: Windows
    answer: Callable[[str, bytes], Awaitable[None]]  # subject, LedgerReply
    again: Callable[["Asked"], None]  # have it decided once more, a moment later


@dataclass(kw_only=True, slots=True)
class Asked:
    """One request to the shard; an Entry of it."""

    desk: Desk
    op: Operation
    reply: str
    size: int
    count: int = 3  # itself, and what opens its account
    patience: int = _PATIENCE  # how often it may wait for a request that is just ending
    _waits: bool = False
    _answer: LedgerReply = field(default_factory=LedgerReply)

    def write(self, batch: Batch) -> None:
        """A refusal by rule or rate is not journaled; one by the ledger is."""
        self._waits = False
        try:
            self._answer = self._decided(batch)
        except NorthernError as error:
            self._answer = refusal(error)

    def tell(self) -> Awaitable[None] | None:
        if self._waits:
            self.desk.again(self)
            return None
        return self.desk.answer(self.reply, self._answer.SerializeToString())

    def _decided(self, batch: Batch) -> LedgerReply:
        op, rules = self.op, self.desk.rules
        match op:
            case Hold():
                return self._held(batch, op)
            case Extend():
                op.expires_at_ms = batch.at_ms + HOLD_MS
            case Void():
                pass
            case TopUp() | Adjust():
                if op.account not in rules.accounts:
                    raise NotFound("There is no such account.", param="tenant")
                if isinstance(op, Adjust) and _held_back(batch.state, op):  # for now: it is not remembered as refused
                    raise CreditOnHold(_SAID[CreditOnHold.code], param="amount_nano", retry_after_ms=_SOON_MS)
            case _:
                assert_never(op)
        open_account(batch, rules, op.account)
        return _told(batch.apply(op))

    def _held(self, batch: Batch, op: Hold) -> LedgerReply:
        rules = self.desk.rules
        account = rules.account(op.account)
        key = rules.key(op.account, op.key_id)
        if self._must_wait(batch.state, op, key):
            return LedgerReply()
        op.key_id = counted_as(op.account, op.key_id)
        decision: Decision | None = None
        if key is not None and key.limits != NO_LIMITS and not batch.state.knows(op.op_id):
            decision = self.desk.windows.ask(
                op.key_id,
                key.limits,
                tokens=op.tokens,
                running=batch.state.open_holds(op.key_id),
                now_ms=batch.at_ms,
            )
            if decision.refused is not None:
                return refusal(_too_many(decision.refused, decision.retry_after_ms), limit_headers(decision))
        op.at_ms, op.expires_at_ms = batch.at_ms, batch.at_ms + HOLD_MS
        op.day, op.month = day_and_month(account.zone, batch.at_ms)
        op.ClearField("cap_nano")
        op.ClearField("budget_nano")
        if key is not None and key.cap_nano is not None:
            op.cap_nano = key.cap_nano
        if account.budget_nano is not None:
            op.budget_nano = account.budget_nano
        open_account(batch, rules, op.account)
        result = batch.apply(op)
        if decision is not None and result.code:
            self.desk.windows.take_back(op.key_id, tokens=op.tokens)
        return _told(result, limit_headers(decision) if decision else {})

    def _must_wait(self, state: State, op: Hold, key: Key | None) -> bool:
        """Whether only running requests stand in the way. One that ended a moment ago is one until its end was read:
        whoever sends the next request as soon as the answer is there shall not be refused for it.
        """
        if not self.patience or state.knows(op.op_id):
            return False
        account = state.accounts.get(op.account)
        most = key.limits.concurrency if key is not None else None
        full = most is not None and state.open_holds(op.key_id) >= most > 0
        short = account is not None and account.balance - account.held < op.amount_nano <= account.balance
        self._waits = full or short
        self.patience -= self._waits
        return self._waits


def _held_back(state: State, op: Adjust) -> bool:
    """Whether only running requests stand in the way of a deduction that was not answered before."""
    account = state.accounts.get(op.account)
    if account is None or state.knows(op.op_id):
        return False
    return 0 <= account.balance + op.amount_nano < account.held


@dataclass(kw_only=True, slots=True)
class Opening:
    """A tenant's ledger account, with its opening deposit; an Entry of the shard."""

    rules: Rules
    tenant: str
    count: int = 2
    size: int = 512

    def write(self, batch: Batch) -> None:
        open_account(batch, self.rules, self.tenant)

    def tell(self) -> None:
        pass


def open_soon(shard: Shard, rules: Rules, tenant: str) -> None:
    """Have a tenant's account opened, so that its balance is seen before its first request."""
    if tenant not in shard.state.accounts:
        try:
            shard.put(Opening(rules=rules, tenant=tenant))
        except BillingUnavailable:
            return  # it is opened when it is first asked about


def open_account(batch: Batch, rules: Rules, tenant: str) -> None:
    """Open a known tenant's ledger account where it is not open yet."""
    if tenant not in batch.state.accounts and (account := rules.accounts.get(tenant)) is not None:
        for op in opening(tenant, account):
            batch.apply(op)


def read(data: bytes) -> Operation:
    """The operation asked for. Raises InvalidRequest; DecodeError is the caller's to catch."""
    asked = LedgerRequest.FromString(data)
    which = asked.WhichOneof("op")
    if which is None:
        raise InvalidRequest("the ledger was asked for nothing")
    op: Operation = getattr(asked, which)
    return op


def refusal(error: NorthernError, headers: dict[str, str] | None = None) -> LedgerReply:
    """An error of the tree as the shard answers it."""
    return LedgerReply(
        code=error.code,
        message=error.message,
        param=error.param,
        retry_after_ms=error.retry_after_ms,
        headers=headers or {},
    )


def limit_headers(decision: Decision) -> dict[str, str]:
    """`<limit|remaining|reset>-<requests|tokens>`: what is left of each limit there is; resets in milliseconds."""
    headers: dict[str, str] = {}
    _add(headers, "requests", decision.requests)
    _add(headers, "tokens", decision.tokens)
    return headers


def _add(headers: dict[str, str], of: str, room: Room | None) -> None:
    if room is not None:
        headers[f"limit-{of}"] = str(room.limit)
        headers[f"remaining-{of}"] = str(room.remaining)
        headers[f"reset-{of}"] = str(room.reset_ms)


def _too_many(limit: Limit, retry_after_ms: int) -> RateLimitExceeded:
    match limit:
        case Limit.REQUESTS:
            said = "This key's limit of requests per minute is reached. Wait as long as retry-after says."
        case Limit.TOKENS if retry_after_ms == 0:
            said = "This request alone is larger than the key's limit of tokens per minute. Make it shorter."
            return RateLimitExceeded(said, param=limit.value)
        case Limit.TOKENS:
            said = "This key's limit of tokens per minute is reached. Wait as long as retry-after says."
        case Limit.CONCURRENCY:
            said = "This key's limit of requests at once is reached. Try again when one of them has ended."
        case _:
            assert_never(limit)
    return RateLimitExceeded(said, param=limit.value, retry_after_ms=retry_after_ms or _SOON_MS)


def _told(result: LedgerResult, headers: dict[str, str] | None = None) -> LedgerReply:
    reply = LedgerReply(balance_nano=result.balance_nano, held_nano=result.held_nano)
    if headers:
        reply.headers.update(headers)
    if result.code:
        reply.code, reply.message = result.code, _SAID.get(result.code, "")
        reply.param, reply.retry_after_ms = result.param, result.retry_after_ms
        reply.first_request_id = result.first_request_id
    return reply
