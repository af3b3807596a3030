"""Checked access to members of foreign JSON: a caller's wrong one is InvalidRequest, a provider's reads as empty."""

import re
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest


def wrong(path: str, must: str) -> InvalidRequest:
    """`must` completes the sentence "<path> must …"; the value itself is never repeated."""
    return InvalidRequest(f"'{path}' must {must}.", param=path)


# A path may come in parts: most values are right, and then nobody puts it together.


def text(value: object, *path: str) -> str:
    if not isinstance(value, str):
        raise wrong(".".join(path), "be a string")
    return value


def named(value: object, *path: str) -> str:
    if not isinstance(value, str) or not value:
        raise wrong(".".join(path), "be a non-empty string")
    return value


def flag(value: object, *path: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(".".join(path), "be true or false")
    return value


def number(value: object, path: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise wrong(path, f"be a number from {low:g} to {high:g}")
    return value


def whole(value: object, path: str, low: int, high: int = 2**31 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise wrong(path, f"be a whole number of at least {low}")
    return value


def members(value: object, *path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong(".".join(path), "be an object")
    return value


def items(value: object, *path: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(".".join(path), "be a list")
    return value


# --- JSON that others wrote ---------------------------------------------------------------------------------------

# An escape: a pair of surrogates, one alone, anything else. JSON allows one alone, UTF-8 and orjson do not.
_ESCAPE = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)


def read_json(written: bytes | str) -> Any:
    """As orjson.loads, but half a character, where a model's answer was cut inside one, reads as U+FFFD."""
    try:
        return orjson.loads(written)
    except ValueError:
        raw = written if isinstance(written, bytes) else written.encode("utf-8", "replace")
        if b"\\u" not in raw:
            raise
        return orjson.loads(_ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], raw))


_LONGEST_WORD = 64

# --- what a provider sent: absent and nonsense read the same ------------------------------------------------------


def obj(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def seq(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def string(value: object) -> str:
    return value if isinstance(value, str) else ""


def word(value: object) -> str:
    """A word of theirs, as it may stand on record."""
    return string(value)[:_LONGEST_WORD].encode("ascii", "replace").decode()


def count(value: object) -> int:
    """A token count: whole, not negative, and no larger than any answer can be; anything else is 0."""
    return value if type(value) is int and 0 <= value < 2**53 else 0  # true and false are no counts
