"""Erasing, holding, retaining: stated first, then true; what is held is not erased; nothing is done twice."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.bus.base import Stored
from libs.contracts.ids import issued_at_ms
from libs.contracts.northern.v1.facts_pb2 import Admin, Fact, FactBatch
from libs.contracts.northern.v1.query_pb2 import CustodyAct, CustodyTold
from libs.contracts.subjects import EVENTS
from services.custody.domain import YOUNG_MS
from services.custody.receipts.erasures import _RULE_COLUMNS, ERASURES, RULES, Verb, act_of, facts_and_acts_in
from services.custody.receipts.table import TABLE
from tests.unit.custody.log.rig import ended, new_id
from tests.unit.custody.receipts.rig import Room, room
from tests.unit.custody.receipts.test_look_up import got, receipt

OWNER: dict[str, Any] = {"tenant": "t_one", "actor": "u_owner", "standing": "owner", "actor_tenant": "t_one"}


async def asked(made: Room, verb: str, **more: Any) -> Any:
    act = CustodyAct(**{**OWNER, **more}).SerializeToString()
    told = CustodyTold.FromString(await made.desk.verbs()[verb](act))
    return orjson.loads(told.json) if told.json else told.failure.code


async def sealed(made: Room) -> str:
    request_id = new_id()
    await ended(made.bus, request_id)
    assert (await got(made, request_id))["status"] == "sealed"
    return request_id


def stated(made: Room) -> list[Fact]:
    """What is on record of acts."""
    messages = made.bus._streams[EVENTS].messages
    acts = [m for m in messages if m.subject.startswith("ev.admin.")]
    return [fact for message in acts for fact in FactBatch.FromString(message.data).facts]


async def test_an_erased_record_is_gone_for_every_reader_when_it_is_answered(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        told = await asked(made, "erase", request_id=request_id)
        assert (told["status"], told["erased_by"]) == ("erased", "u_owner")
        said = await got(made, request_id)
        assert (said["status"], said["erased_at"], said["proof"]["index"]) == ("erased", told["erased_at"], 0)
        assert "outcome" not in said
        assert (await receipt(made, request_id)).failure.code == "not_found"
        (fact,) = stated(made)
        assert (fact.admin.verb, fact.admin.target, fact.admin.standing) == ("custody_erase", request_id, "owner")


async def test_erasing_again_changes_nothing(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        first = await asked(made, "erase", request_id=request_id)
        assert await asked(made, "erase", request_id=request_id, actor="u_other") == first
        assert len(stated(made)) == 1


async def test_nobody_erases_what_is_another_s_or_no_record(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        theirs, old = {"request_id": request_id, "tenant": "t_two"}, "0" * 16
        for ask in ({"request_id": "x"}, {"request_id": old}, {}):
            assert await asked(made, "erase", **ask) == "not_found"
        assert await asked(made, "erase", **theirs) == "record_unavailable"  # what it says of an id that nobody has
        late = replace(made.handlers, now_ms=lambda: issued_at_ms(request_id) + YOUNG_MS)
        later = replace(made, desk=replace(made.desk, missing=late.missing))
        assert await asked(later, "erase", **theirs) == "not_found"
        assert stated(made) == []
        assert (await got(made, request_id))["status"] == "sealed"


async def test_a_request_that_has_just_been_answered_is_not_said_to_have_no_record(tmp_path: Path) -> None:
    """What states it is on its way: to be told that there is none would be wrong a second later."""
    async with room(tmp_path) as made:
        request_id = new_id()
        for verb in ("erase", "hold_put"):
            assert await asked(made, verb, request_id=request_id) == "record_unavailable"
        assert stated(made) == []
        await ended(made.bus, request_id)
        assert (await got(made, request_id))["status"] == "sealed"
        assert (await asked(made, "hold_put", request_id=request_id))["request_id"] == request_id


@pytest.mark.parametrize("everything", [True, False])
async def test_what_is_held_is_not_erased(tmp_path: Path, *, everything: bool) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        target = "" if everything else request_id
        assert (await asked(made, "hold_put", request_id=target, reason="a case"))["reason"] == "a case"
        assert await asked(made, "erase", request_id=request_id) == "legal_hold"
        assert (await asked(made, "hold_delete", request_id=target))["lifted"] is True
        assert await asked(made, "hold_delete", request_id=target) == "not_found"
        assert (await asked(made, "erase", request_id=request_id))["status"] == "erased"


async def test_a_hold_on_one_request_or_account_holds_no_other(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id, other = await sealed(made), await sealed(made)
        await asked(made, "hold_put", request_id=other)
        await asked(made, "hold_put", tenant="t_two")
        assert await asked(made, "hold_put", request_id="0" * 16) == "not_found"
        assert (await asked(made, "erase", request_id=request_id))["status"] == "erased"


async def test_holds_are_listed_page_by_page_however_many_there_are(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        ids = [f"{number:016x}" for number in range(2500)]
        rows = [("t_one", "hold", each, 1, 1000, "u_owner", "owner", "é" * 200, n) for n, each in enumerate(["", *ids])]
        await made.store.insert(RULES, _RULE_COLUMNS, rows)
        listed: list[str | None] = []
        cursor: str | None = ""
        while cursor is not None:
            told = await made.desk.verbs()["holds"](CustodyAct(**OWNER, request_id=cursor).SerializeToString())
            assert len(told) < 1 << 20
            page = orjson.loads(CustodyTold.FromString(told).json)
            listed += [hold["request_id"] for hold in page["data"]]
            cursor = page["next"]
        assert listed == [None, *ids]


async def test_what_the_platform_holds_the_account_does_not_lift(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        await asked(made, "hold_put", standing="platform_admin", actor="u_platform")
        assert await asked(made, "hold_delete") == "not_permitted"
        assert (await asked(made, "hold_delete", standing="platform_admin"))["lifted"] is True


async def test_without_a_broker_nothing_is_done_and_nothing_said_to_be(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        made.bus.fail()
        assert await asked(made, "erase", request_id=request_id) == "record_unavailable"
        assert await asked(made, "hold_put") == "record_unavailable"
        made.bus.heal()
        assert made.store.rows(ERASURES) == []


async def test_a_record_that_was_erased_does_not_come_back_with_a_store_made_anew(tmp_path: Path) -> None:
    async with room(tmp_path) as made:
        request_id = await sealed(made)
        await asked(made, "erase", request_id=request_id)
        bus, (erasure,) = made.bus, made.store.rows(ERASURES)
    async with room(tmp_path, bus=bus) as made:
        async with asyncio.timeout(5):
            while not made.store.rows(ERASURES) or not made.store.rows(TABLE):  # noqa: ASYNC110 - a table has no event
                await asyncio.sleep(0.01)
        assert made.store.rows(ERASURES) == [erasure]
        assert (await got(made, request_id))["status"] == "erased"


def message(*facts: Fact, subject: str = "ev.admin.0") -> Stored:
    return Stored(subject, 7, FactBatch(facts=facts).SerializeToString())


def test_only_custody_s_own_acts_are_read_each_at_its_place() -> None:
    act = CustodyAct(**OWNER, request_id="0" * 16)
    ours = act_of(Verb.ERASE, act, "erase:1", 5)
    other = Fact(tenant="t_one", at_ms=5, admin=Admin(act_id="x", verb="key_create", target="0" * 16))
    nameless = Fact(tenant="", at_ms=5, admin=Admin(act_id="x", verb="custody_erase", target="0" * 16))
    everything = act_of(Verb.ERASE, CustodyAct(**OWNER), "erase:2", 5)
    found = facts_and_acts_in(message(other, ours, nameless, everything))
    assert found is not None
    assert [(placed.seq, placed.idx, placed.fact) for placed in found] == [(7, 1, ours)]
    assert facts_and_acts_in(Stored("ev.admin.0", 7, b"\xff")) is None


def test_what_a_rule_says_is_in_the_log_of_acts() -> None:
    kept = act_of(Verb.RETAIN, CustodyAct(**OWNER, days=30), "retain:1", 5)
    assert orjson.loads(kept.admin.detail) == {"days": 30}
    held = act_of(Verb.HOLD, CustodyAct(**OWNER, reason="a case"), "hold:1", 5)
    assert orjson.loads(held.admin.detail) == {"reason": "a case"}
