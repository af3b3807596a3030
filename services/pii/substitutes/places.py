"""Places, addresses and postal codes: region and kind of street stay, names and numbers change, word by word."""

import re
from collections.abc import Sequence

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices, Words, of_sound
from services.pii.substitutes.pools import load_pools
from services.pii.substitutes.shapes import fill, reshape

_CANADIAN = re.compile(r"([A-Za-z])(\d)([A-Za-z])([ \-\u00a0]?)(\d)([A-Za-z])(\d)")
_POSTAL_IN_TEXT = re.compile(r"(?<![^\W_])[A-Za-z]\d[A-Za-z][ \-\u00a0]?\d[A-Za-z]\d(?![^\W_])")
_PART = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f]|['\u2019](?=[^\W_])(?![sS](?![^\W_])))*")
_DIGIT = re.compile(r"\d")
_SEGMENT = re.compile(r"[^,;\n()]+")
_POSTAL_LETTERS = "ABCEGHJKLMNPRSTVWXYZ"
_STREET = frozenset(
    "street st avenue ave av road rd drive dr boulevard blvd boul bd lane ln crescent cres court ct way place "
    "pl trail trl parkway pkwy terrace ter terr highway hwy square sq circle cir close alley row path loop "
    "bay gardens gdns grove heights hill ridge route rte rang rue chemin ch allee impasse quai cours montee "
    "cote croissant ruelle passage promenade carre autoroute autoroutes bypass junction jct crossing manor "
    "mews plaza point pointe run shore shores spur station turnpike via view village ville vista walk corner "
    "corners expressway extension ext green island lake land landing mill mount park pass pike plain plains "
    "port rapid rest river skyway springs spring summit throughway trace track tunnel union unions valley "
    "viaduct well wells burg fort ford forge fork glen harbor harbour haven hollow inlet key knoll".split()
)
_UNIT = frozenset(
    "apt apartment app appt appartement suite ste unit unite floor fl etage room rm bureau box boite postale "
    "po cp bp rr case no num numero building bldg bat batiment tower tour bis ter cedex psc apo fpo dpo aa ae "
    "ap uss usns usnv usnumss".split()
)
_LITTLE = frozenset(
    "north south east west nord sud est ouest northeast northwest southeast southwest ne nw se sw n s e w o "
    "the and of at de la le du des les d l au aux sur sous en in a et near pres san santa saint sainte st ste "
    "los las el new nouveau nouvelle old vieux upper lower greater grand grande great lake lac mont fort".split()
)
_STATE_CODES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH "
    "OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC QC ON BC AB SK MB NB NS PE NL NT NU YT PQ".split()
)
_LONGEST_REGION = 5
_OWN_TOWN_TRIES = 4


