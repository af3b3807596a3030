"""Secrets that are told in a sentence, an answer, a list or a command, not right behind the word that calls them so."""

import re
from collections.abc import Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading

Place = tuple[int, int]

_DIGIT = re.compile(r"[0-9]")
_WINDOW = 160
_VALUE = r"([^\s\"`,;<>]{6,64})"
# `mot de passe du wifi?` and in the next turn of a chat, or behind `R.`, the answer.
_ANSWERED = re.compile(
    r"[^\n?]{0,80}\?[\"')]?[ \t]{0,2}(?:\n{1,2}(?:\[[^\]\n]{1,24}\][ \t]{0,2})?(?:[^\n:>]{1,40}[:>][ \t]{1,2})?"
    rf"|(?:R|A|Rep|Reponse|Answer)[.:][ \t]{{1,2}}){_VALUE}"
)
_QUOTED = re.compile(rf"[^\n\"`]{{0,96}}[\"`] ?{_VALUE} ?[\"`]")
_CHANGED = re.compile(
    r"\b(?:change[drz]?|use|utilise[rz]?|try|essaie|essaye[rz]?|it's|its|it is|c'est|cest|etait|was|to|par|from|de|"
    rf"met[sz]?|tape[rz]?|enter|entrez) (?=[A-Za-z]){_VALUE}"
)
_TOLD_BEFORE = re.compile(
    r"(?<![0-9.,-])([0-9]{4,8}) (?:is|est) (?:your|the|my|her|his|votre|le|la|ton|mon|son) (?:\w{1,16} )?$"
)
_BEFORE = 48
_SPECIAL = frozenset("!@#$%^&*?+=~")
_MANY_DIGITS, _MIXED, _WHOLE = 4, 3, 8
_TRAILING = ".?)]}'\":"
_WEAK = ("token", "key", "keys", "tokens", "cle", "jeton", "session", "cookie", "credential", "credentials", "bearer",
         "authorization", "id", "pass")  # fmt: skip
_CODES = frozenset(
    "backup code|recovery code|code de secours|codes de secours|code de recuperation|codes de recuperation|"
    "scratch codes|codes de sauvegarde|code de sauvegarde|2fa codes|mfa codes|emergency codes".split("|")
)
_CODES_HEAD = re.compile(r"[^\n:]{0,40}:[\s*-]{0,6}(?:1[.)] ?)?")
_ONE_CODE = re.compile(r"[A-Za-z0-9]{4,10}(?:[ -][A-Za-z0-9]{4,10})?(?![A-Za-z0-9-])")
_BETWEEN_CODES = re.compile(r"[\s,;/|*-]{1,6}(?:[0-9]{1,2}[.)] )?")
_MOST_CODES, _SHORTEST_CODE = 24, 6
_WIFI = re.compile(
    r"wi-?fi\b(?![^:=\n]{0,32}(?:ssid|reseau|network))[^:=\n]{0,32}[:=][ \t]{0,2}[\"']?([^\s\"'`,;<>]{8,63})"
)
_QUESTION = re.compile(r"(?:security|secret|challenge) question|question (?:secrete|de securite)")
_ANSWER = re.compile(r"\b(?:(?:reponse|answer|rep|r|a) ?[:=]|r\.)[ \t]{0,2}\"?([^\s\":=][^\n\".;,)]{1,40})")
_DIRECT = re.compile(
    r"(?:(?:security|secret) answer|reponse (?:secrete|de securite))[\"']? ?[:=]"
    r"[ \t]{0,2}[\"']?([^\s\"':=][^\n\".;,)]{1,40})"
)
_SEED = re.compile(
    r"(?:(?:seed|recovery|mnemonic|backup) phrase|phrase (?:de recuperation|secrete|mnemonique|de secours))"
    r"[^\n:]{0,30}:\s{0,3}((?:[a-z]{3,10}[ \n,]{1,2}){11,23}[a-z]{3,10})(?![a-z])"
)
_PASSPHRASE = re.compile(
    r"(?:passphrase|pass phrase|phrase de passe) ?(?:is|est|:|=)[ ]{0,2}"
    r"([a-z]{2,16}(?:[ -][a-z]{2,16}){2,7})(?=[\n.;,)\"]|$)"
)
_OF_SENTENCES = frozenset(
    "must be is are was the to of and for your you it not should has have at least with no can a le la les des du de "
    "un une et est doit etre pas ne pour avec sur vous il elle que qui sera".split()
)
_COMMANDS = (
    ("curl", re.compile(r"(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,64}:([^\s\"'$]{4,128})")),
    ("sshpass", re.compile(r"sshpass -p ?[\"']?([^\s\"'$]{4,128})")),
    ("docker login", re.compile(r"docker login [^\n]{0,80}?-p[ =]?[\"']?([^\s\"'$]{4,128})")),
    ("mysql", re.compile(r"mysql(?:dump|admin)? [^\n|]{0,80}?(?<= )-p[\"']?([^\s\"'$]{4,128})")),
)


