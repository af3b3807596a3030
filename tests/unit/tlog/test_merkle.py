"""The tree: official vectors, another library's roots, and proofs that hold and that any change breaks."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from libs.tlog.merkle import EMPTY, Frontier, consistency, extends, includes, inclusion, leaf_hash, root
from tests.unit.tlog.logs import Log, unbase64

_VECTORS = Path(os.environ.get("NI_DATA", "../shared/data")) / "tlog" / "merkle" / "testdata"
_ORIGIN = "vectors of github.com/transparency-dev/merkle (testdata, commit 417fb0c) are not at NI_DATA"
needs_vectors = pytest.mark.skipif(not _VECTORS.is_dir(), reason=_ORIGIN)

LOG = Log.of(300)


def _cases(kind: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((_VECTORS / kind).rglob("*.json"))]


@needs_vectors
def test_the_official_inclusion_vectors_hold() -> None:
    cases = _cases("inclusion")
    for case in cases:
        path = [unbase64(each) for each in case["proof"] or []]
        leaf, head = unbase64(case["leafHash"]), unbase64(case["root"])
        assert includes(case["leafIdx"], case["treeSize"], leaf, path, head) == (not case["wantErr"]), case["desc"]
    assert len(cases) == 98


@needs_vectors
def test_the_official_consistency_vectors_hold() -> None:
    cases = _cases("consistency")
    for case in cases:
        path = [unbase64(each) for each in case["proof"] or []]
        heads = unbase64(case["root1"]), unbase64(case["root2"])
        assert extends(case["size1"], case["size2"], path, *heads) == (not case["wantErr"]), case["desc"]
    assert len(cases) == 98


def test_roots_are_those_of_another_library() -> None:
    other = InmemoryTree(algorithm="sha256")
    for entry in LOG.entries:
        other.append_entry(entry)
    for size in (1, 2, 3, 7, 8, 9, 255, 256, 257, 300):
        assert root(size, LOG.subtree) == other.get_root(size)
    assert root(0, LOG.subtree) == EMPTY == other.get_root(0)


sizes = st.integers(1, 300)


@given(sizes, st.data())
def test_every_entry_of_every_tree_is_shown_to_be_there(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path, head = inclusion(index, size, LOG.subtree), root(size, LOG.subtree)
    leaf = leaf_hash(LOG.entries[index])
    assert includes(index, size, leaf, path, head)
    assert not includes(index, size, leaf_hash(b"another"), path, head)
    assert size == 1 or not includes((index + 1) % size, size, leaf, path, head)
    _breaks(path, data, lambda changed: includes(index, size, leaf, changed, head))


@given(sizes, st.data())
def test_every_tree_is_shown_to_continue_every_smaller_one(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path, heads = consistency(old, new, LOG.subtree), (root(old, LOG.subtree), root(new, LOG.subtree))
    assert extends(old, new, path, *heads)
    assert old == new or not extends(old, new, path, heads[0], heads[0])
    assert not extends(old, new, path, leaf_hash(b"another"), heads[1])
    _breaks(path, data, lambda changed: extends(old, new, changed, *heads))


def _breaks(path: list[bytes], data: st.DataObject, holds: Any) -> None:
    if not path:
        return
    at = data.draw(st.integers(0, len(path) - 1))
    changed = bytearray(path[at])
    changed[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    assert not holds([*path[:at], bytes(changed), *path[at + 1 :]])
    assert not holds(path[:-1])
    assert not holds([*path, path[0]])
    assert not holds([*path[:at], path[at][:-1], *path[at + 1 :]])


@given(sizes)
def test_a_tree_known_by_its_edge_grows_like_the_whole(size: int) -> None:
    frontier = Frontier.of(size, LOG.subtree)
    assert frontier.root() == root(size, LOG.subtree)
    for entry in LOG.entries[size : size + 3]:
        frontier.append(leaf_hash(entry))
    assert frontier.root() == root(frontier.size, LOG.subtree)


def test_what_is_not_there_has_no_proof() -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion(300, 300, LOG.subtree)
    with pytest.raises(ValueError, match="does not begin"):
        consistency(5, 4, LOG.subtree)
    with pytest.raises(ValueError, match="edge"):
        Frontier(3, [EMPTY])
    assert not extends(0, 5, [], EMPTY, root(5, LOG.subtree))
