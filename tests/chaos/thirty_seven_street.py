"""Credit for thirty-seven of a hundred callers of a whole street, seed by seed, its billing killed in the middle."""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.e2e.crowd import CALLERS, ENOUGH, crowd
from tests.e2e.money import Account, Bank, Priced, bank_of, priced, upstream
from tests.support.street import Street

_ABOUT = """\
One street with its own upstream; for each seed two new accounts with credit for exactly 37 requests and a hundred
callers by the official SDK at once, once with a hold that is what the request costs and once with a larger one,
streamed or not by the seed. Billing is killed with -9 after a number of answers that the seed says. The exit code
is 1 when one seed is answered otherwise than 37 times.
"""


@dataclass(frozen=True, kw_only=True)
class Play:
    """What a seed asks. `limited`: the answer's length is bounded, so that the hold is what it costs."""

    seed: int
    limited: bool

    @property
    def asked(self) -> Priced:
        streams = not self.limited or self.seed % 2 == 1
        return priced(40 if self.limited else 512, stream=streams, limited=self.limited)

    def wrong(self, found: Counter[str], left: Decimal, lowest: Decimal) -> str:
        """What is not as it must be, or ""."""
        if found != {"answered": ENOUGH, "insufficient_credits": CALLERS - ENOUGH}:
            return f"answers: {dict(found)}"
        if left:
            return f"in the end {left} is left"
        return "" if lowest >= 0 else f"oversold: {lowest}"


async def play(play: Play, street: Street, bank: Bank) -> str:
    """One crowd; what went wrong, or ""."""
    asked = play.asked
    account: Account = await bank.account(ENOUGH * asked.cost_nano)
    async with bank.watching(account) as watched:
        found = await crowd(street, account, asked, kill=True, after=1 + play.seed * 7 % 60)
        left = await account.settled(60)
    moves = await account.transactions()
    lowest = min([watched.lowest, *(Decimal(each["balance_after"]) for each in moves)])
    return play.wrong(found, left, lowest)


def plays(first: int, seeds: int) -> Iterator[Play]:
    for seed in range(first, first + seeds):
        yield Play(seed=seed, limited=True)
        yield Play(seed=seed, limited=False)


async def run(first: int, seeds: int) -> int:
    """Print a line a crowd; how many were wrong."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ni-37-") as folder:
        async with (
            upstream() as billed,
            Street(Path(folder), ANTHROPIC_BASE_URL=billed.url, ANTHROPIC_API_KEY="unused", NI_SANDBOX="0") as street,
            bank_of(street) as bank,
        ):
            for one in plays(first, seeds):
                wrong = await play(one, street, bank)
                failed += bool(wrong)
                held = "held exactly" if one.limited else "held more   "
                said = wrong or "37 answered, 63 refused, nothing left, nothing held, never below nothing"
                sys.stdout.write(f"seed {one.seed:>3}  {held}  {said}\n")
                sys.stdout.flush()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    return 1 if asyncio.run(run(options.first, options.seeds)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
