"""The sinks of billing's projections where the store fails: nothing is lost, nothing is taken twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.contracts.errors import StoreUnavailable
from libs.store.memory import MemoryStore
from services.billing.books.projections import JournalCopy, RequestLog
from tests.support.money_facts import egress, finished, placed, request_id
from tests.unit.billing.books.test_transactions import TOP_UP, opened

CATALOG = load(Path("infra/config"))


async def test_a_block_that_the_store_could_not_take_has_its_rows_when_it_comes_again() -> None:
    store = MemoryStore()
    log = RequestLog(store, Live(CATALOG))
    await log.write([placed(1, egress(1))], "EVENTS:1-1")
    block = [placed(2, finished(1))]
    store.fail()
    with pytest.raises(StoreUnavailable):
        await log.write(block, "EVENTS:2-2")
    store.heal()
    assert await log.write(block, "EVENTS:2-2") == 1
    assert await log.write(block, "EVENTS:2-2") == 1  # the answer was lost: the token makes it nothing
    (row,) = store.rows("usage")
    assert (row["request_id"], row["stream_seq"], row["open_from"]) == (request_id(1), 2, 3)


async def test_rows_of_one_block_say_from_where_on_facts_are_still_needed() -> None:
    store = MemoryStore()
    log = RequestLog(store, Live(CATALOG))
    await log.write([placed(1, egress(1)), placed(2, egress(2)), placed(3, finished(2))], "EVENTS:1-3")
    await log.write([placed(4, egress(3)), placed(5, finished(1)), placed(6, finished(3))], "EVENTS:4-6")
    assert [row["open_from"] for row in store.rows("usage")] == [1, 7, 7]


async def test_a_block_without_an_end_writes_nothing() -> None:
    store = MemoryStore()
    assert await RequestLog(store, Live(CATALOG)).write([placed(1, egress(1))], "EVENTS:1-1") == 0
    assert store.rows("usage") == []


async def test_a_row_is_priced_by_the_catalogue_that_its_intent_names_though_it_is_replaced_meanwhile() -> None:
    store, live = MemoryStore(), Live(CATALOG)
    log, begun = RequestLog(store, live), egress(1)
    begun.egress.catalogue = CATALOG.digest
    await log.write([placed(1, begun)], "EVENTS:1-1")
    live.swap(replace(CATALOG, routes={}, digest="e" * 64))
    await log.write([placed(2, finished(1))], "EVENTS:2-2")
    (row,) = store.rows("usage")
    assert row["cost"] > 0


async def test_facts_by_a_catalogue_that_is_not_read_here_yet_wait_for_it() -> None:
    store, live = MemoryStore(), Live(replace(CATALOG, routes={}, digest="e" * 64))
    log, begun = RequestLog(store, live), egress(1)
    begun.egress.catalogue = CATALOG.digest
    writing = asyncio.create_task(log.write([placed(1, begun), placed(2, finished(1))], "EVENTS:1-2"))
    await asyncio.sleep(0.05)
    assert not writing.done()
    live.swap(CATALOG)
    assert await writing == 1
    (row,) = store.rows("usage")
    assert row["cost"] > 0


class Noting(MemoryStore):
    """Remembers in which order tables were written."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, token: str = ""
    ) -> None:
        self.order.append(table)
        await super().insert(table, columns, rows, token=token)


async def test_the_journals_copy_is_written_behind_its_transactions() -> None:
    """It is the position: what it names must be there."""
    store = Noting()
    assert await JournalCopy(store, MemoryBus()).write([opened(TOP_UP)], "LEDGER:7-7") == 2
    assert store.order == ["ledger", "ledger_journal"]
