"""Rules of setting money aside: what stands in the way of a hold or an extension, and giving one back."""

from typing import Final
from zlib import crc32

from libs.contracts.errors import (
    CreditOnHold,
    HoldNotOpen,
    IdempotentReplay,
    InsufficientCredits,
    SpendCapReached,
)
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_EXTENDED,
    EFFECT_HELD,
    EFFECT_NONE,
    EFFECT_VOIDED,
    Extend,
    Hold,
    LedgerResult,
    Void,
)
from libs.ledger.memory import DAY_MS, close, give_back, take, unclaim
from libs.ledger.results import LARGEST_NANO, LONGEST_ID, bad_id, done, invalid, refused, unknown_account
from libs.ledger.state import OVER, Account, Request, Standing, State

DAY_CAP: Final = "max_spend_per_day"
MONTH_BUDGET: Final = "budget_per_month"
_RETRY_MS: Final = 500  # most requests are over by then; and as much again, spread, so that not all come back at once


def hold(state: State, op: Hold) -> LedgerResult:
    """Set the amount aside for a request that holds nothing yet and never did."""
    request_id, key_id, amount, claim = op.request_id, op.key_id, op.amount_nano, op.idempotency_key
    if wrong := _wrong(request_id, key_id, amount, claim):
        return invalid(wrong)
    account = state.accounts.get(op.account)
    if account is None:
        return unknown_account()
    if (known := state.requests.get(request_id)) is not None:
        open_already = known.standing is Standing.OPEN
        return invalid("request_id") if open_already else refused(HoldNotOpen.code, "request_id", account)
    if claim and (first := _claimed(state, account, claim, op.at_ms)):
        result = refused(IdempotentReplay.code, "idempotency_key", account)
        result.first_request_id = first
        return result
    request = _requested(state, account, op)
    if refusal := _in_the_way(request, amount, op.op_id):
        return refusal
    state.requests[request_id] = request
    state.open_by_key[key_id] = state.open_by_key.get(key_id, 0) + 1
    if claim:
        state.claims[account.id, claim] = request_id
    take(request, amount)
    state.plan(request.due_at_ms, request_id, is_op=False)
    return done(account, EFFECT_HELD)


def extend(state: State, op: Extend) -> LedgerResult:
    """Raise an open hold, and keep it longer; it never ends sooner than it would have."""
    amount = op.amount_nano
    if not 0 <= amount <= LARGEST_NANO:
        return invalid("amount_nano")
    account = state.accounts.get(op.account)
    if account is None:
        return unknown_account()
    request = state.requests.get(op.request_id)
    if request is None or request.account is not account or request.standing is not Standing.OPEN:
        return refused(HoldNotOpen.code, "request_id", account)
    if amount and (refusal := _in_the_way(request, amount, op.op_id)):
        return refusal
    take(request, amount)
    if op.expires_at_ms > request.due_at_ms:
        request.due_at_ms = op.expires_at_ms
        state.plan(op.expires_at_ms, op.request_id, is_op=False)
    return done(account, EFFECT_EXTENDED)


def void(state: State, op: Void) -> LedgerResult:
    """Give a hold back: nothing left. One that overtakes its hold is remembered, so that the hold is refused."""
    if not REQUEST_ID.fullmatch(op.request_id):
        return invalid("request_id")
    account = state.accounts.get(op.account)
    if account is None:
        return unknown_account()
    request = state.requests.get(op.request_id)
    if request is None:
        request = Request(account, "", "", "", OVER, OVER, 0, 0)
        state.requests[op.request_id] = request
    elif request.account is not account:
        return refused(HoldNotOpen.code, "request_id", account)
    elif request.standing in {Standing.SETTLED, Standing.VOIDED}:
        return done(account, EFFECT_NONE)
    elif request.standing is Standing.OPEN:
        give_back(state, request)
    unclaim(state, op.request_id, request)
    close(state, op.request_id, request, Standing.VOIDED)
    return done(account, EFFECT_VOIDED)


def _wrong(request_id: str, key_id: str, amount: int, claim: str) -> str:
    """The member of a hold that cannot be, or ""."""
    if not REQUEST_ID.fullmatch(request_id):
        return "request_id"
    if bad_id(key_id):
        return "key_id"
    if not 0 <= amount <= LARGEST_NANO:
        return "amount_nano"
    return "idempotency_key" if len(claim) > LONGEST_ID else ""


def _claimed(state: State, account: Account, claim: str, at_ms: int) -> str:
    """The request that an idempotency key stands for, if it was held within the last 24 hours."""
    first = state.claims.get((account.id, claim), "")
    return first if first and at_ms - state.requests[first].at_ms < DAY_MS else ""


def _requested(state: State, account: Account, op: Hold) -> Request:
    key_id, day, month = op.key_id, op.day, op.month
    daily, monthly = state.spending(key_id, day, account.id, month)
    request = Request(account, key_id, day, month, daily, monthly, op.at_ms, op.expires_at_ms)
    if op.HasField("cap_nano"):
        request.cap = op.cap_nano
    if op.HasField("budget_nano"):
        request.budget = op.budget_nano
    request.idempotency_key = op.idempotency_key
    return request


def _in_the_way(request: Request, more: int, op_id: str) -> LedgerResult | None:
    """What refuses `more` on top of what the request holds: for good (402) before for now (429).

    For good is what would refuse it if no other request were running.
    """
    account, alone = request.account, request.held + more
    cap, budget, daily, monthly = request.cap, request.budget, request.daily, request.monthly
    if (
        account.held + more <= account.balance
        and (cap is None or daily.spent + daily.held + more <= cap)
        and (budget is None or monthly.spent + monthly.held + more <= budget)
    ):
        return None
    limits = ((cap, daily, DAY_CAP), (budget, monthly, MONTH_BUDGET))
    if alone > account.balance:
        return refused(InsufficientCredits.code, "", account)
    for limit, spending, param in limits:
        if limit is not None and spending.spent + alone > limit:
            return refused(SpendCapReached.code, param, account)
    param = ""
    if account.held + more <= account.balance:
        over_cap = cap is not None and daily.spent + daily.held + more > cap
        param = DAY_CAP if over_cap else MONTH_BUDGET
    after = _RETRY_MS + crc32(op_id.encode()) % _RETRY_MS
    return refused(CreditOnHold.code, param, account, retry_after_ms=after)
