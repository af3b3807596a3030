"""What is looked up once it is in the log: sealed records, receipts, what is left of erased ones."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.bus.base import Stored
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot, LogTold
from libs.contracts.subjects import RECORDS
from libs.store.memory import MemoryStore
from libs.tlog.policy import Policy
from libs.tlog.receipt import Receipt
from services.custody.receipts.table import TABLE
from tests.unit.custody.log.rig import Machine, ended, new_id, refused, tell
from tests.unit.custody.receipts.rig import Room, parts, room


async def got(made: Room, request_id: str, tenant: str = "t_one", wait_ms: int = 3000) -> Any:
    asked = CustodyGet(tenant=tenant, request_id=request_id, wait_ms=wait_ms).SerializeToString()
    told = CustodyGot.FromString(await made.handlers.get(asked))
    return orjson.loads(told.record) if told.record else told.failure.code


async def receipt(made: Room, request_id: str, tenant: str = "t_one", wait_ms: int = 3000) -> LogTold:
    asked = CustodyGet(tenant=tenant, request_id=request_id, wait_ms=wait_ms).SerializeToString()
    return LogTold.FromString(await made.handlers.receipt(asked))


async def test_a_sealed_record_shows_its_place_in_the_log_and_its_receipt_proves_it(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        ids = [new_id() for _ in range(5)]
        await ended(made.bus, *ids)
        for request_id in ids:
            said = await got(made, request_id)
            head = made.process.log.head()
            assert head is not None
            proof = said.pop("proof")
            assert said["status"] == "sealed"
            assert proof["log"] == head.checkpoint.origin
            told = Receipt.read((await receipt(made, request_id)).data)
            assert told.record == said
            assert made.process.log.key is not None
            believed = told.verify(Policy(logs=[made.process.log.key]))
            assert (believed.index, said["request_id"]) == (proof["index"], request_id)
            assert proof["tree_size"] > proof["index"]
            assert len(bytes.fromhex(proof["root"])) == 32


async def test_a_refused_request_is_sealed_under_a_salt_of_its_own(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = new_id()
        await tell(made.bus, refused(request_id))
        assert (await got(made, request_id))["status"] == "sealed"
        told = Receipt.read((await receipt(made, request_id)).data)
        assert len(told.salt) == 32
        assert told.record["outcome"] == "refused"


async def test_another_tenant_sees_of_a_sealed_id_what_it_sees_of_nobody_s(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        mine, nobodys = new_id(), new_id()
        await ended(made.bus, mine)
        assert (await got(made, mine))["status"] == "sealed"
        seen, unseen = [await got(made, each, "t_two", 0) for each in (mine, nobodys)]
        assert seen == unseen | {"request_id": mine, "request-id": mine}
        theirs = [await receipt(made, each, "t_two", 0) for each in (mine, nobodys)]
        assert theirs[0] == theirs[1]
        assert theirs[0].failure.code == "record_unavailable"


@pytest.mark.parametrize("request_id", ["", "xyz", "0" * 15, "0" * 17, "G" * 16, "../etc/passwd", "0" * 16])
async def test_what_is_no_id_or_an_old_unknown_one_has_no_receipt(tmp_path: Path, request_id: str) -> None:
    machine = Machine(bus=MemoryBus(), root=tmp_path)
    made = parts(machine, machine.parts(), MemoryStore())
    assert (await receipt(made, request_id)).failure.code == "not_found"
    assert await got(made, request_id) == "not_found"


async def test_a_record_that_had_aged_out_is_shown_from_its_facts_and_has_no_receipt(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = new_id()
        await ended(made.bus, request_id)
        before = await got(made, request_id)
        made.store._rows[TABLE][0] |= {"salt": "", "record": "", "gone": "missing"}
        said = await got(made, request_id)
        assert (said["status"], said["outcome"], said["proof"]["index"]) == ("sealed", "completed", 0)
        assert said["proof"]["receipt"] is None
        assert before["proof"]["receipt"] == f"/api/usage/custody/{request_id}/receipt"
        assert (await receipt(made, request_id)).failure.code == "not_found"


class SlowBus(MemoryBus):
    """Gives a sign of life before it gives messages of RECORDS."""

    async def follow(self, stream: str, **more: Any) -> AsyncIterator[list[Stored]]:
        if stream == RECORDS:
            yield []
        async for messages in super().follow(stream, **more):
            yield messages


async def test_a_record_that_is_long_in_coming_is_not_taken_for_one_that_is_gone(tmp_path: Path) -> None:
    async with room(tmp_path, bus=SlowBus()) as made:
        request_id = new_id()
        await ended(made.bus, request_id)
        assert (await got(made, request_id))["proof"]["receipt"]
        assert (await receipt(made, request_id)).data


async def test_a_record_that_has_aged_out_before_it_was_read_is_not_waited_for(tmp_path: Path) -> None:
    bus = MemoryBus()
    async with Machine(bus=bus, root=tmp_path).running() as process:
        await ended(bus, new_id())
        await process.head(1)
    await bus.drop(RECORDS, before=2)
    store = MemoryStore()
    async with room(tmp_path, store, bus):
        async with asyncio.timeout(20):
            while not store.rows(TABLE):  # noqa: ASYNC110 - a table has no event
                await asyncio.sleep(0.01)
    assert [row["gone"] for row in store.rows(TABLE)] == ["missing"]


async def test_a_record_that_is_not_what_the_leaf_commits_to_is_not_believed(tmp_path: Path) -> None:
    store = MemoryStore()
    async with room(tmp_path, store) as made:
        first = new_id()
        await ended(made.bus, first)
        assert (await got(made, first))["status"] == "sealed"
        bus = made.bus
    held = bus._streams[RECORDS].messages
    raw = held[0].data
    at = raw.index(b'"completed"')
    changed = raw[:at] + b'"completer"' + raw[at + 11 :]
    held[0] = type(held[0])(held[0].subject, held[0].seq, changed, held[0].deleted)
    fresh = MemoryStore()
    async with room(tmp_path, fresh, bus) as made:
        async with asyncio.timeout(5):
            while not fresh.rows(TABLE):  # noqa: ASYNC110 - a table has no event
                await asyncio.sleep(0.01)
        assert [row["gone"] for row in fresh.rows(TABLE)] == ["missing"]


async def test_a_receipt_that_would_not_verify_is_not_given(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        ids = [new_id() for _ in range(300)]
        await ended(made.bus, *ids)
        await made.process.head(300)
        assert (await receipt(made, ids[0])).data
        tile = tmp_path / "tile/0/000"
        whole = tile.read_bytes()
        tile.write_bytes(bytes(len(whole)))
        assert (await receipt(made, ids[0])).failure.code == "store_unavailable"
        tile.write_bytes(whole)
        assert (await receipt(made, ids[0])).data
        made.store._rows[TABLE][0] |= {"record": '{"request_id":"another"}'}
        assert (await receipt(made, ids[0])).failure.code == "store_unavailable"


async def test_a_store_that_is_away_delays_records_and_loses_none(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        first, second = new_id(), new_id()
        await ended(made.bus, first)
        assert (await got(made, first))["status"] == "sealed"
        made.store.fail()
        await ended(made.bus, second)
        assert await got(made, second) == "store_unavailable"
        assert (await receipt(made, first)).failure.code == "store_unavailable"
        await made.process.head(2)
        made.store.heal()
        async with asyncio.timeout(10):
            while (await got(made, second))["status"] != "sealed":  # noqa: ASYNC110 - nor has this
                await asyncio.sleep(0.1)
        assert sorted(row["leaf"] for row in made.store.rows(TABLE)) == [0, 1]
