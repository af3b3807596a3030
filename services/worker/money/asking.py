"""Asking the ledger: questions go out on the shard's subject, answers come in on one inbox of this process."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from libs.bus.base import Bus, Message, Subscription
from libs.contracts.errors import BillingUnavailable, BusUnavailable
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply, LedgerRequest
from libs.contracts.subjects import inbox_prefix, ledger, random_token, shard_of

ANSWER_S = 5.0  # as long as the broker may take to store what the ledger did; then nothing is sent
_AGAIN_S = (
    0.8  # a question or its answer may be lost with a process that restarts; asked again, it is the same operation
)
_TOLD_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # two minutes: a broker and a ledger are back by then
_MOST_TOLD = 5_000  # at once; what meets no answer beyond it is left to time

Answer = asyncio.Future[LedgerReply]


@dataclass(eq=False, slots=True)
class _Asked:
    """`tokens`: one for each time it was asked, as the broker lets one answer through for each inbox."""

    answer: Answer
    subject: str
    data: bytes
    tokens: list[str]
    timer: asyncio.TimerHandle | None = None


class Ledger:
    """The ledger as a worker sees it. An operation is named by its id, so that asking twice does it once."""

    def __init__(self, bus: Bus, boot_id: str) -> None:
        self._bus = bus
        self._inbox = f"{inbox_prefix('worker')}.ledger.{boot_id}"
        self._open: dict[str, _Asked] = {}
        self._sub: Subscription | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._sub = await self._bus.subscribe(f"{self._inbox}.*", self._answered)

    async def close(self) -> None:
        """Answers that are still awaited are not had any more."""
        for asked in list(self._open.values()):
            self._fail(asked)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sub is not None:
            await self._sub.stop()

    async def ask(self, account: str, request: LedgerRequest) -> Answer:
        """Published when this returns; the answer comes within 5 s, or BillingUnavailable in its place."""
        loop = asyncio.get_running_loop()
        asked = _Asked(
            answer=loop.create_future(), subject=ledger(shard_of(account)), data=request.SerializeToString(), tokens=[]
        )
        asked.timer = loop.call_later(_AGAIN_S, self._late, asked)
        await self._publish(asked)
        return asked.answer

    def tell(self, account: str, request: LedgerRequest, *, surely: bool = False) -> None:
        """Ask without waiting; what comes of it is seen elsewhere. `surely`: again and again while nobody answers."""
        self._later(self._tell(account, request, _TOLD_AGAIN_S if surely else ()))

    async def _tell(self, account: str, request: LedgerRequest, pauses: tuple[float, ...]) -> None:
        for pause in (*pauses, 0.0):
            try:
                await (await self.ask(account, request))
            except BillingUnavailable:
                if not pause or len(self._tasks) > _MOST_TOLD:
                    return  # a hold that cannot be given back runs out
                await asyncio.sleep(pause)
            else:
                return

    async def _publish(self, asked: _Asked) -> None:
        token = random_token()
        asked.tokens.append(token)
        self._open[token] = asked
        try:
            await self._bus.publish(asked.subject, asked.data, f"{self._inbox}.{token}")
        except BusUnavailable:
            self._fail(asked)

    def _answered(self, message: Message) -> None:
        asked = self._open.get(message.subject.rpartition(".")[2])
        if asked is None:
            return
        if message.no_responders:
            self._fail(asked)
            return
        try:
            reply = LedgerReply.FromString(message.data)
        except DecodeError:
            self._fail(asked)
            return
        self._over(asked)
        if not asked.answer.done():
            asked.answer.set_result(reply)

    def _late(self, asked: _Asked) -> None:
        if asked.answer.done():  # whoever asked was cancelled
            self._over(asked)
        elif len(asked.tokens) > 1:
            self._fail(asked)
        else:
            asked.timer = asyncio.get_running_loop().call_later(ANSWER_S - _AGAIN_S, self._late, asked)
            self._later(self._publish(asked))

    def _fail(self, asked: _Asked) -> None:
        self._over(asked)
        if not asked.answer.done():
            asked.answer.set_exception(unavailable())
            asked.answer.exception()  # seen: nobody may be waiting for it any more

    def _over(self, asked: _Asked) -> None:
        for token in asked.tokens:
            self._open.pop(token, None)
        if asked.timer is not None:
            asked.timer.cancel()

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def unavailable() -> BillingUnavailable:
    return BillingUnavailable(
        "the account cannot be looked at right now, so nothing was sent and nothing is charged; try again",
        retry_after_ms=1000,
    )
