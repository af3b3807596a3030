"""Secrets by the word right before them: what a text calls a password, a key, a token or a code."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.hits import UNSURE, Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.secrets.shapes import strength

_BETWEEN = re.compile(
    r"(?:'s\b)?[\"'\])]{0,2}(?:[ \t]{1,3}(?:for|pour|of|de|du)[ \t][\w.@\-]{1,40}"
    r"|[ \t](?:temporaire|provisoire|actuel(?:le)?|initiale?|par defaut|temporary|current|default))?"
    r"(?P<far>(?:[ \t]{1,2}(?:[\w.@\-']{1,24}|\([^()\n]{1,60}\))){1,4}(?=[ \t]{0,2}[:=]))?"
    r"((?:[ \t]{0,12}(?::=|=>|->|[:=>]|\u2192|\b(?:is|was|will be|sera|(?:c')?est|etait|(?:re)?set to"
    r"|changed to)\b)){0,2})"
    r"[ \t]{0,12}(\n?[ \t]{0,8})(?:(?<=[\"']),[ ]?(?=[\"']))?(\*\*|[\"'`(<]?)(?:Bearer |Basic |Token |ApiKey "
    r"|base64:)?",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[^\s\"`,;<>]{4,512}")
_CODE = re.compile(r"[A-Za-z_][A-Za-z_]*[0-9]{0,2}(?:\(|\[|\.[A-Za-z_]|\)|->|::|\{|:|/|\||=|$)")
_PLACEHOLDER = re.compile(
    r"\$\{|\$\(|\$(?-i:[A-Z_]{3,})|\{\{|%[({s]|\.\.\.|x{4,}|\*{3,}|\[|\{|os\.|env\.|process\.|self\.|-+$|=|![a-z]+$",
    re.IGNORECASE,
)
_KEYS = ("auth", "token", "key", "keys", "tokens", "cle", "jeton", "session", "cookie", "credential", "credentials",
         "bearer", "authorization", "id", "key id")  # fmt: skip
_PARAMETER = re.compile(r"&[\w.\-]{1,40}=")
_PLAIN = re.compile(r"[a-z][a-z-]{4,40}")
_WORD = re.compile(r"[A-Z][a-z]{4,20}(?:-[A-Za-z]{2,20}){0,3}")
_PLAIN_WORD = re.compile(r"[A-Za-z]{6,40}")
_NO_VALUES = frozenset(
    """
    password secret changeme change-me none null true false undefined required example string hidden optional invalid
    motdepasse passwd passcode passphrase default unknown redacted masked hashed encrypted username yourpassword
    expired forgotten minimum maximum protected aucune inconnu requis obligatoire oublie facultatif modifie
    generated texte chaine champ varchar integer boolean visible
    placeholder varchar missing incorrect disabled enabled nullable
    """.split()
)
_WHEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[:h][0-9]{2}\b")
_KEEPERS = frozenset({"1password"})  # programs that keep passwords
_IN_BRACKETS = re.compile(r"\(([^\s()\[\]{}\"'`,;=]{8,64})\)")
_BRACKETS_REACH = 96
_QUOTES = frozenset({'"', "`", "'"})
_TRAILING = ".!?)]}*'"


def find_secrets(reading: Reading) -> list[Hit]:
    """In code as in prose: nothing here needs a sentence around it."""
    view, hits = reading.view, list[Hit]()
    for start, end in reading.cues.of(Cue.SECRET):
        if hit := _called(reading, reading.low[start:end], end) or _in_brackets(view, end):
            hits.append(hit)
    for start, end in reading.cues.of(Cue.PIN):  # codes with letters; those of digits alone are read as numbers
        if "cod" in (word := reading.low[start:end]) and (hit := _called(reading, word, end)):
            hits += [hit] if _is_mixed(view[hit.start : hit.end]) else []
    return hits


def _called(reading: Reading, word: str, end: int) -> Hit | None:
    view = reading.view
    between = _BETWEEN.match(view, end, end + 96)
    if not between or view[end : end + 1] in {"@", "}"}:  # the end of a URL's password or of a place holder
        return None
    said, quoted = bool(between[2].strip()), between[4] in _QUOTES
    found = _VALUE.match(view, between.end())
    if not found or (between[3] and not said and not _is_field(view, found)):
        return None
    value = _whole(view, found, between[4])
    value = value if quoted else _trim(value)
    if len(value) < 4:  # noqa: PLR2004
        return None
    if between["far"]:
        score = _likely(value, word, said=False, quoted=False) if _is_mixed(value) else 0.0
    else:
        score = _likely(value, word, said=said, quoted=quoted) or _as_set(view, end, word, value)
    stop = between.end() + len(value)
    if score < UNSURE and not word.endswith(_KEYS) and not reading.in_code(end):
        score = _as_word(view, end, stop, value) or score
    return Hit(between.end(), stop, EntityType.SECRET, score, "named_secret", "") if score else None


def _whole(view: str, found: re.Match[str], quote: str) -> str:
    """The value to its closing quote, or without what a URL's query or a call has behind it; empty for none."""
    value = found.group()
    if quote in _QUOTES and (close := view.find(quote, found.start(), found.start() + 512)) >= 0:
        value = view[found.start() : close]
        return "" if not value.strip() or "\n" in value else value
    if "'" in value[1:] and quote != "'":
        return value.partition("'")[0] if value.count("'") == 1 and value.endswith("'") else value
    return _PARAMETER.split(value, maxsplit=1)[0] if "&" in value else value


