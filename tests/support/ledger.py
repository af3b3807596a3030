"""A ledger for tests of those who ask it, on any bus: one that says what a test scripts, one that keeps real books."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from libs.bus.base import Bus, Message, Subscription
from libs.contracts.northern.v1.ledger_pb2 import (
    Expire,
    Extend,
    Hold,
    LedgerReply,
    LedgerRequest,
    OpenAccount,
    Settle,
    TopUp,
    Void,
)
from libs.contracts.subjects import ledger
from libs.ledger.apply import apply
from libs.ledger.state import Account, State

RICH = 10**15
HOLD_MS = 15 * 60_000
Script = Callable[[LedgerRequest], LedgerReply | None]


def agree(_: LedgerRequest) -> LedgerReply:
    return LedgerReply(balance_nano=RICH)


@dataclass
class ScriptedLedger:
    """`script` answers each question; None: it stays unanswered. `asked` holds every question in its order."""

    bus: Bus
    script: Script = agree
    asked: list[LedgerRequest] = field(default_factory=list)
    subscription: Subscription | None = None

    async def start(self) -> "ScriptedLedger":
        self.subscription = await self.bus.subscribe(ledger(0), self._answer, "billing")
        return self

    async def stop(self) -> None:
        """Nobody answers any more, and the broker says so."""
        if self.subscription is not None:
            await self.subscription.stop()
            self.subscription = None

    def holds(self) -> list[Hold]:
        return [each.hold for each in self.asked if each.HasField("hold")]

    def extends(self) -> list[Extend]:
        return [each.extend for each in self.asked if each.HasField("extend")]

    def voids(self) -> list[Void]:
        return [each.void for each in self.asked if each.HasField("void")]

    async def _answer(self, message: Message) -> None:
        request = LedgerRequest.FromString(message.data)
        self.asked.append(request)
        reply = self.script(request)
        if reply is not None and message.reply:
            await self.bus.publish(message.reply, reply.SerializeToString())


class Core:
    """The ledger's own core as a script: one account with so much money. `lowest` is the least that was ever free."""

    def __init__(self, tenant: str, balance_nano: int, *, cap_nano: int | None = None) -> None:
        self.state, self._tenant, self._cap_nano = State(), tenant, cap_nano
        apply(self.state, Expire(now_ms=_now_ms()))
        apply(self.state, OpenAccount(op_id="open", account=tenant, currency="CAD"))
        if balance_nano:
            apply(self.state, TopUp(op_id="opening", account=tenant, amount_nano=balance_nano))
        self.lowest = balance_nano

    @property
    def account(self) -> Account:
        return self.state.accounts[self._tenant]

    def __call__(self, request: LedgerRequest) -> LedgerReply:
        op = getattr(request, str(request.WhichOneof("op")))
        if isinstance(op, Hold):
            op.at_ms, op.day, op.month = _now_ms(), "2026-11-21", "2026-11"
            if self._cap_nano is not None:
                op.cap_nano = self._cap_nano
        if isinstance(op, Hold | Extend):
            op.expires_at_ms = _now_ms() + HOLD_MS
        result = apply(self.state, op)
        self._looked()
        return LedgerReply(
            code=result.code,
            param=result.param,
            balance_nano=result.balance_nano,
            held_nano=result.held_nano,
            retry_after_ms=result.retry_after_ms,
            first_request_id=result.first_request_id,
        )

    def settle(self, request_id: str, amount_nano: int, stream_seq: int) -> None:
        """As the shard's reader does it for a Finished fact."""
        settle = Settle(
            op_id=f"settle:{request_id}",
            request_id=request_id,
            account=self._tenant,
            key_id="k_one",
            amount_nano=amount_nano,
            stream_seq=stream_seq,
            at_ms=_now_ms(),
            day="2026-11-21",
            month="2026-11",
        )
        result = apply(self.state, settle)
        assert not result.code, result
        self._looked()

    def _looked(self) -> None:
        self.lowest = min(self.lowest, self.account.balance - self.account.held)
        self.state.check()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
