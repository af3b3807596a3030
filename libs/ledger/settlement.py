"""Rules of charging: each finished request once, whatever became of its hold."""

from libs.contracts.errors import HoldNotOpen
from libs.contracts.ids import REQUEST_ID, issued_at_ms
from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_LATE,
    EFFECT_NONE,
    EFFECT_SETTLED,
    EFFECT_UNHELD,
    Effect,
    LedgerResult,
    Settle,
)
from libs.ledger.memory import YOUNG_MS, close, give_back, unclaim
from libs.ledger.results import LARGEST_BOOK_NANO, LARGEST_NANO, bad_id, done, invalid, refused, unknown_account
from libs.ledger.state import Account, Request, Standing, State


def settle(state: State, op: Settle) -> LedgerResult:
    """Charge a request and close its hold. No effect for a fact already read, or a request already settled."""
    account = state.accounts.get(op.account)
    if op.stream_seq <= state.stream_seq:
        return done(account, EFFECT_NONE) if account else LedgerResult()
    if account is None:
        return unknown_account()
    if wrong := _wrong(op.amount_nano, op.fee_nano, account):
        return invalid(wrong)
    request_id = op.request_id
    request = state.requests.get(request_id)
    if request is None:
        return _unheld(state, account, op)
    if request.account is not account:
        return invalid("account")
    if request.standing is Standing.SETTLED:
        return done(account, EFFECT_NONE)
    if request.standing is Standing.OPEN:
        held = request.held
        give_back(state, request)
        return _charge(state, request_id, request, op, EFFECT_SETTLED, held)
    if not request.key_id:
        request.daily, request.monthly = state.spending(op.key_id, op.day, account.id, op.month)
    return _charge(state, request_id, request, op, EFFECT_LATE, 0)


def _unheld(state: State, account: Account, op: Settle) -> LedgerResult:
    """Nothing is known of the request. One so old that it may have been settled and forgotten is never charged."""
    if not REQUEST_ID.fullmatch(op.request_id):
        return invalid("request_id")
    if bad_id(op.key_id):
        return invalid("key_id")
    if issued_at_ms(op.request_id) < state.now_ms - YOUNG_MS:
        charged = bool(op.amount_nano or op.fee_nano)
        return refused(HoldNotOpen.code, "request_id", account) if charged else done(account, EFFECT_NONE)
    daily, monthly = state.spending(op.key_id, op.day, account.id, op.month)
    request = Request(account, op.key_id, op.day, op.month, daily, monthly, op.at_ms, 0)
    state.requests[op.request_id] = request
    return _charge(state, op.request_id, request, op, EFFECT_UNHELD, 0)


def _charge(state: State, request_id: str, request: Request, op: Settle, effect: Effect, held: int) -> LedgerResult:
    """Post the entries, count them on the day and in the month that the hold fixed, and remember it is done."""
    account, amount, fee = request.account, op.amount_nano, op.fee_nano
    total = amount + fee
    account.balance -= total
    account.books.revenue += amount
    account.books.fees += fee
    request.daily.spent += total
    request.monthly.spent += total
    overrun = max(0, total - held)
    account.excess += overrun
    if not total:
        unclaim(state, request_id, request)
    close(state, request_id, request, Standing.SETTLED)
    return done(account, effect, posted=total, overrun=overrun)


def _wrong(amount: int, fee: int, account: Account) -> str:
    """The member that cannot be, or that would fill one of the operator's books; or ""."""
    if not 0 <= amount <= LARGEST_NANO or account.books.revenue + amount > LARGEST_BOOK_NANO:
        return "amount_nano"
    if not 0 <= fee <= LARGEST_NANO or account.books.fees + fee > LARGEST_BOOK_NANO:
        return "fee_nano"
    return ""
