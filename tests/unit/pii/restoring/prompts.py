"""Prompts with their entities marked, `{TYPE:value}`, and substitutions made of them."""

import re
from dataclasses import dataclass

from hypothesis import strategies as st

from services.pii.entities import Entity, EntityType
from services.pii.substitutes.substitution import Substitution

KEY = b"an account's key, thirty-two bytes"[:32]
_MARK = re.compile(r"\{([A-Z_]+)(?:/(\w+))?:(.*?)\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    text: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request: its prompt, what went out and the map."""

    prompt: Prompt
    out: str
    substitution: Substitution

    def substitute_of(self, value: str) -> str:
        text = self.prompt.text
        for entry in self.substitution.entries:
            if text[entry.entity.start : entry.entity.end] == value:
                return entry.substitute
        raise LookupError(value)

    @property
    def pairs(self) -> list[tuple[EntityType, str, str]]:
        text = self.prompt.text
        return [
            (entry.entity.type, text[entry.entity.start : entry.entity.end], entry.substitute)
            for entry in self.substitution.entries
        ]


def prompt(marked: str) -> Prompt:
    text, at = "", 0
    entities = []
    for found in _MARK.finditer(marked):
        text += marked[at : found.start()]
        start, at = len(text), found.end()
        text += found[3]
        entities.append(
            Entity(
                start=start,
                end=len(text),
                type=EntityType(found[1]),
                score=1.0,
                recognizer="marked",
                kind=found[2] or "",
            )
        )
    return Prompt(text=text + marked[at:], entities=tuple(entities))


def send(marked: str | Prompt, *, key: bytes = KEY, scope: str = "", beside: str = "") -> Sent:
    """One request of one text; `beside` is read, not substituted."""
    asked = prompt(marked) if isinstance(marked, str) else marked
    substitution = Substitution(key, scope)
    substitution.read(asked.text)
    substitution.read(beside)
    return Sent(prompt=asked, out=substitution.substitute(asked.text, asked.entities), substitution=substitution)


RICH = (
    "{PERSON:Jane Doe} ({EMAIL:jane.doe@acme.ca}, {PHONE:(514) 398-4455}) and {PERSON:Jérôme O'Neil-Tremblay} met "
    "{PERSON:Dr. Doe}; card {CREDIT_CARD:4111 1111 1111 1111}, SIN {SIN:046 454 286}, SSN {SSN:123-45-6789}, born "
    "{DATE_OF_BIRTH:March 4, 1984}, lives at {ADDRESS:12 rue Sainte-Catherine, Montréal, QC H2X 1K4}, in "
    "{LOCATION:Toronto}; {IP:8.8.8.8}; key {SECRET:sk-abcdefghijklmnop1234}; {HEALTH_NUMBER:DOEJ 8453 0412}; "
    "{IBAN:GB82 WEST 1234 5698 7654 32}; {PASSPORT:AB123456}; {DRIVER_LICENCE:D1234-56789-01234}; "
    "{BANK_ACCOUNT:12345-003-1234567}; "
    "{ACCOUNT_URL:https://acme.ca/users/janed/orders/48213}; {CUSTOM:Project Falcon}; {POSTAL_CODE:K1A 0B1}."
)

_FIRST = st.sampled_from("Jane John Amélie Xochitl Wei Ngozi Marc-André JEAN priya Olena Mohammed Li".split())
_LAST = st.sampled_from("Doe Smith Tremblay O'Brien Nguyen García McDonald Wójcik SINGH Martin Lévesque Wu".split())
_NUMBER = st.integers(min_value=0)


def _digits(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=size, max_size=size)


def _value(kind: EntityType) -> st.SearchStrategy[str]:
    match kind:
        case EntityType.PERSON:
            return st.builds("{} {}".format, _FIRST, _LAST)
        case EntityType.EMAIL:
            return st.builds(
                "{}.{}@{}".format,
                st.sampled_from(["jane", "j", "li84"]),
                st.sampled_from(["doe", "x1"]),
                st.sampled_from(["acme.ca", "gmail.com", "example.org"]),
            )
        case EntityType.PHONE:
            return st.builds("{}-{}-{}".format, st.sampled_from(["514", "416", "212"]), _digits(3), _digits(4))
        case EntityType.CREDIT_CARD:
            return st.builds("4{} {} {} {}".format, _digits(3), _digits(4), _digits(4), _digits(4))
        case EntityType.SIN:
            return st.builds("{} {} {}".format, _digits(3), _digits(3), _digits(3))
        case EntityType.SSN:
            return st.builds("{}-{}-{}".format, _digits(3), _digits(2), _digits(4))
        case EntityType.DATE_OF_BIRTH:
            return st.dates().map(str)
        case EntityType.LOCATION:
            return st.sampled_from(["Toronto", "Springfield", "North Bay, Ontario", "12 King Street, Halifax"])
        case _:
            return st.from_regex(r"[A-Z]{2}[0-9]{6}", fullmatch=True)


KINDS = st.sampled_from("PERSON EMAIL PHONE CREDIT_CARD SIN SSN DATE_OF_BIRTH LOCATION PASSPORT".split()).map(
    EntityType
)


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """Up to eight entities of every kind among words, blanks and signs."""
    filler = st.sampled_from(
        [" and ", ", ", "\n", "; born ", ' "', " é ", " the card ending in ", "\u00a0", " - ", "'s "]
    )
    text, entities = draw(st.sampled_from(["", "Hello ", "M. ", "(", "Jane: "])), []
    for kind in draw(st.lists(KINDS, min_size=1, max_size=8)):
        start = len(text)
        text += draw(_value(kind))
        entities.append(Entity(start=start, end=len(text), type=kind, score=1.0, recognizer="drawn"))
        text += draw(filler)
    return Prompt(text=text, entities=tuple(entities))
