"""What a model makes of a value: a dozen ways to write the same, applied alike to a substitute and to its original."""

import json
import re
from collections.abc import Callable

from services.pii.entities import EntityType

T = EntityType
NAMES = frozenset({T.PERSON})
NUMBERS = frozenset({T.CREDIT_CARD, T.SSN, T.SIN})


def digits(value: str) -> str:
    return re.sub(r"\D", "", value)


def words(value: str) -> tuple[str, str] | None:
    """A first and a last name, no title."""
    found = value.split()
    return (found[0], found[1]) if len(found) == 2 and not found[0].endswith(".") else None


def of_two(form: str) -> Callable[[str], str | None]:
    """A form of a first and a last name; none for other names."""

    def write(value: str) -> str | None:
        two = words(value)
        return None if two is None else form.format(*two, initial=two[0][0], last_initial=two[1][0])

    return write


def phone(form: str) -> Callable[[str], str | None]:
    def write(value: str) -> str | None:
        found = digits(value)
        return form.format(found[:3], found[3:6], found[6:]) if len(found) == 10 else None

    return write


TRANSFORMS: dict[str, tuple[frozenset[EntityType] | None, Callable[[str], str | None]]] = {
    "alone": (None, lambda v: v),
    "in a sentence": (None, lambda v: f"I noted {v}, thank you."),
    "quoted": (None, lambda v: f"“{v}”"),
    "bold": (None, lambda v: f"**{v}**"),
    "code": (None, lambda v: f"`{v}`"),
    "table": (None, lambda v: f"|a|{v}|"),
    "upper": (NAMES, str.upper),
    "lower": (NAMES, str.lower),
    "possessive": (NAMES, lambda v: f"{v}'s and {v}\u2019s"),
    "no-break space": (NAMES | {T.PHONE, T.CREDIT_CARD}, lambda v: v.replace(" ", "\u00a0")),
    "line break": (NAMES, lambda v: v.replace(" ", "\n", 1)),
    "first name": (NAMES, of_two("Hi {0},")),
    "last name": (NAMES, of_two("Dear Ms. {1}:")),
    "turned round": (NAMES, of_two("{1}, {0}")),
    "initial": (NAMES, of_two("{initial}. {1}")),
    "last initial": (NAMES, of_two("{0} {last_initial}.")),
    "half bold": (NAMES, of_two("**{0}** {1}")),
    "italics": (NAMES, of_two("_{0}_ __{1}__")),
    "mailto": (frozenset({T.EMAIL}), lambda v: f"[{v}](mailto:{v})"),
    "user name": (frozenset({T.EMAIL}), lambda v: f"user: {v.partition('@')[0]}"),
    "dashes": (frozenset({T.PHONE}), phone("{}-{}-{}")),
    "dots": (frozenset({T.PHONE}), phone("{}.{}.{}")),
    "parentheses": (frozenset({T.PHONE}), phone("({}) {}-{}")),
    "international": (frozenset({T.PHONE}), phone("+1{}{}{}")),
    "international, spaced": (frozenset({T.PHONE}), phone("+1 {} {} {}")),
    "digits": (NUMBERS | {T.PHONE}, digits),
    "groups": (frozenset({T.CREDIT_CARD}), lambda v: "-".join(re.findall("....", digits(v)))),
    "ending": (NUMBERS, lambda v: f"the card ending in {digits(v)[-4:]}"),
    "ending, bold": (NUMBERS, lambda v: f"the last four digits are **{digits(v)[-4:]}**"),
    "ending, in French": (NUMBERS, lambda v: f"la carte se terminant par {digits(v)[-4:]}"),
    "ending, starred": (NUMBERS, lambda v: f"**** **** **** {digits(v)[-4:]}"),
    "groups of three": (frozenset({T.SIN}), lambda v: " ".join(re.findall("...", digits(v)))),
}


def as_json(value: str, *, ascii_only: bool) -> str:
    return json.dumps({"value": value, "again": [f"line\n{value}\t"]}, ensure_ascii=ascii_only)
