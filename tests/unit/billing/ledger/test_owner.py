"""Owning a shard: what is on record survives every owner, what is not was never told, and there is one at a time."""

import asyncio

import pytest

from libs.bus.base import Stored
from libs.contracts import subjects
from libs.contracts.northern.v1.ledger_pb2 import Adjust, Extend, Void
from libs.ledger.seal import LedgerBroken
from services.billing.ledger.journal import Fenced
from tests.support.billing import ask, insist, journal, open_account, open_key, request_id
from tests.support.broker import until
from tests.unit.billing.ledger.rig import Rig, hold, rig, top_up


async def money(at: Rig) -> tuple[int, int]:
    told = await at.credits()
    return told.balance_nano, told.held_nano


async def test_a_hold_is_taken_extended_given_back_and_told_of_in_the_answer() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        first = request_id()
        reply = await at.ask(hold(first, 60))
        assert (reply.code, reply.balance_nano, reply.held_nano) == ("", 100, 60)
        extend = Extend(op_id=f"{first}:x", account="t_one", request_id=first, amount_nano=30)
        assert (await at.ask(extend)).held_nano == 90
        void = Void(op_id=f"{first}:v", account="t_one", request_id=first)
        assert (await at.ask(void)).held_nano == 0
        assert await money(at) == (100, 0)


async def test_too_little_credit_is_refused_for_good_and_held_credit_for_now() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        assert (await at.ask(hold(request_id(), 101))).code == "insufficient_credits"
        assert (await at.ask(hold(request_id(), 100))).code == ""
        waiting = await at.ask(hold(request_id(), 1))
        assert waiting.code == "credit_on_hold"
        assert 500 <= waiting.retry_after_ms < 1000


async def test_the_same_operation_again_is_the_same_and_costs_the_journal_nothing() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        op = hold(request_id(), 60)
        replies = [await at.ask(op) for _ in range(3)]
        assert replies[0] == replies[1] == replies[2]
        assert sum(entry.HasField("hold") for batch in await journal(at.bus) for entry in batch.ops) == 1
        assert await money(at) == (100, 60)


async def test_a_correction_takes_and_gives() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        assert (await at.ask(Adjust(op_id="a", account="t_one", amount_nano=-30, note="n", by="b"))).balance_nano == 70
        refused = await at.ask(Adjust(op_id="b", account="t_one", amount_nano=-71, note="n", by="b"))
        assert refused.code == "insufficient_credits"


async def test_a_correction_that_only_running_requests_stand_in_the_way_of_can_be_had_when_they_are_over() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(100))
        running = request_id()
        await at.ask(hold(running, 60))
        taken = Adjust(op_id="a", account="t_one", amount_nano=-50, note="n", by="b")
        refused = await at.ask(taken)
        assert (refused.code, refused.param, refused.retry_after_ms) == ("credit_on_hold", "amount_nano", 500)
        await at.ask(Void(op_id=f"{running}:v", account="t_one", request_id=running))
        assert [(await at.ask(taken)).balance_nano for _ in range(2)] == [50, 50]
        assert await money(at) == (50, 0)


async def test_money_for_an_account_nobody_knows_is_refused() -> None:
    async with rig() as at, at.owned():
        assert (await at.ask(top_up(100, account="t_other"))).code == "not_found"
        assert (await at.credits("t_other")).failure.code == "not_found"


async def test_money_for_an_account_that_was_opened_a_moment_ago_waits_for_its_record() -> None:
    async with rig() as at, at.owned():
        paid = asyncio.ensure_future(at.ask(top_up(100, account="t_two")))
        looked = asyncio.ensure_future(at.credits("t_two"))
        await asyncio.sleep(0.05)
        assert not paid.done()
        await open_account(at.bus, "t_two")
        assert (await paid).balance_nano == 100
        assert (await looked).currency == "CAD"


async def test_the_opening_deposit_comes_once_whatever_restarts_and_however_late() -> None:
    async with rig() as at:
        await open_account(at.bus, "t_two", deposit="100.00")
        await until(lambda: "t_two" in at.rules.accounts)
        for crash in (True, False, True):
            async with at.owned(crash=crash):
                assert (await at.credits("t_two")).balance_nano == 100_000_000_000
            at.clock.ms += 3 * 86_400_000  # by then no operation's id is remembered
        await open_account(at.bus, "t_two", deposit="200.00")
        async with at.owned():
            await open_account(at.bus, "t_three", deposit="1.00")
            await until(lambda: "t_three" in at.rules.accounts)
            assert (await at.credits("t_three")).balance_nano == 1_000_000_000
            assert (await at.credits("t_two")).balance_nano == 100_000_000_000