def find_told(reading: Reading) -> list[Hit]:
    """Nothing is searched unless a word of secrets, networks or commands stands in the slice."""
    low = reading.low
    places = [(place, 0.75) for place in _named(reading)]
    if "wifi" in low or "wi-fi" in low:
        places += [
            (found.span(1), 0.7) for found in _WIFI.finditer(low) if _is_strong(reading.view[slice(*found.span(1))])
        ]
    if "question" in low or "answer" in low or "reponse" in low:
        places += [(place, 0.75) for place in _answers(low)]
    if "phrase" in low:
        places += [(found.span(1), 0.9) for found in _SEED.finditer(low)]
        places += [
            (found.span(1), 0.75)
            for found in _PASSPHRASE.finditer(low)
            if _OF_SENTENCES.isdisjoint(re.split("[ -]", found[1]))
        ]
    for word, pattern in _COMMANDS:
        if word in low:
            places += [(found.span(1), 0.85) for found in pattern.finditer(reading.view)]
    return [Hit(*place, EntityType.SECRET, score, "told_secret", "") for place, score in places]


def _named(reading: Reading) -> Iterator[Place]:
    view, low, cues = reading.view, reading.low, reading.cues
    for start, end, kinds in zip(cues.starts, cues.ends, cues.cues, strict=True):
        if (Cue.SECRET not in kinds and Cue.PIN not in kinds) or start == end:
            continue
        if low[start:end] in _CODES:
            yield from _codes(view, end)
        if Cue.PIN in kinds and (before := _TOLD_BEFORE.search(view, max(0, start - _BEFORE), start)):
            yield before.span(1)
        if not low.endswith(_WEAK, start, end) and _DIGIT.search(view, end, end + _WINDOW):
            yield from _in_sentence(view, end)


def _in_sentence(view: str, end: int) -> Iterator[Place]:
    """What cannot be a word, told in the sentence of the cue or as the answer to it."""
    stop = end + _WINDOW
    if answered := _ANSWERED.match(view, end, stop):
        at, close = _trimmed(view, *answered.span(1))
        whole = view[close : close + 1] in {"", "\n"} and close - at >= _WHOLE
        if _is_strong(view[at:close], least=2 if whole else _MIXED):
            yield at, close
    if (quoted := _QUOTED.match(view, end, stop)) and _is_strong(quoted[1], least=_MIXED):
        yield quoted.span(1)
    line = view.find("\n", end, stop)
    for changed in _CHANGED.finditer(view, end, stop if line < 0 else line):
        at, close = _trimmed(view, *changed.span(1))
        value = view[at:close]
        if _is_strong(value) and (_SPECIAL & set(value) or sum(map(str.isdigit, value)) >= _MANY_DIGITS):
            yield at, close


def _trimmed(view: str, start: int, end: int) -> Place:
    while end > start and view[end - 1] in _TRAILING:
        end -= 1
    return start, end


def _is_strong(value: str, *, least: int = 2) -> bool:
    """Small letters and digits at least, and so many kinds of characters; no address, no path."""
    lower, digit = any(map(str.islower, value)), any(map(str.isdigit, value))
    if not (lower and digit) or "://" in value or "/" in value or "(" in value or ("@" in value and "." in value):
        return False
    return lower + digit + any(map(str.isupper, value)) + bool(_SPECIAL & set(value)) >= least


def _codes(view: str, end: int) -> Iterator[Place]:
    """Codes in reserve come as a list."""
    head = _CODES_HEAD.match(view, end, end + 64)
    at = head.end() if head else end
    for _ in range(_MOST_CODES if head else 0):
        code = _ONE_CODE.match(view, at)
        if not code or len(code.group()) < _SHORTEST_CODE or not _DIGIT.search(code.group()):
            return
        yield code.span()
        gap = _BETWEEN_CODES.match(view, code.end())
        if not gap:
            return
        at = gap.end()


def _answers(low: str) -> Iterator[Place]:
    """`Question secrète : …? Réponse : …`, where any word may be the secret."""
    if "secr" not in low and "securi" not in low and "challenge" not in low:
        return
    for found in _DIRECT.finditer(low):
        yield found.span(1)
    for question in _QUESTION.finditer(low):
        if answer := _ANSWER.search(low, question.end(), question.end() + _WINDOW):
            yield answer.span(1)
