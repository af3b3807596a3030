"""What billing is asked over the bus, and its answers put together: pages of any length, amounts, credit given."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from libs.bus.base import Bus
from libs.contracts import subjects
from libs.contracts.errors import BillingUnavailable, BusUnavailable, Overloaded
from libs.contracts.failures import from_query_failure
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply
from libs.contracts.northern.v1.query_pb2 import (
    AdminLogAsk,
    CreditsAsk,
    CreditsTold,
    DeadLettersAsk,
    ListTold,
    QueryFailure,
    SheetTold,
    TotalsAsk,
    TransactionsAsk,
    UsageAsk,
)
from services.ingress.api.credit import Given

_ASK_S: Final = 10.0
_LEDGER_S: Final = 5.0
_AWAY: Final = "the books cannot be asked right now; try again in a moment"
_MEMBERS: Final = {"amount_nano": "amount", "account": "tenant", "op_id": "Idempotency-Key"}  # as callers know them

Told = TypeVar("Told", ListTold, SheetTold, CreditsTold)


@dataclass(frozen=True, kw_only=True)
class Books:
    """Every call raises what billing refuses with, and BillingUnavailable where nobody answers."""

    bus: Bus

    async def entries(
        self, verb: str, ask: UsageAsk | TotalsAsk | TransactionsAsk | AdminLogAsk | DeadLettersAsk, limit: int
    ) -> tuple[list[bytes], str]:
        """So many entries of a list, each JSON, and the cursor behind them; asked for in pieces that fit the bus."""
        found: list[bytes] = []
        while True:
            ask.limit = limit - len(found)
            told = await self._asked(verb, ask, ListTold)
            found += told.entries
            if not told.next or not told.entries or len(found) >= limit:
                return found, told.next
            ask.cursor = told.next

    async def sheet(self, ask: UsageAsk) -> SheetTold:
        return await self._asked("export", ask, SheetTold)

    async def credits(self, tenant: str) -> CreditsTold:
        return await self._asked("credits", CreditsAsk(tenant=tenant), CreditsTold)

    async def give(self, given: Given) -> dict[str, Any]:
        """Credit an account, or adjust it downwards; the balance after it. The same operation again is the same one."""
        shard = subjects.ledger(subjects.shard_of(given.tenant))
        try:
            answer = await self.bus.request(shard, given.operation().SerializeToString(), _LEDGER_S)
        except (BusUnavailable, Overloaded):
            sentence = f"{_AWAY}, with the same Idempotency-Key, so that it cannot count twice"
            raise BillingUnavailable(sentence, retry_after_ms=1000) from None
        reply = LedgerReply.FromString(answer)
        if reply.code:
            raise from_query_failure(
                QueryFailure(
                    code=reply.code,
                    message=reply.message,
                    retry_after_ms=reply.retry_after_ms,
                    param=_MEMBERS.get(reply.param, reply.param),
                )
            )
        return {
            "object": "credit",
            "tenant": given.tenant,
            "amount": decimal_text(given.amount_nano),
            "note": given.note or None,
            "balance": decimal_text(reply.balance_nano),
            "held": decimal_text(reply.held_nano),
        }

    async def _asked(self, verb: str, ask: Message, kind: type[Told]) -> Told:
        try:
            answer = await self.bus.request(subjects.query("billing", verb), ask.SerializeToString(), _ASK_S)
        except (BusUnavailable, Overloaded):
            raise BillingUnavailable(_AWAY, retry_after_ms=1000) from None
        told = kind.FromString(answer)
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return told
