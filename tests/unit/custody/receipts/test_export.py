"""When a bundle begins, and goes on: not before everything that it will be said to hold can be read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.query_pb2 import ExportAsk, ExportTold
from libs.store.memory import MemoryStore
from services.custody.log.signer import FileSigner
from services.custody.receipts.export import Cursor, Exporting
from tests.unit.custody.log.rig import SEED, Machine, Process, ended, new_id
from tests.unit.custody.receipts.rig import KeptRecords, room


class OneRow(MemoryStore):
    """A store whose page is one record, whatever is asked."""

    async def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        del sql, parameters
        return [{"request_id": "0" * 16, "leaf": 0, "salt": "00" * 32, "record": "{}", "left": ""}]


async def begun(process: Process, store: MemoryStore, cursor: str = "") -> ExportTold:
    """The answer to the first question, or to one that goes on."""
    exporting = Exporting(
        store=store, records=KeptRecords(store), log=process.log, signer=FileSigner(SEED), written_s=0.1
    )
    ask = ExportAsk(tenant="t_one", cursor=cursor).SerializeToString()
    return ExportTold.FromString(await exporting.export(ask))


async def test_a_bundle_does_not_begin_while_the_store_lacks_records_that_the_log_has(tmp_path: Path) -> None:
    bus, store = MemoryBus(), MemoryStore()
    async with Machine(bus=bus, root=tmp_path).running() as process:
        await ended(bus, new_id(), new_id())
        head = await process.head(2)
        told = await begun(process, store)
        assert (told.failure.code, list(told.files)) == ("record_unavailable", [])
    async with room(tmp_path, store, bus) as made:
        while not (told := await begun(made.process, store)).files:
            assert told.failure.code == "record_unavailable"
        assert told.files[0].data.decode() == head.note


async def test_a_bundle_that_another_replica_began_goes_on_once_its_checkpoint_is_reached_here(tmp_path: Path) -> None:
    ahead, behind = (Machine(bus=MemoryBus(), root=tmp_path / name) for name in ("ahead", "behind"))
    async with ahead.running() as process:
        await ended(ahead.bus, new_id(), new_id())
        cursor = Cursor(note=(await process.head(2)).note)
    async with behind.running() as process:
        await ended(behind.bus, new_id())
        await process.head(1)
        told = await begun(process, OneRow(), cursor.text)
        assert told.failure.code == "record_unavailable"
