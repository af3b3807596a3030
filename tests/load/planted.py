"""Ten thousand prompts with planted values through a whole street, and the sandbox's log searched for every one."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from tests.support.planted import FILLER, NAMES, Planted, anthropic, openai, sentences
from tests.support.street import Street

_ABOUT = """\
A street on the sandbox; every prompt asks for substitution and holds a value in every role and position, in either
dialect, streamed or not. What the sandbox received is searched for every value. Structured types: a single original
there is a failure, and the exit code is 1. Names and places: the rate at which they got through is printed.
"""
_OK: Final = 200
_AT_ONCE: Final = 8
_USER: Final = 56  # letters of an end user's id, with room for a longer substitute
_SEARCH_EVERY: Final = 400
_MODELS: Final = ("openai/gpt-4.1-mini-us", "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global")


@dataclass(kw_only=True)
class Load:
    """What was planted since the log was last searched, and what came of it."""

    street: Street
    planted: dict[str, list[Planted]] = field(default_factory=dict)  # by request: dates of two people may be the same
    counted: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    not_restored: int = 0
    unseen: int = 0  # requests of which the sandbox has nothing

    async def run(self, prompts: int, seed: int) -> None:
        headers = {"Authorization": f"Bearer {self.street.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            seen = 0
            for first in range(0, prompts, _SEARCH_EVERY):
                numbers = iter(range(first, min(first + _SEARCH_EVERY, prompts)))
                await asyncio.gather(*(self._client(session, numbers, seed) for _ in range(_AT_ONCE)))
                seen = await self._search(session, seen)

    async def _client(self, session: aiohttp.ClientSession, numbers: Any, seed: int) -> None:
        for number in numbers:
            dice, planted = random.Random(f"{seed}-{number}"), list[Planted]()
            texts = sentences(dice, planted, names=True)
            path, body = ("/v1/chat/completions", openai(texts)) if number % 2 else ("/v1/messages", anthropic(texts))
            if "user" in body:
                _shorten(body)
            # The sandbox says again what a tool had answered, which comes back as it was sent.
            line = " ".join(next(texts).splitlines())
            body["messages"].append({"role": "user", "content": f"Repeat this line exactly: {line}"})
            body["max_tokens"] = 500
            body |= {"model": dice.choice(_MODELS), "stream": dice.random() < 0.5, "pii_substitution": True}
            body.pop("prediction", None)
            async with session.post(self.street.base_url + path, json=body) as answer:
                said = await answer.text()
            self.statuses[answer.status] += 1
            back = body["stream"] or answer.status != _OK or any(each.value in said for each in planted)
            self.not_restored += not back
            self.planted[answer.headers["x-ni-request-id"]] = planted

    async def _search(self, session: aiohttp.ClientSession, after: int) -> int:
        """The sandbox's entries after `after`, searched for all that was planted before."""
        log = f"http://127.0.0.1:{self.street.ports()['sandbox']}/_sandbox/log"
        received: dict[str, str] = {}
        while True:
            async with session.get(f"{log}?after={after}&limit=1000") as answer:
                page = orjson.loads(await answer.read())
            if not page["requests"]:
                break
            for entry in page["requests"]:
                received[entry["egress_id"]] = received.get(entry["egress_id"], "") + orjson.dumps(entry).decode()
            after = page["next"]
        for request, planted in self.planted.items():
            self.unseen += request not in received
            for each in planted:
                self.counted[each.kind] += 1
                self.leaked[each.kind] += each.value in received.get(request, "")
        self.planted.clear()
        return int(after)

    def told(self) -> str:
        """A line a type."""
        lines = [f"{'type':<16}{'planted':>9}{'received':>10}{'share':>9}"]
        for kind in sorted(self.counted, key=lambda kind: (kind in NAMES, kind)):
            count, leaked = self.counted[kind], self.leaked[kind]
            lines.append(f"{kind:<16}{count:>9,}{leaked:>10,}{leaked / count:>9.2%}")
        return "\n".join(lines)

    @property
    def failed(self) -> bool:
        return any(self.leaked[kind] for kind in self.leaked if kind not in NAMES)


def _shorten(body: dict[str, Any]) -> None:
    """OpenAI takes an end user's id of 64 characters at the most: what is longer stands in the metadata instead."""
    said = body.pop("user")
    for filler in FILLER:
        said = said.removeprefix(filler).removesuffix(filler).strip()
    if len(said) <= _USER:
        body["user"] = said
    else:
        body["metadata"]["user"] = said


async def run(prompts: int, seed: int) -> int:
    """Print what was found; 1 where a structured value was received."""
    with tempfile.TemporaryDirectory(prefix="ni-planted-") as folder:
        async with Street(Path(folder)) as street:
            await street.credit(1_000)
            load, began = Load(street=street), time.monotonic()
            await load.run(prompts, seed)
    took = time.monotonic() - began
    statuses = ", ".join(f"{status} {count:,}" for status, count in load.statuses.most_common())
    sys.stdout.write(f"{prompts:,} prompts in {took:.0f} s: {statuses}\n")
    sys.stdout.write(f"answers in which the original was not back: {load.not_restored}; not sent: {load.unseen}\n")
    sys.stdout.write(f"{load.told()}\n")
    return int(load.failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    return asyncio.run(run(options.prompts, options.seed))


if __name__ == "__main__":
    raise SystemExit(main())
