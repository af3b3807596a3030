"""An account's own names of models: written, read, taken away; nobody else's, and never for what is none."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from libs.auth.records import Role, ShownRecord, shown_key
from libs.auth.rights import Right
from libs.contracts.errors import InvalidRequest, NotFound, NotPermitted
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold, Actor
from services.accounts.bodies.aliases import MOST
from tests.unit.accounts.rig import Rig, rig

ROUTE, OTHER = "azure/gpt-4.1-mini-ca", "Qwen/Qwen3-14B"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path) as made:
        yield made


async def test_a_name_means_what_was_put_last_until_it_is_deleted(room: Rig) -> None:
    key = await room.key()
    assert await room.ask(Right.ALIAS_LIST, key) == {"object": "list", "data": [], "next": None}
    assert await room.ask(Right.ALIAS_PUT, key, {"route": ROUTE}, id="gpt-4o/mine:1") == {
        "object": "alias",
        "name": "gpt-4o/mine:1",
        "route": ROUTE,
    }
    await room.ask(Right.ALIAS_PUT, key, {"route": "gpt-4.1"}, id="a")
    await room.ask(Right.ALIAS_PUT, key, {"route": OTHER}, id="gpt-4o/mine:1")
    listed = await room.ask(Right.ALIAS_LIST, key)
    assert [(one["name"], one["route"]) for one in listed["data"]] == [("a", "gpt-4.1"), ("gpt-4o/mine:1", OTHER)]
    assert (await room.ask(Right.ALIAS_DELETE, key, id="a"))["deleted"] is True
    for right in (Right.ALIAS_GET, Right.ALIAS_DELETE):
        with pytest.raises(NotFound):
            await room.ask(right, key, id="a")


async def test_a_name_may_stand_for_what_the_catalogue_has_now(room: Rig) -> None:
    key, live = await room.key(), room.desk.live
    whole = live.current
    live.swap(replace(whole, routes={name: route for name, route in whole.routes.items() if name != OTHER}))
    with pytest.raises(InvalidRequest):
        await room.ask(Right.ALIAS_PUT, key, {"route": OTHER}, id="a")
    live.swap(whole)
    assert (await room.ask(Right.ALIAS_PUT, key, {"route": OTHER}, id="a"))["route"] == OTHER


@pytest.mark.parametrize(
    ("name", "body", "param"),
    [
        ("x", {"route": "no/such-route"}, "route"),
        ("x", {}, "route"),
        ("x", {"route": 3}, "route"),
        ("x", {"route": ROUTE, "more": 1}, "more"),
        ("auto", {"route": ROUTE}, "name"),
        ("ni-models", {"route": ROUTE}, "name"),
        ("x\ny", {"route": ROUTE}, "name"),
        ("x" * 257, {"route": ROUTE}, "name"),
    ],
)
async def test_what_can_be_no_alias_is_refused_by_name(room: Rig, name: str, body: object, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await room.ask(Right.ALIAS_PUT, await room.key(), body, id=name)
    assert refused.value.param == param


async def test_an_account_sees_and_changes_its_own_names_alone(room: Rig) -> None:
    one, other = await room.key("t_a"), await room.key("t_b")
    await room.ask(Right.ALIAS_PUT, one, {"route": ROUTE}, id="mine")
    assert (await room.ask(Right.ALIAS_LIST, other))["data"] == []
    for right in (Right.ALIAS_GET, Right.ALIAS_DELETE):
        with pytest.raises(NotFound):
            await room.ask(right, other, id="mine")
    assert (await room.ask(Right.ALIAS_GET, one, id="mine"))["route"] == ROUTE


async def test_an_auditor_reads_and_does_not_write(room: Rig) -> None:
    auditor = room.session(Role.AUDITOR)
    assert (await room.ask(Right.ALIAS_LIST, auditor))["data"] == []
    with pytest.raises(NotPermitted):
        await room.ask(Right.ALIAS_PUT, auditor, {"route": ROUTE}, id="x")


async def test_names_put_at_the_same_moment_are_all_there(room: Rig) -> None:
    key = await room.key()
    await asyncio.gather(*(room.ask(Right.ALIAS_PUT, key, {"route": ROUTE}, id=f"n{n}") for n in range(12)))
    assert len((await room.ask(Right.ALIAS_LIST, key))["data"]) == 12


async def test_there_is_an_end_to_how_many_names_an_account_has(room: Rig) -> None:
    key = await room.key()
    for n in range(MOST):
        await room.ask(Right.ALIAS_PUT, key, {"route": ROUTE}, id=f"n{n}")
    with pytest.raises(InvalidRequest, match="Delete one"):
        await room.ask(Right.ALIAS_PUT, key, {"route": ROUTE}, id="one more")
    assert (await room.ask(Right.ALIAS_PUT, key, {"route": OTHER}, id="n0"))["route"] == OTHER


async def _show(room: Rig, name: str, digest: bytes, tenant: str = "t_a") -> AccountTold:
    ask = AccountAsk(actor=Actor(tenant=tenant), id=name, body=digest)
    return AccountTold.FromString(await room.verbs["alias_shown"](ask.SerializeToString()))


async def _lists(room: Rig) -> ShownRecord:
    entry = await room.bus.get("aliases", shown_key("t_a"))
    assert entry is not None
    return ShownRecord.from_bytes(entry.value)


async def test_the_list_last_shown_for_a_name_is_remembered_for_a_while(room: Rig) -> None:
    await _show(room, "x", b"d1")
    await _show(room, "y", b"d2")
    await _show(room, "x", b"d3")
    assert {name: one.digest for name, one in (await _lists(room)).lists.items()} == {"x": "d3", "y": "d2"}
    room.now_s += 3_700
    await _show(room, "z", b"d4")
    assert list((await _lists(room)).lists) == ["z"]


async def test_only_so_many_lists_are_remembered_the_latest(room: Rig) -> None:
    for n in range(70):
        room.now_s += 1
        await _show(room, f"n{n}", b"d")
    kept = (await _lists(room)).lists
    assert len(kept) == 64
    assert "n69" in kept
    assert "n5" not in kept


async def test_nothing_is_remembered_of_an_account_that_there_is_not(room: Rig) -> None:
    assert (await _show(room, "x", b"d", tenant="t_nobody")).failure.code == "not_found"
    assert AccountTold.FromString(await room.verbs["alias_shown"](b"\xff")).failure.code == "invalid_request"
