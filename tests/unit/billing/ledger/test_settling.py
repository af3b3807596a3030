"""Settlement from the facts: once a request, by the first Finished, whatever is repeated, replayed or unreadable."""

import asyncio
from dataclasses import replace

from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.subjects import fact as fact_subject
from services.billing.ledger.rules import day_and_month
from tests.support.billing import (
    credits_of,
    egress_fact,
    finished_fact,
    journal,
    open_account,
    price_nano,
    request_id,
    settled,
)
from tests.support.broker import until
from tests.unit.billing.ledger.rig import Rig, hold, rig, top_up

PRICE = price_nano()


async def balance(at: Rig) -> int:
    return (await settled(at.bus)).balance_nano


async def run_one(at: Rig, amount: int = PRICE, **more: object) -> str:
    """A request from hold to end; its id."""
    request = request_id(at.clock.ms)
    assert (await at.ask(hold(request, amount))).code == ""
    await at.publish("egress", egress_fact(request))
    await at.publish("finished", finished_fact(request, **more))  # type: ignore[arg-type]  # members of Finished
    return request


async def settlements(at: Rig) -> list[str]:
    return [op.settle.request_id for batch in await journal(at.bus) for op in batch.ops if op.HasField("settle")]


async def until_read(at: Rig, owner: object) -> None:
    last = await at.bus.last_seq("EVENTS")
    await until(lambda: owner.reading is not None and owner.reading.done >= last)  # type: ignore[attr-defined]  # Ownership


async def test_a_finished_request_is_charged_what_its_usage_costs_and_its_hold_is_released() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        request = await run_one(at, 3 * PRICE)
        assert await balance(at) == 9 * PRICE
        (settle,) = [op.settle for batch in await journal(at.bus) for op in batch.ops if op.HasField("settle")]
        assert (settle.request_id, settle.amount_nano, settle.outcome) == (request, PRICE, Outcome.OUTCOME_COMPLETED)


async def test_of_two_ends_of_a_request_the_first_counts() -> None:
    async with rig() as at, at.owned() as owner:
        await at.ask(top_up(10 * PRICE))
        request = await run_one(at)
        await at.publish("finished", finished_fact(request, output=10_000))
        await until_read(at, owner)
        assert await balance(at) == 9 * PRICE
        assert at.counted("finished_ignored_total") == 1


async def test_two_ends_in_one_message_count_once() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        request = request_id(at.clock.ms)
        await at.ask(hold(request, PRICE))
        await at.publish("egress", egress_fact(request))
        await at.publish("finished", finished_fact(request), finished_fact(request, output=10_000))
        assert await balance(at) == 9 * PRICE
        assert await settlements(at) == [request]


async def test_what_failed_before_the_first_byte_costs_nothing() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        for outcome in (Outcome.OUTCOME_FAILED, Outcome.OUTCOME_NOT_SENT):
            request = request_id(at.clock.ms)
            await at.ask(hold(request, PRICE))
            failed = finished_fact(request, output=0)
            failed.finished.outcome = outcome
            failed.finished.output_bytes = 0
            await at.publish("egress", egress_fact(request))
            await at.publish("finished", failed)
        assert await balance(at) == 10 * PRICE
        assert len(await settlements(at)) == 2


async def test_a_restart_between_egress_and_end_charges_the_request_once() -> None:
    async with rig() as at:
        request = request_id(at.clock.ms)
        async with at.owned(crash=True) as owner:
            await at.ask(top_up(10 * PRICE))
            await at.ask(hold(request, PRICE))
            await at.publish("egress", egress_fact(request))
            await run_one(at)
            await until_read(at, owner)
        async with at.owned():
            await at.publish("finished", finished_fact(request))
            assert await balance(at) == 8 * PRICE
        async with at.owned() as owner:
            await until_read(at, owner)
            assert await balance(at) == 8 * PRICE


async def test_reading_all_of_the_facts_again_changes_nothing() -> None:
    async with rig() as at:
        async with at.owned():
            await at.ask(top_up(100 * PRICE))
            for _ in range(5):
                await run_one(at)
            before = await settled(at.bus)
        at.clock.ms += 2 * 86_400_000  # the ledger has forgotten every request
        await at.bus.put("snapshots", "reader.0", b"0")
        async with at.owned() as owner:
            await until_read(at, owner)
            after = await settled(at.bus)
            assert (after.balance_nano, len(await settlements(at))) == (before.balance_nano, 5)


async def test_a_snapshot_that_says_how_far_was_read_spares_the_next_owner_the_rest() -> None:
    async with rig() as at:
        async with at.owned():
            await at.ask(top_up(100 * PRICE))
            await run_one(at)
            await settled(at.bus)
        entry = await at.bus.get("snapshots", "reader.0")
        assert entry is not None
        assert int(entry.value) == await at.bus.last_seq("EVENTS")


async def test_a_request_that_is_still_open_is_met_again_by_the_next_owner() -> None:
    async with rig() as at:
        async with at.owned() as owner:
            await at.ask(top_up(100 * PRICE))
            request = request_id(at.clock.ms)
            await at.ask(hold(request, PRICE))
            seq = await at.publish("egress", egress_fact(request))
            await run_one(at)
            await until_read(at, owner)
        entry = await at.bus.get("snapshots", "reader.0")
        assert entry is not None
        assert int(entry.value) < seq
        async with at.owned():
            await at.publish("finished", finished_fact(request))
            assert await balance(at) == 98 * PRICE


