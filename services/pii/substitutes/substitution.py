"""One request's personal data out, substitutes in: the map lives as long as this object and nowhere else."""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple, assert_never

from services.pii.entities import Entity, EntityType
from services.pii.escapes import meant
from services.pii.restoring.index import Index
from services.pii.restoring.restorer import Restorer
from services.pii.substitutes.choosing import Choices
from services.pii.substitutes.credentials import Credentials
from services.pii.substitutes.dates import Dates
from services.pii.substitutes.networks import Networks
from services.pii.substitutes.numbers import Numbers
from services.pii.substitutes.people import People
from services.pii.substitutes.phones import Phones
from services.pii.substitutes.places import Places
from services.pii.substitutes.prompt import Prompt
from services.pii.substitutes.trace import Trace

CHECKED: Final = 32_768  # characters whose echo is tried before an answer is
_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
_UNSAFE = re.compile(r'[\x00-\x1f"\\]')  # what JSON writes as an escape
_LENGTH_CLASSES = (4, 8, 12, 16, 24, 32, 64)


class Entry(NamedTuple):
    """What the audit may know of one substitution: never the original. A tuple, as there are thousands in a prompt."""

    entity: Entity
    substitute: str
    digest: str  # of type and original, keyed by the account, 32 hexadecimal digits
    shape: str  # which signs (`a` letters, `9` digits, `-` others) and the length class, as `a9-:13-16`


