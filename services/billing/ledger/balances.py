"""What the edge may know of balances: the bucket `balances`, so that it refuses who has nothing left without asking."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import orjson

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import token
from libs.ledger.state import Account, State

BUCKET: Final = "balances"
_EVERY_S: Final = 1.0  # what changed nobody's mind is told of so often


class Balances:
    """Writes {balance_nano, held_nano, seq} by account: at once when what is available changes its sign."""

    def __init__(self, bus: Bus, state: State, now: Callable[[], float] = time.monotonic) -> None:
        self._bus, self._state, self._now = bus, state, now
        self._said: dict[str, bool] = {}  # whether something was available
        self._urgent: set[str] = set()
        self._changed = set(state.accounts)
        self._wake = asyncio.Event()

    def changed(self, accounts: set[str]) -> None:
        """These may have changed, and that is on record."""
        for name in accounts:
            account = self._state.accounts.get(name)
            if account is not None and self._said.get(name) == _available(account):
                self._changed.add(name)
            elif account is not None:
                self._urgent.add(name)
                self._wake.set()

    async def run(self) -> None:
        """Write for ever."""
        next_at = self._now()
        while True:
            if (wait := next_at - self._now()) > 0:
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
            self._wake.clear()
            if self._now() >= next_at:
                next_at = self._now() + _EVERY_S
                self._urgent |= self._changed
                self._changed.clear()
            due, self._urgent = self._urgent, set()
            for name in due:
                await self._write(name)

    async def _write(self, name: str) -> None:
        account = self._state.accounts[name]
        value = {"balance_nano": account.balance, "held_nano": account.held, "seq": self._state.ops}
        self._said[name] = _available(account)
        self._changed.discard(name)
        try:
            await self._bus.put(BUCKET, token(name), orjson.dumps(value))
        except (BusUnavailable, Overloaded):
            self._changed.add(name)
        except ValueError:
            return  # an account whose name no record can have


def _available(account: Account) -> bool:
    return account.balance > account.held
