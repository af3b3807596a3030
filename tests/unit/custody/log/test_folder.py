"""Tiles on disk: what they hold, what a crash leaves, and what is read where a tile has grown since."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.tlog.merkle import root
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import Tile, Tiles, entries_in, tiles_of
from services.custody.log.folder import Folder, Reach, covers
from services.custody.log.tree import Tree
from tests.unit.tlog.logs import Log


def entries(first: int, last: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(first, last)]


def grow(tree: Tree, folder: Folder, size: int) -> None:
    tree.append(entries(tree.size, size))
    folder.write(tree.grown(), Reach(size=size, root=tree.root().hex(), seq=size))
    tree.settle()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "log")


@settings(max_examples=25)  # files are synced
@given(steps=st.lists(st.integers(0, 400), min_size=1, max_size=5))
def test_however_a_tree_grows_its_tiles_give_the_root_of_an_independent_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    folder, tree = Folder(tmp_path_factory.mktemp("log")), Tree()
    for step in steps:
        grow(tree, folder, tree.size + step)
        tree = Tree.read(tree.size, folder.read)  # as after a restart
    expected = Log.of(tree.size)
    assert tree.root() == expected.head().root
    assert root(tree.size, Tiles(tree.size, folder.read).subtree) == expected.head().root
    for tile in tiles_of(tree.size):
        if tile.level < 0:
            first = tile.index * 256
            assert entries_in(folder.read(tile)) == entries(first, first + tile.width)


def test_a_tree_of_70000_leaves_has_tiles_of_three_levels(folder: Folder) -> None:
    tree = Tree()
    grow(tree, folder, 65_530)
    grow(tree, folder, 70_000)
    assert (folder.root / "tile/2/000.p/1").exists()
    assert (folder.root / "tile/1/000").exists()
    assert (folder.root / "tile/entries/273.p/112").exists()
    assert Tree.read(70_000, folder.read).root() == tree.root()


def test_a_narrower_tile_is_read_out_of_the_full_one_that_it_became(folder: Folder) -> None:
    tree = Tree()
    grow(tree, folder, 10)
    narrow = [folder.read(Tile(level=level, index=0, width=10)) for level in (-1, 0)]
    grow(tree, folder, 300)
    assert not (folder.root / "tile/0/000.p").exists()
    assert [folder.read(Tile(level=level, index=0, width=10)) for level in (-1, 0)] == narrow
    with pytest.raises(Refused) as missing:
        folder.read(Tile(level=0, index=1, width=45))
    assert missing.value.reason is Reason.MISSING_TILE


def test_what_a_crash_left_beyond_its_reach_is_written_again(folder: Folder) -> None:
    tree = Tree()
    grow(tree, folder, 200)
    before = (folder.root / "reach.json").read_bytes()
    grow(tree, folder, 600)
    (folder.root / "reach.json").write_bytes(before)  # the tiles were written, and how far they reach was not
    (folder.root / "tile/0/.001.new").write_bytes(b"half a ti")
    again = Tree.read(folder.reach().size, folder.read)
    assert again.size == 200
    grow(again, folder, 600)
    assert again.root() == tree.root() == Log.of(600).head().root


def test_a_folder_is_one_processs(folder: Folder) -> None:
    folder.open()
    other = Folder(folder.root)
    with pytest.raises(BlockingIOError):
        other.open()
    folder.close()
    other.open()
    other.close()


def test_a_tree_has_the_tiles_that_its_leaves_fill() -> None:
    held = {(tile.level, tile.index, tile.width) for tile in tiles_of(70_000)}
    for level in range(-1, 4):
        for index in (0, 1, 272, 273, 274):
            for width in (1, 112, 113, 256):
                tile = Tile(level=level, index=index, width=width)
                widest = max((w for at, number, w in held if (at, number) == (level, index)), default=0)
                assert covers(tile, 70_000) == (width <= widest)
