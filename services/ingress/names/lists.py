"""The numbered list of routes, as it is told and as it is read again: the likest is 1, each route stands in it once."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.catalog.closest import by_likeness
from libs.catalog.model import Route

_OF_OURS: Final = re.compile(r'Reply with a number to map "(?P<name>.{1,256})" to that route', re.DOTALL)
_LINE: Final = re.compile(r"^([0-9]{1,4})\. (\S+)$", re.MULTILINE | re.ASCII)
_LONGEST: Final = 256 << 10  # characters of a turn of an assistant that are looked at


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A list that a client sent back: for which name, and which route each number is."""

    name: str
    routes: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbered:
    """The routes for one name; number n is `routes[n - 1]`."""

    name: str
    routes: tuple[str, ...]

    @classmethod
    def of(cls, name: str, routes: Sequence[Route]) -> "Numbered":
        """The likest first, the others as the catalogue has them."""
        if not routes:
            return cls(name=name, routes=())
        first = by_likeness(name, routes)[0][1].route_id
        return cls(name=name, routes=(first, *(each.route_id for each in routes if each.route_id != first)))

    def digest(self) -> str:
        """The same only for the same list in the same order."""
        return hashlib.sha256("\n".join(self.routes).encode()).hexdigest()[:16]

    def at(self, number: int) -> str:
        """The route of a number; empty where there is no such number."""
        return self.routes[number - 1] if 0 < number <= len(self.routes) else ""


def unknown(numbered: Numbered, rule: str = "") -> str:
    """What is said of a name that is no route, or none for this key (`rule` says why)."""
    head = f'"{numbered.name}" isn\'t one of the exact route ids your key can call.'
    return "\n\n".join(part for part in (f"{head} {rule}".strip(), *_listed(numbered), _ask(numbered)) if part)


def asked_for(numbered: Numbered, *, stands_for: str, fixed: bool) -> str:
    """What `ni-models` is answered with; `fixed`: the name is a route itself, which no number changes."""
    head = "These are the exact route ids your key can call."
    if stands_for:
        head += f' "{numbered.name}" stands for {stands_for} for your account.'
    end = "Set your tool's model to one of these ids." if fixed else _ask(numbered)
    return "\n\n".join((head, *_listed(numbered), end))


def mapped(name: str, route: str) -> str:
    """The one sentence that confirms it."""
    return f'Done: "{name}" now stands for {route} for your account, so send your request again.'


def gone(numbered: Numbered, number: int) -> str:
    return unknown(numbered, f"{number} is no number of this list.")


def read_list(text: str) -> Shown | None:
    """The list that a text of ours holds; None: it holds none."""
    if len(text) > _LONGEST or (ours := _OF_OURS.search(text)) is None:
        return None
    return Shown(
        name=ours["name"], routes={int(number): route for number, route in _LINE.findall(text[: ours.start()])}
    )


def _listed(numbered: Numbered) -> tuple[str, ...]:
    if not numbered.routes:
        return ("There is no route that this key can call: its tiers, or its residency, leave none.",)
    first, *rest = (f"{place}. {route}" for place, route in enumerate(numbered.routes, 1))
    others = ("Every other route that your key can call:", "\n".join(rest)) if rest else ()
    return (f"Closest match:\n{first}", "\n".join(others)) if others else (f"Closest match:\n{first}",)


def _ask(numbered: Numbered) -> str:
    if not numbered.routes:
        return "Ask whoever runs your account for a key that may call more."
    return (
        f'Reply with a number to map "{numbered.name}" to that route for your account, or set your tool\'s model to '
        "one of the exact route ids. GET /api/billing/models lists them too, and so does the prompt ni-models."
    )
