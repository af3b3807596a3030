"""A hundred callers, credit for thirty-seven, the ledger's owner killed: `python -m tests.chaos.thirty_seven`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.contracts.northern.v1.ledger_pb2 import TopUp
from libs.contracts.northern.v1.query_pb2 import CreditsTold
from tests.support.billing import (
    Billing,
    Caller,
    credits_of,
    insist,
    journal,
    open_account,
    open_key,
    price_nano,
    publisher,
    settled,
)
from tests.support.broker import Broker, open_to_all

CALLERS, ANSWERED = 100, 37


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. `lowest_nano`: the least that was ever free, at any operation of the journal."""

    seed: int
    codes: Counter[str]
    account: CreditsTold
    lowest_nano: int
    silent_s: float

    @property
    def wrong(self) -> str:
        """What is not as it must be, or ""."""
        expected = Counter({"": ANSWERED, "insufficient_credits": CALLERS - ANSWERED})
        if self.codes != expected:
            return f"answers: {dict(self.codes)}"
        if (self.account.balance_nano, self.account.held_nano) != (0, 0):
            return f"in the end {self.account.balance_nano} posted and {self.account.held_nano} held"
        return "" if self.lowest_nano >= 0 else f"oversold by {-self.lowest_nano}"


async def play(seed: int, folder: Path, *, hold_times: int = 1) -> Outcome:
    """One run on a broker and an owner of its own. `hold_times`: how much more is held than a request costs."""
    dice = random.Random(seed)
    broker, billing = Broker(folder / "nats", open_to_all), Billing("", folder)
    broker.start()
    try:
        await asyncio.to_thread(broker.provision)
        billing = Billing(broker.url, folder)
        billing.start()
        async with connect("test", broker.settings) as bus:
            return await _played(seed, dice, bus, billing, hold_times)
    finally:
        billing.close()
        broker.kill()


async def _played(seed: int, dice: random.Random, bus: Bus, billing: Billing, hold_times: int) -> Outcome:
    price = price_nano()
    await open_account(bus)
    await open_key(bus)
    await credits_of(bus)
    await insist(bus, TopUp(op_id="top", account="t_one", amount_nano=ANSWERED * price, by="test"))
    facts = publisher(bus)
    callers = [Caller(bus, facts, hold_nano=price * hold_times) for _ in range(CALLERS)]

    async def call(caller: Caller) -> str:
        await asyncio.sleep(dice.random() * 0.5)
        return await caller.until_decided()

    calling = [asyncio.create_task(call(caller)) for caller in callers]
    await asyncio.sleep(0.05 + dice.random() * 0.4)
    await asyncio.to_thread(billing.kill)
    killed_at = time.monotonic()
    billing.start()
    await credits_of(bus)
    silent_s = time.monotonic() - killed_at
    codes = Counter(await asyncio.gather(*calling))
    account = await settled(bus)
    await facts.close()
    free = [r.balance_nano - r.held_nano for batch in await journal(bus) for r in batch.results if not r.code]
    return Outcome(seed=seed, codes=codes, account=account, lowest_nano=min(free), silent_s=silent_s)


def main() -> int:
    """Print a line a seed; 1 where one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--holds", type=int, default=1, help="hold so many times what a request costs")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(play(seed, Path(folder), hold_times=options.holds))
        failed += bool(found.wrong)
        said = found.wrong or "37 answered, 63 refused, nothing left, nothing held, never below nothing"
        sys.stdout.write(f"seed {seed:>3}  silent {found.silent_s:4.1f} s  {said}\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