async def test_a_crash_loses_nothing_that_was_answered() -> None:
    async with rig() as at:
        ops = [hold(request_id(), 7) for _ in range(20)]
        async with at.owned(crash=True):
            await at.ask(top_up(1000))
            before = [await at.ask(op) for op in ops]
        async with at.owned():
            assert await money(at) == (1000, 140)
            assert [await at.ask(op) for op in ops] == before
        await journal(at.bus)


async def test_an_owner_that_leaves_in_order_leaves_a_snapshot_that_the_next_one_begins_with() -> None:
    async with rig() as at:
        async with at.owned():
            await at.ask(top_up(1000))
            held = request_id()
            await at.ask(hold(held, 5))
        entry = await at.bus.get("snapshots", "ledger.0")
        assert entry is not None
        async with at.owned() as second:
            assert second.owned is not None
            second.owned.state.check()
            assert await money(at) == (1000, 5)


async def test_a_spoilt_snapshot_costs_time_and_nothing_else() -> None:
    async with rig() as at:
        async with at.owned():
            await at.ask(top_up(1000))
        for key in ("ledger.0.0.0", "ledger.0.1.0"):
            await at.bus.put("snapshots", key, b"spoilt")
        async with at.owned():
            assert await money(at) == (1000, 0)


async def test_an_answer_of_the_broker_that_is_lost_does_not_apply_anything_twice() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        at.bus.lose = 1
        assert (await at.ask(hold(request_id(), 7))).held_nano == 7
        assert await money(at) == (1000, 7)
        await journal(at.bus)


async def test_a_broker_that_refuses_for_a_while_is_asked_again_with_the_same_bytes() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        at.bus.refuse = 2
        assert (await at.ask(hold(request_id(), 7))).held_nano == 7
        assert await money(at) == (1000, 7)


async def test_nobody_is_answered_before_the_batch_is_on_record() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        at.bus.gate.clear()
        waiting = asyncio.create_task(ask(at.bus, hold(request_id(), 7), 2.0))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        at.bus.gate.set()
        assert (await waiting).held_nano == 7


async def test_what_arrives_while_a_batch_is_on_its_way_rides_in_the_next() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10_000))
        at.bus.gate.clear()
        asking = [asyncio.create_task(ask(at.bus, hold(request_id(), 1), 5.0)) for _ in range(300)]
        await asyncio.sleep(0.2)
        before = at.bus.appended
        at.bus.gate.set()
        replies = await asyncio.gather(*asking)
        assert [reply.code for reply in replies] == [""] * 300
        assert at.bus.appended - before <= 4


async def test_a_batch_holds_five_hundred_operations_at_most() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10_000))
        at.bus.gate.clear()
        asking = [asyncio.create_task(ask(at.bus, hold(request_id(), 1), 5.0)) for _ in range(1_300)]
        await asyncio.sleep(0.3)
        at.bus.gate.set()
        await asyncio.gather(*asking)
        assert max(len(batch.ops) for batch in await journal(at.bus)) <= 500


async def test_the_second_of_two_owners_fences_the_first_who_ends_without_another_word() -> None:
    async with rig() as at:
        first = at.ownership()
        running = asyncio.create_task(first.run())
        await until(lambda: first.owned is not None)
        await at.ask(top_up(1000))
        at.clock.ms += 5_000  # the first one's lease runs out, and it does not know
        async with at.owned():
            reply = await insist(at.bus, hold(request_id(), 7))
            assert reply.held_nano == 7
            with pytest.raises(Fenced):
                await running
            assert await money(at) == (1000, 7)
            await journal(at.bus)


async def test_an_owner_that_was_fenced_tells_nobody_what_it_thought() -> None:
    async with rig() as at, at.owned() as owner:
        await at.ask(top_up(1000))
        shard = owner.owned
        assert shard is not None
        await at.bus.append(subjects.journal(0), b"another's")
        assert (await ask(at.bus, hold(request_id(), 7), 0.3)).code == "no answer"
        await until(lambda: owner.owned is None)


async def test_leases_that_were_lost_do_not_keep_an_owner_out() -> None:
    async with rig() as at:
        for _ in range(3):
            async with at.owned(crash=True):
                await at.ask(top_up(1000))
        await at.bus.delete("leases", "ledger.0")  # the next one's is the first again
        async with at.owned():
            assert await money(at) == (1000, 0)
        epochs = [batch.epoch for batch in await journal(at.bus)]
        assert epochs == sorted(epochs)
        assert epochs[-1] == 4


async def test_what_is_remembered_is_forgotten_by_the_time_that_passed_and_not_by_the_ledger_s_idle_clock() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        at.clock.ms += 3_600_000  # nothing happens for an hour, so the ledger's clock stands still
        ended = request_id(at.clock.ms)
        await at.ask(hold(ended, 7))
        await at.ask(Void(op_id="v", account="t_one", request_id=ended))
        at.clock.ms += 2_000
        await at.ask(hold(request_id(at.clock.ms), 1))
        late = await at.ask(hold(ended, 7, op_id="another"))
        assert late.code == "not_open"


