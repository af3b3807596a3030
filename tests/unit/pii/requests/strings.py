"""Every string of a body with its place, JSON inside of strings too, and a body with another string at one place."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import orjson

Path = tuple[str | int, ...]
INSIDE = "<json>"


def every_string(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            inner = _parsed(value)
            if inner is None:
                yield path, value
            else:
                yield from every_string(inner, (*path, INSIDE))
        case list():
            for at, each in enumerate(value):
                yield from every_string(each, (*path, at))
        case dict():
            for key, each in value.items():
                yield from every_string(each, (*path, key))
        case _:
            pass


def with_string(body: Any, path: Path, planted: str) -> Any:
    if not path:
        return planted
    head, *rest = path
    if head == INSIDE:
        return orjson.dumps(with_string(orjson.loads(body), tuple(rest), planted)).decode()
    body = copy.copy(body)
    body[head] = with_string(body[head], tuple(rest), planted)
    return body


def general(path: Path) -> str:
    """The place without the numbers in it."""
    place = "".join("[]" if isinstance(key, int) else "" if key == INSIDE else f".{key}" for key in path)
    return re.sub(r"^\.", "", place)


def _parsed(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(value)
    except ValueError:
        return None
