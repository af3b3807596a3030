"""What an account and a key allow: caps, budgets, rates, requests at once; and records that are missing or too old."""

import asyncio
import time

import pytest

from libs.auth.records import KeyStatus, TenantStatus
from libs.bus import watch
from libs.contracts.northern.v1.ledger_pb2 import Void
from tests.support.billing import (
    ask,
    egress_fact,
    finished_fact,
    key_record,
    open_account,
    open_key,
    price_nano,
    request_id,
    settled,
)
from tests.support.broker import until
from tests.unit.billing.ledger.rig import Rig, hold, rig, top_up

NANO = 10**9
PRICE = price_nano()


async def codes(at: Rig, count: int, key_id: str, amount: int = 1, **more: object) -> list[str]:
    return [(await at.ask(hold(request_id(at.clock.ms), amount, key_id=key_id, **more))).code for _ in range(count)]


async def test_requests_a_minute_are_exact_and_their_headers_count_down() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", rpm=2)
        replies = [await at.ask(hold(request_id(at.clock.ms), key_id="k_two")) for _ in range(3)]
        assert [reply.code for reply in replies] == ["", "", "rate_limit_exceeded"]
        assert [reply.headers["remaining-requests"] for reply in replies] == ["1", "0", "0"]
        assert {reply.headers["limit-requests"] for reply in replies} == {"2"}
        assert 0 < replies[2].retry_after_ms <= 60_100
        assert replies[2].param == "requests"
        at.clock.ms += replies[2].retry_after_ms
        assert await codes(at, 1, "k_two") == [""]


async def test_tokens_a_minute_count_what_is_asked_for() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", tpm=100)
        assert await codes(at, 3, "k_two", tokens=40) == ["", "", "rate_limit_exceeded"]
        larger = await at.ask(hold(request_id(at.clock.ms), key_id="k_two", tokens=101))
        assert (larger.code, larger.param, larger.retry_after_ms) == ("rate_limit_exceeded", "tokens", 0)


async def test_requests_at_once_are_open_holds_and_one_that_ends_makes_room() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", concurrency=1)
        running = request_id(at.clock.ms)
        assert (await at.ask(hold(running, key_id="k_two"))).code == ""
        refused = await at.ask(hold(request_id(at.clock.ms), key_id="k_two"))
        assert (refused.code, refused.param, refused.retry_after_ms) == ("rate_limit_exceeded", "concurrency", 500)
        await at.ask(Void(op_id="v", account="t_one", request_id=running))
        assert await codes(at, 1, "k_two") == [""]


async def test_what_the_ledger_refuses_is_not_counted_as_a_request() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10))
        await open_key(at.bus, "k_two", rpm=1)
        assert await codes(at, 3, "k_two", amount=11) == ["insufficient_credits"] * 3
        assert await codes(at, 2, "k_two", amount=10) == ["", "rate_limit_exceeded"]


async def test_the_same_hold_again_is_not_counted_again() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", rpm=1)
        op = hold(request_id(at.clock.ms), key_id="k_two")
        assert [(await at.ask(op)).code for _ in range(3)] == [""] * 3


async def test_a_refusal_by_rate_costs_the_journal_nothing() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", rpm=1)
        await codes(at, 1, "k_two")
        before = at.bus.appended
        assert await codes(at, 20, "k_two") == ["rate_limit_exceeded"] * 20
        assert at.bus.appended == before


async def test_a_key_s_cap_is_for_the_day_in_the_account_s_time_zone() -> None:
    async with rig() as at, at.owned():
        at.clock.ms = 1_795_219_200_000 + 4 * 3_600_000  # 23:00 in Toronto, 2026-11-20
        await open_account(at.bus, "t_ca", deposit="1.00", time_zone="America/Toronto")
        await open_key(at.bus, "k_cap", "t_ca", max_spend_per_day=f"0.{2 * PRICE:09d}")
        for expected in ("", "", "spend_cap_reached"):
            request = request_id(at.clock.ms)
            reply = await at.ask(hold(request, PRICE, account="t_ca", key_id="k_cap"))
            assert reply.code == expected
            if not reply.code:
                await at.publish("egress", egress_fact(request, "t_ca", "k_cap"))
                await at.publish("finished", finished_fact(request, "t_ca"))
                await settled(at.bus, "t_ca")
        assert reply.param == "max_spend_per_day"
        at.clock.ms += 3_600_000
        assert await codes(at, 1, "k_cap", amount=PRICE, account="t_ca") == [""]


async def test_a_cap_that_is_changed_holds_from_the_next_request_on() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        record = await open_key(at.bus, "k_cap")
        assert await codes(at, 1, "k_cap", amount=1000) == [""]
        capped = record.model_copy(update={"max_spend_per_day": "0.000001"})
        await at.bus.put("keys", record.digest, capped.to_bytes())
        await until(lambda: at.rules.key("t_one", "k_cap").cap_nano == 1000)  # type: ignore[union-attr]  # it is there
        assert await codes(at, 1, "k_cap", amount=1) == ["credit_on_hold"]
        assert await codes(at, 1, "k_cap", amount=1001) == ["spend_cap_reached"]


async def test_an_account_s_budget_is_for_the_month() -> None:
    async with rig() as at, at.owned():
        await open_account(at.bus, "t_budget", deposit="1.00", budget_per_month="0.000001")
        await open_key(at.bus, "k_budget", "t_budget")
        reply = await at.ask(hold(request_id(at.clock.ms), 1001, account="t_budget", key_id="k_budget"))
        assert (reply.code, reply.param) == ("spend_cap_reached", "budget_per_month")


