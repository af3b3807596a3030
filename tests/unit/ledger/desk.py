"""A ledger at hand for tests: operations with everything filled in that a test does not speak of."""

from itertools import count

from libs.contracts.ids import EPOCH_MS
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
from libs.ledger.apply import Operation, apply
from libs.ledger.state import State

NOW_MS = EPOCH_MS + 90 * 86_400_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY = "2026-04-01"
MONTH = "2026-04"


def rid(n: int, at_ms: int = NOW_MS) -> str:
    """The id of request n, issued at that time."""
    return f"{((at_ms - EPOCH_MS) << 23) | n:016x}"


class Desk:
    """One state, and short ways to it. After every operation its invariants are checked."""

    def __init__(self, balance: int = 0) -> None:
        self.state = State()
        self._ids = count(1)
        self.expire(NOW_MS)
        self.apply(OpenAccount(op_id="open", account="t_one", currency="CAD"))
        if balance:
            self.top_up(balance)

    def apply(self, op: Operation) -> LedgerResult:
        result = apply(self.state, op)
        self.state.check()
        return result

    def hold(
        self,
        n: int,
        amount: int,
        *,
        op_id: str = "",
        account: str = "t_one",
        key: str = "k_one",
        day: str = DAY,
        month: str = MONTH,
        cap: int | None = None,
        budget: int | None = None,
        idempotency_key: str = "",
        at_ms: int = 0,
        expires_ms: int = 0,
    ) -> LedgerResult:
        at_ms = at_ms or self.state.now_ms
        op = Hold(
            op_id=op_id or self.op_id(),
            account=account,
            key_id=key,
            request_id=rid(n),
            amount_nano=amount,
            at_ms=at_ms,
            expires_at_ms=expires_ms or at_ms + 15 * MINUTE_MS,
            day=day,
            month=month,
            cap_nano=cap,
            budget_nano=budget,
            idempotency_key=idempotency_key,
        )
        return self.apply(op)

    def extend(self, n: int, amount: int, *, op_id: str = "", account: str = "t_one", to_ms: int = 0) -> LedgerResult:
        return self.apply(
            Extend(
                op_id=op_id or self.op_id(),
                account=account,
                request_id=rid(n),
                amount_nano=amount,
                expires_at_ms=to_ms,
            )
        )

    def void(self, n: int, *, op_id: str = "", account: str = "t_one") -> LedgerResult:
        return self.apply(Void(op_id=op_id or self.op_id(), account=account, request_id=rid(n)))

    def settle(
        self,
        n: int,
        amount: int,
        *,
        fee: int = 0,
        seq: int = 1,
        account: str = "t_one",
        key: str = "k_one",
        day: str = DAY,
        month: str = MONTH,
    ) -> LedgerResult:
        return self.apply(
            Settle(
                op_id=f"settle-{n}",
                request_id=rid(n),
                account=account,
                key_id=key,
                amount_nano=amount,
                fee_nano=fee,
                stream_seq=seq,
                at_ms=self.state.now_ms,
                day=day,
                month=month,
            )
        )

    def expire(self, now_ms: int) -> LedgerResult:
        return self.apply(Expire(now_ms=now_ms))

    def top_up(self, amount: int, *, op_id: str = "", account: str = "t_one") -> LedgerResult:
        return self.apply(TopUp(op_id=op_id or self.op_id(), account=account, amount_nano=amount))

    def adjust(self, amount: int, *, op_id: str = "", account: str = "t_one") -> LedgerResult:
        return self.apply(Adjust(op_id=op_id or self.op_id(), account=account, amount_nano=amount, by="someone"))

    def op_id(self) -> str:
        return f"op-{next(self._ids)}"

    def stands(self, account: str = "t_one") -> tuple[int, int]:
        """Balance and held."""
        found = self.state.accounts[account]
        return found.balance, found.held

    def spent(self, key: str = "k_one", day: str = DAY) -> tuple[int, int]:
        """Spent and held of a key's day."""
        found = self.state.days[key, day]
        return found.spent, found.held
