"""Where a shard is asked: requests become entries of its journal, questions are answered from what is on record."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message
from libs.contracts.errors import BillingUnavailable, BusUnavailable, InvalidRequest, NorthernError, NotFound
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.ledger_pb2 import Adjust, Hold, TopUp
from libs.contracts.northern.v1.query_pb2 import CreditsAsk, CreditsTold
from libs.ledger.limits import Windows
from libs.telemetry.log import logger
from services.billing.ledger.asked import Asked, Desk, Operation, open_account, read, refusal
from services.billing.ledger.rules import Rules
from services.billing.ledger.shard import Batch, Shard

_LARGEST: Final = 8 << 10  # bytes of a request; ids and notes are far shorter
_KNOWN_S: Final = 0.6  # how long a record may lag behind its first request; who asks waits no longer than that
_LOOK_S: Final = 0.02


class Counter:
    """Answers `ni.ledger.<shard>` and `ni.query.billing.credits` for the owner of the shard."""

    def __init__(self, bus: Bus, shard: Shard, rules: Rules) -> None:
        self._bus, self._shard, self._rules = bus, shard, rules
        self._desk = Desk(rules=rules, windows=Windows(), answer=self._answer, again=self._again)
        self._later: set[asyncio.Task[None]] = set()

    def take(self, message: Message) -> Awaitable[None] | None:
        """One LedgerRequest; answered when it is on record."""
        if not message.reply:
            return None
        try:
            if len(message.data) > _LARGEST:
                raise InvalidRequest("the ledger was asked for something too large")
            op = read(message.data)
            if self._unknown(op):
                self._wait(op, message)
                return None
            self._put(op, message)
        except DecodeError:
            return self._refuse(message, InvalidRequest("the question cannot be read"))
        except NorthernError as error:
            return self._refuse(message, error)
        return None

    async def credits(self, data: bytes) -> bytes:
        """CreditsAsk in, CreditsTold out: as of the last batch on record."""
        try:
            ask = CreditsAsk.FromString(data)
            await self._until(lambda: ask.tenant in self._rules.accounts)
            look = _Look(rules=self._rules, tenant=ask.tenant)
            self._shard.put(look)
            return (await look.told).SerializeToString()
        except DecodeError:
            error: NorthernError = InvalidRequest("the question cannot be read")
        except NorthernError as refused:
            error = refused
        return CreditsTold(failure=to_query_failure(error)).SerializeToString()

    async def sweep(self) -> None:
        """Forget the rates of keys that have gone quiet, now and then, for ever."""
        while True:
            await asyncio.sleep(1.0)
            self._desk.windows.forget(self._shard.now_ms())

    def _put(self, op: Operation, message: Message) -> None:
        self._shard.put(Asked(desk=self._desk, op=op, reply=message.reply, size=len(message.data)))

    def _again(self, asked: Asked) -> None:
        asyncio.get_running_loop().call_later(_LOOK_S, self._retry, asked)

    def _retry(self, asked: Asked) -> None:
        try:
            self._shard.put(asked)
        except BillingUnavailable:
            return  # no more is taken: who asked hears nothing, and asks the next owner

    def _unknown(self, op: Operation) -> bool:
        """Whether it speaks of an account or key that we have not heard of, or not yet."""
        match op:
            case Hold():
                return not self._rules.knows(op.account, op.key_id)
            case TopUp() | Adjust():
                return op.account not in self._rules.accounts
            case _:
                return False

    async def _until(self, known: Callable[[], bool]) -> None:
        for _ in range(round(_KNOWN_S / _LOOK_S)):
            if known():
                return
            await asyncio.sleep(_LOOK_S)

    def _wait(self, op: Operation, message: Message) -> None:
        """An account or key that was made a moment ago: its record may still be on its way to us."""
        task = asyncio.create_task(self._known(op, message))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _known(self, op: Operation, message: Message) -> None:
        await self._until(lambda: not self._unknown(op))
        try:
            self._put(op, message)
        except BillingUnavailable as error:
            await self._refuse(message, error)

    def _refuse(self, message: Message, error: NorthernError) -> Awaitable[None]:
        return self._answer(message.reply, refusal(error).SerializeToString())

    async def _answer(self, subject: str, data: bytes) -> None:
        try:
            await self._bus.publish(subject, data)
        except BusUnavailable:
            logger().warning("query_answer_lost")  # who asked asks again, and is told the same


@dataclass(kw_only=True, slots=True)
class _Look:
    """A question about an account, as an entry: answered behind everything that was asked before it."""

    rules: Rules
    tenant: str
    count: int = 2
    size: int = 512
    told: "asyncio.Future[CreditsTold]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _answer: CreditsTold = field(default_factory=CreditsTold)

    def write(self, batch: Batch) -> None:
        open_account(batch, self.rules, self.tenant)
        account = batch.state.accounts.get(self.tenant)
        if account is None:
            self._answer = CreditsTold(failure=to_query_failure(NotFound("There is no such account.")))
            return
        self._answer = CreditsTold(
            balance_nano=account.balance, held_nano=account.held, currency=account.currency, seq=batch.state.ops
        )

    def tell(self) -> None:
        if not self.told.done():
            self.told.set_result(self._answer)
