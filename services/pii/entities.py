"""What the rooms here say to one another of a text: which parts of it are personal data, and of what kind."""

from dataclasses import dataclass
from enum import StrEnum


class EntityType(StrEnum):
    """The types of the product's API, seeds' first; a policy turns them on and off by these names."""

    PERSON = "PERSON"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    SSN = "SSN"
    CREDIT_CARD = "CREDIT_CARD"
    IP = "IP"
    LOCATION = "LOCATION"
    SIN = "SIN"
    HEALTH_NUMBER = "HEALTH_NUMBER"
    POSTAL_CODE = "POSTAL_CODE"
    ADDRESS = "ADDRESS"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    BANK_ACCOUNT = "BANK_ACCOUNT"
    IBAN = "IBAN"
    PASSPORT = "PASSPORT"
    DRIVER_LICENCE = "DRIVER_LICENCE"
    SECRET = "SECRET"  # noqa: S105 - a name
    ACCOUNT_URL = "ACCOUNT_URL"
    CUSTOM = "CUSTOM"  # what an account's own list names


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    r"""A part of a text, `start` to `end` in characters, no border inside a run of letters or digits but behind `\n`.

    `kind` says more where a substitute needs it: a province (`ON`), a brand (`visa`), the locale of a date; `score` is
    0 to 1, `recognizer` the name of the rule or model that saw it.
    """

    start: int
    end: int
    type: EntityType
    score: float
    recognizer: str
    kind: str = ""
