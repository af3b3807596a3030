"""Following a folder: what is whole, still and valid is taken; everything else leaves what was there."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.catalog import live as module
from libs.catalog.live import Following, Live, Swap, fingerprint
from libs.catalog.load import CatalogError, load
from libs.catalog.model import Catalog
from tests.unit.catalog.small import FILES

Write = Callable[..., Path]
ROUTE = "bedrock/maker.small-ca"


def checked(day: int) -> str:
    """The routes as somebody looked at them on another day."""
    return FILES["routes"].replace("checked = 2026-11-20", f"checked = 2026-11-{day}")


LATER = checked(21)
HALF = LATER[: len(LATER) // 2]


class Heard:
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.refusals: list[tuple[str, ...]] = []

    def taken(self, before: Catalog, now: Catalog) -> None:
        self.changes.append((before.digest, now.digest))

    def refused(self, problems: tuple[str, ...]) -> None:
        self.refusals.append(problems)


class Edited:
    """A folder that is followed, one look at a time."""

    def __init__(self, folder: Path, prepare: module.Prepare = module.nothing_else, also: tuple[str, ...] = ()) -> None:
        self.folder, self.following, self.heard = folder, Following(folder, also=also), Heard()
        self._prepare = prepare

    def put(self, text: str, name: str = "routes.toml") -> None:
        (self.folder / name).write_text(text)

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self.following.look(self.heard, self._prepare)

    @property
    def live(self) -> Live:
        return self.following.live

    @property
    def day(self) -> int:
        return self.live.current.routes[ROUTE].checked.day


async def test_an_edit_is_taken_once_it_was_still_for_a_look(write: Write) -> None:
    edited = Edited(write())
    first = edited.live.current
    edited.put(LATER)
    await edited.look()
    assert edited.live.current is first
    await edited.look()
    assert edited.day == 21
    assert edited.heard.changes == [(first.digest, load(edited.folder).digest)]
    await edited.look(3)
    assert len(edited.heard.changes) == 1
    assert first.routes[ROUTE].checked.day == 20  # who began with it goes on with it


async def test_what_is_written_again_at_every_look_is_not_read(write: Write) -> None:
    edited = Edited(write())
    for n in range(5):
        edited.put(f"{LATER}# {'x' * n}\n")
        await edited.look()
    assert edited.heard.changes == []
    await edited.look()
    assert edited.day == 21


async def test_a_file_written_in_two_steps_is_taken_when_it_is_whole(write: Write) -> None:
    edited = Edited(write())
    edited.put(HALF)
    await edited.look(3)
    assert (edited.day, len(edited.heard.refusals)) == (20, 1)
    edited.put(LATER)
    await edited.look(2)
    assert edited.day == 21


async def test_a_refused_edit_changes_nothing_and_is_said_once(write: Write) -> None:
    edited = Edited(write())
    first = edited.live.current
    edited.put(FILES["routes"].replace('egress = "bedrock"', 'egress = "nowhere"'))
    await edited.look(4)
    assert edited.live.current is first
    assert len(edited.heard.refusals) == 1
    assert edited.heard.refusals[0][0].startswith(f"routes.toml: route {ROUTE}: there is no egress")
    edited.put("[[route]\n")
    await edited.look(4)
    assert len(edited.heard.refusals) == 2
    edited.put(FILES["routes"])
    await edited.look(2)
    assert edited.heard.changes == [(first.digest, first.digest)]  # it holds again, and is what it was


@pytest.mark.parametrize("gone", ["", "prices.toml", "routes.toml"])
async def test_what_is_deleted_is_a_refused_edit(write: Write, gone: str) -> None:
    edited = Edited(write())
    if gone:
        (edited.folder / gone).unlink()
    else:
        shutil.rmtree(edited.folder)
    await edited.look(3)
    assert len(edited.heard.refusals) == 1
    assert edited.day == 20


async def test_a_file_that_is_written_beside_and_renamed_is_an_edit_even_if_its_size_and_time_are_the_same(
    write: Write,
) -> None:
    edited = Edited(write())
    routes, beside = edited.folder / "routes.toml", edited.folder / "beside"
    shut = routes.stat()
    beside.write_text(LATER)
    os.utime(beside, ns=(shut.st_atime_ns, shut.st_mtime_ns))
    beside.rename(routes)
    await edited.look(2)
    assert edited.day == 21


async def test_what_services_do_not_read_is_no_edit(write: Write) -> None:
    edited = Edited(write())
    edited.put("nonsense", "imported.toml")
    edited.put("nonsense", "routes.toml.swp")
    assert fingerprint(edited.folder) == fingerprint(edited.folder, ())
    await edited.look(3)
    assert (edited.heard.changes, edited.heard.refusals) == ([], [])


async def test_a_new_file_of_routes_is_an_edit(write: Write) -> None:
    edited = Edited(write())
    (edited.folder / "routes").mkdir()
    more = FILES["routes"].replace(ROUTE, "bedrock/maker.other-ca").replace('["small"]', '["other"]')
    edited.put(more, "routes/more.toml")
    await edited.look(2)
    assert sorted(edited.live.current.routes) == ["bedrock/maker.other-ca", ROUTE]


async def test_what_changes_while_it_is_read_is_not_taken(write: Write) -> None:
    def writes_meanwhile(_: Catalog) -> Swap:
        edited.put(FILES["routes"])
        return lambda: None

    edited = Edited(write(), writes_meanwhile)
    edited.put(LATER)
    await edited.look(2)
    assert edited.heard.changes == []
    assert edited.day == 20


async def test_what_is_derived_is_put_in_place_with_the_catalogue_or_refuses_it(write: Write) -> None:
    derived: list[tuple[int, int]] = []

    def prepare(catalog: Catalog) -> Swap:
        day = catalog.routes[ROUTE].checked.day
        if day == 22:
            raise ValueError("not here")
        if day == 23:
            raise RuntimeError("a fault of ours")
        return lambda: derived.append((day, edited.day))

    edited = Edited(write(), prepare)
    edited.put(LATER)
    await edited.look(2)
    assert derived == [(21, 21)]
    for day in (22, 23):
        edited.put(checked(day))
        await edited.look(2)
    assert edited.day == 21
    assert edited.heard.refusals == [(f"{edited.folder}: not here",), ("RuntimeError",)]


async def test_a_file_beside_the_catalogues_own_is_followed_too(write: Write) -> None:
    calls: list[Catalog] = []
    edited = Edited(write(), lambda catalog: lambda: calls.append(catalog), ("abilities.toml",))
    edited.put("x = 1", "abilities.toml")
    await edited.look(2)
    assert len(calls) == 1


async def test_it_looks_again_and_again(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    edited = Edited(write())
    task = asyncio.create_task(edited.following.forever(edited.heard))
    edited.put(LATER)
    async with asyncio.timeout(10):
        while not edited.heard.changes:  # noqa: ASYNC110 - the loop that is tested sets no event
            await asyncio.sleep(0.01)
    task.cancel()
    assert edited.day == 21


def test_what_is_not_valid_at_the_start_is_told_at_once(write: Write) -> None:
    with pytest.raises(CatalogError, match="no egress"):
        Following(write(routes=FILES["routes"].replace('egress = "bedrock"', 'egress = "nowhere"')))


def numbered(write: Write, n: int) -> Catalog:
    return load(write(routes=f"{FILES['routes']}# {n}\n"))


async def test_earlier_catalogues_are_remembered_by_digest_and_not_for_ever(write: Write) -> None:
    several = [numbered(write, n) for n in range(10)]
    held = Live(several[0])
    for each in several[1:]:
        held.swap(each)
    assert held.current is several[-1]
    assert held.under(several[-8].digest) is several[-8]
    assert held.under(several[0].digest) is several[-1]
    assert held.under("") is several[-1]


async def test_one_that_is_not_here_yet_is_waited_for_and_one_that_never_comes_only_once(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (numbered(write, n) for n in range(3))
    held = Live(first)
    waiting = asyncio.create_task(held.until({second.digest, first.digest, ""}))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    held.swap(third)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    held.swap(second)
    async with asyncio.timeout(5):
        await waiting
    monkeypatch.setattr(module, "_AWAITED_S", 0.01)
    await held.until({"0" * 64})
    monkeypatch.setattr(module, "_AWAITED_S", 60)
    async with asyncio.timeout(5):
        await held.until({"0" * 64})
