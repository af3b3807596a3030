"""The ledger's one door: an operation and the state in, the result out; the same for ever, whoever repeats it."""

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeVar, assert_never

from libs.contracts.errors import IdempotencyMismatch
from libs.contracts.northern.v1.ledger_pb2 import (
    Adjust,
    Expire,
    Extend,
    Hold,
    LedgerResult,
    OpenAccount,
    Settle,
    TopUp,
    Void,
)
from libs.ledger import accounts, holds, settlement
from libs.ledger.memory import DAY_MS, SOON_MS, expire
from libs.ledger.results import bad_id, invalid, refused
from libs.ledger.state import NEVER_DUE, State

Operation = Hold | Settle | Extend | Void | Expire | TopUp | Adjust | OpenAccount

_Content = tuple[str | int, ...]
_Op = TypeVar("_Op", Hold, Extend, Void, TopUp, Adjust, OpenAccount)


def apply(state: State, op: Operation) -> LedgerResult:
    """Change the state by one operation and say what came of it. Never raises: what may not be is refused.

    An operation with an id is answered once: again with the same content, the same result and no effect; with other
    content, `idempotency_mismatch`. The members that the shard states itself (time, day, cap …) are no content.
    """
    match op:
        case Settle():
            return settlement.settle(state, op)
        case Hold():
            said: _Content = (op.account, op.key_id, op.request_id, op.amount_nano, op.tokens, op.idempotency_key)
            return _once(state, op, "hold", said, holds.hold, op.request_id)
        case Extend():
            said = (op.account, op.request_id, op.amount_nano)
            return _once(state, op, "extend", said, holds.extend, op.request_id)
        case Void():
            said = (op.account, op.request_id)
            return _once(state, op, "void", said, holds.void, op.request_id)
        case Expire():
            return expire(state, op)
        case TopUp():
            said = (op.account, op.amount_nano, op.note, op.by)
            return _once(state, op, "top_up", said, accounts.top_up)
        case Adjust():
            said = (op.account, op.amount_nano, op.note, op.by)
            return _once(state, op, "adjust", said, accounts.adjust)
        case OpenAccount():
            said = (op.account, op.currency)
            return _once(state, op, "open_account", said, accounts.open_account)
        case _:
            assert_never(op)


def _once(
    state: State, op: _Op, kind: str, said: _Content, rule: Callable[[State, _Op], LedgerResult], request_id: str = ""
) -> LedgerResult:
    """Apply the rule, or repeat what was answered. What was done for a request is remembered as long as it is."""
    op_id = op.op_id
    digest = blake2b(repr((kind, said)).encode(), digest_size=8).digest()
    answer = state.answers.get(op_id)
    if answer is not None:
        content, given, _ = answer
        if content != digest:
            return refused(IdempotencyMismatch.code, "op_id")
        return LedgerResult.FromString(given)
    if bad_id(op_id):
        return invalid("op_id")
    result = rule(state, op)
    due_at_ms = NEVER_DUE
    if request_id and not result.code:
        state.requests[request_id].op_ids += (op_id,)
    else:
        due_at_ms = state.now_ms + (SOON_MS if request_id else DAY_MS)
        state.plan(due_at_ms, op_id, is_op=True)
    state.answers[op_id] = (digest, result.SerializeToString(), due_at_ms)
    return result
