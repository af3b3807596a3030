"""Templates filled with values: sentences and blocks of our own, with their labels."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources

from services.pii.training.examples import Label, Labelled, Span, joined
from services.pii.training.lists import FILLING
from services.pii.training.values import Values

_SLOT = re.compile(r"\{([A-Za-z_]+)\}")
_VOWELS = "aeiouyhàâäéèêëîïôöùûüAEIOUYHÀÂÄÉÈÊËÎÏÔÖÙÛÜ"
_SHOUTED, _WHISPERED = 0.05, 0.03
_TITLES = ("Mr.", "Mrs.", "Ms.", "Mr", "Ms", "Miss", "Mx.", "Dr.")
_TITRES = ("M.", "Mme", "Mlle", "Monsieur", "Madame", "M", "MME", "Mr", "Mme.")


@dataclass(frozen=True, kw_only=True)
class Filler:
    """Fills a template; what a slot is called says its label and its case (`{LAST}`, `{lcity}`)."""

    values: Values
    french: bool

    def fill(self, template: str) -> Labelled:
        text, spans, at = "", [], 0
        for slot in _SLOT.finditer(template):
            text += template[at : slot.start()]
            at = slot.end()
            lead, value, label = self._value(slot[1])
            text += lead
            if label is not None:
                spans.append(Span(start=len(text), end=len(text) + len(value), label=label))
            text += value
        return joined(Labelled(text=text + template[at:], spans=tuple(spans)))

    def _value(self, slot: str) -> tuple[str, str, Label | None]:
        """What stands before the value, the value, its label."""
        if slot.startswith("d_") or slot == "de_city":
            _, value, label = self._value("city" if slot == "de_city" else slot[2:])
            return ("d'" if value[0] in _VOWELS else "de "), value, label
        if slot == "LAST_first":
            return "", f"{self.values.last().upper()} {self.values.first()}", Label.PERSON
        plain = slot.lower()
        named = _NAMED.get(plain)
        if named is None and plain.startswith("l") and plain[1:] in _NAMED:
            label, draw = _NAMED[plain[1:]]
            return "", draw(self).lower(), label
        if named is not None:
            label, draw = named
            value = self._written(draw(self), label)
            return "", value.upper() if slot.isupper() else value, label
        value = self._ordinary("day" if plain == "lday" else plain)
        return "", value.upper() if slot.isupper() else value.lower() if plain == "lday" else value, None

    def _written(self, value: str, label: Label) -> str:
        """A few names in capitals or all small, as people type them, whatever surrounds them."""
        draw = self.values.chance.random()
        if label is Label.ORG or draw >= _SHOUTED + _WHISPERED:
            return value
        return value.upper() if draw < _SHOUTED else value.lower()

    def _ordinary(self, slot: str) -> str:
        values = self.values
        match slot:
            case "age":
                return str(values.chance.randint(2, 97))
            case "title":
                return values.one(_TITLES)
            case "titre":
                return values.one(_TITRES)
            case "title_work":
                return values.word("title")
            case "first_initials":
                return values.one("ABCDEJKLMNPRST") + "." + values.one("ABCDEJKLMNPRST") + "."
            case "cue" | "indice":
                return values.one(FILLING[slot + "s"])
            case "cuelow" | "indicelow":
                return values.one(FILLING[slot.removesuffix("low") + "s"]).lower()
            case "date" | "email" | "phone" | "handle" | "number" | "job" | "metier":
                draw: Callable[[], str] = getattr(values, slot)
                return draw()
            case _:
                return values.word(slot)


def _last_first(filler: Filler) -> str:
    return f"{filler.values.last()}, {filler.values.first()}"


_NAMED: dict[str, tuple[Label, Callable[[Filler], str]]] = {
    "person": (Label.PERSON, lambda filler: filler.values.person()),
    "first": (Label.PERSON, lambda filler: filler.values.first()),
    "vfirst": (Label.PERSON, lambda filler: next(n for n in iter(filler.values.first, "") if n[0] in _VOWELS)),
    "last": (Label.PERSON, lambda filler: filler.values.last()),
    "initial": (Label.PERSON, lambda filler: filler.values.initial().rstrip(".")),
    "initial_last": (Label.PERSON, lambda filler: f"{filler.values.initial()} {filler.values.last()}"),
    "last_first": (Label.PERSON, _last_first),
    "lastfirst": (Label.PERSON, _last_first),
    "city": (Label.LOCATION, lambda filler: filler.values.city(french=filler.french)),
    "region": (Label.LOCATION, lambda filler: filler.values.region()),
    "street": (Label.LOCATION, lambda filler: filler.values.rue() if filler.french else filler.values.street()),
    "rue": (Label.LOCATION, lambda filler: filler.values.rue()),
    "postal": (Label.LOCATION, lambda filler: filler.values.postal()),
    "military": (Label.LOCATION, lambda filler: filler.values.military()),
    "cinq": (Label.LOCATION, lambda filler: f"{filler.values.chance.randint(1_000, 97_999):05d}"),
    "hospital": (Label.ORG, lambda filler: filler.values.hospital()),
    "org": (Label.ORG, lambda filler: filler.values.company()),
}


def templates(language: str) -> list[str]:
    """One a line; in a template, a backslash with `n` is the end of a line inside a block."""
    text = (resources.files(__package__) / "templates" / f"{language}.txt").read_text("utf-8")
    return [line.replace("\\n", "\n").replace("\\t", "\t") for line in text.splitlines() if line]


def synthetic(values: Values, count: int) -> Iterator[Labelled]:
    """Texts of one to four filled templates, a third of them French; some whole texts in one case."""
    fillers = {french: Filler(values=values, french=french) for french in (False, True)}
    kept = {False: templates("english"), True: templates("french")}
    for _ in range(count):
        french = values.odds(0.42)
        made = Labelled(text="", spans=())
        for _ in range(values.chance.choice((1, 1, 1, 2, 3, 4))):
            filled = fillers[french].fill(values.one(kept[french]))
            gap = values.one((" ", "\n", "\n\n")) if made.text else ""
            made = made.followed_by(filled, gap)
        draw = values.chance.random()
        if draw < 0.04:  # noqa: PLR2004
            yield made.recased(str.upper)
        elif draw < 0.1:  # noqa: PLR2004
            yield made.recased(str.lower)
        else:
            yield made
