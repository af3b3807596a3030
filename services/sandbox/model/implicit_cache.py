"""The beginnings of a prompt that a provider keeps without being asked: one at the end of each message."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from services.sandbox.domain import Prefix, input_tokens

_MOST = 64  # of one prompt; a longer conversation is found by its newest beginnings


def prefixes_of(model: str, messages: Iterable[tuple[bytes, int]], *, least: int, step: int = 1) -> tuple[Prefix, ...]:
    """Each message is its bytes and how many of them are text; a prefix below `least` tokens is not kept.

    Lengths are rounded down to whole `step`s.
    """
    return tuple(_ending(model, messages, least, step))[-_MOST:]


def _ending(model: str, messages: Iterable[tuple[bytes, int]], least: int, step: int) -> Iterator[Prefix]:
    so_far, text_bytes = sha256(model.encode()), 0
    for raw, size in messages:
        so_far.update(len(raw).to_bytes(8, "big") + raw)
        text_bytes += size
        tokens = input_tokens(text_bytes) // step * step
        if tokens >= least:
            yield Prefix(key=so_far.digest(), tokens=tokens)
