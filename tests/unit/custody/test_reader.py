"""The sink: facts into rows, and what is open after them, also when a block has to be written again."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from libs.contracts.errors import StoreUnavailable
from libs.contracts.northern.v1.facts_pb2 import Fact
from libs.projection.base import Placed
from libs.telemetry.metrics import Metrics
from services.custody.reader import Records

if TYPE_CHECKING:
    from tests.unit.custody.conftest import KeptTable

Make = Callable[..., Fact]


async def test_a_block_that_is_written_again_counts_once(table: "KeptTable", fact: Make) -> None:
    metrics = Metrics()
    records = Records(table, metrics)
    await records.resume()
    block = [Placed(n, 0, kind, fact(kind)) for n, kind in enumerate(("egress", "finished", "finished"), start=1)]
    table.kept.fail()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await records.write(block, "EVENTS:1-3")
    table.kept.heal()
    assert await records.write(block, "EVENTS:1-3") == 3
    assert len(records.open) == 0
    assert b"ni_finished_ignored_total 1.0" in metrics.text()
    assert [row["stream_seq"] for row in table.kept.rows("facts")] == [1, 2, 3]


async def test_a_resume_is_what_the_table_says_and_nothing_else(table: "KeptTable", fact: Make) -> None:
    records = Records(table, Metrics())
    await records.write([Placed(7, 0, "egress", fact("egress"))], "EVENTS:7-7")
    table.kept.fail()
    with pytest.raises(StoreUnavailable):
        await records.write([Placed(8, 0, "finished", fact("finished"))], "EVENTS:8-8")
    table.kept.heal()
    assert await records.resume() == 7
    assert [r.request_id for r in records.open] == ["0" * 16]
