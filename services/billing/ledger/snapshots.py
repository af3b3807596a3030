"""Snapshots of a shard in the bucket `snapshots`: where its owner begins to replay, and its reader to read.

They save time and nothing else: without one the journal is replayed, and the facts are read, from the beginning.
"""

import asyncio
import os
import zlib
from collections.abc import Awaitable
from typing import Final

import orjson

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable
from libs.ledger.seal import LedgerBroken
from libs.ledger.snapshot import from_bytes, to_bytes
from libs.ledger.state import State
from libs.telemetry.log import logger

BUCKET: Final = "snapshots"
_CHUNK: Final = 512 << 10
# Requests that are remembered: more than this would stop the shard for too long (8 µs each), so a child does it.
_SMALL: Final = 3_000


class Snapshots:
    """Of one shard. Two are kept in turn, so that one cut short does not spoil the one before."""

    def __init__(self, bus: Bus, shard: int) -> None:
        self._bus, self._key, self._mark_key = bus, f"ledger.{shard}", f"reader.{shard}"
        self._generation = 0

    async def load(self) -> tuple[State, int]:
        """The last state and the journal's sequence it stands at; a new one and 0 where there is none to be read."""
        entry = await self._bus.get(BUCKET, self._key)
        if entry is None:
            return State(), 0
        try:
            said = orjson.loads(entry.value)
            self._generation, chunks, seq = int(said["generation"]), int(said["chunks"]), int(said["seq"])
            packed = b"".join([await self._chunk(n) for n in range(chunks)])
            return await asyncio.to_thread(_unpacked, packed), seq
        except (LedgerBroken, ValueError, KeyError, TypeError, zlib.error) as error:
            logger().error("snapshot_unreadable", error_type=type(error).__name__)
            return State(), 0

    async def save(self, packed: bytes, seq: int) -> None:
        """Raises BusUnavailable, Overloaded: then the one before stands."""
        generation = 1 - self._generation
        chunks = range(0, len(packed), _CHUNK)
        for n, first in enumerate(chunks):
            await self._bus.put(BUCKET, f"{self._key}.{generation}.{n}", packed[first : first + _CHUNK])
        said = {"generation": generation, "chunks": len(chunks), "seq": seq}
        await self._bus.put(BUCKET, self._key, orjson.dumps(said))
        self._generation = generation

    async def mark(self) -> int:
        """Every request whose first fact is at or below this sequence of EVENTS was finished when it was written."""
        entry = await self._bus.get(BUCKET, self._mark_key)
        try:
            return max(0, int(entry.value)) if entry else 0
        except ValueError:
            logger().error("snapshot_unreadable", error_type="mark")
            return 0

    async def save_mark(self, seq: int) -> None:
        """Raises BusUnavailable, Overloaded."""
        await self._bus.put(BUCKET, self._mark_key, b"%d" % seq)

    async def _chunk(self, n: int) -> bytes:
        entry = await self._bus.get(BUCKET, f"{self._key}.{self._generation}.{n}")
        if entry is None:
            raise LedgerBroken("a part of the snapshot is missing")
        return entry.value


def packed(state: State) -> Awaitable[bytes]:
    """The state as it is when this is called, whatever happens to it before the answer is there."""
    if len(state.requests) > _SMALL:
        return asyncio.to_thread(_gathered, *_forked(state))
    done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    done.set_result(zlib.compress(to_bytes(state), 1))
    return done


def _forked(state: State) -> tuple[int, int]:
    """A child that writes the state into a pipe: it has a copy of its own, and what it costs stops nobody else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:  # in the child: nothing but this, and no way back
        os.close(reading)
        os.nice(10)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(zlib.compress(to_bytes(state), 1))
        os._exit(0)
    finally:
        os._exit(1)


def _gathered(child: int, reading: int) -> bytes:
    with os.fdopen(reading, "rb") as pipe:
        raw = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise BusUnavailable("the snapshot could not be written down")
    return raw


def _unpacked(raw: bytes) -> State:
    return from_bytes(zlib.decompress(raw))