@pytest.mark.parametrize("what", ["tail", "copy", "changed"])
async def test_a_journal_that_is_not_what_was_written_is_not_served(what: str) -> None:
    async with rig() as at:
        async with at.owned(crash=True):
            await at.ask(top_up(1000))
            await at.ask(hold(request_id(), 5))
        stream = at.bus._streams["LEDGER"]
        last = stream.messages[-1]
        match what:
            case "tail":
                at.copied = (last.seq + 1, bytes(32))
            case "copy":
                at.copied = (last.seq, bytes(32))
            case "changed":
                stream.messages[-2] = Stored(last.subject, last.seq - 1, stream.messages[-2].data[:-1] + b"x")
        with pytest.raises(LedgerBroken) as broken:
            await asyncio.wait_for(at.ownership().run(), 5)
        assert {"tail": "lost its tail", "copy": "its copy", "changed": "sealed"}[what] in str(broken.value)


async def test_a_journal_that_was_replaced_behind_a_snapshot_is_not_served() -> None:
    async with rig() as at:
        async with at.owned():
            await at.ask(top_up(1000))
        stream = at.bus._streams["LEDGER"]
        last = stream.messages[-1]
        stream.messages[-1] = Stored(last.subject, last.seq, stream.messages[0].data)
        with pytest.raises(LedgerBroken, match="another than the one that is known"):
            await asyncio.wait_for(at.ownership().run(), 5)


async def test_a_copy_that_agrees_or_is_behind_stands_in_nobodys_way() -> None:
    async with rig() as at:
        async with at.owned(crash=True):
            await at.ask(top_up(1000))
            await at.ask(hold(request_id(), 5))
        batches = await journal(at.bus)
        at.copied = (1, batches[0].hash)
        async with at.owned():
            assert await money(at) == (1000, 5)
        batches = await journal(at.bus)
        at.copied = (len(batches), batches[-1].hash)
        async with at.owned():
            assert await money(at) == (1000, 5)


async def test_a_broker_that_comes_back_finds_the_ledger_as_it_was() -> None:
    async with rig() as at, at.owned() as owner:
        await at.ask(top_up(1000))
        at.bus.fail()
        await asyncio.sleep(0.05)
        at.bus.heal()
        at.clock.ms += 5_000
        reply = await insist(at.bus, hold(request_id(), 7))
        assert reply.held_nano == 7
        assert owner.ready


async def test_an_owner_whose_last_answer_cannot_leave_is_asked_nothing_more_once_it_is_cut_short() -> None:
    async with rig() as at:
        async with at.owned(crash=True):
            at.bus.answers.clear()
            await at.bus.publish(subjects.ledger(0), b"not of this house", "_INBOX.asker")
            await asyncio.sleep(0.01)
        assert at.bus.subs == []


async def test_an_owner_whose_reader_does_not_end_at_once_is_asked_nothing_more_once_it_is_cut_short() -> None:
    async with rig() as at:
        async with at.owned(crash=True) as owner:
            await until(lambda: owner.reading is not None and owner.reading.lag is not None)
            at.bus.deaf = 3
        assert at.bus.subs == []
        assert not at.bus.deaf


async def test_a_hold_that_nobody_closes_runs_out_and_is_counted() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        left = request_id(at.clock.ms)
        await at.ask(hold(left, 7))
        at.clock.ms += 15 * 60_000 + 1_000
        for _ in range(200):
            if at.counted("holds_expired_total"):
                break
            await asyncio.sleep(0.02)
        assert at.counted("holds_expired_total") == 1
        assert await money(at) == (1000, 0)


async def test_an_extension_by_nothing_keeps_a_hold_for_longer() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        kept = request_id(at.clock.ms)
        await at.ask(hold(kept, 7))
        at.clock.ms += 10 * 60_000
        await at.ask(Extend(op_id="x", account="t_one", request_id=kept, amount_nano=0))
        at.clock.ms += 10 * 60_000
        await at.ask(hold(request_id(at.clock.ms), 1))
        assert await money(at) == (1000, 8)


async def test_a_question_writes_nothing_into_the_journal() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        before = at.bus.appended
        at.clock.ms += 10_000
        for _ in range(5):
            await at.credits()
        assert at.bus.appended == before


async def test_a_new_key_s_first_request_waits_for_its_record() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        asking = asyncio.create_task(ask(at.bus, hold(request_id(), 7, key_id="k_new"), 2.0))
        await asyncio.sleep(0.1)
        await open_key(at.bus, "k_new")
        assert (await asking).code == ""
        unknown = await ask(at.bus, hold(request_id(), 7, key_id="k_never"), 2.0)
        assert unknown.code == "invalid_api_key"