async def test_a_session_has_no_limits_of_its_own_and_is_charged_to_its_account() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(10 * PRICE))
        request = request_id(at.clock.ms)
        assert (await at.ask(hold(request, PRICE, key_id=""))).code == ""
        await at.publish("egress", egress_fact(request, key_id=""))
        await at.publish("finished", finished_fact(request))
        assert (await settled(at.bus)).balance_nano == 9 * PRICE


async def test_the_same_idempotency_key_names_the_first_request() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        first = request_id(at.clock.ms)
        assert (await at.ask(hold(first, idempotency_key="mine"))).code == ""
        again = await at.ask(hold(request_id(at.clock.ms), idempotency_key="mine"))
        assert (again.code, again.first_request_id) == ("idempotent_replay", first)


@pytest.mark.parametrize(
    ("key_id", "account", "code"),
    [
        ("k_else", "t_one", "invalid_api_key"),
        ("k_revoked", "t_one", "key_revoked"),
        ("k_off", "t_off", "account_deactivated"),
    ],
)
async def test_who_may_not_ask_holds_nothing(key_id: str, account: str, code: str) -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_account(at.bus, "t_off", deposit="1.00", status=TenantStatus.DEACTIVATED)
        await open_key(at.bus, "k_off", "t_off")
        await open_key(at.bus, "k_else", "t_off")
        await open_key(at.bus, "k_revoked", status=KeyStatus.REVOKED)
        op = hold(request_id(at.clock.ms), account=account, key_id=key_id)
        assert (await ask(at.bus, op, 2.0)).code == code


async def test_a_copy_of_the_records_that_is_too_old_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        monkeypatch.setattr(watch, "BLIND_S", -1.0)
        assert (await ask(at.bus, hold(request_id(at.clock.ms)), 2.0)).code == "billing_unavailable"


async def test_a_rotated_key_keeps_its_limits_whichever_secret_asked() -> None:
    async with rig() as at:
        old = await open_key(at.bus, "k_rot", max_spend_per_day="1.00")
        fresh = key_record("k_rot", rotated_from=old.digest, max_spend_per_day="2.00")
        await at.bus.put("keys", fresh.digest, fresh.to_bytes())
        await until(lambda: fresh.digest in at.rules._records)
        assert at.rules.key("t_one", "k_rot").cap_nano == NANO  # type: ignore[union-attr]  # nobody names the new one yet
        superseded = old.model_copy(update={"superseded_by": fresh.digest})
        await at.bus.put("keys", old.digest, superseded.to_bytes())
        await until(lambda: at.rules.key("t_one", "k_rot").cap_nano == 2 * NANO)  # type: ignore[union-attr]  # as above


async def test_a_rotation_that_died_halfway_changes_nothing() -> None:
    async with rig() as at:
        old = await open_key(at.bus, "k_rot", max_spend_per_day="1.00")
        nobodys = key_record("k_rot", rotated_from=old.digest, status=KeyStatus.REVOKED)
        await at.bus.put("keys", nobodys.digest, nobodys.to_bytes())
        await until(lambda: nobodys.digest in at.rules._records)
        assert at.rules.key("t_one", "k_rot") is not None


async def test_a_key_whose_record_goes_or_cannot_be_read_is_unknown() -> None:
    async with rig() as at:
        for key_id, spoil in (("k_a", b"{}"), ("k_b", None)):
            record = await open_key(at.bus, key_id)
            await until(lambda key_id=key_id: at.rules.knows("t_one", key_id))  # type: ignore[misc]  # mypy and defaults
            if spoil is None:
                await at.bus.delete("keys", record.digest)
            else:
                await at.bus.put("keys", record.digest, spoil)
            await until(lambda key_id=key_id: not at.rules.knows("t_one", key_id))  # type: ignore[misc]  # as above


async def test_the_next_request_of_one_at_a_time_waits_a_moment_for_the_end_of_the_one_before() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(NANO))
        await open_key(at.bus, "k_two", concurrency=1)
        for _ in range(5):
            request = request_id(at.clock.ms)
            assert (await at.ask(hold(request, PRICE, key_id="k_two"))).code == ""
            await at.publish("egress", egress_fact(request, key_id="k_two"))
            await at.publish("finished", finished_fact(request))


async def test_credit_that_comes_free_within_a_moment_is_waited_for() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(2 * PRICE))
        first = request_id(at.clock.ms)
        assert (await at.ask(hold(first, 2 * PRICE))).code == ""
        await at.publish("egress", egress_fact(first))
        waiting = asyncio.create_task(at.ask(hold(request_id(at.clock.ms), PRICE)))
        await asyncio.sleep(0.03)
        await at.publish("finished", finished_fact(first))
        assert (await waiting).code == ""


async def test_nobody_waits_for_longer_than_a_moment() -> None:
    async with rig() as at, at.owned():
        await at.ask(top_up(2 * PRICE))
        await at.ask(hold(request_id(at.clock.ms), 2 * PRICE))
        began = time.monotonic()
        assert (await at.ask(hold(request_id(at.clock.ms), PRICE))).code == "credit_on_hold"
        assert 0.05 < time.monotonic() - began < 0.4
