"""What holds for every decoder, whatever it is fed: errors of ours alone, and that pieces do not matter."""

import zlib
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import TypeVar

from libs.contracts.errors import NorthernError

T = TypeVar("T")
Told = tuple[str, str, str]  # an error's class, message and member at fault

_MESSAGE_LIMIT = 1_200
_SHORT = 192  # so many bytes are fed one by one as well


def told(error: NorthernError | None) -> Told | None:
    """What an error says; AssertionError where its sentence is nothing to show to a caller."""
    if error is None:
        return None
    assert error.message, "an error without a message"
    assert len(error.message) <= _MESSAGE_LIMIT, "an error's message without a bound"
    error.message.encode()
    error.param.encode("utf-8", "replace")
    return type(error).__name__, error.message, error.param


def ours(work: Callable[[], T]) -> T | None:
    """What `work` gives, None where it raised an error of ours; every other exception goes through: a finding."""
    try:
        return work()
    except NorthernError as error:
        told(error)
        return None


def the_same_in_pieces(data: bytes, read: Callable[[list[bytes]], T]) -> T:
    """What `read` makes of the whole; AssertionError where it makes something else of the same bytes cut up."""
    whole = read([data])
    for pieces in _ways(data):
        cut = read(pieces)
        assert cut == whole, f"cut at {[len(piece) for piece in pieces]}:\n{cut}\nwhole:\n{whole}"
    return whole


def _ways(data: bytes) -> list[list[bytes]]:
    """Cuts that depend on nothing but the bytes, so that a finding is found again."""
    random = Random(zlib.crc32(data))
    marks = sorted({0, len(data), *(random.randrange(len(data) + 1) for _ in range(random.randrange(1, 8)))})
    ways = [[data[a:b] for a, b in pairwise(marks)]]
    if len(data) <= _SHORT:
        ways.append([data[at : at + 1] for at in range(len(data))])
    return ways
