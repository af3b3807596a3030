"""What the edge is told of balances: at once where an account has nothing left, seldom otherwise, never wrong long."""

import asyncio
from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.ledger_pb2 import Void
from services.billing.ledger import balances as under_test
from tests.support.billing import insist, open_account, open_key, request_id
from tests.support.broker import until
from tests.unit.billing.ledger.rig import FaultyBus, Rig, hold, rig, top_up


def said(bus: FaultyBus, tenant: str = "t_one") -> list[dict[str, Any]]:
    messages = bus._streams["KV_balances"].messages
    return [orjson.loads(m.data) for m in messages if m.subject == f"$KV.balances.{tenant}"]


def latest(at: Rig) -> tuple[int, int]:
    found = said(at.bus)
    return (found[-1]["balance_nano"], found[-1]["held_nano"]) if found else (-1, -1)


async def test_an_account_is_told_of_when_it_opens_and_when_money_comes() -> None:
    async with rig() as at, at.owned():
        await until(lambda: latest(at) == (0, 0))
        await at.ask(top_up(100))
        await until(lambda: latest(at) == (100, 0), 0.5)


async def test_the_last_of_the_money_is_told_of_at_once() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        await until(lambda: latest(at) == (100, 0), 0.5)
        await at.ask(hold(request_id(), 100))
        await until(lambda: latest(at) == (100, 100), 0.5)


async def test_what_changes_nobody_s_mind_is_told_of_once_a_second() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        await until(lambda: latest(at)[0] == 1000)
        before = len(said(at.bus))
        for _ in range(50):
            await at.ask(hold(request_id(), 1))
            await asyncio.sleep(0.01)
        assert len(said(at.bus)) - before <= 2
        await until(lambda: latest(at) == (1000, 50))
        assert [one["seq"] for one in said(at.bus)] == sorted(one["seq"] for one in said(at.bus))


async def test_an_account_that_goes_back_and_forth_does_not_have_the_others_told_of_more_often() -> None:
    async with rig() as at, at.owned():
        await open_account(at.bus, "t_two")
        await open_key(at.bus, "k_two", "t_two")
        await until(lambda: at.rules.knows("t_two", "k_two"))
        await at.ask(top_up(1000))
        await at.ask(top_up(1, "top-two", "t_two"))
        before = len(said(at.bus)), len(said(at.bus, "t_two"))
        for _ in range(20):
            await at.ask(hold(request_id(), 1))
            back = request_id()
            await at.ask(hold(back, 1, account="t_two", key_id="k_two"))
            await asyncio.sleep(0.01)
            await at.ask(Void(op_id=f"{back}:void", account="t_two", request_id=back))
            await asyncio.sleep(0.01)
        assert len(said(at.bus)) - before[0] <= 2
        assert len(said(at.bus, "t_two")) - before[1] >= 20


async def test_a_new_owner_tells_of_every_account() -> None:
    async with rig() as at:
        async with at.owned(crash=True):
            await at.ask(top_up(100))
        await at.bus.put("balances", "t_one", orjson.dumps({"balance_nano": 7, "held_nano": 7, "seq": 0}))
        async with at.owned():
            await until(lambda: latest(at) == (100, 0))


async def test_a_broker_that_was_away_is_told_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_EVERY_S", 0.1)
    async with rig() as at, at.owned():
        await until(lambda: latest(at) == (0, 0))
        at.bus.fail()
        await asyncio.sleep(0.05)
        at.bus.heal()
        at.clock.ms += 5_000
        await insist(at.bus, top_up(100))
        await until(lambda: latest(at) == (100, 0))
