"""The ledger as a process on a real broker: killed, fenced, restarted, and its money the same to the last nano."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.contracts.northern.v1.ledger_pb2 import Hold, TopUp
from libs.contracts.subjects import EVENTS, journal
from tests.chaos.thirty_seven import play
from tests.support.billing import (
    Billing,
    Caller,
    ask,
    credits_of,
    insist,
    open_account,
    open_key,
    price_nano,
    publisher,
    request_id,
    settled,
)
from tests.support.billing import journal as read_journal
from tests.support.broker import Broker, open_to_all

PRICE = price_nano()


def hold(amount: int = 10) -> Hold:
    request = request_id()
    return Hold(op_id=request, account="t_one", key_id="k_one", request_id=request, amount_nano=amount)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    started = Broker(tmp_path / "nats", open_to_all)
    started.start()
    started.provision()
    yield started
    if started.runs:
        started.kill()


@pytest.fixture
def billing(broker: Broker, tmp_path: Path) -> Iterator[Billing]:
    process = Billing(broker.url, tmp_path)
    process.start()
    yield process
    process.close()


@pytest_asyncio.fixture
async def bus(broker: Broker) -> AsyncIterator[Bus]:
    """With an account and a key, before there is an owner to ask for them."""
    async with connect("test", broker.settings) as opened:
        await open_account(opened, deposit="1.00")
        await open_key(opened)
        yield opened


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_credit_for_thirty_seven_answers_thirty_seven_of_a_hundred(seed: int, tmp_path: Path) -> None:
    outcome = await play(seed, tmp_path)
    assert not outcome.wrong
    assert outcome.silent_s <= 6


async def test_larger_holds_still_answer_thirty_seven_and_never_one_more(tmp_path: Path) -> None:
    outcome = await play(4, tmp_path, hold_times=3)
    assert not outcome.wrong


async def test_the_second_owner_fences_the_first_which_ends_so_that_it_is_started_again(
    bus: Bus, billing: Billing, broker: Broker, tmp_path: Path
) -> None:
    await credits_of(bus)
    assert billing.process is not None
    billing.process.send_signal(signal.SIGSTOP)  # frozen, it does not notice that its lease runs out
    second = Billing(broker.url, tmp_path)
    second.start()
    try:
        held = await insist(bus, hold(7))
        assert held.held_nano == 7
        billing.process.send_signal(signal.SIGCONT)
        for _ in range(20):
            assert not (await insist(bus, hold(1))).code
            await asyncio.sleep(0.02)
        told = await credits_of(bus)
        assert (told.balance_nano, told.held_nano) == (10**9, 27)
        batches = await read_journal(bus)
        assert [batch.epoch for batch in batches] == sorted(batch.epoch for batch in batches)
    finally:
        second.close()


async def test_a_foreign_batch_in_the_journal_ends_the_owner(bus: Bus, billing: Billing) -> None:
    await credits_of(bus)
    await bus.append(journal(0), b"not of this house")
    assert (await ask(bus, hold(), 0.5)).code == "no answer"
    assert billing.process is not None
    assert await asyncio.to_thread(billing.process.wait, 10) != 0
    assert "Fenced" in billing.log.read_text()
    billing.start()
    assert await asyncio.to_thread(billing.process.wait, 10) != 0
    assert "the bytes are not those that were sealed" in billing.log.read_text()


async def test_whoever_is_killed_is_replaced_within_six_seconds(
    bus: Bus, billing: Billing, broker: Broker, tmp_path: Path
) -> None:
    second = Billing(broker.url, tmp_path)
    await credits_of(bus)
    second.start()
    try:
        await insist(bus, hold(5))
        await asyncio.sleep(1.5)  # it stands by
        await asyncio.to_thread(billing.kill)
        began = time.monotonic()
        assert (await insist(bus, hold(6))).held_nano == 11
        assert time.monotonic() - began <= 6
    finally:
        second.close()


async def test_whoever_leaves_in_order_is_replaced_at_once(
    bus: Bus, billing: Billing, broker: Broker, tmp_path: Path
) -> None:
    second = Billing(broker.url, tmp_path)
    await credits_of(bus)
    second.start()
    try:
        await insist(bus, hold(5))
        await asyncio.sleep(1.5)
        began = time.monotonic()
        code = await asyncio.to_thread(billing.kill, signal.SIGTERM)
        assert (await insist(bus, hold(6))).held_nano == 11
        assert code == 0
        assert time.monotonic() - began <= 2.5
    finally:
        second.close()


async def test_a_broker_that_is_killed_under_load_loses_no_answer_and_doubles_none(
    bus: Bus, billing: Billing, broker: Broker
) -> None:
    await credits_of(bus)
    granted: list[int] = []

    async def one(n: int) -> None:
        await asyncio.sleep(n * 0.003)
        reply = await insist(bus, hold(1))
        assert not reply.code
        granted.append(1)

    holding = [asyncio.create_task(one(n)) for n in range(400)]
    await asyncio.sleep(0.5)
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(broker.start)
    await asyncio.gather(*holding)
    told = await credits_of(bus)
    assert (told.balance_nano, told.held_nano, len(granted)) == (10**9, 400, 400)
    await read_journal(bus)


async def test_reading_the_whole_stream_again_changes_nothing(bus: Bus, billing: Billing) -> None:
    await credits_of(bus)
    await insist(bus, TopUp(op_id="top", account="t_one", amount_nano=50 * PRICE, by="test"))
    facts = publisher(bus)
    callers = [Caller(bus, facts) for _ in range(40)]
    assert set(await asyncio.gather(*(caller.until_decided() for caller in callers))) == {""}
    await facts.close()
    before = await settled(bus)
    await asyncio.to_thread(billing.kill, signal.SIGTERM)
    operations = [
        op.settle.request_id for batch in await read_journal(bus) for op in batch.ops if op.HasField("settle")
    ]
    assert len(operations) == len(set(operations)) == 40
    await bus.put("snapshots", "reader.0", b"0")
    await bus.delete("snapshots", "ledger.0")
    billing.start()
    after = await credits_of(bus)
    last = await bus.last_seq(EVENTS)
    await asyncio.sleep(1.0)
    again = await credits_of(bus)
    assert last == await bus.last_seq(EVENTS)
    assert before.balance_nano == after.balance_nano == again.balance_nano == 10**9 + 10 * PRICE
    again_read = [
        op.settle.request_id for batch in await read_journal(bus) for op in batch.ops if op.HasField("settle")
    ]
    assert again_read == operations


async def test_a_request_whose_end_comes_while_nobody_owns_the_ledger_is_settled_afterwards(
    bus: Bus, billing: Billing
) -> None:
    await credits_of(bus)
    facts = publisher(bus)
    caller = Caller(bus, facts)
    reply = await caller.once()
    assert not reply.code
    await asyncio.to_thread(billing.kill)
    await facts.close()
    billing.start()
    assert (await settled(bus)).balance_nano == 10**9 - PRICE
