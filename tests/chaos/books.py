"""What is on record of a street's requests, in the stream, the table and the provider's log; and where they differ."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import aiohttp
import orjson
from pydantic import SecretStr

from libs.bus.base import Bus, Stored
from libs.bus.nats import connect
from libs.contracts.northern.v1.facts_pb2 import Delivery, Outcome
from libs.contracts.subjects import DLQ, EVENTS
from libs.embedded.keyring import seed_file, store_password
from libs.embedded.programs import STORE_USER
from libs.projection.base import Placed
from libs.projection.facts import kind_of, read
from libs.runtime.settings import Settings
from libs.store.base import StoreSettings
from libs.store.clickhouse import ClickHouseStore
from tests.support.street import Street

_AT_ONCE = 16

Record = Mapping[str, Any]
Row = tuple[int, int, str, str]  # stream_seq, idx, kind, request_id


@dataclass(frozen=True, kw_only=True)
class Books:
    """Everything that is on record about the requests of a street. `received`: the ids the provider's log names."""

    stream: Sequence[Placed]
    table: Sequence[Row]
    received: Sequence[str]
    dead_letters: int

    @cached_property
    def egresses(self) -> Mapping[str, Sequence[Placed]]:
        return _by_request(self.stream, "egress")

    @cached_property
    def finishes(self) -> Mapping[str, Sequence[Placed]]:
        """Finished facts in stream order: the first of each request counts."""
        return _by_request(self.stream, "finished")

    def outcome(self, request_id: str) -> str:
        """That of the Finished which counts, as the record spells it."""
        return Outcome.Name(self.finishes[request_id][0].fact.finished.outcome).removeprefix("OUTCOME_").lower()

    def deliveries(self) -> Counter[str]:
        return Counter(
            Delivery.Name(p.fact.delivered.delivery).removeprefix("DELIVERY_").lower()
            for p in self.stream
            if p.kind == "delivered"
        )

    def without_egress(self) -> list[str]:
        """Requests the provider received that are on no record (I1)."""
        return sorted(set(self.received) - set(self.egresses))

    def sent_twice(self) -> list[str]:
        """Requests the provider received more often than they have records."""
        return [rid for rid, times in Counter(self.received).items() if times > len(self.egresses.get(rid, ()))]

    def without_finish(self) -> list[str]:
        """Accepted requests that nobody has closed (I2)."""
        return sorted(set(self.egresses) - set(self.finishes))

    def finished_early(self) -> list[str]:
        """Requests whose Finished stands before the egress record, or without one."""
        return [
            rid
            for rid, found in self.finishes.items()
            if rid not in self.egresses or (found[0].seq, found[0].idx) < (self.egresses[rid][0].seq, 0)
        ]

    def ignored(self) -> int:
        """Finished facts beyond the one that counts."""
        return sum(len(found) - 1 for found in self.finishes.values())

    def projected_wrongly(self) -> list[str]:
        """Facts that do not stand in the table exactly once, and rows that are no fact."""
        stated = Counter((p.seq, p.idx, p.kind, p.fact.request_id) for p in self.stream)
        written = Counter(self.table)
        differ = {row for row in stated.keys() | written.keys() if stated[row] != written[row]}
        return [f"{row}: {stated[row]} in the stream, {written[row]} in the table" for row in sorted(differ)]


async def read_books(street: Street) -> Books:
    """The books as they stand; the street has to be up."""
    ports, secrets = street.ports(), street.state.secrets
    settings = Settings(nats_url=f"nats://127.0.0.1:{ports['nats']}", nats_seed_file=seed_file(secrets, "operator"))
    async with connect("operator", settings) as bus:
        stream = await _stream(bus)
        dead_letters = await bus.last_seq(DLQ)
    return Books(stream=stream, table=await _table(street), received=await received(street), dead_letters=dead_letters)


async def _stream(bus: Bus) -> list[Placed]:
    last, found = await bus.last_seq(EVENTS), list[Placed]()
    if not last:
        return found
    following = cast(AsyncGenerator[list[Stored], None], bus.follow(EVENTS))  # the seam says iterator; closed here
    async with aclosing(following) as batches:
        async for batch in batches:
            for message in batch:
                if (kind := kind_of(message.subject)) is not None:
                    found += read(message, kind)
                if message.seq == last:
                    return found
    raise AssertionError(f"the stream ended before its last message {last}")


async def _table(street: Street) -> list[Row]:
    store = ClickHouseStore(
        StoreSettings(
            store_url=f"http://127.0.0.1:{street.ports()['clickhouse']}",
            store_user=STORE_USER,
            store_password=SecretStr(store_password(street.state.secrets)),
        )
    )
    try:
        rows = await store.query("SELECT stream_seq, idx, kind, request_id FROM facts")
    finally:
        await store.close()
    return [(row["stream_seq"], row["idx"], row["kind"], row["request_id"]) for row in rows]


async def received(street: Street) -> list[str]:
    """The id of every request the provider received: from its memory, which knows them before their bodies came,
    after checking that its file, which outlives it, has no other.
    """
    ids = [str(entry["egress_id"]) for entry in await street.sandbox_log() if entry["method"] == "POST"]
    kept = street.state.sandbox_log
    lines = kept.read_bytes().splitlines() if kept.exists() else []
    stranger = {orjson.loads(line)["egress_id"] for line in lines} - set(ids)
    assert not stranger, f"in the provider's file and not in its memory: {sorted(stranger)}"
    return ids


async def look_up(street: Street, ids: Iterable[str]) -> dict[str, Record]:
    """The custody record of each id as its owner gets it; an answer that is none is `{status: <HTTP status>}`."""
    gate = asyncio.Semaphore(_AT_ONCE)
    headers = {"Authorization": f"Bearer {street.api_key}"}
    url = f"{street.base_url}/api/usage/custody"

    async def one(session: aiohttp.ClientSession, request_id: str) -> tuple[str, Record]:
        async with gate, session.get(f"{url}/{request_id}") as answer:
            found: Record = await answer.json() if answer.ok else {"status": answer.status}
            return request_id, found

    async with aiohttp.ClientSession(headers=headers) as session:
        return dict(await asyncio.gather(*(one(session, request_id) for request_id in ids)))


def _by_request(stream: Iterable[Placed], kind: str) -> Mapping[str, Sequence[Placed]]:
    found: dict[str, list[Placed]] = defaultdict(list)
    for placed in stream:
        if placed.kind == kind:
            found[placed.fact.request_id].append(placed)
    return found
