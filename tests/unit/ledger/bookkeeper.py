"""The same books kept from the journal alone, in the plainest way: what every result of the core is held against."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_EXTENDED,
    EFFECT_HELD,
    EFFECT_LATE,
    EFFECT_NONE,
    EFFECT_SETTLED,
    EFFECT_UNHELD,
    EFFECT_VOIDED,
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
from libs.ledger.chain import read

Operable = Hold | Extend | Void | TopUp | Adjust | OpenAccount
STATED = ("at_ms", "expires_at_ms", "day", "month", "cap_nano", "budget_nano")  # by the shard, not by the caller


@dataclass
class Bookkeeper:
    """Adds everything up again each time it is asked. Forgets nothing: for worlds shorter than the shortest window."""

    balance: Counter[str] = field(default_factory=Counter)
    open: dict[str, int] = field(default_factory=dict)  # request → held
    until: dict[str, int] = field(default_factory=dict)
    hold_of: dict[str, Hold] = field(default_factory=dict)
    voided: dict[str, str] = field(default_factory=dict)  # request → account
    charged: dict[str, int] = field(default_factory=dict)
    charges: list[tuple[str, str, str, str, int]] = field(default_factory=list)  # key, day, account, month, amount
    answers: dict[str, tuple[bytes, LedgerResult]] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    clock: int = 0
    position: int = 0
    happened: Counter[str] = field(default_factory=Counter)

    def keep(self, raw: bytes) -> None:
        """Write down what a batch on record says; AssertionError where it is not what these books would have said."""
        batch = read(raw)
        for entry, result in zip(batch.ops, batch.results, strict=True):
            op = getattr(entry, entry.WhichOneof("op") or "")
            account = getattr(op, "account", "")
            before = self.free(account)
            if not (isinstance(op, Operable) and self._repeated(op, result)):
                self._enter(op, result)
                self.happened[f"{type(op).__name__} {result.code or result.effect}"] += 1
            if not (isinstance(op, Settle) and result.overrun_nano):
                assert self.free(account) >= min(before, 0), "oversold by what was no late work"
        self.position = batch.stream_seq

    def _repeated(self, op: Operable, result: LedgerResult) -> bool:
        """The same id: the same answer if the content is the same, a refusal if it is not."""
        said = deepcopy(op)
        for member in STATED:
            if member in said.DESCRIPTOR.fields_by_name:
                said.ClearField(member)
        content = type(op).__name__.encode() + said.SerializeToString(deterministic=True)
        first = self.answers.setdefault(op.op_id, (content, result))
        if first[0] != content:
            assert result.code == "idempotency_mismatch", op
            return True
        assert first[1] == result, op
        return first[1] is not result

    def _enter(self, op: Operable | Settle | Expire, result: LedgerResult) -> None:
        match op:
            case Hold():
                self._hold(op, result)
            case Extend():
                self._extend(op, result)
            case Void():
                self._void(op, result)
            case Settle():
                self._settle(op, result)
            case Expire():
                self.clock = max(self.clock, op.now_ms)
                over = sorted(request for request in self.open if self.until[request] <= self.clock)
                assert sorted(result.expired) == over
                for request in over:
                    del self.open[request]
            case TopUp() | Adjust():
                self._money(op, result)
            case _:
                assert not result.code

    def _hold(self, op: Hold, result: LedgerResult) -> None:
        request, first = op.request_id, self._claimed(op)
        if request in self.open:
            expected = "invalid_request"
        elif request in self.hold_of or request in self.voided or request in self.charged:
            expected = "not_open"
        elif first:
            expected = "idempotent_replay"
            assert result.first_request_id == first
        else:
            expected = self._in_the_way(op, op.account, 0, op.amount_nano)
        assert (result.code, result.effect) == (expected, EFFECT_NONE if expected else EFFECT_HELD), op
        if not expected:
            self.open[request], self.until[request], self.hold_of[request] = op.amount_nano, op.expires_at_ms, op
            if op.idempotency_key:
                self.claims[op.account, op.idempotency_key] = request

    def _extend(self, op: Extend, result: LedgerResult) -> None:
        held = self.open.get(op.request_id)
        if held is None or self.hold_of[op.request_id].account != op.account:
            expected = "not_open"
        else:
            hold = self.hold_of[op.request_id]
            expected = self._in_the_way(hold, op.account, held, op.amount_nano) if op.amount_nano else ""
        assert (result.code, result.effect) == (expected, EFFECT_NONE if expected else EFFECT_EXTENDED), op
        if not expected:
            self.open[op.request_id] += op.amount_nano
            self.until[op.request_id] = max(self.until[op.request_id], op.expires_at_ms)

    def _void(self, op: Void, result: LedgerResult) -> None:
        hold = self.hold_of.get(op.request_id)
        owner = hold.account if hold else self.voided.get(op.request_id, op.account)
        if owner != op.account:
            assert result.code == "not_open"
            return
        done_before = op.request_id in self.charged or op.request_id in self.voided
        assert (result.code, result.effect) == ("", EFFECT_NONE if done_before else EFFECT_VOIDED)
        if not done_before:
            self.open.pop(op.request_id, None)
            self.voided[op.request_id] = op.account

    def _settle(self, op: Settle, result: LedgerResult) -> None:
        if op.stream_seq <= self.position or op.request_id in self.charged:
            assert (result.code, result.effect, result.posted_nano) == ("", EFFECT_NONE, 0)
            return
        total = op.amount_nano + op.fee_nano
        held, hold = self.open.pop(op.request_id, None), self.hold_of.get(op.request_id)
        late = EFFECT_LATE if hold or op.request_id in self.voided else EFFECT_UNHELD
        assert result.effect == (late if held is None else EFFECT_SETTLED)
        assert (result.posted_nano, result.overrun_nano) == (total, max(0, total - (held or 0)))
        self.charged[op.request_id] = total
        self.balance[op.account] -= total
        where = hold or op
        self.charges.append((where.key_id, where.day, op.account, where.month, total))

    def _money(self, op: TopUp | Adjust, result: LedgerResult) -> None:
        refused = op.amount_nano == 0 or (op.amount_nano < 0 and self.free(op.account) < -op.amount_nano)
        assert bool(result.code) == refused
        if not refused:
            self.balance[op.account] += op.amount_nano

    def _claimed(self, op: Hold) -> str:
        """The request that is running, ran out or was charged under the same key."""
        first = self.claims.get((op.account, op.idempotency_key), "")
        return "" if first in self.voided or self.charged.get(first) == 0 else first

    def _in_the_way(self, hold: Hold, account: str, held: int, more: int) -> str:
        """For good: what does not fit even alone. For now: what does not fit beside the others."""
        spent_day, held_day = self.on_day(hold.key_id, hold.day)
        spent_month, held_month = self.in_month(account, hold.month)
        cap = hold.cap_nano if hold.HasField("cap_nano") else 10**18
        budget = hold.budget_nano if hold.HasField("budget_nano") else 10**18
        if self.balance[account] < held + more:
            return "insufficient_credits"
        if spent_day + held + more > cap or spent_month + held + more > budget:
            return "spend_cap_reached"
        if self.free(account) < more or spent_day + held_day + more > cap or spent_month + held_month + more > budget:
            return "credit_on_hold"
        return ""

    def free(self, account: str) -> int:
        return self.balance[account] - sum(n for r, n in self.open.items() if self.hold_of[r].account == account)

    def on_day(self, key_id: str, day: str) -> tuple[int, int]:
        """Spent and held."""
        spent = sum(amount for key, on, _, _, amount in self.charges if (key, on) == (key_id, day))
        ours = (r for r, hold in self.hold_of.items() if (hold.key_id, hold.day) == (key_id, day))
        return spent, sum(self.open.get(request, 0) for request in ours)

    def in_month(self, account: str, month: str) -> tuple[int, int]:
        """Spent and held."""
        spent = sum(amount for _, _, owner, within, amount in self.charges if (owner, within) == (account, month))
        ours = (r for r, hold in self.hold_of.items() if (hold.account, hold.month) == (account, month))
        return spent, sum(self.open.get(request, 0) for request in ours)
