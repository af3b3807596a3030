"""Alerts over real HTTPS: signed, once for each threshold and month, tried again and given up, and never inwards."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web

from libs.auth.webhooks import signature, signing_secret
from libs.bus.memory import MemoryBus
from libs.telemetry.metrics import Metrics
from services.billing.alerts import notices
from services.billing.alerts.budgets import Spending
from services.billing.alerts.courier import Courier, Verdict
from services.billing.alerts.notices import Notice, of_budget
from services.billing.alerts.platform import Platform
from services.billing.alerts.sending import Alerts, Watched
from tests.support.broker import until
from tests.support.hooks import Receiver, answering, receiving, trusting

KEY = b"k" * 32
NOW_MS = 1_795_000_000_000
UNIT = 10**9


def now_ms() -> int:
    return NOW_MS


@dataclass
class Scene:
    """One account with a budget of 100; `spent` is what it has spent. `alerts` makes a sender as each process has."""

    receiver: Receiver
    courier: Courier
    bus: MemoryBus = field(default_factory=MemoryBus)
    metrics: Metrics = field(default_factory=Metrics)
    spent: int = 0
    budget: int = 100
    month: str = "2026-11"
    version: int = 3
    owner: bool = True

    def accounts(self) -> Mapping[str, Watched] | None:
        if not self.owner:
            return None
        spending = Spending(
            month=self.month, spent_nano=self.spent * UNIT, budget_nano=self.budget * UNIT, thresholds=(50, 80, 100)
        )
        to = notices.Receiver(url=self.receiver.url, version=self.version)
        return {"t_one": Watched(receiver=to, spending=spending)}

    @asynccontextmanager
    async def alerts(self, **more: Any) -> AsyncIterator[Alerts]:
        made = Alerts(
            bus=self.bus,
            accounts=self.accounts,
            courier=self.courier,
            key=KEY,
            metrics=self.metrics,
            now_ms=now_ms,
            **{"look_s": 0.01, "first_s": 0.01, **more},
        )
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def percents(self) -> list[int]:
        return [orjson.loads(hook.body)["data"]["threshold_percent"] for hook in self.receiver.hooks]

    def counted(self, outcome: str) -> bool:
        return f'outcome="{outcome}"'.encode() in self.metrics.text()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with (
        receiving() as receiver,
        Courier(now_s=lambda: NOW_MS / 1000, allow_private=True, deadline_s=1.0, tls=trusting()) as courier,
    ):
        yield Scene(receiver, courier)


async def quiet(scene: Scene, count: int) -> None:
    """So many, and no more."""
    await scene.receiver.until(count)
    await asyncio.sleep(0.15)
    assert len(scene.receiver.hooks) == count


async def test_an_alert_says_what_is_reached_and_is_signed_with_the_accounts_own_secret(scene: Scene) -> None:
    scene.spent = 81
    async with scene.alerts():
        await quiet(scene, 1)
    (hook,) = scene.receiver.hooks
    assert orjson.loads(hook.body) == {
        "type": "budget.threshold",
        "timestamp": "2026-11-18T11:06:40Z",
        "data": {
            "tenant": "t_one",
            "month": "2026-11",
            "threshold_percent": 80,
            "spent": "81.00",
            "budget": "100.00",
            "currency": "CAD",
        },
    }
    secret = signing_secret(KEY, "t_one", 3)
    given = hook.headers
    assert given["webhook-timestamp"] == str(NOW_MS // 1000)
    assert given["webhook-signature"] == signature(secret, given["webhook-id"], NOW_MS // 1000, hook.body)
    assert given["content-type"] == "application/json"


async def test_each_threshold_is_told_once_in_a_month_whoever_sends(scene: Scene) -> None:
    async with scene.alerts():
        await quiet(scene, 0)
        for spent in (50, 60, 80, 99, 100, 120):
            scene.spent = spent
            await asyncio.sleep(0.08)
        await quiet(scene, 3)
    async with scene.alerts():  # another process
        await quiet(scene, 3)
        scene.month = "2026-12"
        await quiet(scene, 4)
        scene.budget = 200
        await quiet(scene, 5)
    assert scene.percents() == [50, 80, 100, 100, 50]
    assert len({hook.headers["webhook-id"] for hook in scene.receiver.hooks}) == 5


async def test_a_receiver_that_fails_gets_the_same_alert_again_until_it_takes_it(scene: Scene) -> None:
    scene.receiver.answer, scene.spent = answering(500), 50
    async with scene.alerts(most_tries=1000):
        await scene.receiver.until(3)
        scene.receiver.answer = answering(200)
        await until(lambda: scene.counted("delivered"))
        count = len(scene.receiver.hooks)
        await quiet(scene, count)
    assert count >= 4
    assert len({hook.headers["webhook-id"] for hook in scene.receiver.hooks}) == 1
    assert len({hook.body for hook in scene.receiver.hooks}) == 1


async def test_attempts_are_bounded_and_the_next_threshold_begins_anew(scene: Scene) -> None:
    scene.receiver.answer, scene.spent = answering(503), 50
    async with scene.alerts(most_tries=3):
        await quiet(scene, 3)
        assert scene.counted("never")
        scene.receiver.answer, scene.spent = answering(200), 80
        await quiet(scene, 4)
    assert scene.percents() == [50, 50, 50, 80]


async def test_pauses_between_attempts_grow(scene: Scene) -> None:
    scene.receiver.answer, scene.spent = answering(500), 50
    async with scene.alerts(first_s=0.1, most_tries=1000):
        await asyncio.sleep(0.65)  # at 0, 0.1, 0.3; then at 0.7
    assert len(scene.receiver.hooks) == 3


async def test_who_says_that_it_is_gone_is_not_asked_again(scene: Scene) -> None:
    scene.receiver.answer, scene.spent = answering(410), 50
    async with scene.alerts():
        await quiet(scene, 1)


async def test_a_redirect_is_no_delivery_and_is_not_followed(scene: Scene) -> None:
    scene.receiver.answer = answering(302, Location=scene.receiver.url)
    scene.spent = 50
    async with scene.alerts(most_tries=2):
        await quiet(scene, 2)
    assert scene.counted("never")


async def test_a_receiver_that_says_nothing_is_left_after_a_while(scene: Scene) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError("nobody waits so long")

    scene.receiver.answer, scene.spent = silent, 50
    courier = scene.courier
    courier._deadline_s = 0.05
    async with scene.alerts(most_tries=2):
        await quiet(scene, 2)


async def test_who_does_not_own_the_ledger_says_nothing(scene: Scene) -> None:
    scene.owner, scene.spent = False, 100
    async with scene.alerts():
        await quiet(scene, 0)


async def test_who_loses_the_ledger_while_an_alert_is_on_its_way_leaves_word_of_it_to_the_next_owner(
    scene: Scene,
) -> None:
    taken = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await taken.wait()
        return web.Response(status=200)

    scene.receiver.answer, scene.spent = slow, 50
    async with scene.alerts():
        await scene.receiver.until(1)
        scene.owner = False
        await asyncio.sleep(0.05)  # some looks
        taken.set()
        await asyncio.sleep(0.05)
    scene.owner = True
    async with scene.alerts():
        await quiet(scene, 1)


async def test_two_owners_at_once_deliver_under_one_id(scene: Scene) -> None:
    """For the moment in which both believe so: a receiver can tell."""
    scene.spent = 50
    async with scene.alerts(), scene.alerts():
        await scene.receiver.until(1)
        await asyncio.sleep(0.2)
    assert 1 <= len(scene.receiver.hooks) <= 2
    assert len({hook.headers["webhook-id"] for hook in scene.receiver.hooks}) == 1


async def test_while_nobody_can_say_what_was_said_nothing_is(scene: Scene) -> None:
    scene.spent = 50
    scene.bus.fail()
    async with scene.alerts():
        await quiet(scene, 0)
        scene.bus.heal()
        await quiet(scene, 1)


async def test_a_record_that_is_late_holds_the_next_alert_and_repeats_none(scene: Scene) -> None:
    async def failing(_: web.Request) -> web.StreamResponse:
        scene.bus.fail()
        return web.Response(status=200)

    scene.receiver.answer, scene.spent = failing, 50
    async with scene.alerts():
        await quiet(scene, 1)
        scene.spent = 80
        await quiet(scene, 1)
        scene.receiver.answer = answering(200)
        scene.bus.heal()
        await quiet(scene, 2)
    assert scene.percents() == [50, 80]


def notice(url: str) -> Notice:
    spending = Spending(month="2026-11", spent_nano=1, budget_nano=1, thresholds=(100,))
    return of_budget(KEY, notices.Receiver(url=url, version=1), "t_one", "CAD", spending, 100, NOW_MS)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "https://u:p@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://127.1:{port}/",
        "https://2130706433:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0:{port}/",
        "ftp://example.com/",
        "https://",
        "https://127.0.0.1:99999/",
        "https://[::1/",
        "nonsense",
        "",
    ],
)
async def test_what_leads_inwards_or_is_no_https_is_never_called(scene: Scene, address: str) -> None:
    async with Courier(now_s=lambda: 0.0, tls=trusting()) as courier:
        assert await courier.deliver(notice(address.format(port=scene.receiver.port))) is Verdict.NEVER
    assert not scene.receiver.hooks


async def test_a_name_that_leads_inwards_is_not_connected_to(scene: Scene) -> None:
    async with Courier(now_s=lambda: 0.0, tls=trusting()) as courier:
        verdict = await courier.deliver(notice(f"https://localhost:{scene.receiver.port}/"))
    assert verdict is Verdict.LATER  # tomorrow it may lead elsewhere
    assert not scene.receiver.hooks


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(scene: Scene) -> None:
    async with Courier(now_s=lambda: 0.0, allow_private=True) as courier:
        assert await courier.deliver(notice(scene.receiver.url)) is Verdict.LATER
    assert not scene.receiver.hooks


async def test_the_platform_is_told_of_differing_books_once_a_day_for_the_same_ones(scene: Scene) -> None:
    at = [NOW_MS]
    platform = Platform(
        bus=scene.bus,
        courier=scene.courier,
        key=KEY,
        receiver=notices.Receiver(url=scene.receiver.url, version=1),
        metrics=scene.metrics,
        now_ms=lambda: at[0],
    )
    scene.receiver.answer = answering(500)
    await platform.books({"ledger_usage": 2})
    scene.receiver.answer = answering(200)
    for pairs in ({}, {"ledger_usage": 2}, {"ledger_usage": 1}, {"ledger_usage": 1, "seals": 1}, {"seals": 3}):
        await platform.books(pairs)
    at[0] += 24 * 3_600_000
    await platform.books({"seals": 3})
    assert len(scene.receiver.hooks) == 4
    first, again, both, next_day = scene.receiver.hooks
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert orjson.loads(both.body)["data"]["pairs"] == [
        {"pair": "ledger_usage", "differences": 1},
        {"pair": "seals", "differences": 1},
    ]
    secret = signing_secret(KEY, "platform", 1)
    stamp = int(next_day.headers["webhook-timestamp"])
    assert next_day.headers["webhook-signature"] == signature(
        secret, next_day.headers["webhook-id"], stamp, next_day.body
    )
    scene.bus.fail()
    await platform.books({"balances": 1})  # nobody can say what was said
    assert len(scene.receiver.hooks) == 4


def test_neither_address_nor_secret_stand_in_what_a_notice_shows_of_itself() -> None:
    assert "example" not in repr(notice("https://example.com/token"))
    assert "whsec" not in repr(notice("https://example.com/token"))
