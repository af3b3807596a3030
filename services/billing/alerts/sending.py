"""Alerts of accounts on their way: who is to be told what, tried again later and later, and no more than so often."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from libs.bus.base import Bus, Conflict
from libs.catalog.billing.terms import ACCOUNT_CURRENCY
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.billing.alerts.budgets import Said, Spending, due, told
from services.billing.alerts.courier import Courier, Verdict
from services.billing.alerts.notices import Receiver, of_budget

BUCKET: Final = "alerts"
_LOOK_S: Final = 2.0
_FIRST_S, _LONGEST_S = 5.0, 3600.0
_TRIES: Final = 12  # with these pauses about three hours
_AT_ONCE: Final = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """An account that is to be told of its budget."""

    receiver: Receiver
    spending: Spending


class Accounts(Protocol):
    """Those to be watched, by id, as the ledger's owner knows them; None where this process is not the owner."""

    def __call__(self) -> Mapping[str, Watched] | None: ...


@dataclass(slots=True)
class _Trial:
    """The attempts at one piece of news."""

    news: str
    tries: int = 0
    next_at: float = 0.0


@dataclass(kw_only=True)
class Alerts:
    """What was said stands in the bucket, so that nobody says it again; `key` derives the secrets.

    Whoever dies between a delivery and its record delivers once more, under the same id.
    """

    bus: Bus
    accounts: Accounts
    courier: Courier
    key: bytes
    metrics: Metrics
    now_ms: Callable[[], int]
    now: Callable[[], float] = time.monotonic
    look_s: float = _LOOK_S
    first_s: float = _FIRST_S
    most_tries: int = _TRIES
    _said: dict[str, tuple[Said, int]] = field(default_factory=dict, init=False)  # with the record's revision
    _trials: dict[str, _Trial] = field(default_factory=dict, init=False)
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Look and tell, for ever; leave by cancelling."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(self.look_s)
        finally:
            for task in self._running.values():
                task.cancel()

    async def look(self) -> None:
        """Begin what is due now; at most so many at once, the others wait for the next look."""
        found = self.accounts()
        if found is None:  # another may own the shard, and say things that we do not hear of
            self._said.clear()
            self._trials.clear()
            return
        for gone in self._trials.keys() - found.keys():
            del self._trials[gone]
        try:
            for tenant, watched in self._news(found):
                if len(self._running) >= _AT_ONCE:
                    return
                if await self._is_due(tenant, watched):
                    self._begin(tenant, watched)
        except (BusUnavailable, Overloaded):
            return  # nobody can say what was said: later

    def _news(self, found: Mapping[str, Watched]) -> Iterator[tuple[str, Watched]]:
        """Without asking anybody: who may have to be told something."""
        now = self.now()
        for tenant, watched in found.items():
            trial = self._trials.get(tenant)
            if tenant in self._running or due(Said(), watched.spending) is None:
                continue
            if trial is None or trial.next_at <= now or trial.news != _name(watched):
                yield tenant, watched

    async def _is_due(self, tenant: str, watched: Watched) -> bool:
        if tenant not in self._said:
            entry = await self.bus.get(BUCKET, tenant)
            self._said[tenant] = (Said.decoded(entry.value), entry.revision) if entry else (Said(), 0)
        return due(self._said[tenant][0], watched.spending) is not None

    def _begin(self, tenant: str, watched: Watched) -> None:
        task = self._running[tenant] = asyncio.create_task(self._tell(tenant, watched))
        task.add_done_callback(lambda done: self._over(tenant, watched, done))

    def _over(self, tenant: str, watched: Watched, task: "asyncio.Task[None]") -> None:
        self._running.pop(tenant, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger().error("alert_fell", tenant=tenant, error_type=type(error).__name__)
            trial = self._trial(tenant, _name(watched))
            trial.tries += 1
            self._put_off(trial)

    async def _tell(self, tenant: str, watched: Watched) -> None:
        said, revision = self._said[tenant]
        now = watched.spending
        percent = due(said, now)
        assert percent is not None
        trial = self._trial(tenant, _name(watched))
        notice = of_budget(self.key, watched.receiver, tenant, ACCOUNT_CURRENCY, now, percent, self.now_ms())
        verdict = await self.courier.deliver(notice)
        trial.tries += 1
        if verdict is Verdict.LATER and trial.tries >= self.most_tries:
            verdict = Verdict.NEVER
        self.metrics.count("alerts_total", "budget", verdict.value)
        if verdict is Verdict.LATER:
            self._put_off(trial)
            return
        if verdict is Verdict.NEVER:
            logger().error("alert_given_up", tenant=tenant, attempts=trial.tries)
        await self._record(tenant, told(now, percent), revision)
        self._trials.pop(tenant, None)

    async def _record(self, tenant: str, said: Said, revision: int) -> None:
        """Until it is known, nothing more is said to this account: it would be the same once more."""
        self._said.pop(tenant, None)  # not there where the ledger went to another owner meanwhile
        while True:
            try:
                self._said[tenant] = said, await self.bus.put(BUCKET, tenant, said.encoded(), revision=revision)
            except Conflict:
                return  # another process told it: read again what it said
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(self.first_s)
            else:
                return

    def _trial(self, tenant: str, news: str) -> _Trial:
        trial = self._trials.get(tenant)
        if trial is None or trial.news != news:
            trial = self._trials[tenant] = _Trial(news)
        return trial

    def _put_off(self, trial: _Trial) -> None:
        pause: float = self.first_s * 2.0 ** max(0, trial.tries - 1)
        trial.next_at = self.now() + min(_LONGEST_S, pause)


def _name(watched: Watched) -> str:
    """What is new, for whom it is to be sent: another address, budget, month or threshold begins anew."""
    now = watched.spending
    return f"{watched.receiver.url} {watched.receiver.version} {now.month} {now.budget_nano} {due(Said(), now)}"
