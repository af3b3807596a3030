"""Check digits and number ranges: which issuer, province or country a run of digits can belong to."""

from stdnum import luhn
from stdnum.ca import bc_phn
from stdnum.fr import nir
from stdnum.iso7064 import mod_97_10
from stdnum.us import rtn

_NINE, _TEN = 9, 10
_NIR = (13, 15)
_SPECIAL = {"A": "0", "B": "0"}


def is_luhn(digits: str) -> bool:
    return luhn.is_valid(digits) and digits.strip("0") != ""


def card_brand(digits: str) -> str:
    """The brand an issuer number of ISO/IEC 7812 belongs to at this length, "" for none."""
    length, two, three, four = len(digits), digits[:2], digits[:3], digits[:4]
    match length:
        case 13 | 16 | 19 if digits[0] == "4":
            return "visa"
        case 15 if two in {"34", "37"}:
            return "amex"
        case 16 if "51" <= two <= "55" or "2221" <= four <= "2720":
            return "mastercard"
        case 16 | 19 if four == "6011" or two == "65" or "644" <= three <= "649":
            return "discover"
        case 16 if "3528" <= four <= "3589":
            return "jcb"
        case 15 if four in {"2131", "1800"}:
            return "jcb"
        case 14 | 16 | 19 if "300" <= three <= "305" or two in {"36", "38", "39"}:
            return "diners"
        case 16 | 17 | 18 | 19 if two == "62":
            return "unionpay"
        case 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 if two in {"50", "56", "57", "58"} or digits[0] == "6":
            return "maestro"
        case _:
            return ""


def is_bc_health(digits: str) -> bool:
    return len(digits) == _TEN and digits[0] == "9" and bc_phn.is_valid(digits)


def is_ontario_health(digits: str) -> bool:
    return len(digits) == _TEN and digits[0] != "0" and luhn.is_valid(digits)


def is_saskatchewan_health(digits: str) -> bool:
    """Nine digits weighted 9 to 1, their sum a multiple of eleven."""
    return len(digits) == _NINE and sum(int(one) * (9 - at) for at, one in enumerate(digits)) % 11 == 0


def is_us_routing(digits: str) -> bool:
    return len(digits) == _NINE and digits != "0" * _NINE and rtn.is_valid(digits)


def is_french_social(digits: str) -> bool:
    """A NIR: sex, year, month, place, order, and two check digits modulo 97 where they are written."""
    if len(digits) not in _NIR or digits[0] not in "12378":
        return False
    if not ("01" <= digits[3:5] <= "12" or "20" <= digits[3:5] <= "42" or digits[3:5] >= "50"):
        return False
    return len(digits) == _NIR[0] or nir.is_valid(digits)


def is_iban(compact: str) -> bool:
    """Registered length aside: letters count ten and up, the first four characters go last, modulo 97 is one."""
    return compact.isascii() and compact.isalnum() and mod_97_10.is_valid(compact[4:] + compact[:4])
