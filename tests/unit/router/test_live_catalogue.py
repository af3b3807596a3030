"""A router whose catalogue is edited: names, `auto`, what is legal and what is known of routes follow in one step."""

import shutil
from pathlib import Path

import pytest

from libs.catalog.abilities import load_abilities
from libs.catalog.live import Following
from libs.catalog.load import CatalogError
from libs.catalog.model import Catalog
from libs.contracts.errors import NoEligibleModel
from services.router.app import _prepare
from services.router.auto import Auto
from services.router.choice.decide import Chooser
from services.router.classifier.classify import load as load_classifier
from services.router.legal import Legal
from tests.support.broker import until
from tests.unit.router.test_auto import OPEN, STREET, ask
from tests.unit.router.test_handlers import AZURE, CATALOG, Room, room

__all__ = ["room"]
OTHER = "azure/gpt-4o-ca"


class Quiet:
    """libs.catalog.live.Report that keeps what was refused."""

    def __init__(self) -> None:
        self.problems: tuple[str, ...] = ()

    def taken(self, before: Catalog, now: Catalog) -> None:
        pass

    def refused(self, problems: tuple[str, ...]) -> None:
        self.problems = problems


class Edited:
    """The parts of a router that rest on the folder, as its service puts them together."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree("infra/config", folder)
        self.folder, self.said = folder, Quiet()
        self.following = Following(folder, also=("abilities.toml",))
        current = self.following.live.current
        self.legal = Legal(catalog=current)
        self.chooser = Chooser(load_classifier(), current, load_abilities(folder))
        self.auto = Auto(legal=self.legal, chooser=self.chooser)

    async def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))
        for _ in range(2):
            await self.following.look(self.said, _prepare(self.folder, self.chooser, self.legal))

    def chosen(self, *pool: str, residency: tuple[str, ...] = ()) -> list[str]:
        return [route.route_id for route in self.auto.choose(ask(*pool, residency=residency), {}, STREET, OPEN)]


async def test_auto_keeps_out_what_an_edit_forbids_and_lets_it_in_again(tmp_path: Path) -> None:
    edited = Edited(tmp_path / "config")
    claims, none = 'processing = ["CA"]\nprocessing_regions = ["canadaeast"]', "processing = []"
    assert AZURE in edited.chosen(AZURE, OTHER, residency=("CA",))
    await edited.edit("routes/azure.toml", claims, none)
    with pytest.raises(NoEligibleModel):
        edited.chosen(AZURE, OTHER, residency=("CA",))
    await edited.edit("routes/azure.toml", none, claims)
    assert AZURE in edited.chosen(AZURE, OTHER, residency=("CA",))


async def test_auto_chooses_a_route_that_was_added(tmp_path: Path) -> None:
    edited = Edited(tmp_path / "config")
    await edited.edit("routes/azure.toml", f'id = "{OTHER}"', 'id = "azure/renamed-ca"')
    assert edited.chosen("azure/renamed-ca") == ["azure/renamed-ca"]
    assert OTHER not in edited.chosen()


async def test_abilities_are_followed_too_and_refuse_what_is_edited_with_them(tmp_path: Path) -> None:
    edited = Edited(tmp_path / "config")
    before = edited.chooser.version
    await edited.edit("abilities.toml", "[[ability]]", "# looked at again\n[[ability]]")
    after = edited.chooser.version
    assert after != before
    await edited.edit("abilities.toml", "[[ability]]", "[[abilities]]")
    assert edited.said.problems[0].startswith("abilities.toml: nobody knows")
    assert edited.chooser.version == after
    with pytest.raises(CatalogError):
        load_abilities(edited.folder)


async def test_a_name_goes_where_the_catalogue_says_now(room: Room, tmp_path: Path) -> None:
    await room.worker("azure-ca")
    edited = Edited(tmp_path / "config")
    await room.ask(AZURE, "CA")
    await until(lambda: len(room.work) == 1)
    claims, none = 'processing = ["CA"]\nprocessing_regions = ["canadaeast"]', "processing = []"
    await edited.edit("routes/azure.toml", claims, none)
    room.handlers.live.swap(edited.following.live.current)
    await room.ask(AZURE, "CA")
    await until(lambda: len(room.replies) == 1)
    assert room.replies[0].failure.code == "residency_refused"
    room.handlers.live.swap(CATALOG)
    await room.ask(AZURE, "CA")
    await until(lambda: len(room.work) == 2)
