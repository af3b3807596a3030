"""Values that fill templates: people, places, companies and what is neither, drawn with one seeded source of chance."""

import random
from collections.abc import Sequence
from functools import cached_property

from services.pii.training.gazetteers import City, Names
from services.pii.training.lists import COMPANIES, FILLING, NEUTRAL, SUFFIXES

# How often a locale is drawn, against 1 for all others: who lives in Canada, roughly.
_LOCALES = {
    "en_US": 14,
    "fr_CA": 12,
    "fr_QC": 8,
    "own_quebec": 12,
    "own_english": 14,
    "en_GB": 6,
    "fr_FR": 6,
    "own_first_nations": 8,
    "own_inuit": 4,
    "own_punjabi": 6,
    "own_chinese": 6,
    "own_arabic": 6,
    "own_filipino": 4,
    "own_ukrainian": 4,
    "own_african": 4,
    "own_indian": 4,
    "own_vietnamese": 3,
    "own_haitian": 3,
    "en_IN": 3,
    "es_MX": 3,
    "own_acadian": 3,
}
_POSTAL = "ABCEGHJKLMNPRSTVXY"


class Values:
    """One source of values; the same seed gives the same values in the same order."""

    def __init__(self, names: Names, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - to be repeatable, not secret
        self._names = names
        self._locales = sorted(set(names.first) & set(names.last))
        self._weights = [_LOCALES.get(locale, 1) for locale in self._locales]
        self._large = [city for city in names.cities if city.people >= 250_000]  # noqa: PLR2004

    @cached_property
    def _canadian(self) -> list[City]:
        return [city for city in self._names.cities if city.country in {"CA", "--"}]

    @cached_property
    def _american(self) -> list[City]:
        return [city for city in self._names.cities if city.country == "US" and city.people >= 10_000]  # noqa: PLR2004

    @cached_property
    def _francophone(self) -> list[City]:
        return [city for city in self._names.cities if city.country in {"FR", "BE", "CH"} and city.people >= 5_000]  # noqa: PLR2004

    @cached_property
    def _any(self) -> list[City]:
        return [city for city in self._names.cities if city.people >= 15_000]  # noqa: PLR2004

    def one(self, many: Sequence[str]) -> str:
        return self.chance.choice(many)

    def word(self, kind: str) -> str:
        return self.one(NEUTRAL[kind])

    def locale(self) -> str:
        return self.chance.choices(self._locales, self._weights)[0]

    def first(self, locale: str = "") -> str:
        return self.one(self._names.first[locale or self.locale()])

    def last(self, locale: str = "") -> str:
        return self.one(self._names.last[locale or self.locale()])

    def person(self) -> str:
        """A name as people write it: with initials, middle names, particles, hyphens."""
        locale = self.locale()
        other = locale if self.odds(0.85) else self.locale()
        first, last = self.first(locale), self.last(other)
        shapes = (
            (72, f"{first} {last}"),
            (5, f"{first} {self.initial()} {last}"),
            (5, f"{first} {self.first(locale)} {last}"),
            (4, f"{self.initial()} {last}"),
            (1, f"{self.initial()} {self.initial()} {last}"),
            (4, f"{first} {last}-{self.last(locale)}"),
            (3, f"{first} {last} {self.last(locale)}"),
            (2, f"{first}-{self.first(locale)} {last}"),
            (
                2,
                f"{first} {self.one(FILLING['particles'])} {last}",
            ),
            (1, f"{first} O'{last}"),
            (1, f'{first} "{self.first()}" {last}'),
            (1, f"{first} {last} {self.one(('Jr.', 'Sr.', 'III', 'Jr'))}"),
        )
        return self.chance.choices([text for _, text in shapes], [weight for weight, _ in shapes])[0]

    def initial(self) -> str:
        return self.one("ABCDEFGHJKLMNPRSTVW") + "."

    def odds(self, share: float) -> bool:
        return self.chance.random() < share

    def city(self, *, french: bool = False) -> str:
        pools = (self._canadian, self._american, self._large, self._francophone if french else self._any, self._any)
        return self.chance.choice(self.chance.choices(pools, (40, 10, 22, 16, 12))[0]).name

    def region(self) -> str:
        return self.one(self._names.regions)

    def street(self) -> str:
        if self.odds(0.12):
            return self._foreign()
        if self.odds(0.05):
            return f"{self.one(('P.O. Box', 'PO Box', 'RR', 'General Delivery Box'))} {self.chance.randint(1, 9_999)}"
        name = self.one(FILLING["street names"]) if self.odds(0.35) else self.last()
        side = self.one(("", "", "", " N", " West", " SW", " E."))
        text = f"{self.chance.randint(1, 19_999)} {name} {self.one(FILLING['streets'])}{side}"
        if self.odds(0.17):
            return text + self.one((" Apt. {}", ", Unit {}", " Suite {}", " #{}", ", Apt {}")).format(self._unit())
        return f"{self.chance.randint(1, 99)}-{text}" if self.odds(0.06) else text

    def rue(self) -> str:
        if self.odds(0.05):
            return f"{self.one(('C.P.', 'B.P.', 'Case postale'))} {self.chance.randint(1, 9_999)}"
        lead = self.one(("", "de ", "du ", "des ", "Saint-", "Sainte-", "de la "))
        name = self.one(FILLING["noms de rue"]) if self.odds(0.5) else lead + self.last()
        side = self.one(("", "", "", " Est", " Ouest", " Nord"))
        number = f"{self.chance.randint(1, 9_999)}{self.one(('', '', '', '', ' bis', ' ter', 'A'))}"
        text = f"{number}{self.one((',', ''))} {self.one(FILLING['rues'])} {name}{side}"
        if self.odds(0.2):
            return f"{text}, {self.one(('app.', 'appartement', 'bureau', 'bur.'))} {self._unit()}"
        return text

    def _unit(self) -> int:
        return self.chance.randint(1, 900)

    def _foreign(self) -> str:
        """A street as it is written elsewhere, the number behind or before the name."""
        name, number = self.one(FILLING["foreign streets"]).format(self.last()), str(self.chance.randint(1, 300))
        text = self.one((f"{name} {number}", f"{name} {number}", f"{number} {name}", f"{name}, {number}"))
        if self.odds(0.2):
            text += self.one((" Apt. {}", " - {}", "/{}", ", Flat {}")).format(self._unit())
        return text

    def postal(self) -> str:
        if self.odds(0.3):
            return f"{self.chance.randint(501, 99_950):05d}"
        letters = [self.one(_POSTAL) for _ in range(3)]
        digits = [self.chance.randint(0, 9) for _ in range(3)]
        gap = self.one((" ", " ", ""))
        return f"{letters[0]}{digits[0]}{letters[1]}{gap}{digits[1]}{letters[2]}{digits[2]}"

    def company(self) -> str:
        kinds = (
            (35, self.one(COMPANIES)),
            (20, f"{self.last()} {self.one(SUFFIXES)}"),
            (10, f"{self.last()}-{self.last()}"),
            (10, f"{self.last()}, {self.last()} {self.one(('and', '&', 'et'))} {self.last()}"),
            (9, f"{self.last()} {self.one(FILLING['families'])}"),
            (9, f"{self.one(FILLING['institutions'])} {self.city()}"),
            (7, self.one(FILLING["company beginnings"]) + self.one(FILLING["company ends"])),
        )
        return self.chance.choices([text for _, text in kinds], [weight for weight, _ in kinds])[0]

    def military(self) -> str:
        """Addresses of forces abroad, as the US postal service wants them, and ships."""
        if self.odds(0.2):
            first = f"{self.one(FILLING['ships'])} {self.last()}"
        else:
            unit, box = self.chance.randint(1, 9_999), self.chance.randint(1, 9_999)
            first = f"{self.one(('PSC', 'Unit', 'CMR'))} {unit}{self.one((' Box', ', Box'))} {box}"
        gap, post = self.one(("\n", ", ", " ")), self.one(("APO", "FPO", "DPO"))
        return f"{first}{gap}{post} {self.one(('AE', 'AP', 'AA'))} {self.chance.randint(9_000, 98_999):05d}"

    def hospital(self) -> str:
        name = self.one((self.last(), self.last(), self.city(), f"Saint-{self.first()}", self.person()))
        kind = self.one(FILLING["hospitals"])
        if kind[0].isupper() and kind.split()[-1] in {"Hospital", "Centre", "Clinic"}:
            return f"{name} {kind}"
        return f"{kind} {name.upper() if kind == 'HOP' else name}"

    def date(self) -> str:
        year, month, day = self.chance.randint(1930, 2027), self.chance.randint(1, 12), self.chance.randint(1, 28)
        months, mois = NEUTRAL["month"][:12], NEUTRAL["month"][21:33]
        return self.one(
            (
                f"{year}-{month:02d}-{day:02d}",
                f"{day:02d}/{month:02d}/{year}",
                f"{months[month - 1]} {day}, {year}",
                f"{day} {mois[month - 1]} {year}",
                f"{months[month - 1][:3]} {day}",
                f"{day} {months[month - 1]} {year}",
                str(year),
            )
        )

    def email(self) -> str:
        first, last = (name.lower().replace(" ", "") for name in (self.first(), self.last()))
        local = self.one((f"{first}.{last}", f"{first[0]}{last}", f"{first}{self.chance.randint(1, 99)}"))
        return f"{local}@{self.one(('gmail.com', 'example.com', 'hotmail.com', 'videotron.ca', 'acme.io'))}"

    def phone(self) -> str:
        area, three, four = self.chance.randint(201, 989), self.chance.randint(200, 999), self.chance.randint(0, 9_999)
        return self.one(("{}-{}-{:04d}", "({}) {}-{:04d}", "{} {} {:04d}", "+1 {} {} {:04d}", "{}.{}.{:04d}")).format(
            area, three, four
        )

    def handle(self) -> str:
        first, last = self.first().replace(" ", ""), self.last().replace(" ", "")
        return self.one((first, f"{last}{self.chance.randint(1, 99)}", f"real{first}", f"the_{last.lower()}"))

    def number(self) -> str:
        return str(self.chance.randint(1, 10 ** self.chance.randint(1, 9)))

    def job(self) -> str:
        return self.one(FILLING["jobs"])

    def metier(self) -> str:
        return self.one(FILLING["métiers"])
