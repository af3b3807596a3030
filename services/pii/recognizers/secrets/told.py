"""Secrets that are told in a sentence, an answer, a list or a command, not right behind the word that calls them so."""

import re
from collections.abc import Iterable, Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.secrets.commands import CALL, CALLS, COMMANDS
from services.pii.recognizers.secrets.shapes import strength, trim

Place = tuple[int, int]

_DIGIT = re.compile(r"[0-9]")
_WINDOW = 160
_VALUE = r"([^\s\"`,;<>]{6,64})"
# `mot de passe du wifi?` and in the next turn of a chat, or behind `R.`, the answer.
_TURN = (
    r"[^\n?]{0,80}\?[\"')]?[ \t]{0,2}(?:\n{1,2}(?:\[[^\]\n]{1,24}\][ \t]{0,2})?(?:[^\n:>]{1,40}[:>][ \t]{1,2}|- ?)?"
    r"|(?:R|A|Rep|Reponse|Answer|Caller|Client|Cliente|Customer|Appelant|Appelante|User)[ ]?[.:][ \t]{1,2}|- )"
)
_ANSWERED = re.compile(_TURN + _VALUE)
# Any word, where the turn before asks for what only its owner knows.
_WORD_ANSWERED = re.compile(
    _TURN
    + r"(?:(?:uh|um|euh|yes|oui|it's|c'est|that's|it is)[,.]? ){0,2}"
    + r"([^\s\"?:][^\n\"?:;,]{2,32}?)(?=[.,;!]?(?:[\n\"]|$)|[.,] )"
)
_ASKED = frozenset(
    "security question|secret question|question secrete|question de securite|verbal password|mot de passe verbal"
    "|telephone password"
    "|security answer|secret answer|reponse secrete|reponse de securite".split("|")
)
# Between people who send each other money by Interac any word is the password.
_TRANSFER = re.compile(
    r"\b(?:answer|reponse|password|mot de passe|mdp|pw|pwd)(?: (?:for|of|du|pour|de) (?:the |it|this|le |l'"
    r"|e-?)?[\w-]{0,16})?"
    r"(?: ?[:=] ?| (?:is|est|was|sera|c'est|stays) )\"?([a-z0-9][\w'!-]{3,30})"
    r"|\bquestion\b[^\n]{1,60}?\b(?:answer|reponse)[ :]{1,3}\"?([a-z0-9][\w'!-]{3,30})"
)
_QUOTED = re.compile(rf"[^\n\"`]{{0,96}}[\"`] ?{_VALUE} ?[\"`]")
# Words that lead to what somebody tells: by the first a password stands, by the second it may.
_IS = re.compile(
    r"(?:\b(?:is|was|are|be|est|sont|etait|sera|it's|its|c'est|cest|still|toujours|now|devient|reste|encore)|[:=>\u2192])"
    rf"[ ]{{1,2}}(?:(?:still|now|le|la|toujours|encore|bien|actuellement) )?{_VALUE}"
)
_TO = re.compile(
    r"\b(?:change[drz]?|use[ds]?|using|utilise[rz]?|try|essaie|essaye[rz]?|to|par|from|de|with|avec|et|and|pour|en|contre|by"
    rf"|met[sz]?|tape[rz]?|enter|entrez|type|typed) (?=[A-Za-z]){_VALUE}"
)
_TOKEN = re.compile(r"[^\s\"`,;<>()]{6,64}")
_RULES = re.compile(  # what is said of passwords in general
    r"polic|polit|manager|gestionnaire|field|champ|expir|rule|regle|length|longueur|requirement|exige|strength|generat|"
    r"must|should|doit|doivent|contain|contien|minimum|least|moins|hash|algorithm|encrypted (?:by|using|with)"
    r"|chiffre par"
)
_AFTER_BRACKET = re.compile(rf" ?\([^()\n]{{1,40}}\):? {_VALUE}")
_OPENED_FAR = re.compile(rf"[^\n.;:]{{0,40}}?(?: (?:with|avec|using|use|par)|[ ]?:|[ ]?->) ?{_VALUE}")
_OPENED = re.compile(rf"(?: (?:le|the) (?:code|mot|mdp|password|mot de passe))? {_VALUE}")
_TOLD_AFTER = re.compile(  # `Nordiques95! is the new password`, `utilise Nordiques95! comme mot de passe`
    r"[!\"'\u00bb)]{0,2},? ?(?:\((?:[^()\n]{0,16} )?|(?:(?:is|est|was|etait|sera|as|comme|for|pour|=|-|being|devient) )"
    r"(?:(?:the|a|my|your|her|his|our|their|le|la|un|ton|mon|son|votre|notre|leur) )?(?:[\w-]{1,12} ){0,2})"
)
# `jroy@acme.ca / Hiver2024!`, `admin:Hiver2024!`; a list of accounts has them so too.
_OF_ADDRESS = re.compile(r"@[\w.-]{3,80}(?: ?[/|:,;] ?|  ?)(?:(?:pw|p|mdp|pass|pwd)[:= ][ ]?)?([^\s\"`;<>]{6,64})")
_OF_ADMIN = re.compile(r"(?: ?[/|:] ?)([^\s\"`;<>]{6,64})")
_MARK = re.compile(r"[!#$%^&*?+=~\u00a7]|@(?![\w-]+\.)")  # no word has it, a password of two kinds does
_MARKED = re.compile(r"(?<![^\s/|:])[^\s\"`,;<>()/|:]{8,64}(?![^\s,;.)])")
_LOGIN_REACH = 110
_ADMINS = frozenset({"admin", "root", "administrator", "administrateur"})
_PAIR = re.compile(r"[^\n/|:]{0,24}[:= ][ ]{0,2}[\w.-]{2,40}[/:]([A-Za-z0-9]{6,32})(?![\w/:.@-])")
_PAIRS = frozenset({"creds", "credentials", "credential", "identifiants"})
_OF_FILE = re.compile(r":(?:5432|3306):[\w*-]{1,64}:[\w*-]{1,64}:([^\s:]{4,128})")  # a line of .pgpass
_LOGIN = re.compile(  # `login jroy / Hiver2024!`, `credentials: admin:Hiver2024!`, `log in as admin with …`
    r"[^\n/|:]{0,24}[:= ][ ]{0,2}[\w.@\\-]{2,40}(?:[ ]?[/|:,][ ]?| (?:with|avec|and|et) )"
    r"(?:(?:pw|p|mdp|pass|pwd)[:= ][ ]?)?([^\s\"`;<>]{6,64})"
)
_OURS = frozenset({Cue.SECRET, Cue.PIN, Cue.LOGIN, Cue.COMMAND, Cue.OPENED})
_BEFORE_REACH, _LINE = 80, 320
_MANY_DIGITS, _STRONG = 4, 2
_WHOLE = 8
_WEAK = ("token", "key", "keys", "tokens", "cle", "jeton", "session", "cookie", "bearer", "authorization", "id", "pass",
         "secret", "secrets", "signature")  # fmt: skip
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
    r"(?![^\s\"'`,;<>]|[ ]?[/|,;(-][ ]?(?:pw|pass|mdp|key|cle|psk|mot|code))"  # else it is the network's name
)
_QUESTION = re.compile(r"(?:security|secret|challenge) question|(?:question|q\.?) (?:secrete|de securite)")
_ANSWER = re.compile(
    r"(?:\b(?:reponse|answer|rep|r|a) ?[:=]|\br\.|\?[ ,]{1,3}(?:answer|reponse)[ ]|\b(?:repondu"
    r"|answered)[ ])[ \t]{0,2}\"?([^\s\":=][^\n\".;,)]{1,40})"
)
_DIRECT = re.compile(
    r"(?:(?:security|secret) answer|reponse (?:secrete|de securite))[\"']? ?[:=]"
    r"[ \t]{0,2}[\"']?([^\s\"':=][^\n\".;,)]{1,40})"
)
_DIRECT_TOLD = re.compile(
    r"(?:(?:security|secret) answer|reponse (?:secrete|de securite))(?: (?:was|is|est|etait|c'est))? \"?"
    r"([a-z0-9][^\n\".;,) ]{2,40})"
)
_SEED = re.compile(
    r"(?:(?:seed|recovery|mnemonic|backup) (?:phrase|words)|(?:wallet )?seed|mnemoni(?:c|que)"
    r"|phrase (?:de recuperation|secrete|mnemonique|de secours))"
    r"[^\n:]{0,30}:\s{0,3}((?:[a-z]{3,10}[ \n,]{1,2}){11,23}[a-z]{3,10})(?![a-z])"
)
_PASSPHRASE = re.compile(
    r"(?:passphrase|pass phrase|phrase de passe|phrase secrete) ?(?:is|est|:|=)[ ]{0,2}"
    r"([a-z]{2,16}(?:[ -][a-z]{2,16}){2,7})(?=[\n.;,)\"]|$)"
)
_SENT = ("e-transf", "etransf", "virement", "interac")
_NO_ANSWERS = frozenset(
    "must should needs required optional expected sent stored wrong incorrect invalid that this there case your"
    " votre dans avec pour "
    "sera doit trop envoyee envoye requis requise obligatoire attendue jamais toujours never always shared known"
    " same meme not "
    "none rejected pending encrypted hashed case-sensitive protected protege".split()
)
_OF_SENTENCES = frozenset(
    "must be is are was the to of and for your you it not should has have at least with no can a le la les des du de "
    "un une et est doit etre pas ne pour avec sur vous il elle que qui sera".split()
)


