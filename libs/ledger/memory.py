"""How a request moves through the ledger's memory: money taken and given back, closing, expiring, being forgotten."""

import heapq
from datetime import date
from typing import Final

from libs.contracts.northern.v1.ledger_pb2 import EFFECT_EXPIRED, Expire, LedgerResult
from libs.ledger.results import invalid
from libs.ledger.state import NEVER_DUE, OVER, Request, Standing, State

# Decision 0014 says why these are long enough.
SOON_MS: Final = 30 * 60_000
DAY_MS: Final = 24 * 3_600_000
YOUNG_MS: Final = SOON_MS - 10 * 60_000  # what no settled and forgotten request is, clocks ten minutes apart or not
UNSETTLED_MS: Final = 30 * DAY_MS  # as long as EVENTS keeps the fact that may still come
AT_ONCE: Final = (
    5_000  # what one Expire looks at: neither the shard's loop nor its journal message grows with a backlog
)
_DAYS_KEPT: Final = 3  # of spending by day; no hold is made for a day that is over anywhere on earth
_MONTHS_KEPT: Final = 62  # days
LATEST_MS: Final = 250_000_000_000_000  # in the year 9892: beyond it dates end
_UNIX_EPOCH: Final = date(1970, 1, 1).toordinal()


def take(request: Request, amount: int) -> None:
    """Move an amount from free to held, everywhere it is counted."""
    request.held += amount
    request.account.held += amount
    request.daily.held += amount
    request.monthly.held += amount


def give_back(state: State, request: Request) -> None:
    """Release all that an open request holds. The caller gives it its next standing."""
    take(request, -request.held)
    left = state.open_by_key[request.key_id] - 1
    if left:
        state.open_by_key[request.key_id] = left
    else:
        del state.open_by_key[request.key_id]


def unclaim(state: State, request_id: str, request: Request) -> None:
    """Nothing was charged: the client may try again under its idempotency key."""
    if _claims(state, request_id, request):
        del state.claims[request.account.id, request.idempotency_key]


def close(state: State, request_id: str, request: Request, standing: Standing) -> None:
    """Give a request that holds nothing any more its standing, and plan when it is forgotten."""
    request.standing = standing
    if standing is Standing.SETTLED:  # nothing asks for these again, and there are many such requests
        request.key_id = request.day = request.month = ""
        request.daily = request.monthly = OVER
    kept_ms = SOON_MS
    if standing is Standing.EXPIRED:
        kept_ms = UNSETTLED_MS
    elif request.idempotency_key and _claims(state, request_id, request):
        kept_ms = DAY_MS
    request.due_at_ms = state.now_ms + kept_ms
    state.plan(request.due_at_ms, request_id, is_op=False)


def expire(state: State, op: Expire) -> LedgerResult:
    """Set the clock, which never goes back; let holds run out whose time has come; forget what is past its window."""
    if op.now_ms > LATEST_MS:
        return invalid("now_ms")
    if state.now_ms == 0 and op.now_ms > 0:
        _first_time(state, op.now_ms)
    before = state.now_ms
    state.now_ms = max(state.now_ms, op.now_ms)
    if before // DAY_MS != state.now_ms // DAY_MS:
        _forget_spending(state)
    result = LedgerResult()
    for _ in range(AT_ONCE):
        if not state.due or state.due[0][0] > state.now_ms:
            break
        at_ms, name, is_op = heapq.heappop(state.due)
        if is_op:
            _forget_answer(state, name, at_ms, result)
        else:
            _look_at(state, name, at_ms, result)
    result.unfinished = bool(state.due) and state.due[0][0] <= state.now_ms
    if result.expired:
        result.effect = EFFECT_EXPIRED
    return result


def _first_time(state: State, now_ms: int) -> None:
    """What was closed or answered before any time was known is remembered from now on."""
    for request in state.requests.values():
        if request.standing is not Standing.OPEN:
            request.due_at_ms += now_ms
    for op_id, (content, result, due_at_ms) in state.answers.items():
        if due_at_ms != NEVER_DUE:
            state.answers[op_id] = (content, result, due_at_ms + now_ms)
    state.plan_all()


def _look_at(state: State, request_id: str, at_ms: int, result: LedgerResult) -> None:
    request = state.requests.get(request_id)
    if request is None or request.due_at_ms != at_ms:
        return
    if request.standing is Standing.OPEN:
        give_back(state, request)
        close(state, request_id, request, Standing.EXPIRED)
        result.expired.append(request_id)
        return
    unclaim(state, request_id, request)
    del state.requests[request_id]
    for op_id in request.op_ids:
        del state.answers[op_id]
    result.forgotten += 1 + len(request.op_ids)


def _forget_answer(state: State, op_id: str, at_ms: int, result: LedgerResult) -> None:
    answer = state.answers.get(op_id)
    if answer is not None and answer[2] == at_ms:
        del state.answers[op_id]
        result.forgotten += 1


def _claims(state: State, request_id: str, request: Request) -> bool:
    key = request.idempotency_key
    return bool(key) and state.claims.get((request.account.id, key)) == request_id


def _forget_spending(state: State) -> None:
    """Once a day: counters of days and months that are over decide nothing any more, unless a request may yet count."""
    today = _UNIX_EPOCH + state.now_ms // DAY_MS
    oldest_day = date.fromordinal(today - _DAYS_KEPT).isoformat()
    oldest_month = date.fromordinal(today - _MONTHS_KEPT).isoformat()[:7]
    counting = [request for request in state.requests.values() if request.key_id]
    days = {(request.key_id, request.day) for request in counting}
    months = {(request.account.id, request.month) for request in counting}
    for counters, oldest, needed in ((state.days, oldest_day, days), (state.months, oldest_month, months)):
        for key in [key for key in counters if key[1] < oldest and key not in needed]:
            del counters[key]
