"""How a password looks beside what only resembles one: words, names of programs and files, numbers of things."""

import re

SPECIAL = frozenset("!@#$%^&*?+=~§")
_PRODUCTS = re.compile(  # names that end in a number, of programs, norms, algorithms, things of the office
    r"(?:windows|win|office|microsoft|m|o|sha|md|aes|rsa|argon|bcrypt|scrypt|pbkdf|utf|iso|ipv|http|tls|ssl|wpa|wifi|oauth"
    r"|saml|sso|mfa|fido|base|python|java|php|sql|mysql|oracle|excel|word|outlook|teams|sap|web|xp|server|vpn|ios|android"
    r"|iphone|ipad|pixel|galaxy|surface|chrome|firefox|covid|omega|phase|step|etape|version|annexe|form|article|section"
    r"|[1-3]|lastpass|keepass|keeper|(?:q|t|s|h|p|l|v|b|c)[1-9])[ .-]?[0-9]{0,4}(?:[a-z]{0,8}|[.-][0-9.-]{1,8})",
    re.IGNORECASE,
)
_NUMBERED = re.compile(  # tickets, rooms, machines, amounts, times, ordinals
    r"[A-Z]{1,6}[-_ ]?[0-9]{2,10}|[A-Z]{2,6}(?:-[A-Z0-9]{1,6}){0,2}-[0-9]{2,6}(?:-[0-9]{1,6})?"
    r"|[A-Za-z][a-z]{0,4}[0-9]{1,3}"
    r"|[A-Za-z]?[a-z]+[0-9]|[A-Za-z]?[a-z]+(?:-[a-z]+)*(?:-[0-9]{1,4})+|[0-9]+(?:st|nd|rd|th|e|er|eme|h|min|ans|mois|jours|days|km|mb|gb|go|mo|kb|px|fois|x|am|pm|k)?"
    r"|[0-9]{1,2}h[0-9]{0,2}|[0-9.,]+[$%€]?|v[0-9.]+|[0-9]{4}-[0-9]{2}-[0-9]{2}.*"
)
_IDENTIFIER = re.compile(r"[a-z0-9_.-]+|[A-Z0-9_.-]+|[A-Za-z]+(?:_[A-Za-z]+)*_?[0-9]*")
_NO_PASSWORD = re.compile(r"[()\[\]{}\\<>|]|^[=$%&@:]|=$")
_FILE = re.compile(r"[\w.-]+\.(?:[a-z]{2,5}|mp[34]|7z|p12|html5)")
_OPEN = "([{<\"'`\u00ab\u201c\u2018*"
_CLOSING = ".,;:?)]}>'\"`\u00bb\u201d\u2019*"


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Borders of a password without the marks of the sentence around it; a closing `!` is its own."""
    while start < end and text[start] in _OPEN:
        start += 1
    while end > start and text[end - 1] in _CLOSING:
        end -= 1
    if text[end - 1 : end] == "!" and not any(map(str.isdigit, text[start:end])):
        end -= 1
    return start, end


def strength(value: str) -> int:
    """0 for a word, a name or a number; 1 for letters with digits; 2 where there is a mark no word has too."""
    if value.isalpha() or not 5 <= len(value) <= 64 or _is_other(value):  # noqa: PLR2004 - as long as people type
        return 0
    upper, lower = any(map(str.isupper, value)), any(map(str.islower, value))
    digits = any(map(str.isdigit, value))
    marks = any(character in SPECIAL for character in value)
    if not (upper or lower) or not (digits or marks) or ("/" in value and not marks):
        return 0
    if marks and digits:
        return 2
    if marks:
        return int(len(value) > 7 and any(character in SPECIAL for character in value[:-1]))  # noqa: PLR2004
    if "_" in value and not (upper and lower):
        return 0
    return 0 if any(form.fullmatch(value) for form in (_PRODUCTS, _FILE, _NUMBERED)) else 1


def _is_other(value: str) -> bool:
    """A URL, an address, a name of code, an assignment, a variable, an expression."""
    return (
        "://" in value
        or ("_" in value and _IDENTIFIER.fullmatch(value) is not None)
        or _NO_PASSWORD.search(value) is not None
        or ("@" in value and "." in value.partition("@")[2])
        or "=" in value.strip("=")
    )
