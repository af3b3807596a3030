"""Prompts in both dialects with a made-up value of some type in every role and position."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

FILLER: Final = (
    "Please summarise the meeting about the harvest.",
    "Le rapport est attendu vendredi.",
    "def area(width, height):\n    return width * height",
    "The order of 12 boxes at 4.50 each arrives on Monday.",
)


def luhn(digits: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - n % 2), 10)) for n, d in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789", k=count))


def letters(chance: random.Random, count: int, of: str = "ABCEGHJKLMNPRSTVXY") -> str:
    return "".join(chance.choices(of, k=count))


def email(chance: random.Random) -> str:
    return "{}.{}@{}.ca".format(*(letters(chance, 7).lower() for _ in range(3)))


def phone(chance: random.Random) -> str:
    return f"{chance.choice(('416', '514', '604', '902'))}-{chance.randint(220, 989)}-{digits(chance, 4)}"


def card(chance: random.Random) -> str:
    number = luhn("4539" + digits(chance, 11))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def social_security(chance: random.Random) -> str:
    return f"{chance.randint(101, 665)}-{chance.randint(11, 99)}-{chance.randint(1001, 9999)}"


def social_insurance(chance: random.Random) -> str:
    number = luhn(str(chance.randint(1, 7)) + digits(chance, 7))
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def iban(chance: random.Random) -> str:
    account = "2004101005" + digits(chance, 11) + "06"
    return f"FR{98 - int(account + '152700') % 97:02d}{account}"


def health(chance: random.Random) -> str:
    number = luhn(str(chance.randint(1, 9)) + digits(chance, 8))
    return f"{number[:4]}-{number[4:7]}-{number[7:]}-{letters(chance, 2)}"


def postal_code(chance: random.Random) -> str:
    first, second, third = (chance.randint(1, 9) for _ in range(3))
    return f"M{first}{letters(chance, 1)} {second}{letters(chance, 1)}{third}"


def secret(chance: random.Random) -> str:
    return "sk-proj-" + letters(chance, 40, "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNP23456789")


def born(chance: random.Random) -> str:
    return f"19{chance.randint(40, 99)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


def bank(chance: random.Random) -> str:
    return f"{digits(chance, 5)}-{chance.choice(('001', '003', '004', '010', '815'))}-{digits(chance, 7)}"


def licence(chance: random.Random) -> str:
    return f"{letters(chance, 1)}{digits(chance, 4)}-{digits(chance, 5)}-{digits(chance, 5)}"


def address(chance: random.Random) -> str:
    return f"{chance.randint(100, 9899)} {chance.choice(('Elm', 'Queen', 'Laurier', 'Dundas'))} Street"


def account_url(chance: random.Random) -> str:
    return f"user_id={digits(chance, 9)}"


# How each type is made, and said.
KINDS: Final[Mapping[str, tuple[Callable[[random.Random], str], str]]] = {
    "EMAIL": (email, "write to {}"),
    "PHONE": (phone, "call me at {}"),
    "CREDIT_CARD": (card, "charge my card {}"),
    "SSN": (social_security, "my SSN is {}"),
    "SIN": (social_insurance, "mon NAS est le {}"),
    "IP": (lambda chance: "24." + ".".join(str(chance.randint(1, 250)) for _ in range(3)), "the request came from {}"),
    "IBAN": (iban, "pay to IBAN {}"),
    "HEALTH_NUMBER": (health, "OHIP number {}"),
    "POSTAL_CODE": (postal_code, "we live at 12 Elm Street, Toronto ON {}"),
    "SECRET": (secret, "the API key is {}"),
    "PASSPORT": (lambda chance: letters(chance, 2) + digits(chance, 6), "passport number {}"),
    "DATE_OF_BIRTH": (born, "date of birth: {}"),
    "BANK_ACCOUNT": (bank, "direct deposit to transit-institution-account {}"),
    "DRIVER_LICENCE": (licence, "Ontario driver's licence {}"),
    "ADDRESS": (address, "ship it to {}, Toronto"),
    "ACCOUNT_URL": (account_url, "see https://portal.example.com/account?{} for the rest"),
}


def openai(texts: Iterator[str]) -> dict[str, Any]:
    """A body with one of the texts in each position."""
    arguments = orjson.dumps({"note": next(texts), "deep": [{"inner": {"text": next(texts)}}]}).decode()
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "description": next(texts), "default": next(texts)}},
    }
    return {
        "messages": [
            {"role": "system", "content": next(texts)},
            {"role": "developer", "content": [{"type": "text", "text": next(texts)}]},
            {"role": "user", "content": [{"type": "text", "text": next(texts)}, {"type": "text", "text": next(texts)}]},
            {"role": "assistant", "content": next(texts), "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": next(texts)},
            {"role": "user", "content": next(texts)},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": next(texts), "parameters": schema}}],
        "stop": [next(texts)],
        "user": next(texts),
        "metadata": {"topic": next(texts)},
        "prediction": {"type": "content", "content": next(texts)},
    }


def anthropic(texts: Iterator[str]) -> dict[str, Any]:
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"note": next(texts), "deep": [{"text": next(texts)}]}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": next(texts)}]}
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": next(texts)}}
    schema = {"type": "object", "properties": {"a": {"type": "string", "description": next(texts)}}}
    return {
        "max_tokens": 10,
        "system": [{"type": "text", "text": next(texts)}],
        "messages": [
            {"role": "user", "content": [document, {"type": "text", "text": next(texts)}]},
            {"role": "assistant", "content": [{"type": "text", "text": next(texts)}, use]},
            {"role": "user", "content": [result, {"type": "text", "text": next(texts)}]},
        ],
        "tools": [{"name": "f", "description": next(texts), "input_schema": schema}],
        "stop_sequences": [next(texts)],
        "metadata": {"user_id": next(texts)},
    }


# What stands for a person and a place, said as people say it; whether such a name is seen is measured, not promised.
NAMES: Final[Mapping[str, tuple[Sequence[str], str]]] = {
    "PERSON": (
        (
            "Maude Bellavance",
            "Tariq Osmani",
            "Wanda Kaministikwia",
            "Xiu-Ying Zhao",
            "Oluwaseun Adeyemi",
            "Bryce Hallett",
        ),
        "my colleague {} will call",
    ),
    "LOCATION": (("Moose Jaw", "Rimouski", "Iqaluit", "Medicine Hat", "Trois-Pistoles", "Antigonish"), "we met in {}"),
}


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A value, and its type."""

    kind: str
    value: str


def sentences(chance: random.Random, planted: list[Planted], *, names: bool = False) -> Iterator[str]:
    """Texts with one value each, noted in `planted` as it is made."""
    kinds = [*sorted(KINDS), *(sorted(NAMES) if names else [])]
    while True:
        kind = chance.choice(kinds)
        if kind in NAMES:
            values, sentence = NAMES[kind]
            value = chance.choice(values)
        else:
            make, sentence = KINDS[kind]
            value = make(chance)
        planted.append(Planted(kind=kind, value=value))
        yield f"{chance.choice(FILLER)} {sentence.format(value)}. {chance.choice(FILLER)}"
