"""The look-up: what waits, what is pending, what is not found, and who may see it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.ids import RequestIds
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch, Outcome
from libs.contracts.northern.v1.query_pb2 import CustodyGet, CustodyGot
from libs.projection.base import Placed
from libs.telemetry.metrics import Metrics
from services.custody.handlers import ANSWER_S, MOST_MS, Handlers
from services.custody.reader import Records
from services.custody.records import Row
from services.custody.unread import Unread
from tests.unit.custody.log.rig import Machine
from tests.unit.custody.receipts.rig import KeptRecords

if TYPE_CHECKING:
    from tests.unit.custody.conftest import KeptTable

Make = Callable[..., Fact]
AT = 1_800_000_000_000
ID = RequestIds(3, lambda: AT, AT + 1000)()
OTHER = RequestIds(4, lambda: AT, AT + 1000)()


async def write(table: "KeptTable", *facts: Fact, first: int = 1) -> None:
    block = [Placed(n, 0, made.WhichOneof("kind") or "", made) for n, made in enumerate(facts, start=first)]
    await Records(table, Metrics()).write(block, f"EVENTS:{first}-{first + len(facts) - 1}")


async def ask(handlers: Handlers, *, tenant: str = "t_one", request_id: str = ID, wait_ms: int = 0) -> CustodyGot:
    asked = CustodyGet(tenant=tenant, request_id=request_id, wait_ms=wait_ms)
    return CustodyGot.FromString(await handlers.get(asked.SerializeToString()))


def handlers_at(table: "KeptTable", now_ms: int, answer_s: float = ANSWER_S) -> Handlers:
    """Over facts alone: nothing is in the log yet."""
    log = Machine(bus=MemoryBus(), root=Path("unused")).parts().log
    return Handlers(table=table, records=KeptRecords(table.kept), log=log, now_ms=lambda: now_ms, answer_s=answer_s)


async def test_what_is_complete_and_in_no_signed_checkpoint_is_pending(table: "KeptTable", fact: Make) -> None:
    await write(table, *(fact(kind, request_id=ID) for kind in ("egress", "finished", "delivered")))
    got = await ask(handlers_at(table, AT + 60_000), wait_ms=3000)
    said = orjson.loads(got.record)
    assert (said["status"], said["outcome"]) == ("pending", "completed")
    assert table.asked == 1


async def test_another_tenants_record_is_not_found(table: "KeptTable", fact: Make) -> None:
    await write(table, *(fact(kind, request_id=ID) for kind in ("egress", "finished", "delivered")))
    got = await ask(handlers_at(table, AT + 60_000), tenant="t_two")
    assert got.failure.code == "not_found"
    assert not got.record


async def test_a_young_unknown_id_is_pending_and_looks_the_same_to_every_tenant(table: "KeptTable", fact: Make) -> None:
    await write(table, *(fact(kind, request_id=ID) for kind in ("egress", "finished", "delivered")))
    stranger = await ask(handlers_at(table, AT + 1000), tenant="t_two")
    nothing = await ask(handlers_at(table, AT + 1000), tenant="t_three")
    assert stranger == nothing
    assert orjson.loads(stranger.record)["status"] == "pending"


async def test_a_young_id_is_waited_for_by_one_loop_however_many_ask(table: "KeptTable", fact: Make) -> None:
    handlers = handlers_at(table, AT + 500)
    asking = [asyncio.create_task(ask(handlers, wait_ms=3000)) for _ in range(10)]
    await asyncio.sleep(0.05)
    unsent = {"outcome": Outcome.OUTCOME_NOT_SENT, "error_code": "insufficient_credits"}
    await write(table, fact("egress", request_id=ID), fact("finished", request_id=ID, **unsent))
    answers = await asyncio.gather(*asking)
    assert {orjson.loads(got.record)["status"] for got in answers} == {"not_sent"}
    assert table.asked <= 10 + 10 + 2
    assert handlers._polls == {}


async def test_the_wait_ends_when_the_asker_said(table: "KeptTable") -> None:
    began = asyncio.get_running_loop().time()
    got = await ask(handlers_at(table, AT + 500), wait_ms=150)
    assert asyncio.get_running_loop().time() - began < 1
    assert orjson.loads(got.record)["status"] == "pending"


async def test_a_running_request_is_shown_pending_within_a_second_or_so(table: "KeptTable", fact: Make) -> None:
    await write(table, fact("egress", request_id=ID))
    began = asyncio.get_running_loop().time()
    got = await ask(handlers_at(table, AT + 500), wait_ms=3000)
    assert asyncio.get_running_loop().time() - began < 2
    assert orjson.loads(got.record)["resolved_provider"] == "Bedrock"


@pytest.mark.parametrize("request_id", ["", "xyz", "0" * 15, "0" * 17, "G" * 16, "../etc/passwd", "0" * 16])
async def test_what_is_no_id_or_an_old_unknown_one_is_not_found(table: "KeptTable", request_id: str) -> None:
    assert (await ask(handlers_at(table, AT), request_id=request_id, wait_ms=3000)).failure.code == "not_found"


async def test_what_was_stated_during_an_outage_is_pending_until_it_is_read_and_never_said_not_to_exist(
    table: "KeptTable", fact: Make
) -> None:
    """A promise whose record is still being read is not broken."""
    bus, later = MemoryBus(), AT + 600_000
    handlers = replace(handlers_at(table, later), unread=Unread(bus=bus, table=table))

    async def state(kind: str, **more: Any) -> None:
        await bus.append(f"ev.{kind}.0", FactBatch(facts=[fact(kind, **more)]).SerializeToString())

    await state("egress", request_id=ID)
    assert orjson.loads((await ask(handlers)).record)["status"] == "pending"
    assert (await ask(handlers, tenant="t_two")).failure.code == "not_found"
    for other in ("0" * 16, "f" * 16, "xyz"):
        assert (await ask(handlers, request_id=other)).failure.code == "not_found"
    assert (await handlers.missing("t_one", ID)).code == "record_unavailable"
    await write(table, fact("egress", request_id=OTHER))
    assert (await ask(handlers)).failure.code == "not_found"  # the message is read, and had been another's


async def test_where_too_much_is_unread_to_be_looked_through_that_is_said(table: "KeptTable", fact: Make) -> None:
    bus = MemoryBus()
    many = [fact("egress", request_id=OTHER)] * 2_001
    await bus.append("ev.egress.0", FactBatch(facts=many).SerializeToString())
    await bus.append("ev.egress.0", FactBatch(facts=many[:1]).SerializeToString())
    later = replace(handlers_at(table, AT + 600_000), unread=Unread(bus=bus, table=table))
    assert (await ask(later)).failure.code == "record_unavailable"
    stated = [fact("egress", request_id=OTHER, at_ms=AT + 10_000)]
    first = MemoryBus()
    await first.append("ev.egress.0", FactBatch(facts=stated).SerializeToString())
    for rest in (many, many[:1]):
        await first.append("ev.egress.0", FactBatch(facts=rest).SerializeToString())
    sooner = replace(later, unread=Unread(bus=first, table=table))
    assert (await ask(sooner)).failure.code == "not_found"  # all that is unread was stated later


async def test_a_store_that_is_down_is_said(table: "KeptTable") -> None:
    table.kept.fail()
    assert (await ask(handlers_at(table, AT + 500))).failure.code == "store_unavailable"


async def test_a_question_that_cannot_be_read_is_refused(table: "KeptTable") -> None:
    got = CustodyGot.FromString(await handlers_at(table, AT).get(b"\xff"))
    assert got.failure.code == "invalid_request"


async def test_a_store_that_hangs_is_said_before_the_asker_gives_up(
    table: "KeptTable", monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: str) -> list[Row]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(table, "of", hangs)
    got = await ask(handlers_at(table, AT + 60_000, answer_s=0.05), wait_ms=3000)
    assert got.failure.code == "store_unavailable"
    assert MOST_MS / 1000 < ANSWER_S < MOST_MS / 1000 + 2  # what the edge waits for an answer