async def test_a_message_that_cannot_be_read_is_put_aside_and_the_next_one_settled() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        await at.bus.append(fact_subject("finished", 0), b"\xff\xff\xff")
        await run_one(at)
        assert await balance(at) == 9 * PRICE
        assert at.counted("dead_letters_total") == 1
        assert await at.bus.last_seq("DLQ") == 1


async def test_a_fact_with_names_that_nothing_has_is_refused_and_counted() -> None:
    async with rig() as at, at.owned() as owner:
        for request, tenant in (("not-hexadecimal!", "t_one"), (request_id(at.clock.ms), "t" * 65)):
            await at.publish("egress", egress_fact(request, tenant))
            await at.publish("finished", finished_fact(request, tenant))
        await until_read(at, owner)
        assert at.counted("settlements_refused_total") == 2
        assert await settlements(at) == []


async def test_an_account_that_no_record_knows_is_charged_all_the_same() -> None:
    async with rig() as at, at.owned() as owner:
        request = request_id(at.clock.ms)
        await at.publish("egress", egress_fact(request, "t_gone"))
        await at.publish("finished", finished_fact(request, "t_gone"))
        await until_read(at, owner)
        told = await credits_of(at.bus, "t_gone")
        assert (told.balance_nano, told.currency) == (-PRICE, "CAD")
        assert at.counted("settled_unheld_total") == 1


async def test_a_first_request_that_overtakes_its_account_s_record_does_not_cost_it_the_deposit() -> None:
    async with rig() as at, at.owned() as owner:
        request = request_id(at.clock.ms)
        await at.publish("egress", egress_fact(request, "t_late"))
        await at.publish("finished", finished_fact(request, "t_late"))
        await asyncio.sleep(0.2)
        await open_account(at.bus, "t_late", deposit="1.00")
        await until_read(at, owner)
        assert (await credits_of(at.bus, "t_late")).balance_nano == 1_000_000_000 - PRICE


async def test_more_than_was_held_is_charged_and_counted() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        await run_one(at, PRICE // 2)
        assert await balance(at) == 9 * PRICE
        assert at.counted("settled_overrun_total") == 1


async def test_an_end_after_the_hold_ran_out_is_charged_and_counted_as_late() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        request = request_id(at.clock.ms)
        await at.ask(hold(request, PRICE))
        await at.publish("egress", egress_fact(request))
        at.clock.ms += 16 * 60_000
        await until(lambda: at.counted("holds_expired_total") == 1)
        await at.publish("finished", finished_fact(request))
        await until(lambda: at.counted("settled_late_total") == 1)
        assert await balance(at) == 9 * PRICE


async def test_a_worker_that_reckons_another_price_raises_an_alarm_and_is_not_believed() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        await run_one(at, billed_nano=PRICE + 1, billed_currency="CAD")
        await run_one(at, billed_nano=PRICE, billed_currency="CAD")
        assert await balance(at) == 8 * PRICE
        assert at.counted("cost_differs_total") == 1


async def test_a_route_that_left_the_catalogue_is_charged_nothing_and_raises_an_alarm() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        request = request_id(at.clock.ms)
        await at.ask(hold(request, PRICE))
        egress = egress_fact(request)
        egress.egress.route.route_id = "gone/model-ca"
        await at.publish("egress", egress)
        await at.publish("finished", finished_fact(request))
        assert await balance(at) == 10 * PRICE
        assert at.counted("settlements_unpriced_total") == 1


async def test_a_route_that_left_the_catalogue_while_it_answered_is_charged_by_the_one_it_began_with() -> None:
    async with rig() as at, at.owned() as owner:
        await at.ask(top_up(10 * PRICE))
        for known in (owner.live.current, replace(owner.live.current, routes={}, digest="e" * 64)):
            request = request_id(at.clock.ms)
            await at.ask(hold(request, PRICE))
            begun = egress_fact(request)
            begun.egress.catalogue = owner.live.current.digest
            await at.publish("egress", begun)
            await until_read(at, owner)
            owner.live.swap(known)
            await at.publish("finished", finished_fact(request))
            await until_read(at, owner)
        assert await balance(at) == 8 * PRICE
        assert at.counted("settlements_unpriced_total") == 0


async def test_a_day_is_that_of_the_account_s_time_zone() -> None:
    midnight_utc = 1_795_219_200_000  # 2026-11-21
    assert day_and_month("UTC", midnight_utc) == ("2026-11-21", "2026-11")
    assert day_and_month("UTC", midnight_utc - 1) == ("2026-11-20", "2026-11")
    assert day_and_month("America/Toronto", midnight_utc + 5 * 3_600_000 - 1) == ("2026-11-20", "2026-11")
    assert day_and_month("America/Toronto", midnight_utc + 5 * 3_600_000) == ("2026-11-21", "2026-11")
    assert day_and_month("America/St_Johns", midnight_utc + 3 * 3_600_000 + 30 * 60_000) == ("2026-11-21", "2026-11")
    assert day_and_month("Nowhere/At_All", midnight_utc) == ("2026-11-21", "2026-11")
