"""Asking the ledger: one answer for each question, once more where none comes, and an end to every wait."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.bus.base import Message
from libs.bus.memory import MemoryBus
from libs.contracts.errors import BillingUnavailable
from libs.contracts.northern.v1.ledger_pb2 import Hold, LedgerReply, LedgerRequest
from libs.contracts.subjects import ledger as ledger_subject
from services.worker.money import asking
from services.worker.money.asking import Ledger
from tests.support.broker import until
from tests.support.ledger import ScriptedLedger

ACCOUNT = "t_one"


def question(op_id: str = "op") -> LedgerRequest:
    return LedgerRequest(hold=Hold(op_id=op_id, account=ACCOUNT))


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    made = MemoryBus()
    yield made
    made.heal()
    for sub in list(made.subs):
        await sub.stop()


@pytest.fixture
async def ledger(bus: MemoryBus) -> AsyncIterator[Ledger]:
    made = Ledger(bus, "w1")
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_AGAIN_S", 0.03)
    monkeypatch.setattr(asking, "ANSWER_S", 0.06)


async def test_many_questions_at_once_get_their_own_answers(bus: MemoryBus, ledger: Ledger) -> None:
    await ScriptedLedger(bus, lambda asked: LedgerReply(first_request_id=asked.hold.op_id)).start()
    answers = [await ledger.ask(ACCOUNT, question(str(n))) for n in range(50)]
    told = [(await answer).first_request_id for answer in reversed(answers)]
    assert told == [str(n) for n in reversed(range(50))]
    assert not ledger._open


async def test_where_nobody_listens_the_answer_is_no_at_once(ledger: Ledger) -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(BillingUnavailable) as raised:
        await (await ledger.ask(ACCOUNT, question()))
    assert asyncio.get_running_loop().time() - began < 0.5
    assert raised.value.retryable
    assert raised.value.retry_after_ms == 1000
    assert not ledger._open


@pytest.mark.usefixtures("_soon")
async def test_a_question_that_is_lost_is_asked_once_more_byte_for_byte(bus: MemoryBus, ledger: Ledger) -> None:
    heard: list[bytes] = []

    async def second_time(message: Message) -> None:
        heard.append(message.data)
        if len(heard) == 2:
            await bus.publish(message.reply, LedgerReply(balance_nano=7).SerializeToString())

    await bus.subscribe(ledger_subject(0), second_time)
    assert (await (await ledger.ask(ACCOUNT, question()))).balance_nano == 7
    assert heard == [question().SerializeToString()] * 2


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("which", [0, 1])
async def test_a_slow_answer_is_heard_whichever_time_of_asking_it_is_for(
    bus: MemoryBus, ledger: Ledger, which: int
) -> None:
    """A broker that lets one answer through for each inbox must not be named the same one twice."""
    replies: list[str] = []
    await bus.subscribe(ledger_subject(0), lambda message: replies.append(message.reply))
    answer = await ledger.ask(ACCOUNT, question())
    await until(lambda: len(replies) == 2, 1)
    assert len(set(replies)) == 2
    await bus.publish(replies[which], LedgerReply(balance_nano=7).SerializeToString())
    assert (await answer).balance_nano == 7
    assert not ledger._open


@pytest.mark.usefixtures("_soon")
async def test_a_ledger_that_never_answers_is_unavailable_in_time_and_nothing_is_kept(
    bus: MemoryBus, ledger: Ledger
) -> None:
    silent = await ScriptedLedger(bus, lambda _: None).start()
    answer = await ledger.ask(ACCOUNT, question())
    with pytest.raises(BillingUnavailable):
        await asyncio.wait_for(answer, 1)
    assert len(silent.asked) == 2
    assert not ledger._open


@pytest.mark.usefixtures("_soon")
async def test_an_answer_that_comes_after_all_is_nobodys_and_harms_nobody(bus: MemoryBus, ledger: Ledger) -> None:
    replies: list[str] = []
    await bus.subscribe(ledger_subject(0), lambda message: replies.append(message.reply))
    with pytest.raises(BillingUnavailable):
        await (await ledger.ask(ACCOUNT, question()))
    for reply in replies:
        await bus.publish(reply, LedgerReply().SerializeToString())
    await asyncio.sleep(0.01)
    assert not ledger._open


@pytest.mark.usefixtures("_soon")
async def test_a_question_whose_asker_is_cancelled_is_forgotten(bus: MemoryBus, ledger: Ledger) -> None:
    await ScriptedLedger(bus, lambda _: None).start()
    (await ledger.ask(ACCOUNT, question())).cancel()
    await until(lambda: not ledger._open, 1)


async def test_what_is_no_reply_is_unavailable(bus: MemoryBus, ledger: Ledger) -> None:
    async def babble(message: Message) -> None:
        await bus.publish(message.reply, b"\xff\xff\xff")

    await bus.subscribe(ledger_subject(0), babble)
    with pytest.raises(BillingUnavailable):
        await (await ledger.ask(ACCOUNT, question()))


async def test_a_broker_that_is_away_is_unavailable(bus: MemoryBus, ledger: Ledger) -> None:
    bus.fail()
    with pytest.raises(BillingUnavailable):
        await (await ledger.ask(ACCOUNT, question()))
    bus.heal()


async def test_who_waits_when_the_process_stops_is_told(bus: MemoryBus, ledger: Ledger) -> None:
    await ScriptedLedger(bus, lambda _: None).start()
    answer = await ledger.ask(ACCOUNT, question())
    await ledger.close()
    with pytest.raises(BillingUnavailable):
        await answer


async def test_telling_waits_for_nothing_and_a_refusal_is_nobodys_business(bus: MemoryBus, ledger: Ledger) -> None:
    ledger.tell(ACCOUNT, question("unheard"))  # nobody listens
    await until(lambda: not ledger._tasks)
    heard = await ScriptedLedger(bus, lambda _: LedgerReply(code="not_open")).start()
    ledger.tell(ACCOUNT, question("heard"))
    await until(lambda: not ledger._tasks)
    assert [each.op_id for each in heard.holds()] == ["heard"]


@pytest.mark.usefixtures("_soon")
async def test_what_is_told_surely_is_told_when_somebody_listens_again_and_the_rest_is_not(
    bus: MemoryBus, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_TOLD_AGAIN_S", (0.02, 0.02, 0.05, 0.05))
    bus.fail()
    ledger.tell(ACCOUNT, question("surely"), surely=True)
    ledger.tell(ACCOUNT, question("perhaps"))
    await asyncio.sleep(0.03)
    bus.heal()
    heard = await ScriptedLedger(bus).start()
    await until(lambda: bool(heard.asked), 2)
    await until(lambda: not ledger._tasks, 2)
    assert [each.hold.op_id for each in heard.asked] == ["surely"]
