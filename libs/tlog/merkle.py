"""The Merkle tree of RFC 6962 §2.1 as pure functions: hashes, proofs, and their verification by RFC 9162 §2.1.

A tree is known by the hashes of its complete subtrees: `subtree(level, index)` is the hash of the leaves from
`index << level` up to `(index + 1) << level`, wherever it is kept.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY: Final = hashlib.sha256(b"").digest()  # the root of a tree without leaves

Subtree = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, subtree: Subtree) -> bytes:
    """The root of the first `size` leaves."""
    return _folded(_right_edge(0, size), subtree)


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of a leaf in the tree of the first `size`, from its sibling upwards. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_hash(middle, end, subtree))
            end = middle
        else:
            path.append(_hash(begin, middle, subtree))
            begin = middle
    path.reverse()
    return path


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """What shows that the tree of `old` leaves is a prefix of that of `new`; nothing needs showing for 0 or the same.

    Raises ValueError.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not begin with one of {old}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    begin, end, whole = 0, new, True  # `whole`: what is common so far is the old tree itself
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_hash(middle, end, subtree))
            end = middle
        else:
            path.append(_hash(begin, middle, subtree))
            begin, whole = middle, False
    if not whole:
        path.append(_hash(begin, end, subtree))
    path.reverse()
    return path


def includes(index: int, size: int, leaf: bytes, path: Sequence[bytes], head: bytes) -> bool:
    """Whether `leaf`, the hash of an entry, is at `index` of the tree with this size and root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size or not _hashes((leaf, head, *path)):
        return False
    at, last, found = index, size - 1, leaf
    for other in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return last == 0 and found == head


def extends(old: int, new: int, path: Sequence[bytes], old_head: bytes, new_head: bytes) -> bool:
    """Whether the tree with the new size and root begins with that of the old (RFC 9162 §2.1.4.2).

    An old size of 0 is refused: everything begins with nothing, so nothing would be shown.
    """
    if not 0 < old <= new or not _hashes(path):
        return False
    if old == new:
        return not path and old_head == new_head
    if not path:
        return False
    rest = iter(path)
    seed = old_head if old & (old - 1) == 0 else next(rest)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = seed
    for other in rest:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, other)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_head and second == new_head


class Frontier:
    """A tree that grows, known by its right edge alone: the complete subtrees of which it is made, largest first."""

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size, self._edge = size, list(edge)
        if len(self._edge) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} subtrees at its edge")

    @classmethod
    def of(cls, size: int, subtree: Subtree) -> "Frontier":
        """The edge of a tree that is kept elsewhere."""
        return cls(size, [subtree(level, index) for level, index in _right_edge(0, size)])

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Take the hash of the next entry; the subtrees it completes, smallest first, as (level, index, hash)."""
        level, index, found = 0, self.size, leaf
        completed = [(level, index, found)]
        while index & 1:
            found = node_hash(self._edge.pop(), found)
            level, index = level + 1, index >> 1
            completed.append((level, index, found))
        self._edge.append(found)
        self.size += 1
        return completed

    def root(self) -> bytes:
        if not self._edge:
            return EMPTY
        found = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            found = node_hash(left, found)
        return found


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _right_edge(begin: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees that make up the leaves from `begin`, which is where a subtree begins, to `end`."""
    parts: list[tuple[int, int]] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append((level, begin >> level))
        begin += 1 << level
    return parts


def _hash(begin: int, end: int, subtree: Subtree) -> bytes:
    return _folded(_right_edge(begin, end), subtree)


def _folded(parts: Sequence[tuple[int, int]], subtree: Subtree) -> bytes:
    if not parts:
        return EMPTY
    found = subtree(*parts[-1])
    for level, index in reversed(parts[:-1]):
        found = node_hash(subtree(level, index), found)
    return found


def _hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
