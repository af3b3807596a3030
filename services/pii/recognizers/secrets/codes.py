"""Codes that open something: digits that a sentence calls so, seeds of one-time codes, keys of networks, cookies."""

import re
from collections.abc import Iterator

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.secrets.shapes import strength, trim

Place = tuple[int, int]

# A code of these is a key; that of a product, an error, a course or a budget is not.
_OPENED = re.compile(
    r"entr|open|ouvr|unlock|deverr|barr|door|porte|gate|grille|guerite|garage|building|immeuble|batiment|alarm|elevator"
    r"|ascenseur|lock|casier|coffre|safe\b|vault|cadenas|keypad|clavier|voicemail|boite vocale|messagerie|repondeur"
    r"|sms|texto|texted|text\b|recu\b|receiv|sent\b|envoy|2fa|mfa|two-factor|authenti|verif|valid|login|log in|sign in"
    r"|conne[cx]|phone|telephone|cell|tablet|meeting|reunion|zoom|webex|teams|conference|wi-?fi|bank|banque|stationnement"
    r"|parking|fax|photocop|printer|imprimante|panneau|panel|acces|secur|secret|confid|personnel|personal|guichet|one-time"
    r"|usage unique|cabinet|pharmac|storage|entrepot|chalet|cottage|airbnb|logement|server room|serveur|card|carte"
    r"|reset|boite a cle|key ?box|\bcles?\b|\bkeys?\b"
)
_OF_OTHERS = re.compile(
    r"error|erreur|postal|zip|budget|produit|product|promo|rabais|discount|cours\b|course|billing|factur|diagnos|icd|cim"
    r"|naics|scian|source|grand livre|gl\b|tax|fiscal|activit|proje|employ|depart|country|pays|region|area|indicatif"
    r"|couleur|colou?r|section|civil|travail|penal|criminel|criminal|article|swift|branch|dress|conduct|status|statut"
    r"|http|retour|return|exit|cost|cout|fee|tarif|acte|proced|billable|job|dispatch|hex|morse|bar\b|barres|pays"
)
_ALWAYS = re.compile(
    r"pin|nip|otp|combin|lock|pass|usage unique|cadenas|buzzer|intercom|interphone|keypad|key box|boite a cle|alarm"
)
_ALARM = ("celui de l'", "the one for the ", "celle de l'")
_BRACKETED = re.compile(r" ?\(([0-9]{4,8})\)|, ([0-9]{4,8}),")
_CHANGED = re.compile(
    r"[^\n.;:=0-9]{0,24}\b(?:changed?|reset|modifie|change|passe)[^\n.;:=0-9]{0,8} (?:from|de|du) ([0-9]{4,8}) (?:to"
    r"|a|pour) ([0-9]{4,8})\b"
)
_IS = (
    r"(?: ?[:=#\u2192] ?| ?-> ?|,? (?:is|was|are|est|etait|sera|c'est|stays|reste|demeure|use|enter|punch in|press|dial"
    r"|compose[rz]?|tape[rz]?|fai(?:re|s|tes))"
    r"(?: now| still| toujours| le| la)? ?:? ?)"
)
_DIGITS = (
    r"\"?([*#]?[0-9]{3,8}(?:[ -][0-9]{2,4}){0,2}[*#]?)"
    r"(?![0-9A-Za-z%$]|[.,:/-][0-9]| ?(?:[$%]|char|caract|ans\b|digits|chiffres|lines|lignes|fois|times|users|pages"
    r"|sec|min|heure|hour|units))"
)
_CODE = re.compile(rf"([^\n.;:=0-9]{{0,56}}?){_IS}{_DIGITS}")
_BARE = re.compile(
    r"([^\n.;:=0-9,]{0,32}?) ?[:#=]? ?([0-9]{4,8}|[0-9]{1,2}(?:-[0-9]{1,2}){2,3})(?![0-9A-Za-z-]|[.,:/][0-9])"
)
_NAMES_IT = re.compile(
    r"[ ](?:(?:(?:porte|door|gate|alarme?|barriere|garage|ascenseur|entree|immeuble|wifi)\b|d[eu'] ?|for (?:the )?"
    r"|to (?:the )?|of (?:the )?|pour (?:le |la )?|au |aux |a la )?[\w' -]{0,28})?"
)
_SENT = re.compile(
    r" ?[:=] ?([0-9]{4,8}|[0-9]{3}[ -][0-9]{3})(?![0-9])(?=[^\n]{0,24}(?:2fa|mfa|sms|texto|otp|verif|authent|expire))"
    r"| ([0-9]{4,8}) (?:to|pour) [^\n.]{0,20}(?:verif|log|sign in|conne|confirm|authent|unlock|deverr|entr)"
)
_TOLD_BEFORE = re.compile(
    r"(?<![0-9.,-])([0-9]{4,8}) (?:is|was|est|etait) (?:the|le|my|mon|her|his|son|your|votre) (?:\w{1,14} ){0,2}$"
)
_YOURS = ("your ", "votre ", "ton ")
_OURS = frozenset({Cue.CODE, Cue.PIN, Cue.SEED, Cue.NETWORK, Cue.SECRET})
_DOORS, _NEAR, _LISTED = ("door", "porte", "gate", "barriere"), 16, 80
_HEAD, _BEFORE = 24, 48
# Seeds of one-time codes: base32, in groups or in one.
_SEED = re.compile(
    r"[^\n]{0,40}?[:= ][\"' ]{0,2}([A-Z2-7]{4}(?:[ -][A-Z2-7]{4}){3,12}|[a-z2-7]{4}(?: [a-z2-7]{4}){3,12}"
    r"|(?=[A-Z2-7]{0,60}[2-7])[A-Z2-7]{16,64})(?![A-Za-z0-9])"
)
# `Enter your PIN.`, and in the next turn of a chat the digits alone.
_NEXT_TURN = re.compile(
    r"[^\n]{0,60}\n{1,2}(?:\[[^\]\n]{1,24}\][ \t]{0,2})?(?:[^\n:>0-9]{1,24}[:>]|-)[ \t]{1,2}([0-9]{3,8})[.!]?(?:\n|$)"
)
_NETWORK = re.compile(  # `SSID AcmeGuest, key welcome123`, `Wi-Fi: AcmeGuest / Bienvenue2024`
    r"[^\n]{0,48}?(?:[,;/|(-]|\bet\b|\band\b)[ ]?(?:le |the |la )?"
    r"(?:(?:key|cle|code|pass|pw|mdp|psk|password|mot de passe)[ ]?[:=]?[ ]?)([^\s,;<>)]{8,63})"
    r"|[ ]?[:=]?[ ]?[\w.-]{2,32}[ ]?[/|][ ]?([^\s,;<>)]{8,63})"
    r"|[ ]?[:=]?[ ]?\"[^\"\n]{2,32}\"[ ]?[-:/,][ ]?([^\s,;<>)]{8,63})"
)
_BARE_PAIR = 2
_COOKIE = re.compile(r": ?[^\n]{0,400}")
_CRUMB = re.compile(r"[\w.\-]{1,64}=([\w%.+/=~-]{16,512})")


