"""Which accounts are known to have nothing left: a watched copy of `balances`, so that they are refused without I/O."""

import time
from collections.abc import Callable
from typing import Final

import orjson

from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.errors import InsufficientCredits
from libs.telemetry.metrics import Metrics

_BELIEVED_S: Final = 1.0


class Balances:
    """What the ledger's shard lets the edge know. It only ever refuses: whoever is not known goes on to the hold.

    A copy is late by some milliseconds, and who has just paid must not be turned away: so it is believed only for a
    second after the ledger itself said no. A flood is refused here; one request a second asks.
    """

    def __init__(self, bus: Bus, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._broke: set[str] = set()
        self._refused: dict[str, float] = {}  # of those, when the ledger last said so
        self._watch, self._now = Watch(bus, "balances", self._said, metrics), now

    async def start(self) -> None:
        await self._watch.start()

    async def close(self) -> None:
        await self._watch.close()

    def admit(self, tenant: str) -> None:
        """Raises InsufficientCredits for an account without money, unless the copy is too old to be believed."""
        refused_at = self._refused.get(tenant)
        if refused_at is not None and self._now() - refused_at < _BELIEVED_S and not self._watch.stale:
            raise InsufficientCredits("Insufficient credits. Top up your account to go on; nothing was sent.")

    def refused(self, tenant: str) -> None:
        """The ledger said no."""
        if tenant in self._broke:
            self._refused[tenant] = self._now()

    def credited(self) -> None:
        """Money came in by this edge: what the ledger said before counts no more."""
        self._refused.clear()

    def _said(self, tenant: str, value: bytes | None) -> None:
        if value is not None and _nothing_left(value):
            self._broke.add(tenant)
        else:
            self._broke.discard(tenant)
            self._refused.pop(tenant, None)


def _nothing_left(value: bytes) -> bool:
    """No balance, and no running request that may give some back."""
    try:
        said = orjson.loads(value)
        return bool(said["balance_nano"] <= 0 and said["held_nano"] <= 0)
    except (ValueError, KeyError, TypeError):
        return False