def _is_field(view: str, value: re.Match[str]) -> bool:
    """The value of a form's field: alone on the line below its label."""
    return strength(value.group()) > 0 and view[value.end() : value.end() + 1] in {"", "\n"}


def _is_mixed(value: str) -> bool:
    """Letters and more than letters, no name of code."""
    return any(map(str.isalpha, value)) and any(map(str.isdigit, value)) and ("_" not in value or strength(value) > 0)


def _as_word(view: str, end: int, stop: int, value: str) -> float:
    """`the alarm company asks for the password = Marmalade`: one word with a capital that ends the line."""
    said = view[end : stop - len(value)].rstrip(" \t")[-1:] in {":", "="}
    told = said and (view[stop : stop + 1] in {"", "\n"} or view[stop : stop + 2] in {".", ".\n"})
    return 0.55 if told and _WORD.fullmatch(value) and value.lower() not in _NO_VALUES else 0


def _as_set(view: str, end: int, word: str, value: str) -> float:
    """`export DB_PASSWORD=correcthorse`: in a shell and in .env the value is what it says, a plain word too."""
    named = view[end - len(word) : end].isupper() and view[end : end + 1] == "=" and not word.endswith(_KEYS)
    return 0.7 if named and value.lower() not in _NO_VALUES and _PLAIN.fullmatch(value) else 0


def _in_brackets(view: str, end: int) -> Hit | None:
    """`read her password out loud (Caribou!Sled_2291)`: what is no word, in brackets some words behind the cue."""
    line = view.find("\n", end, end + _BRACKETS_REACH)
    found = _IN_BRACKETS.search(view, end, line if line >= 0 else end + _BRACKETS_REACH)
    if not found or not any(map(str.isdigit, found[1])) or not any(map(str.isalpha, found[1])):
        return None
    kinds = {"A" if one.isupper() else "a" if one.isalpha() else "9" if one.isdigit() else "!" for one in found[1]}
    if len(kinds) < 3 or "://" in found[1]:  # noqa: PLR2004
        return None
    return Hit(*found.span(1), EntityType.SECRET, 0.7, "named_secret", "")


def _trim(value: str) -> str:
    while value and value[-1] in _TRAILING:
        if value[-1] in ")]}" and value.count("([{"[")]}".index(value[-1])]) >= value.count(value[-1]):
            break
        if value[-1] == "!" and sum(map(str.isdigit, value)):
            break
        value = value[:-1]
    return value


def _likely(value: str, word: str, *, said: bool, quoted: bool) -> float:
    """How sure a value is a secret, 0 for what is rather a word, a call or a place holder."""
    if _PLACEHOLDER.match(value) or "://" in value or value.isspace() or (value[0] == "." and not said):
        return 0
    if not quoted and (_WHEN.match(value) or value.lower() in _KEEPERS):
        return 0
    lower, upper = any(map(str.islower, value)), any(map(str.isupper, value))
    digit = any(map(str.isdigit, value))
    symbol = any(not character.isalnum() and character not in "_.-/" for character in value)
    classes = lower + upper + digit + symbol
    if word.endswith(_KEYS):
        return _key(value, (lower, upper, digit, symbol), said=said)
    named = _CODE.match(value) and not (classes > 3 or (quoted and digit))  # noqa: PLR2004
    if named and said and quoted and _PLAIN_WORD.fullmatch(value):  # `"password": "sunflowers"`
        return 0 if value.lower() in _NO_VALUES else 0.55
    if named and not (_CODE.fullmatch(value) and digit and len(value) > 5):  # noqa: PLR2004 - `hunter22`
        return 0.35 if quoted and value.isalpha() and len(value) > 5 else 0  # noqa: PLR2004
    if " " in value and not quoted:
        return 0
    if said or quoted:
        return 0.9 if classes > 2 else 0.75 if (digit or symbol) and len(value) > 5 else 0.3  # noqa: PLR2004
    return 0.85 if classes > 2 and len(value) > 5 else 0.6 if digit and (lower or upper) and len(value) > 7 else 0  # noqa: PLR2004


def _key(value: str, classes: tuple[bool, bool, bool, bool], *, said: bool) -> float:
    """A token or key is long and random; a name of code is neither."""
    lower, upper, digit, _ = classes
    if "(" in value or "\\" in value or "=" in value[:-2] or " " in value or not digit:
        return 0
    if len(value) >= 16 and ((lower and upper) or not any(mark in value for mark in "._")):  # noqa: PLR2004
        return 0.9 if said else 0.8 if lower or upper else 0
    if said and len(value) >= 8 and (lower or upper) and not _CODE.match(value[:-1]):  # noqa: PLR2004
        return 0.6
    return 0