def find_codes(reading: Reading) -> list[Hit]:
    """Only behind and before the words that call something a code, a seed, a network or a cookie."""
    view, low, cues = reading.view, reading.low, reading.cues
    places = list[tuple[Place, float]]()
    for start, end, kinds in zip(cues.starts, cues.ends, cues.cues, strict=True):
        if _OURS.isdisjoint(kinds) or start == end:
            continue
        for kind in kinds:
            match kind:
                case Cue.CODE | Cue.PIN:
                    places += [(place, 0.7) for place in _numbers(low, start, end)]
                case Cue.SEED if seed := _SEED.match(view, end):
                    places.append((seed.span(1), 0.85))
                case Cue.NETWORK:
                    places += [(place, 0.7) for place in _network(reading, end)]
                case Cue.SECRET if low.endswith("cookie", start, end) and (line := _COOKIE.match(low, end)):
                    crumbs = _CRUMB.finditer(view, *line.span())
                    places += [(crumb.span(1), 0.85) for crumb in crumbs if _is_mixed(crumb[1])]
                case _:
                    pass
    return [Hit(*place, EntityType.SECRET, score, "code", "") for place, score in places]


def _numbers(low: str, start: int, end: int) -> Iterator[Place]:
    word, head = low[start:end], low[max(0, start - _HEAD) : start]
    head = head[head.rfind("\n") + 1 :]
    if _OF_OTHERS.search(head):
        return
    if turn := _NEXT_TURN.match(low, end):
        if _opens(word, head, low[end : turn.start(1)]):
            yield turn.span(1)
        return
    if word.endswith(_DOORS):
        yield from _of_door(low, start, end)
        return
    yield from _behind(low, end, word, head)
    if sent := _SENT.match(low, end):
        yield sent.span(sent.lastindex or 0)
    if before := _TOLD_BEFORE.search(low, max(0, start - _BEFORE), start):
        yield before.span(1)


def _behind(low: str, end: int, word: str, head: str) -> Iterator[Place]:
    """`the code for the gate is 4821`, `PIN (4402)`, `lockbox 4821`."""
    if found := _CODE.match(low, end):
        about = found[1]
        yours = head.endswith(_YOURS) and not about.strip()
        if (yours or _opens(word, head, about)) and not _OF_OTHERS.search(about):
            yield found.span(2)
    elif _ALWAYS.search(word) and (found := _BRACKETED.match(low, end) or _CHANGED.match(low, end)):
        yield from (found.span(group) for group in (1, 2) if found[group])
    elif (found := _BARE.match(low, end)) and (not word.startswith("alarm") or head.endswith(_ALARM)):
        about = found[1].strip()
        fits = not about or (_NAMES_IT.fullmatch(found[1]) and _OPENED.search(about) and not _OF_OTHERS.search(about))
        if fits and _opens(word, head, about):
            yield found.span(2)


def _opens(word: str, head: str, about: str) -> bool:
    return _ALWAYS.search(word) is not None or any(_OPENED.search(part) for part in (word, about, head))


def _of_door(low: str, start: int, end: int) -> Iterator[Place]:
    """Doors have numbers too: a code is one with a key of the keypad, or in a list of codes."""
    found = _CODE.match(low, end)
    if found and len(found[1]) < _NEAR:
        keypad = found[2][0] in "#*" or found[2][-1] in "#*"
        if keypad or "code" in low[max(0, start - _LISTED) : start]:
            yield found.span(2)


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _network(reading: Reading, end: int) -> Iterator[Place]:
    if found := _NETWORK.match(reading.low, end):
        place = trim(reading.view, *found.span(found.lastindex or 0))
        value = reading.view[slice(*place)]
        if strength(value) or (found.lastindex != _BARE_PAIR and _is_mixed(value)):
            yield place
