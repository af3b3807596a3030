"""Anthropic's refusals, and the checks of shapes that are worded the same wherever they are made."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, cast

from services.sandbox.wire import Refusal

Json = dict[str, Any]  # a request body, not yet validated
Path = str  # `messages.0.content.1`; empty: the body itself


def invalid(where: Path, message: str) -> Refusal:
    return Refusal(400, f"{where}: {message}" if where else message)


def under(where: Path, name: str) -> Path:
    return f"{where}.{name}" if where else name


def an_object(value: Any, where: Path, known: AbstractSet[str]) -> Json:
    """An object with no members but those that are known; raises Refusal."""
    if not isinstance(value, dict):
        raise invalid(where, "Input should be a valid dictionary")
    for name in value:
        if name not in known:
            raise invalid(under(where, str(name)), "Extra inputs are not permitted")
    return cast("Json", value)


def needed(value: Json, name: str, where: Path) -> Any:
    if name not in value:
        raise invalid(under(where, name), "Field required")
    return value[name]


def a_string(value: Any, where: Path) -> str:
    if not isinstance(value, str):
        raise invalid(where, "Input should be a valid string")
    return value


def needed_string(value: Json, name: str, where: Path) -> str:
    return a_string(needed(value, name, where), under(where, name))


def a_list(value: Any, where: Path) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(where, "Input should be a valid list")
    return value


def a_flag(value: Any, where: Path) -> bool:
    if not isinstance(value, bool):
        raise invalid(where, "Input should be a valid boolean")
    return value


def an_integer(value: Any, where: Path, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(where, "Input should be a valid integer")
    if value < least:
        raise invalid(where, f"Input should be greater than or equal to {least}")
    return value


def a_number(value: Any, where: Path, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(where, "Input should be a valid number")
    if value < least:
        raise invalid(where, f"Input should be greater than or equal to {least:g}")
    if value > most:
        raise invalid(where, f"Input should be less than or equal to {most:g}")
    return value


def one_of(value: Any, allowed: Iterable[str], where: Path) -> str:
    names = list(allowed)
    if not isinstance(value, str) or value not in names:
        quoted = [f"'{name}'" for name in names]
        raise invalid(where, f"Input should be {' or '.join(filter(None, (', '.join(quoted[:-1]), quoted[-1])))}")
    return value


def tagged(value: Any, tags: Iterable[str], where: Path) -> str:
    """The `type` of a member of a union; raises Refusal."""
    if not isinstance(value, dict):
        raise invalid(where, "Input should be a valid dictionary or object to extract fields from")
    kind = value.get("type")
    if kind is None:
        raise invalid(under(where, "type"), "Field required")
    names = list(tags)
    if kind not in names:
        expected = ", ".join(f"'{name}'" for name in names)
        raise invalid(
            where, f"Input tag '{_short(kind)}' found using 'type' does not match any of the expected tags: {expected}"
        )
    return str(kind)


def matching(value: Any, pattern: re.Pattern[str], where: Path) -> str:
    text = a_string(value, where)
    if pattern.fullmatch(text) is None:
        raise invalid(where, f"String should match pattern '^{pattern.pattern}$'")
    return text


def _short(value: Any) -> str:
    return str(value)[:64]
