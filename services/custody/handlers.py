"""The look-up of a custody record: read, wait a little for what is young, answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from libs.contracts.errors import InvalidRequest, NorthernError, NotFound, StoreUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.ids import REQUEST_ID, issued_at_ms
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot
from services.custody.queries import FactTable
from services.custody.records import pending, record

YOUNG_MS = 10_000
MOST_MS = 3_000
RUNNING_MS = 1_000  # a request that is under way may go on for an hour: a short wait, in case it is just ending
ANSWER_S = 4.0  # the edge asks for MOST_MS and gives 2 s more: whatever the store does, it hears why
_EVERY_S = 0.1

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Handlers:
    """Answers `ni.query.custody.get`. `now_ms` is Unix time."""

    table: FactTable
    now_ms: Callable[[], int]
    answer_s: float = ANSWER_S
    _polls: dict[tuple[str, str], "asyncio.Task[None]"] = field(default_factory=dict)

    async def get(self, data: bytes) -> bytes:
        """CustodyGet in, CustodyGot out; a refusal is in its `failure`."""
        try:
            asked = CustodyGet.FromString(data)
        except DecodeError:
            return _failed(InvalidRequest("the question cannot be read"))
        try:
            async with asyncio.timeout(self.answer_s):
                found = await self.look_up(asked.tenant, asked.request_id, asked.wait_ms)
        except NorthernError as error:
            return _failed(error)
        except TimeoutError:
            return _failed(StoreUnavailable("the store of records does not answer right now; try again in a moment"))
        return CustodyGot(record=orjson.dumps(found)).SerializeToString()

    async def look_up(self, tenant: str, request_id: str, wait_ms: int) -> Record:
        """The record as it stands. A young one that is not sealed is waited for, and then said to be pending.

        Raises NotFound for an older id without facts of this tenant, and StoreUnavailable.
        """
        if not REQUEST_ID.fullmatch(request_id):
            raise NotFound("no custody record of this account has that id")
        young = abs(self.now_ms() - issued_at_ms(request_id)) < YOUNG_MS
        found = await self._read(tenant, request_id)
        if young and (found is None or found["status"] == "pending"):
            running = found is not None and found["outcome"] is None
            await self._wait(tenant, request_id, min(wait_ms, RUNNING_MS if running else MOST_MS) / 1000)
            found = await self._read(tenant, request_id)
        if found is None and not young:
            raise NotFound("no custody record of this account has that id")
        return found or pending(request_id)

    async def _read(self, tenant: str, request_id: str) -> Record | None:
        rows = await self.table.of(tenant, request_id)
        return record(rows, self.now_ms()) if rows else None

    async def _wait(self, tenant: str, request_id: str, wait_s: float) -> None:
        """Return when the record is sealed or the time is over; however many wait for an id, one asks the store."""
        key = (tenant, request_id)
        if wait_s <= 0:
            return
        poll = self._polls.get(key)
        if poll is None:
            poll = self._polls[key] = asyncio.create_task(self._poll(tenant, request_id))
            poll.add_done_callback(lambda done: self._polled(key, done))
        await asyncio.wait((poll,), timeout=wait_s)
        if poll.done():
            poll.result()

    async def _poll(self, tenant: str, request_id: str) -> None:
        for _ in range(round(MOST_MS / 1000 / _EVERY_S)):
            await asyncio.sleep(_EVERY_S)
            found = await self._read(tenant, request_id)
            if found is not None and found["status"] == "sealed":
                return

    def _polled(self, key: tuple[str, str], poll: "asyncio.Task[None]") -> None:
        del self._polls[key]
        if not poll.cancelled():
            poll.exception()  # whoever still waits raises it; nobody may


def _failed(error: NorthernError) -> bytes:
    return CustodyGot(failure=to_query_failure(error)).SerializeToString()
