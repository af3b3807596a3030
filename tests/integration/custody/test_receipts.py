"""Records, receipts and erasures of custody as a process, on a real broker and the real store."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch, Finished, Outcome
from libs.contracts.northern.v1.query_pb2 import (
    CustodyAct,
    CustodyGet,
    CustodyTold,
    ExportAsk,
    ExportTold,
    LogAsk,
    LogTold,
)
from libs.contracts.subjects import EVENTS
from libs.tlog.note import VerifierKey
from libs.tlog.policy import Policy
from libs.tlog.receipt import Receipt
from tests.integration.custody import test_custody as rig
from tests.integration.custody.test_custody import Street, bus_of, facts_of, look_up, new_id, tell

ACT: dict[str, Any] = {"actor": "u_owner", "standing": "owner", "actor_tenant": "t_one", "tenant": "t_one"}


@pytest.fixture
def street(tmp_path: Any) -> Iterator[Street]:
    yield from rig.street.__wrapped__(tmp_path)  # type: ignore[attr-defined]


async def asked(bus: Bus, verb: str, **act: Any) -> CustodyTold:
    ask = CustodyAct(**{**ACT, **act}).SerializeToString()
    async with asyncio.timeout(20):
        while True:
            try:
                return CustodyTold.FromString(await bus.request(f"ni.query.custody.{verb}", ask, 5))
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(0.1)


async def said(bus: Bus, verb: str, **act: Any) -> Any:
    told = await asked(bus, verb, **act)
    assert not told.failure.code, told.failure
    return orjson.loads(told.json)


async def receipt_of(bus: Bus, request_id: str, tenant: str = "t_one") -> LogTold:
    ask = CustodyGet(tenant=tenant, request_id=request_id, wait_ms=3000).SerializeToString()
    return LogTold.FromString(await bus.request("ni.query.custody.receipt", ask, 5))


async def key_of(bus: Bus) -> VerifierKey:
    told = LogTold.FromString(await bus.request("ni.query.custody.key", LogAsk().SerializeToString(), 5))
    return VerifierKey.read(told.data.decode().splitlines()[0])


async def said_to_be(bus: Bus, request_id: str, status: str) -> Any:
    """The record once it has that status."""
    async with asyncio.timeout(20):
        while True:
            got = await look_up(bus, request_id)
            record = orjson.loads(got.record or b"{}")  # an id that is not young is nobody's until its facts are read
            if record.get("status") == status:
                return record
            await asyncio.sleep(0.1)


async def sealed(bus: Bus, *ids: str) -> list[Any]:
    """The records of requests that are stated here, once they are sealed."""
    for request_id in ids:
        for kind, made in facts_of(request_id).items():
            await tell(bus, kind, made)
    return [await said_to_be(bus, request_id, "sealed") for request_id in ids]


async def test_a_sealed_record_has_a_receipt_that_its_key_verifies(street: Street) -> None:
    async with bus_of(street) as bus:
        first, second = new_id(), new_id()
        records = await sealed(bus, first, second)
        assert sorted(record["proof"]["index"] for record in records) == [0, 1]
        key = await key_of(bus)
        for request_id, record in zip((first, second), records, strict=True):
            told = await receipt_of(bus, request_id)
            receipt = Receipt.read(told.data)
            believed = receipt.verify(Policy(logs=[key]))
            receipt.is_of(request_id)
            assert (believed.index, believed.origin) == (record["proof"]["index"], record["proof"]["log"])
            assert receipt.record["outcome"] == record["outcome"] == "completed"
            shown = {name: value for name, value in record.items() if name != "proof"}
            assert shown == dict(receipt.record)
        stranger = await receipt_of(bus, first, tenant="t_two")
        assert stranger.failure.code == "record_unavailable"  # as for a young id of nobody
        assert (await receipt_of(bus, new_id(age_ms=60_000))).failure.code == "not_found"


async def test_what_was_not_sent_for_want_of_money_says_so_and_has_no_receipt(street: Street) -> None:
    async with bus_of(street) as bus:
        request_id = new_id()
        facts = facts_of(request_id)
        base: dict[str, Any] = {"request_id": request_id, "tenant": "t_one", "at_ms": facts["egress"].at_ms}
        finished = Finished(outcome=Outcome.OUTCOME_NOT_SENT, error_code="insufficient_credits", boot_id="w1")
        await tell(bus, "egress", facts["egress"])
        await tell(bus, "finished", Fact(finished=finished, **base))
        await said_to_be(bus, request_id, "not_sent")
        assert (await receipt_of(bus, request_id)).failure.code == "not_found"


async def test_an_erased_record_is_gone_everywhere_but_its_leaf(street: Street) -> None:
    async with bus_of(street) as bus:
        kept, gone = new_id(), new_id()
        before = (await sealed(bus, kept, gone))[1]
        assert (await asked(bus, "erase", request_id=gone, tenant="t_two")).failure.code in (
            "not_found",
            "record_unavailable",
        )
        told = await said(bus, "erase", request_id=gone)
        assert (told["status"], told["erased_by"]) == ("erased", "u_owner")
        assert await said(bus, "erase", request_id=gone) == told
        record = orjson.loads((await look_up(bus, gone)).record)
        assert (record["status"], record["erased_at"], record["erased_by"]) == ("erased", told["erased_at"], "u_owner")
        assert record["proof"]["index"] == before["proof"]["index"]
        assert "hashes" not in record
        refused = await receipt_of(bus, gone)
        assert (refused.failure.code, "erased" in refused.failure.message) == ("not_found", True)
        assert await acts(bus) == [("custody_erase", gone)]
        await purged(street, gone)
        rows = await street.rows("SELECT kind, fact FROM facts WHERE request_id = '" + gone + "'")
        assert [row["fact"] for row in rows] == [f'{{"erased":true,"kind":"{row["kind"]}"}}' for row in rows]
        assert len(rows) == 3
        (row,) = await street.rows("SELECT salt, record, gone FROM custody_records WHERE request_id = '" + gone + "'")
        assert row == {"salt": "", "record": "", "gone": "erased"}
        assert orjson.loads((await look_up(bus, gone)).record)["status"] == "erased"
        assert Receipt.read((await receipt_of(bus, kept)).data).verify(Policy(logs=[await key_of(bus)])).index >= 0


async def purged(street: Street, request_id: str) -> None:
    sql = f"SELECT 1 FROM custody_erasures FINAL WHERE request_id = '{request_id}' AND purged"
    async with asyncio.timeout(30):
        while not await street.rows(sql):  # noqa: ASYNC110 - a table has no event
            await asyncio.sleep(0.2)


async def acts(bus: Bus) -> list[tuple[str, str]]:
    """What is on record of what was done, in order."""
    found: list[tuple[str, str]] = []
    async for messages in bus.follow(EVENTS):
        for message in messages:
            if message.subject.startswith("ev.admin."):
                batch = FactBatch.FromString(message.data)
                found += [(fact.admin.verb, fact.admin.target) for fact in batch.facts]
        if not messages or messages[-1].seq >= await bus.last_seq(EVENTS):
            return found
    return found


async def test_what_is_held_is_not_erased_until_the_hold_is_lifted(street: Street) -> None:
    async with bus_of(street) as bus:
        request_id = new_id()
        await sealed(bus, request_id)
        for target in ("", request_id):
            held = await said(bus, "hold_put", request_id=target, reason="a case")
            assert (held["request_id"], held["reason"], held["put_by"]) == (target or None, "a case", "u_owner")
            assert (await asked(bus, "erase", request_id=request_id)).failure.code == "legal_hold"
            assert (await said(bus, "hold_delete", request_id=target))["lifted"]
        assert (await said(bus, "holds"))["data"] == []
        await said(bus, "hold_put", standing="platform_admin", actor="u_platform")
        assert (await asked(bus, "hold_delete")).failure.code == "not_permitted"
        await said(bus, "hold_delete", standing="platform_admin", actor="u_platform")
        assert (await said(bus, "erase", request_id=request_id))["status"] == "erased"


async def test_a_record_older_than_its_account_keeps_records_expires_and_a_held_one_does_not(street: Street) -> None:
    day_ms = 86_400_000
    old, held, young = new_id(age_ms=3 * day_ms), new_id(age_ms=3 * day_ms), new_id()
    async with bus_of(street) as bus:
        await sealed(bus, old, held, young)
        await said(bus, "hold_put", request_id=held)
        assert (await said(bus, "retention_put", days=2))["days"] == 2
        assert (await said(bus, "retention_get"))["days"] == 2
        assert (await said(bus, "retention_get", tenant="t_two"))["days"] is None
        street.custody[-1].terminate()  # the job looks at its start, and then hourly
        street.custody[-1].wait(15)
        street.start_custody()
        left = await said_to_be(bus, old, "expired")
        assert left["proof"]["receipt"] is None
        assert (await receipt_of(bus, old)).failure.code == "not_found"
        for kept in (held, young):
            assert (await said_to_be(bus, kept, "sealed"))["outcome"] == "completed"
        rows = await street.rows("SELECT request_id FROM facts WHERE startsWith(fact, '{\"erased\"')")
        assert {row["request_id"] for row in rows} == {old}


async def test_a_bundle_counts_what_its_parts_tell_though_a_record_is_erased_meanwhile(street: Street) -> None:
    async with bus_of(street) as bus:
        first, second = new_id(), new_id()
        await sealed(bus, first, second)
        part = await exported(bus, (await exported(bus, "")).next)
        assert [file.name for file in part.files][-1] == "parts/000001"
        await said(bus, "erase", request_id=first)
        manifest = (await exported(bus, part.next)).files[-1]
        assert (manifest.name, b"\nreceipts 2\nleft 0\nparts 1\n" in manifest.data) == ("MANIFEST", True)


async def exported(bus: Bus, cursor: str) -> ExportTold:
    ask = ExportAsk(tenant="t_one", cursor=cursor).SerializeToString()
    told = ExportTold.FromString(await bus.request("ni.query.custody.export", ask, 30))
    assert not told.failure.code, told.failure
    return told


async def test_custody_that_is_killed_and_a_store_that_is_away_leave_every_record_there_once(street: Street) -> None:
    async with bus_of(street) as bus:
        ids = [new_id() for _ in range(60)]
        for n, request_id in enumerate(ids):
            for kind, made in facts_of(request_id).items():
                await tell(bus, kind, made)
            if n in (10, 30):
                street.custody[-1].kill()
                street.custody[-1].wait()
                street.start_custody()
            if n == 20:
                street.host.stop(9)
                await asyncio.sleep(0.3)
                await asyncio.to_thread(street.host.start)
        sql = "SELECT * FROM custody_records FINAL ORDER BY leaf"
        async with asyncio.timeout(60):
            while len(rows := await street.rows(sql)) < len(ids):  # noqa: ASYNC110 - a table has no event
                await asyncio.sleep(0.2)
        assert [row["leaf"] for row in rows] == list(range(len(ids)))
        assert {row["request_id"] for row in rows} == set(ids)
        assert all(row["record"] and len(row["salt"]) == 64 and not row["gone"] for row in rows)
        policy = Policy(logs=[await key_of(bus)])
        for request_id in ids[::20]:
            Receipt.read((await receipt_of(bus, request_id)).data).verify(policy)