class Substitution:
    """Substitutes of one request under its account's key: read every text first, then substitute them in order.

    The same words get the same substitutes in every request of the account and scope, whatever else stands there,
    unless a substitute is taken: by a word of the request's own, or by another original that came first. Then the next
    draw is taken, and everything in this request agrees on it.
    """

    def __init__(
        self, key: bytes, scope: str = "", prompt: Prompt | None = None, before: Sequence[int | str] = ()
    ) -> None:
        """`before`: what was drawn for originals that are about to be learnt again, in the order of then."""
        self._prompt = Prompt() if prompt is None else prompt
        self._trace = Trace(before)
        self._choices = Choices(key, scope, self._prompt, self._trace)
        self._known: dict[tuple[EntityType, str, str], str] = {}
        self._substituted: list[tuple[Entity, str, str]] = []
        self._told: dict[tuple[EntityType, str], tuple[str, str]] = {}  # digest and shape
        self._entries: list[Entry] = []
        self._index: Index | None = None
        self._given_out: list[tuple[str, str]] = []
        self._to_check = CHECKED
        self._offers, self._learnt = True, False
        # Where each original stood when it was first substituted, in that order, and whether it changed.
        self.firsts: list[tuple[Entity, bool]] = []

    @property
    def empty(self) -> bool:
        """Whether nothing was substituted: the answer's bytes need no look."""
        return not self._substituted and not self._learnt

    @property
    def entries(self) -> Sequence[Entry]:
        """For the audit: what was substituted so far, in order. Made when asked for."""
        for entity, original, substitute in self._substituted[len(self._entries) :]:
            told = self._told.get((entity.type, original))
            if told is None:
                told = self._told[entity.type, original] = (
                    self._choices.audit(entity.type, original),
                    shape(original),
                )
            self._entries.append(Entry(entity=entity, substitute=substitute, digest=told[0], shape=told[1]))
        return self._entries

    @property
    def drawn(self) -> Sequence[int | str]:
        """What was drawn beyond what was drawn before."""
        return self._trace.drawn

    def caught_up(self) -> None:
        """All that was substituted before has been learnt. Raises OutOfStep where more was drawn for it then."""
        self._trace.over()

    def learn(self, original: str, entity: Entity) -> None:
        """An original that was substituted before, in the order of then; it counts for the way back."""
        if self._one(original, entity) != original:
            self._learnt = True

    def read(self, text: str) -> None:
        """Remember the words of a text of the request, so that no substitute is one of them."""
        self._prompt.read(text)

    def substitute(self, text: str, entities: Sequence[Entity], begins: int = 0) -> str:
        """The text with substitutes for its entities, which are disjoint and in order.

        `begins`: where the text begins in the one that the entities' places count in. Names go first, so that addresses
        and numbers made of them agree with them.
        """
        for entity in entities:
            if entity.type is EntityType.PERSON:
                self._one(text[entity.start - begins : entity.end - begins], entity)
        out: list[str] = []
        at = 0
        for entity in entities:
            start, end = entity.start - begins, entity.end - begins
            original = text[start:end]
            substitute = self._one(original, entity)
            out += (text[at:start], substitute)
            at = end
            if substitute != original:
                self._substituted.append((entity, original, substitute))
        out.append(text[at:])
        self._index = None
        given = "".join(out)
        self.note(text, given)
        return given

    def restorer(self, json: bool = False) -> Restorer:
        """A restorer for one lane of the answer; `json` for tool arguments and the like."""
        if self.empty:
            return Restorer(None)
        if self._index is None:
            self._index = self._choices.aliases.index(offers=self._offers)
            restorer = Restorer(self._index)
            if self._offers and any(
                meant(restorer.restore(given)) != meant(original) for original, given in self._given_out
            ):
                self._offers = False
                self._index = self._choices.aliases.index(offers=False)
            self._given_out = []
        return Restorer(self._index, json=json)

    @property
    def offers(self) -> bool:
        """Whether the forms that a model may write substitutes in come back too; known once there is a restorer."""
        return self._offers

    def decide(self, *, offers: bool) -> None:
        """What is known of that already; what is tried yet is what is noted from here on."""
        self._offers, self._given_out = offers, []

    def note(self, original: str, given: str) -> None:
        """What goes out: its echo must come back as it was, or the forms in its way are given up."""
        if given != original and self._to_check > 0:
            self._to_check -= len(given)
            self._given_out.append((original, given))

    # Most requests hold few kinds: each has its room when it is first needed.

    @cached_property
    def _people(self) -> People:
        return People(self._choices)

    @cached_property
    def _dates(self) -> Dates:
        return Dates(self._choices)

    @cached_property
    def _numbers(self) -> Numbers:
        return Numbers(self._choices, self._people, self._dates)

    @cached_property
    def _phones(self) -> Phones:
        return Phones(self._choices)

    @cached_property
    def _places(self) -> Places:
        return Places(self._choices)

    @cached_property
    def _networks(self) -> Networks:
        return Networks(self._choices, self._people)

    @cached_property
    def _credentials(self) -> Credentials:
        return Credentials(self._choices)

    def _one(self, original: str, entity: Entity) -> str:
        key = (entity.type, entity.kind, original)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._written(original, entity)
            self.firsts.append((entity, known != original))
        return known

    def _written(self, original: str, entity: Entity) -> str:
        """Where the original has characters as escapes, the substitute is that of what they mean."""
        meaning = meant(original)
        if meaning == original:
            return self._made(original, entity)
        made = self._made(meaning, entity)
        return original if made == meaning else _UNSAFE.sub(lambda sign: f"\\u{ord(sign[0]):04x}", made)

    def _made(self, original: str, entity: Entity) -> str:  # noqa: C901, PLR0912 - one line a type
        match entity.type:
            case EntityType.PERSON:
                return self._people.name(original)
            case EntityType.EMAIL:
                return self._people.email(original)
            case EntityType.PHONE:
                return self._phones.substitute(original)
            case EntityType.SSN:
                return self._numbers.social_security(original)
            case EntityType.CREDIT_CARD:
                return self._numbers.card(original)
            case EntityType.IP:
                return self._networks.address(original)
            case EntityType.LOCATION:
                return self._places.substitute(original)
            case EntityType.SIN:
                return self._numbers.social_insurance(original)
            case EntityType.HEALTH_NUMBER:
                return self._numbers.health(original, entity.kind)
            case EntityType.POSTAL_CODE:
                return self._places.postal_code(original)
            case EntityType.ADDRESS:
                return self._places.address(original)
            case EntityType.DATE_OF_BIRTH:
                return self._dates.substitute(original, french=entity.kind.startswith("fr"))
            case EntityType.BANK_ACCOUNT:
                return self._numbers.bank(original)
            case EntityType.IBAN:
                return self._numbers.iban(original)
            case EntityType.PASSPORT | EntityType.DRIVER_LICENCE:
                return self._numbers.document(original)
            case EntityType.SECRET:
                return self._credentials.substitute(original)
            case EntityType.ACCOUNT_URL:
                return self._networks.url(original)
            case EntityType.CUSTOM:
                return self._people.phrase(original)
            case _:
                assert_never(entity.type)


def shape(original: str) -> str:
    """Which signs a text is made of and about how long it is."""
    signs = ("a" if _LETTER.search(original) else "") + ("9" if _DIGIT.search(original) else "")
    signs += "" if original.isalnum() else "-"
    size, least = len(original), 1
    for most in _LENGTH_CLASSES:
        if size <= most:
            return f"{signs}:{least}-{most}"
        least = most + 1
    return f"{signs}:{least}+"
