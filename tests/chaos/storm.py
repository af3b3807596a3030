"""Requests of every kind at a street whose processes are killed at random moments; then the wait for its recovery."""

import asyncio
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from tests.chaos.books import Books, Record, look_up, read_books
from tests.chaos.client import FORBIDDEN, Ask, End, Seen, Talk
from tests.support.street import Street

EDGE = "ingress-0"
VICTIMS = (
    EDGE,
    "router",
    "worker-bedrock",
    "worker-openai",
    "worker-self-hosted",
    "custody",
    "clickhouse",
    "nats",
)
MODELS = (
    "openai/gpt-4.1-mini-us",
    "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global",
    "bedrock/mistral.mistral-large-2402-v1:0-ca",
    "Qwen/Qwen3-14B",
)
# What a fault of ours may be called. Anything else (a key not known, a model not found, `internal`) is a fault more.
FAULT_CODES = frozenset(["overloaded", "worker_lost", "stream_broken", "record_unavailable", "route_unavailable"])
_CLIENTS = 12
_LARGE = 300 << 10  # stays at the edge and is pulled by the worker
_PAUSE_S = (0.2, 1.6)  # between two requests of a client
_RETRY_S = 1.0  # more where the answer was an error, as its retry-after-ms asks
_GAP_S = (0.6, 2.4)  # between two kills
_ROUND = 100  # requests for each time that everything is killed once
_ROUNDS = 5  # more would only measure the supervisor's pauses, which grow for one that keeps falling
_RECOVERY_S = (
    60.0  # 5 s lease, 15 s silence, 10 s until a record is sealed without delivery; the rest is for a busy machine
)


@dataclass(frozen=True, kw_only=True)
class Kill:
    """A process ended by SIGKILL, at monotonic seconds."""

    name: str
    at: float


@dataclass(kw_only=True)
class Storm:
    """At least `requests` requests, and everything killed at least once. One seed asks and kills in one way."""

    street: Street
    requests: int
    seed: int
    seen: list[Seen] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    recovery_s: float = 0.0
    _killed: asyncio.Event = field(default_factory=asyncio.Event)
    _edge_since: float = 0.0
    _sent: int = 0

    async def rage(self) -> None:
        """Send and kill until there was enough of both."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kill())
            for n in range(_CLIENTS):
                tasks.create_task(self._ask(random.Random(f"{self.seed}-{n}")))

    async def recover(self) -> tuple[Books, dict[str, Record]]:
        """Wait until the street is whole again; the books and every accepted request's record as they then are."""
        began = time.monotonic()
        while True:
            late = time.monotonic() - began > _RECOVERY_S
            found = await self._settled(at_any_rate=late)
            if found is not None:
                self.recovery_s = time.monotonic() - began
                return found
            await asyncio.sleep(1.0)

    async def _settled(self, *, at_any_rate: bool) -> tuple[Books, dict[str, Record]] | None:
        try:
            if not at_any_rate and not await self.street.ready():
                return None
            books = await read_books(self.street)
            open_still = books.without_finish() or books.projected_wrongly()
            if open_still and not at_any_rate:
                return None
            records = await look_up(self.street, books.egresses)
        except (BusUnavailable, Overloaded, StoreUnavailable):
            if at_any_rate:
                raise
            return None
        sealed = all(record["status"] == "sealed" for record in records.values())
        return (books, records) if sealed or at_any_rate else None

    async def _ask(self, chance: random.Random) -> None:
        while self._sent < self.requests or not self._killed.is_set():
            self._sent += 1
            ask = Ask(
                model=chance.choice(MODELS),
                stream=chance.random() < 0.7,
                words=chance.randint(5, 80),
                pause_ms=chance.randint(0, 80),
                padding=_LARGE if chance.random() < 0.15 else 0,
                leave_after=chance.randint(1, 4000) if chance.random() < 0.1 else 0,
            )
            seen = await Talk(self.street.base_url, self.street.api_key, ask, self._edge).run()
            self.seen.append(seen)
            await asyncio.sleep(chance.uniform(*_PAUSE_S) + (_RETRY_S if seen.end is End.ERROR else 0))

    async def _kill(self) -> None:
        chance, watching = random.Random(self.seed), list[asyncio.Task[None]]()
        for _ in range(min(_ROUNDS, max(1, self.requests // _ROUND))):
            for name in chance.sample(VICTIMS, len(VICTIMS)):
                await asyncio.sleep(chance.uniform(*_GAP_S))
                while name not in self.street.pids():  # noqa: ASYNC110 - it is another process that starts it again
                    await asyncio.sleep(0.05)
                self.kills.append(Kill(name=name, at=time.monotonic()))
                pid = self.street.kill(name)
                if name == EDGE:
                    self._edge_since = math.inf
                    watching.append(asyncio.create_task(self._watch_edge(pid)))
        await asyncio.gather(*watching)
        self._killed.set()

    async def _watch_edge(self, old_pid: int) -> None:
        await self.street.wait_restarted(EDGE, old_pid, _RECOVERY_S)
        self._edge_since = time.monotonic()

    def _edge(self) -> float:
        return self._edge_since

    def wrong(self) -> list[str]:
        """What no client may see, whatever was killed."""
        return [f"{s.end}: {s.why or s.code} {s.request_id} {s.ask}" for s in self.seen if not self._allowed(s)]

    def _allowed(self, seen: Seen) -> bool:
        if seen.end in {End.ERROR, End.ERROR_EVENT}:
            return seen.code in FAULT_CODES
        if seen.end is End.BROKEN:
            return any(k.name == EDGE and seen.sent_at <= k.at <= seen.ended_at for k in self.kills)
        return seen.end not in FORBIDDEN

    def summary(self, books: Books, records: dict[str, Record]) -> str:
        """The storm in numbers, as a table."""
        silences = sorted(s.silent_s for s in self.seen)
        ends = Counter(f"{s.end}{': ' if s.code else ''}{s.code}" for s in self.seen)
        kills = Counter(k.name for k in self.kills)
        unsealed = sum(record["status"] != "sealed" for record in records.values())
        lines = [
            ("requests sent", len(self.seen)),
            *((f"  {end}", count) for end, count in ends.most_common()),
            ("longest silence met by a client, s", f"{silences[-1]:.1f}"),
            ("kill -9", len(self.kills)),
            *((f"  {name}", count) for name, count in sorted(kills.items())),
            ("recovered after, s", f"{self.recovery_s:.0f}"),
            ("requests in the provider's log", len(set(books.received))),
            ("  without egress record", len(books.without_egress())),
            ("  received twice", len(books.sent_twice())),
            ("accepted (egress record durable)", len(books.egresses)),
            ("  without Finished", len(books.without_finish())),
            *((f"  ended {name}", n) for name, n in sorted(Counter(map(books.outcome, books.finishes)).items())),
            ("  further Finished, ignored", books.ignored()),
            ("  look-ups not sealed", unsealed),
            *((f"delivered: {name}", count) for name, count in sorted(books.deliveries().items())),
            ("facts in the stream", len(books.stream)),
            ("  not exactly once in the table", len(books.projected_wrongly())),
            ("dead letters", books.dead_letters),
        ]
        return "\n".join(f"{what:<48}{value:>8}" for what, value in lines)
