"""Street addresses, English and French: a number beside a word for a street; boxes, rural routes, units."""

import re

from services.pii.entities import EntityType
from services.pii.recognizers.hits import Hit
from services.pii.recognizers.phrases import Cue
from services.pii.recognizers.reading import Reading
from services.pii.recognizers.words.streets import BEFORE, LOWER_CASE, STOP, SUFFIXES, USUAL

_NUMBER = re.compile(
    r"[0-9](?<![A-Za-z0-9_$.:/][0-9])(?<![0-9][,.-][0-9])[0-9]{0,5}"
    r"(?:[A-Da-d](?![A-Za-z0-9])|-[0-9]{1,5}[A-Z]?|[ ]1/2)?"
    r"(?:[ ]?(?:bis|ter|quater)(?![A-Za-z]))?(?:[ ]|,[ ](?![0-9]{2,} ))(?=[A-Za-z\u00c0-\uffff0-9(])"
)
_WORD = re.compile(r"[A-Za-z0-9\u00c0-\uffff][A-Za-z0-9\u00c0-\uffff'.\-]{0,30}")
_FRENCH = re.compile(
    r"(?:" + "|".join(sorted(BEFORE, key=len, reverse=True)) + r")(?:\.|(?![A-Za-z]))[ ]?", re.IGNORECASE
)
_NAME = re.compile(
    r"(?:(?:de la|de l'|de l|des|du|de|d'|la|le|les|l'|aux|au|a|sur|sous|en|et|un|une|saint|sainte|st|ste|notre|dame)"
    r"(?:(?<=')|[ \-]))*[A-Za-z0-9\u00c0-\uffff][A-Za-z0-9\u00c0-\uffff'.\-]*",
    re.IGNORECASE,
)
_DIRECTION = re.compile(
    r"[ ,]{1,2}(?:N\.?E|N\.?W|S\.?E|S\.?W|N\.?O|S\.?O|N|S|E|W|O"
    r"|(?i:North(?:east|west)?|South(?:east|west)?|East|West|Nord|Sud|Est|Ouest))"
    r"(?:\.(?![A-Za-z]))?(?![A-Za-z0-9_'])"
)
_UNIT = re.compile(
    r"[ ]?[,\-]?[ ]?\n?[ ]{0,8}\(?(?:(?:apt|suite|ste|unit|app|appt|appartement|apartment|bureau|unite|room|rm|"
    r"floor|fl|etage|porte|local|logement|studio|batiment|bat|chambre|ph|penthouse|lot|no)\.?[ ]?#?|#[ ]?)"
    r"(?=[A-Za-z]?[0-9]|[A-Z](?![A-Za-z]))[A-Za-z]?[0-9]{0,5}(?:-?[A-Za-z0-9]{1,4})?(?![A-Za-z0-9_])"
    r"|[ ]?,[ ]?[0-9]{1,2}(?:e|er|eme|nd|rd|th|st)[ ](?:etage|floor)(?![A-Za-z])",
    re.IGNORECASE,
)
_LEADING_UNIT = re.compile(
    r"(?:(?:apt|suite|ste|unit|app|appt|appartement|apartment|bureau|unite)\.?[ ]?#?[ ]?[A-Za-z]?[0-9]{1,5}[A-Za-z]?"
    r"|#[ ]?[0-9]{1,5}[A-Za-z]?)"
    r"[ ]?[,\-][ ]?$",
    re.IGNORECASE,
)
_BEFORE_UNIT = re.compile(
    r"(?<![\w.$#:/])[0-9]{0,5}[ ]?(?:[^\W\d_a-z][\w'.\-]{1,24},?[ ]){1,4}"
    r"[0-9]{0,5},?[ \n]{0,8}$"
)
_BOX = re.compile(
    r"(?:(?:p\.? ?o\.? ?box|post office box|postal box|case postale|casier postal|boite postale)"
    r"[ ,]{0,2}(?:#|no\.?|n°)?[ ]?[0-9]{1,6}"
    r"|(?:[cb]\.?p\.?)[ ](?:#|no\.? ?)?[0-9]{1,6}(?![/0-9])"
    r"|(?:rural route|route rurale|r\.?r\.?)[ ]?(?:#|no\.?)?[ ]?[0-9]{1,3}(?![0-9])"
    r"(?:,?[ ](?:site|box|comp|lot|c\.p\.)[ ]?[0-9]{1,4}){0,3}"
    r"|(?:psc|cmr|unit)[ ]?[0-9]{1,5},?[ ]box[ ][0-9]{1,5}|(?:apo|fpo|dpo),?[ ](?:ae|ap|aa)[ ][0-9]{5}(?:-[0-9]{4})?"
    r"|(?:range road|township road|rge rd|twp rd|highway|hwy|autoroute)[ ][0-9]{1,5}[a-z]?(?![0-9])"
    r"|(?:site|lot)[ ][0-9]{1,4},?[ ](?:box|comp\.?|concession|con\.?|rr|plan)[ ][0-9]{1,4}"
    r"(?:,?[ ](?:rr|box|comp)[ ]?[0-9]{1,4})?"
    r"|general delivery|poste restante)(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_LAST_NUMBER = re.compile(r"[0-9](?<=[A-Za-z.] [0-9])[0-9]{0,3}[a-zA-Z]?(?![A-Za-z0-9_%/:]|[.,-][0-9])")
_BEFORE_NUMBER = re.compile(
    r"(?<![\w.])(?:(?:Via|Viale|Rua|Calle|Avenida|Ulica|ul\.|Corso|Piazza|Strada|Carrer|Rue|Avenue|Chemin|Laan van)"
    r" [^\W\d_a-z](?:[\w'.\-]| (?=[^\W\d_a-z]|de |la |di |da |do |dos |del |della ))*"
    r"|[^\W\d_a-z][\w'.\- ]{0,30}?(?:str\.|[Ss]tra(?:ss|\u00df)e|straat|gata|gatan|gade|vej|veien|weg|laan|gasse|platz|"
    r"allee|katu|utca|gracht|plein|tie)) $"
)
_STREET_ENDS = (
    "str.", "strasse", "stra\u00dfe", "straat", "gata", "gatan", "gade", "vej", "veien", "weg", "laan", "gasse",
    "platz", "allee", "katu", "utca", "gracht", "plein", "tie",
)  # fmt: skip
_SHIP = re.compile(r"(?:USS|USNS|USNV|USCGC) [A-Z][\w-]{1,24}[ ,\n]{1,3}$")
_ROAD = re.compile(r"(?:highway|hwy|autoroute|range|township|rge|twp)", re.IGNORECASE)
_MOST_WORDS = 5


def find_addresses(reading: Reading) -> list[Hit]:
    """Never in code."""
    hits = []
    view = reading.view
    position = 0
    while found := _NUMBER.search(view, position):
        position = found.end()
        if reading.in_code(found.start()):
            continue
        stop = _french(view, found.end()) or _english(reading, found)
        if stop:
            start = found.start()
            if lead := _LEADING_UNIT.search(view, max(0, start - 24), start):
                start = lead.start()
            position = stop = _with_unit(view, stop)
            hits.append(Hit(start, stop, EntityType.ADDRESS, 0.86, "street"))
    return hits + _europe(reading) + _boxes(reading) + _units(reading)


def _french(view: str, at: int) -> int:
    """The end of `rue de la Montagne Est` at a place, 0 where no such thing stands there."""
    street = _FRENCH.match(view, at)
    if not street:
        return 0
    end, words = 0, 0
    position = street.end()
    while words < _MOST_WORDS and (name := _NAME.match(view, position)):
        word = name.group()
        last = word.rpartition(" ")[2]
        bare = last.strip("'.-")
        if not bare or (words and not (bare[0].isupper() or bare[0].isdigit()) and not _is_name(word, words)):
            break
        if words and bare.isdigit() and len(bare) > 2:  # noqa: PLR2004 - the postal code of France that follows
            break
        end = name.end() - (1 if view[name.end() - 1] in ".'-" and len(bare) > 1 else 0)
        words += 1
        position = name.end()
        if view[name.end() - 1] == "." and len(bare) > 3:  # noqa: PLR2004 - a sentence's end
            break
        if view[position : position + 1] != " " or view[position + 1 : position + 2] in {"", " "}:
            break
        position += 1
    if end and (direction := _DIRECTION.match(view, end)):
        end = direction.end()
    return end


def _is_name(word: str, words: int) -> bool:
    """A lower-case word goes on a street's name only after an article: `12 rue des erables`."""
    return words == 1 and " " in word and word.split(" ", 1)[0].lower() in {"de", "du", "des", "la"} and len(word) > 4  # noqa: PLR2004


def _english(reading: Reading, number: re.Match[str]) -> int:
    """The end of `Main Street West` after a number, 0 where no word for a street ends a name there."""
    view = reading.view
    position = number.end()
    best = numbers = 0
    for count in range(_MOST_WORDS):
        word = _WORD.match(view, position)
        if not word:
            break
        text = word.group()
        bare = text.rstrip(".'-").lower()
        capital = not text[0].islower()
        numbers += bare.isdigit()
        if numbers > 1:
            break
        if bare in STOP or (not capital and bare not in LOWER_CASE and count > 1):
            break
        if (
            bare in SUFFIXES
            and count
            and (capital or bare in LOWER_CASE)
            and _named(view, number.end(), word.start(), bare)
        ):
            best = word.end() - (1 if text[-1] in "'-" or (text[-1] == "." and len(bare) > 5) else 0)  # noqa: PLR2004
        if text[-1] == "." and len(bare) > 4:  # noqa: PLR2004 - a sentence's end
            break
        position = word.end()
        if view[position : position + 1] == "," or view[position : position + 1] != " ":
            break
        position += 1
    if best and (direction := _DIRECTION.match(view, best)):
        best = direction.end()
    return best


def _named(view: str, start: int, end: int, suffix: str) -> bool:
    """Whether what stands before a street's word is a name: capitals, or lower case before the plainest words."""
    name = view[start:end].split()
    if len(name) > 2 and suffix not in USUAL:  # noqa: PLR2004
        return False
    if all(
        word[0].isupper() or word[0].isdigit() or word.lower() in {"of", "the", "de", "la", "du", "des"}
        for word in name
    ):
        return any(word[0].isupper() or word[0].isdigit() for word in name)
    return suffix in LOWER_CASE and len(name) <= 2 and not any(word in STOP for word in name)  # noqa: PLR2004


def _europe(reading: Reading) -> list[Hit]:
    """`Via Roma 12`, `Bahnhofstrasse 5`: the number last, as most of Europe writes it."""
    hits = []
    view = reading.view
    for number in _LAST_NUMBER.finditer(view):
        head = max(0, number.start() - 48)
        word = view.rfind(" ", head, number.start() - 1) + 1 or head
        if "a" <= view[word] <= "z" and not view.endswith(_STREET_ENDS, word, number.start() - 1):
            continue  # no street's name ends with such a word
        street = _BEFORE_NUMBER.search(view[head : number.start()])
        if street and not reading.in_code(number.start()):
            end = _with_unit(view, number.end())
            hits.append(Hit(head + street.start(), end, EntityType.ADDRESS, 0.7, "street"))
    return hits


def _with_unit(view: str, end: int) -> int:
    unit = _UNIT.match(view, end)
    return unit.end() if unit else end


def _boxes(reading: Reading) -> list[Hit]:
    hits = []
    for start, _ in reading.cues.of(Cue.BOX):
        if reading.in_code(start):
            continue
        found = _BOX.match(reading.view, start)
        if not found:
            continue
        begin, score = start, 0.85
        if ship := _SHIP.search(reading.view, max(0, start - 36), start):
            begin = ship.start()
        if _ROAD.match(reading.view, start):
            civic = re.search(r"(?<![\w.$#:/])[0-9]{1,6},? $", reading.view[max(0, start - 9) : start])
            if not civic:
                continue
            begin = start - len(civic.group())
        elif (
            reading.view[start : found.end()].lower().startswith(("cp ", "bp ", "rr", "c.p", "b.p"))
            and not reading.view[start].isupper()
        ):
            score = 0.4
        hits.append(Hit(begin, _with_unit(reading.view, found.end()), EntityType.ADDRESS, score, "box"))
    return hits


def _units(reading: Reading) -> list[Hit]:
    """`5850 Nerudova 89, Apt. 12`: a unit tells that what stands before it is a street of any language."""
    hits = []
    view = reading.view
    for start, _ in reading.cues.of(Cue.UNIT):
        if military := _BOX.match(view, start):
            hits.append(Hit(*military.span(), EntityType.ADDRESS, 0.85, "box"))
            continue
        unit = _UNIT.match(view, start)
        if not unit or reading.in_code(start):
            continue
        before = _BEFORE_UNIT.search(view, max(0, start - 80), start)
        if before and any(map(str.isdigit, before.group())):
            begin = before.start() + (len(before.group()) - len(before.group().lstrip()))
            hits.append(Hit(begin, unit.end(), EntityType.ADDRESS, 0.7, "unit"))
        elif (
            view[unit.end() - 1].isdigit()
            and view[start : unit.end()][:1].isupper()
            and (not start or view[start - 1] == "\n" or view[start - 2 : start] in {", ", "\n "})
        ):
            hits.append(Hit(start, unit.end(), EntityType.ADDRESS, 0.55, "unit"))
    return hits
