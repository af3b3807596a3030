"""Digits and letters in the shape of others: layouts, check digits, alphabets."""

import re
import string

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices

_NO_DIGITS = bytes(set(range(128)) - set(b"0123456789"))
_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its digits added
_UPPER = "ABCDEFGHJKLMNPRSTUVWXYZ"
_ALPHABETS = (string.digits, string.ascii_lowercase, _UPPER)
_LIKE = {c: alphabet for alphabet in _ALPHABETS for c in alphabet} | {"I": _UPPER, "O": _UPPER, "Q": _UPPER}
_HEX = re.compile(
    r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f\-:]{12,}|(?=[0-9A-F]*[A-F])(?=[0-9A-F]*\d)[0-9A-F\-:]{12,}"
)


def digits_of(text: str) -> str:
    """The digits 0 to 9 of a text, full-width ones too."""
    return fold(text).encode("ascii", "ignore").translate(None, _NO_DIGITS).decode("ascii")


def fill(layout: str, digits: str) -> str:
    """The digits in the places where the layout has digits, one for one."""
    if layout.isdecimal() and len(layout) == len(digits):
        return digits
    following = iter(digits)
    return "".join([next(following, c) if c.isdecimal() else c for c in layout])


def luhn(digits: str) -> str:
    """The digits with the check digit of ISO/IEC 7812 behind them."""
    total = sum(map(int, digits[-1::-2].translate(_DOUBLED))) + sum(map(int, digits[-2::-2]))
    return f"{digits}{-total % 10}"


def reshape(choices: Choices, kind: str, text: str, attempt: int, kept: int = 0, *, hexadecimal: bool = False) -> str:
    """Letters for letters, digits for digits, in the same case and alphabet; the first `kept` characters stay.

    `hexadecimal`: what looks like base 16 is, and stays so.
    """
    body = text[kept:]
    noise = choices.noise(kind, text, attempt, len(body))
    if hexadecimal and _HEX.fullmatch(body):
        upper = body.upper() == body
        alphabet = "0123456789ABCDEF" if upper else "0123456789abcdef"
        return text[:kept] + "".join(
            [c if c in "-:" else alphabet[byte % 16] for c, byte in zip(body, noise, strict=True)]
        )
    return text[:kept] + "".join(
        [alphabet[byte % len(alphabet)] for alphabet, byte in zip(map(_alphabet, body), noise, strict=True)]
    )


def _alphabet(character: str) -> str:
    """What may stand in a character's place; itself, if it is a sign."""
    found = _LIKE.get(character)
    if found is not None:
        return found
    if character.isalpha():  # of another script: letters that were never there, but letters
        return _UPPER if character.isupper() else string.ascii_lowercase
    return string.digits if character.isdecimal() else character