class Places:
    """The places of one request."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._streets = Words(choices, "street", lambda folded, _: of_sound("street", folded))
        self._codes: dict[str, str] = {}
        self._towns = Words(choices, "town", _towns_for)

    def substitute(self, text: str) -> str:
        """A place or an address, of one line or several."""
        if text.isalpha():
            return self._alone(text)
        if _CANADIAN.fullmatch(text):
            return self.postal_code(text)
        out = "".join(self._segment(part) if kind else part for kind, part in _segments(text))
        if out != text:
            self._choices.aliases.add(out, text)
        return out

    def address(self, text: str) -> str:
        """The same for what certainly is personal: something in it always changes."""
        out = self.substitute(text)
        if out == text:
            out = self._streets.substitute(text)
            self._choices.aliases.add(out, text)
        return out

    def postal_code(self, text: str) -> str:
        """The province's letter stays, and a 0 that says the country is rural; of a ZIP code, its first digit."""
        known = self._codes.get(text)
        if known is not None:
            return known
        out = self._codes[text] = self._choices.pick(lambda attempt: self._code(text, attempt), text)
        self._choices.aliases.add(out, text)
        canadian, was = _CANADIAN.fullmatch(out), _CANADIAN.fullmatch(text)
        if canadian and was:
            halves = [("".join(m.group(1, 2, 3)), "".join(m.group(5, 6, 7))) for m in (canadian, was)]
            self._choices.aliases.offer(
                lambda: [(sign.join(halves[0]), sign.join(halves[1])) for sign in (" ", "", "-")]
            )
        return out

    def _code(self, text: str, attempt: int) -> str:
        compact = re.sub(r"[^0-9a-z]", "", fold(text))
        found = _CANADIAN.fullmatch(text)
        if found is None:
            noise = iter(self._choices.digits("postal", compact, attempt, len(text)))
            first = next((at for at, c in enumerate(text) if c.isalnum()), 0)
            out = "".join(next(noise) if c.isdecimal() and at > first else c for at, c in enumerate(text))
            return out if out != text else reshape(self._choices, "postal", text, attempt, first + 1)
        drawn = iter(self._choices.noise("postal", compact, attempt, 5))
        rural = "0" if found[2] == "0" else str(next(drawn) % 9 + 1)
        second, third = (_POSTAL_LETTERS[next(drawn) % len(_POSTAL_LETTERS)] for _ in range(2))
        out = f"{found[1]}{rural}{second}{found[4]}{next(drawn) % 10}{third}{next(drawn) % 10}"
        return out.lower() if text.islower() else out[:1] + out[1:].upper()

    def _alone(self, word: str) -> str:
        """What most places are: one word, which is a region's name or a town's."""
        folded, pools = fold(word), load_pools()
        if folded not in pools.provinces and (
            (folded in pools.regions and (len(folded) > 2 or word.isupper())) or (len(word) < 2 and word.isascii())  # noqa: PLR2004
        ):
            return word
        return self._towns.substitute(word)

    def _segment(self, text: str) -> str:
        """One line or one part between commas."""
        body = text.strip()
        if not body:
            return text
        lead = text[: len(text) - len(text.lstrip())]
        trail = text[len(lead) + len(body) :]
        province = load_pools().provinces.get(fold(body))
        out = self._words(body) if province is None else self._towns.substitute(body)
        return lead + out + trail

    def _words(self, text: str) -> str:
        out, at = "", 0
        for code in _POSTAL_IN_TEXT.finditer(text):
            out += self._plain_words(text[at : code.start()]) + self.postal_code(code.group())
            at = code.end()
        out += self._plain_words(text[at:])
        if out != text and " " in text.strip():
            self._choices.aliases.offer(lambda: [(out, text)])
        return out

    def _plain_words(self, text: str) -> str:
        parts = list(_PART.finditer(text))
        whole = fold(text)
        folded = [whole[part.start() : part.end()] for part in parts]
        street = _DIGIT.search(text) is not None and not _STREET.isdisjoint(folded)
        street = street or bool(parts and parts[0].group()[0].isdecimal() and len(parts[0].group()) < 5)  # noqa: PLR2004
        out, at, skip = "", 0, 0
        for number, part in enumerate(parts):
            out += text[at : part.start()]
            at = part.end()
            if skip:
                skip -= 1
                out += part.group()
                continue
            if not street and (size := _region(folded, parts, number)):
                skip = size - 1
                out += part.group()
                continue
            out += self._word(part.group(), folded[number], street=street, alone=len(parts) == 1)
        return out + text[at:]

    def _word(self, word: str, folded: str, *, street: bool, alone: bool) -> str:
        if not word.isalpha() and _DIGIT.search(word):
            return self._number(word)
        if len(word) < 2 and word.isascii():  # noqa: PLR2004 - initials of directions
            return word
        if not alone and (folded in _UNIT or folded in _LITTLE or folded in _STREET):
            return word
        if word.isupper() and word in _STATE_CODES and not alone:
            return word
        return (self._streets if street else self._towns).substitute(word)

    def _number(self, word: str) -> str:
        """House numbers and ZIP codes: as many digits, the first never 0 unless it was."""
        drawn = self._choices.digits("house", word, 0, len(word) + 1)
        out = fill(word, drawn if word[0] == "0" or drawn[0] != "0" else f"{int(drawn[-1]) % 9 + 1}{drawn[1:]}")
        if out == word and word.isdecimal():
            out = word[:-1] + str((int(word[-1]) + 1 + int(drawn[-1]) % 9) % 10)
        if len(word) >= 5 and self._choices.is_clear(out, word):  # noqa: PLR2004 - a ZIP code is found by itself
            self._choices.aliases.offer(lambda: [(out, word)])
        return out


def _segments(text: str) -> list[tuple[bool, str]]:
    """Parts between commas and line ends, and what stands between those."""
    out, at = [], 0
    for found in _SEGMENT.finditer(text):
        out += [(False, text[at : found.start()]), (True, found.group())]
        at = found.end()
    return [*out, (False, text[at:])]


def _region(folded: list[str], parts: list[re.Match[str]], at: int) -> int:
    """How many words from `at` on name a country, province or state."""
    pools = load_pools()
    known = pools.regions
    if folded[at] not in pools.region_words:
        return 0
    for size in range(min(_LONGEST_REGION, len(folded) - at), 0, -1):
        phrase = " ".join(folded[at : at + size])
        if phrase in known and (len(phrase) > 2 or parts[at].group().isupper()):  # noqa: PLR2004 - a code: ON, not on
            return size
    return 0


def _towns_for(folded: str, attempt: int) -> Sequence[str]:
    """Small towns of the same province; of the United States for what we do not know; then from anywhere."""
    pools = load_pools()
    if attempt >= _OWN_TOWN_TRIES:
        return pools.towns[""]
    return pools.towns[pools.provinces.get(folded, "US")]