def find_told(reading: Reading) -> list[Hit]:
    """Nothing is searched unless a word of secrets, networks or commands stands in the slice."""
    low = reading.low
    places = [(place, 0.75) for place in _named(reading)]
    if ":5432:" in low or ":3306:" in low:
        places += [(found.span(1), 0.85) for found in _OF_FILE.finditer(reading.view)]
    if "@" in low:
        places += [(place, 0.7) for place in _of_addresses(reading.view)]
    if "wifi" in low or "wi-fi" in low:
        places += [
            (found.span(1), 0.7) for found in _WIFI.finditer(low) if strength(reading.view[slice(*found.span(1))])
        ]
    if ("answer" in low or "reponse" in low or "passe" in low or "password" in low or "mdp" in low or "pw" in low) and (
        any(word in low for word in _SENT) or ("transfer" in low and "$" in low)
    ):
        found = _TRANSFER.finditer(low)
        places += [(one.span(one.lastindex or 0), 0.6) for one in found if one[one.lastindex or 0] not in _NO_ANSWERS]
    if "question" in low or "answer" in low or "reponse" in low or "q secr" in low:
        places += [(place, 0.75) for place in _answers(reading)]
    if "phrase" in low or "seed" in low or "mnemon" in low:
        places += [(found.span(1), 0.9) for found in _SEED.finditer(low)]
        places += [
            (found.span(1), 0.75)
            for found in _PASSPHRASE.finditer(low)
            if _OF_SENTENCES.isdisjoint(re.split("[ -]", found[1]))
        ]
    return [Hit(*place, EntityType.SECRET, score, "told_secret", "") for place, score in places]


