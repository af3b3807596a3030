"""Names of people and their e-mail addresses: word by word, so that every part of a name comes back by itself."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.pii.restoring.folding import fold
from services.pii.substitutes.choosing import Choices, Words, of_sound
from services.pii.substitutes.pools import load_pools

# A run of letters; accents may stand as signs of their own.
_LETTERS = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")
_NUMBER = re.compile(r"\d+")
_RUN = re.compile(r"[^\W_]+")
_ENCODED_SIGN = re.compile(r"%40|&#0*64;|&#x40;|&commat;", re.IGNORECASE)
_LOCAL_PART = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_TITLES = frozenset(
    "mr mrs ms miss mx dr prof sir madam mme mmes mlle mlles m me mm monsieur madame mademoiselle docteur "
    "docteure maitre professeur professeure rev hon sen capt sgt lt col gen jr sr ii iii iv fils esq phd md "
    "cpa".split()
)
_PARTICLES = frozenset(
    "de la le du des les d l van von der den ter zu al el bin ibn ben bint da das do dos di della del y e i "
    "san st ste saint sainte and et dit dite nee ne".split()
)
_ROLES = frozenset(
    "info support contact admin sales help helpdesk office noreply no reply hello service services billing "
    "mail team hr rh jobs careers press ventes facturation accueil bonjour aide security privacy legal "
    "finance accounts accounting".split()
)
FREE_MAIL = frozenset(
    "gmail.com googlemail.com hotmail.com hotmail.ca hotmail.fr outlook.com live.com live.ca live.fr msn.com "
    "yahoo.com yahoo.ca yahoo.fr icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.com gmx.de "
    "videotron.ca sympatico.ca bell.net rogers.com shaw.ca telus.net orange.fr free.fr wanadoo.fr laposte.net "
    "sfr.fr mail.com zoho.com".split()
)
_RESERVED = ("example.com", "example.org", "example.net")


@dataclass(frozen=True, slots=True)
class _Person:
    first: str
    last: str
    first_substitute: str
    last_substitute: str

    @property
    def substitutes(self) -> tuple[str, str]:
        return self.first_substitute, self.last_substitute


class People:
    """The names of one request."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self._words = Words(choices, "name", self._pool)
        self._people: list[_Person] = []
        self._named: list[tuple[str, str]] = []
        self._emails: dict[str, str] = {}
        self._local: dict[str, str] = {}  # one-word user names made of a person's name: jdoe, janed, janedoe

    def name(self, text: str) -> str:
        """The name with each of its words replaced; titles, particles and initials stay."""
        out = _LETTERS.sub(self._name_word, text)
        if out == text:
            # Only particles and initials: the last word is the name after all (Mr. Van).
            words = [word for word in _LETTERS.finditer(text) if len(word.group()) > 1]
            if words and fold(words[-1].group()) not in _TITLES:
                start, end = words[-1].span()
                out = text[:start] + self._words.substitute(words[-1].group()) + text[end:]
        if _NUMBER.search(out):
            out = _NUMBER.sub(lambda m: self._digits("name number", m.group()), out)
            if out != text:
                self._choices.aliases.add(out, text)
                for old, new in zip(_RUN.findall(text), _RUN.findall(out), strict=False):
                    if not old.isalpha() and not old.isdecimal():
                        self._choices.aliases.add(new, old)
        if out != text:
            self._note(text, out)
        return out

    def phrase(self, text: str) -> str:
        """The same for words of any kind, none of which stay."""
        if len(text) > 1 and (found := _LETTERS.findall(text)) and any(len(word) > 1 for word in found):
            out = _LETTERS.sub(lambda m: self._words.substitute(m.group()) if len(m.group()) > 1 else m.group(), text)
        else:
            out = self._choices.coined(text)
        if _NUMBER.search(text):
            out = _NUMBER.sub(lambda m: self._digits("phrase number", m.group()), out)
        self._choices.aliases.add(out, text)
        return out

    def email(self, text: str) -> str:
        """The address with a local part of the same names and another domain, one domain for one domain."""
        known = self._emails.get(text)
        if known is None:
            known = self._emails[text] = self._email(text)
        return known

    def _email(self, text: str) -> str:
        sign = "@" if "@" in text else next(iter(_ENCODED_SIGN.findall(text)), "")
        if not sign:
            return self.phrase(text)
        local, _, domain = text.rpartition(sign)
        local_substitute = self._local_part(local)
        out = self._choices.pick(
            lambda attempt: f"{local_substitute}{sign}{self._domain(domain, attempt, local_substitute != local)}", text
        )
        if out.isalpha():
            out += f"@{_RESERVED[0]}"
        self._choices.aliases.add(out, text)
        if local_substitute != local and "@" not in local:
            self._choices.aliases.offer(lambda: [(local_substitute, local), *_encoded(out, text)])
        return out

    def letters(self, four: str) -> str:
        """Three letters of a surname and one of a first name, as on Quebec's health card, of the substituted person."""
        folded = fold(four)
        self._understand()
        for person in self._people:
            if person.last[:3].ljust(3, "x") + person.first[:1] == folded:
                return (person.last_substitute[:3] + person.first_substitute[:1]).upper()
        pool = load_pools().words["last consonant"]
        number = self._choices.number("letters", folded)
        return (pool[number % len(pool)][:3] + "ABCDEGJLMNPRST"[number // len(pool) % 14]).upper()

    def _pool(self, folded: str, attempt: int) -> Sequence[str]:
        gender = load_pools().genders.get(folded)
        if gender is None:
            return of_sound("last", folded)
        if gender == "either":
            gender = ("male", "female")[self._choices.number("gender", folded) & 1]
        del attempt
        return of_sound(gender, folded)

    def _name_word(self, found: re.Match[str]) -> str:
        word = found.group()
        if len(word) == 1 and word.isascii():
            return word
        folded = fold(word)
        return word if folded in _TITLES or folded in _PARTICLES else self._words.substitute(word)

    def _digits(self, kind: str, number: str) -> str:
        if len(number) == 1:
            return number
        return self._choices.digits(kind, number, 0, len(number))

    def _note(self, text: str, out: str) -> None:
        """Keep the pair for what is made of whole names: `J. Doe`, `Jane D.`, user names, health cards."""
        self._named.append((text, out))
        if text.count(" ") > 1:
            # A middle initial may be the one of the substitute's first name: the whole goes before its parts.
            self._choices.aliases.add(out, text)
        self._choices.aliases.offer(lambda: _short_forms(text, out))

    def _understand(self) -> None:
        """Take the names apart that came since the last time."""
        for text, out in self._named:
            before, after = _parts(text, out)
            if len(before) > 1 and before[0].isalpha() and before[-1].isalpha():
                person = _Person(fold(before[0]), fold(before[-1]), fold(after[0]), fold(after[-1]))
                self._people.append(person)
                for old, new in zip(
                    _user_names(person.first, person.last), _user_names(*person.substitutes), strict=True
                ):
                    self._local.setdefault(old, new)
        self._named.clear()

    def _local_part(self, local: str) -> str:
        self._understand()
        parts = _LOCAL_PART.findall(local)
        out = "".join(self._local_word(part, parts) for part in parts)
        if out == local and fold(local) not in _ROLES and any(character.isalnum() for character in local):
            return self._words.substitute(local, alias=False) if local.isalpha() else out
        return out

    def _local_word(self, part: str, parts: list[str]) -> str:
        if part.isdecimal():
            return self._digits("user number", part)
        folded = fold(part)
        if not part.isalpha() or folded in _ROLES:
            return part
        if len(part) == 1:
            others = {fold(other) for other in parts}
            return next(
                (p.first_substitute[0] for p in self._people if p.first[0] == folded and p.last in others), part
            )
        made = None if self._words.knows(folded) else self._local.get(folded)
        if made is not None:
            return made.upper() if part.isupper() else made
        return self._words.substitute(part, alias=False)

    def _domain(self, domain: str, attempt: int, local_differs: bool) -> str:
        lower = domain.lower()
        if local_differs and attempt == 0 and (lower in _RESERVED or lower.endswith((".example", ".test", ".invalid"))):
            return domain
        if lower in FREE_MAIL and attempt < len(_RESERVED):
            return _RESERVED[(self._choices.number("free mail", lower) + attempt) % len(_RESERVED)]
        tries = f"{lower}\0{attempt}" if attempt > len(_RESERVED) else lower
        substitute = self._words.substitute(tries, alias=False).lower() + ".example"
        if tries == lower and lower not in FREE_MAIL:
            self._choices.aliases.offer(lambda: [(substitute, lower)])
        return substitute.upper() if domain.isupper() else substitute


def _parts(text: str, out: str) -> tuple[list[str], list[str]]:
    """The words of a name and of its substitute, titles left away, the first name first."""
    before, after = text.split(), out.split()
    while len(before) > 1 and len(before) == len(after) and before[0] == after[0]:
        before, after = before[1:], after[1:]
    if len(before) != len(after):
        return [], []
    if len(before) > 1 and before[0].endswith(","):
        return [*before[1:], before[0][:-1]], [*after[1:], after[0][:-1]]
    return before, after


def _short_forms(text: str, out: str) -> Iterator[tuple[str, str]]:
    """`J. Doe`, `Jane D.` and `the Does` with their substitutes."""
    before, after = _parts(text, out)
    if len(before) == 1 and " " in text:  # only a title stays: D. Doe, as some shorten it
        before, after = [text[0], *before], [out[0], *after]
    if len(before) < 2 or not before[0][0].isalpha() or before[-1] == after[-1]:  # noqa: PLR2004 - first and last
        return
    yield f"{after[0][0]}. {after[-1]}", f"{before[0][0]}. {before[-1]}"
    yield _plural(after[-1]), _plural(before[-1])
    if len(before) == 2 and before[0] != after[0] and before[-1][0].isalpha():  # noqa: PLR2004 - without a middle initial
        yield f"{after[0]} {after[-1][0]}", f"{before[0]} {before[-1][0]}"


def _encoded(out: str, text: str) -> Iterator[tuple[str, str]]:
    """An address as it stands in a link."""
    if "@" in out and "@" in text:
        yield out.replace("@", "%40"), text.replace("@", "%40")


def _plural(name: str) -> str:
    """The Tremblays, the Joneses."""
    return f"{name}es" if name.endswith(("s", "x", "z")) else f"{name}s"


def _user_names(first: str, last: str) -> tuple[str, ...]:
    """The user names of one word that are made of a name: jdoe, janed, janedoe, doej, doejane."""
    return first[0] + last, first + last[0], first + last, last + first[0], last + first
