"""Tiles: their names, what a growing tree writes, and the tree read back from them."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.tlog.merkle import HASH_BYTES, root
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import HEIGHT, Tile, Tiles, bundle, entries_in, tiles_of
from tests.unit.tlog.logs import Log

LOG = Log.of(1100)


def content(tile: Tile) -> bytes:
    """As a log would write it."""
    begin = tile.index * 256
    if tile.level < 0:
        return bundle(LOG.entries[begin : begin + tile.width])
    return b"".join(LOG.subtree(tile.level * HEIGHT, n) for n in range(begin, begin + tile.width))


def test_a_tree_of_70_000_has_the_tiles_of_the_specification() -> None:
    found = [tile for tile in tiles_of(70_000) if tile.level >= 0]
    assert sum(tile.level == 0 and tile.width == 256 for tile in found) == 273
    assert {(tile.level, tile.width) for tile in found} == {(0, 256), (0, 112), (1, 256), (1, 17), (2, 1)}


def test_a_tile_is_called_as_the_specification_calls_it() -> None:
    assert Tile(level=0, index=1_234_067).path == "tile/0/x001/x234/067"
    assert Tile(level=-1, index=7, width=5).path == "tile/entries/007.p/5"


@given(st.integers(-1, 7), st.integers(0, 10**9), st.integers(1, 256))
def test_a_tile_is_found_by_its_name(level: int, index: int, width: int) -> None:
    tile = Tile(level=level, index=index, width=width)
    assert Tile.named(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/0/1", "tile/8/001", "tile/00/001", "tile/0/x000/001", "tile/0/001.p/256", "tile/0/001.p/0", "tile/0/../001"],
)
def test_nothing_else_is_a_tile(path: str) -> None:
    with pytest.raises(ValueError, match="no tile"):
        Tile.named(path)


@given(st.integers(1, 1100), st.data())
def test_roots_and_subtrees_are_read_back_from_tiles(size: int, data: st.DataObject) -> None:
    tiles = Tiles(size, content)
    assert root(size, tiles.subtree) == root(size, LOG.subtree)
    smaller = data.draw(st.integers(0, size))
    assert root(smaller, tiles.subtree) == root(smaller, LOG.subtree)


@given(st.integers(0, 1100), st.integers(0, 1100))
def test_what_was_written_and_what_a_growth_writes_is_the_whole_tree(first: int, second: int) -> None:
    before, after = sorted((first, second))
    written = {tile.path for tile in tiles_of(before)} | {tile.path for tile in tiles_of(after, after=before)}
    assert {tile.path for tile in tiles_of(after)} <= written


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_come_back_from_their_bundle(entries: list[bytes]) -> None:
    assert entries_in(bundle(entries)) == entries


@given(st.binary(max_size=400))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with suppress(Refused):
        assert bundle(entries_in(data)) == data


def test_an_entry_too_large_and_a_tile_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        bundle([bytes(70_000)])
    short = Tiles(300, lambda tile: content(tile)[:-HASH_BYTES])
    with pytest.raises(Refused) as refused:
        short.subtree(0, 0)
    assert refused.value.reason is Reason.MALFORMED_TILE
    with pytest.raises(ValueError, match="no complete subtree"):
        Tiles(300, content).subtree(8, 1)


def test_a_byte_changed_in_a_tile_changes_the_root() -> None:
    def changed(tile: Tile) -> bytes:
        data = bytearray(content(tile))
        if (tile.level, tile.index) == (0, 4):
            data[11] ^= 1
        return bytes(data)

    assert root(1100, Tiles(1100, changed).subtree) != root(1100, LOG.subtree)
    assert hashlib.sha256(changed(Tile(level=0, index=4, width=76))).digest()