def _named(reading: Reading) -> Iterator[Place]:
    view, low, cues = reading.view, reading.low, reading.cues
    for start, end, kinds in zip(cues.starts, cues.ends, cues.cues, strict=True):
        if _OURS.isdisjoint(kinds) or start == end:
            continue
        if Cue.COMMAND in kinds:
            yield from _of_command(view, low[start:end], start, end)
        if Cue.LOGIN in kinds:
            yield from _of_login(view, low, start, end)
        if Cue.OPENED in kinds:
            opened = (_OPENED.match(low, end), _OPENED_FAR.match(low, end))
            yield from _judged(view, [one for one in opened if one], 1)
        if Cue.SECRET in kinds or Cue.PIN in kinds:
            yield from _of_secret(view, low, start, end)
        if Cue.SECRET in kinds and view[start - 1 : start] in {" ", "("} and not low.endswith(_WEAK, start, end):
            yield from _in_front(view, start)


def _of_secret(view: str, low: str, start: int, end: int) -> Iterator[Place]:
    word = low[start:end]
    if word in _CODES:
        yield from _codes(view, end)
    if word in _ASKED and (answer := _WORD_ANSWERED.match(view, end, end + _WINDOW)):
        yield answer.span(1)
    if not word.endswith(_WEAK) and (told := _AFTER_BRACKET.match(view, end)):
        yield from _judged(view, [told], 1)
    if not word.endswith(_WEAK) and _DIGIT.search(view, end, end + _WINDOW):
        yield from _in_sentence(view, low, end)


