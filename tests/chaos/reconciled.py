"""Ten thousand requests of every kind under random kill -9, then `ni reconcile`: every book says the same."""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from libs.embedded.programs import ROOT
from tests.chaos.storm import EDGE, MODELS
from tests.support.street import Street

_ABOUT = """\
A whole street on the sandbox, clients that send as fast as they are answered (both dialects, streamed and not, prompts
that fail, clients that hang up, Idempotency-Keys sent twice, token counts, a key with limits and one without credit),
while every process in turn is killed with -9. In the end the street is left in peace until nothing is held any more,
and `ni reconcile` compares journal, copy, transactions, request log and records. The exit code is its own.
"""
_VICTIMS = (EDGE, "router", "worker-bedrock", "worker-openai", "worker-self-hosted")
_VICTIMS_TOO = ("billing", "custody", "clickhouse", "nats", "accounts", "billing")
_CLIENTS = 24
_GAP_S = (1.0, 4.0)  # between two kills
_PEACE_S = 90.0
_FAULTS = ("[[sandbox status=500]]", "[[sandbox status=429]]", "[[sandbox cut_after=3]]", "[[sandbox status=529]]")


@dataclass(kw_only=True)
class Load:
    """Requests until there were enough, whatever comes of each."""

    street: Street
    requests: int
    seed: int
    keys: list[str]
    outcomes: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    async def run(self) -> None:
        killing = asyncio.create_task(self._kill())
        try:
            await asyncio.gather(*(self._client(random.Random(f"{self.seed}-{n}")) for n in range(_CLIENTS)))
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)

    async def _client(self, dice: random.Random) -> None:
        while self.sent < self.requests:
            async with aiohttp.ClientSession() as session:
                for _ in range(dice.randint(5, 50)):
                    self.sent += 1
                    outcome = await self._one(session, dice)
                    self.outcomes[outcome] += 1
                    if outcome in {"unreachable", "502", "503", "529"}:  # as a client that is told to come again
                        await asyncio.sleep(0.3)
                    if outcome == "unreachable":
                        break

    async def _one(self, session: aiohttp.ClientSession, dice: random.Random) -> str:
        path, body = _asked(dice)
        headers = {"Authorization": f"Bearer {dice.choice(self.keys)}"}
        if twice := dice.random() < 0.05:
            headers["Idempotency-Key"] = f"{self.seed}-{dice.random()}"
        patience = dice.uniform(0.005, 0.2) if dice.random() < 0.08 else 30.0
        try:
            async with asyncio.timeout(patience):
                status = 0
                for _ in range(2 if twice else 1):
                    async with session.post(self.street.base_url + path, json=body, headers=headers) as answer:
                        status = answer.status
                        await answer.read()
                return str(status)
        except TimeoutError:
            return "hung up"
        except aiohttp.ClientError:
            return "unreachable"

    async def _kill(self) -> None:
        dice = random.Random(self.seed)
        while True:
            for name in dice.sample(_VICTIMS + _VICTIMS_TOO, len(_VICTIMS + _VICTIMS_TOO)):
                await asyncio.sleep(dice.uniform(*_GAP_S))
                if self.street.pids().get(name):
                    self.street.kill(name)
                    self.kills[name] += 1


def _asked(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """Path and body of one request."""
    said = f"[[sandbox chunks={dice.randint(1, 60)}]] {'word ' * dice.randint(1, 200)}"
    if dice.random() < 0.08:
        said = dice.choice(_FAULTS)
    body: dict[str, Any] = {"model": dice.choice(MODELS), "messages": [{"role": "user", "content": said}]}
    match dice.random():
        case share if share < 0.3:
            return "/v1/messages", {**body, "max_tokens": 200, "stream": dice.random() < 0.5}
        case share if share < 0.34:
            return "/v1/messages/count_tokens", body
        case _:
            if dice.random() < 0.5:
                body["max_tokens"] = dice.randint(1, 300)
            return "/v1/chat/completions", {**body, "stream": dice.random() < 0.5}


async def _keys(street: Street) -> list[str]:
    """The street's own, most often, one that is limited, and one that is unknown."""
    headers = {"Authorization": f"Bearer {street.api_key}"}
    limited = {"name": "limited", "rate_limits": {"rpm": 600, "concurrency": 3}}
    capped = {"name": "capped", "max_spend_per_day": "0.05"}
    keys = [street.api_key] * 6
    async with aiohttp.ClientSession(headers=headers) as session:
        for settings in (limited, capped):
            async with session.post(f"{street.base_url}/api/keys", json=settings) as answer:
                assert answer.ok, await answer.text()
                keys.append((await answer.json())["key"])
    return [*keys, "ni_live_unknown"]


async def _peace(street: Street) -> str:
    """Until the street is whole and nothing is held, or what is held waits for its time; how long it took.

    A hold whose worker was killed before the egress record was durable has no fact that could end it: it runs out.
    """
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {street.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            over = time.monotonic() - began > _PEACE_S
            if await street.ready():
                async with session.get(f"{street.base_url}/api/credits") as answer:
                    held = (await answer.json())["held"] if answer.ok else ""
                if held and float(held) == 0:
                    return f"nothing held {time.monotonic() - began:.1f} s after the last"
                if held and over:
                    return f"{held} held {_PEACE_S:.0f} s after the last, until it runs out"
            assert not over, "the street did not become whole again"
            await asyncio.sleep(0.5)


async def run(requests: int, seed: int) -> int:
    """Print what happened and what the books say; the code `ni reconcile` ended with."""
    with tempfile.TemporaryDirectory(prefix="ni-books-") as folder:
        async with Street(Path(folder)) as street:
            await street.credit(1000)
            load = Load(street=street, requests=requests, seed=seed, keys=await _keys(street))
            began = time.monotonic()
            await load.run()
            took = time.monotonic() - began
            peace = await _peace(street)
            asked = [sys.executable, "-m", "cli", "reconcile", "--wait", "60"]
            done = await asyncio.to_thread(
                subprocess.run, asked, env=street.env, cwd=ROOT, capture_output=True, text=True, check=False
            )
    told = ", ".join(f"{outcome} {count}" for outcome, count in load.outcomes.most_common())
    killed = ", ".join(f"{name} {count}" for name, count in sorted(load.kills.items()))
    sys.stdout.write(f"seed {seed}: {load.sent} requests in {took:.0f} s: {told}\n")
    sys.stdout.write(f"killed {load.kills.total()}: {killed}\n{peace}\n")
    sys.stdout.write(done.stdout + done.stderr)
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    return asyncio.run(run(options.requests, options.seed))


if __name__ == "__main__":
    raise SystemExit(main())