def _of_login(view: str, low: str, start: int, end: int) -> Iterator[Place]:
    if _MARK.search(view, end, end + _LOGIN_REACH):
        if told := _LOGIN.match(low, end):
            yield from _judged(view, [told], _STRONG)
        line = view.find("\n", end, end + _BEFORE_REACH)
        yield from _judged(view, _MARKED.finditer(view, end, line if line >= 0 else end + _BEFORE_REACH), _STRONG)
    word = low[start:end]
    if word in _ADMINS and (told := _OF_ADMIN.match(low, end)):
        yield from _judged(view, [told], _STRONG)
    if word in _PAIRS and (told := _PAIR.match(low, end)) and not told[1].isalpha() and not told[1].isdigit():
        yield told.span(1)


def _of_addresses(view: str) -> Iterator[Place]:
    at = view.find("@")
    while at >= 0:
        if told := _OF_ADDRESS.match(view, at):
            yield from _judged(view, [told], _STRONG)
        at = view.find("@", at + 1)


def _of_command(view: str, name: str, start: int, end: int) -> Iterator[Place]:
    if name in CALLS:
        if call := CALL.match(view, end):
            yield from _judged(view, [call], 1)
        return
    line = view.find("\n", end, end + _LINE)
    head = max(view.rfind("\n", 0, start) + 1, start - _BEFORE_REACH)
    for found in COMMANDS[name].finditer(view, head, end + _LINE if line < 0 else line):
        yield found.span(1)


def _in_sentence(view: str, low: str, end: int) -> Iterator[Place]:
    """What cannot be a word, told in the sentence of the cue or as the answer to it."""
    stop = end + _WINDOW
    if answered := _ANSWERED.match(view, end, stop):
        at, close = trim(view, *answered.span(1))
        whole = view[close : close + 1] in {"", "\n"} and close - at >= _WHOLE
        if strength(view[at:close]) >= (1 if whole else _STRONG):
            yield at, close
    if (quoted := _QUOTED.match(view, end, stop)) and strength(quoted[1]):
        yield quoted.span(1)
    line = view.find("\n", end, stop)
    stop = stop if line < 0 else line
    if _RULES.search(low, end, stop):
        return
    yield from _judged(view, _IS.finditer(low, end, stop), 1)
    for changed in _TO.finditer(low, end, stop):
        at, close = trim(view, *changed.span(1))
        value = view[at:close]
        if strength(value) == _STRONG or (strength(value) and sum(map(str.isdigit, value)) >= _MANY_DIGITS):
            yield at, close
    if _MARK.search(view, end, stop):
        yield from _judged(view, _TOKEN.finditer(view, end, stop), _STRONG)


def _in_front(view: str, start: int) -> Iterator[Place]:
    """What is told before the word that names it, in its line."""
    head = max(view.rfind("\n", 0, start) + 1, start - _BEFORE_REACH)
    if not _DIGIT.search(view, head, start):
        return
    for token in _TOKEN.finditer(view, head, start):
        at, close = trim(view, *token.span())
        found = strength(view[at:close])
        if found == _STRONG or (found and _TOLD_AFTER.fullmatch(view, close, start)):
            yield at, close


def _judged(view: str, found: Iterable[re.Match[str]], least: int) -> Iterator[Place]:
    for one in found:
        at, close = trim(view, *one.span(one.lastindex or 0))
        if strength(view[at:close]) >= least:
            yield at, close


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


def _answers(reading: Reading) -> Iterator[Place]:
    """`Question secrète : …? Réponse : …`, where any word may be the secret."""
    low = reading.low
    if "secr" not in low and "securi" not in low and "challenge" not in low:
        return
    if any(words in low for words in ("security answer", "secret answer", "reponse secr", "reponse de s")):
        yield from (found.span(1) for found in _DIRECT.finditer(low))
        for found in _DIRECT_TOLD.finditer(low):
            if reading.view[found.start(1)].isupper() or reading.view[found.start(1) - 1] == '"':
                yield found.span(1)
    if not any(
        words in low for words in ("security q", "secret q", "challenge q", "n secr", "n de s", "q secr", "q. s")
    ):
        return
    for question in _QUESTION.finditer(low):
        if answer := _ANSWER.search(low, question.end(), question.end() + _WINDOW):
            yield answer.span(1)
