"""The door of Faker: picks, at build time, the words that substitutes are drawn from.

`python -m services.pii.surrogates "$NI_DATA"`. Nothing that runs imports this file; what it writes is committed
(`substitutes/data/pools.txt`). A word is kept when nobody would write it by accident: it stands in no English or French
text at hand, names no place and begins no other.
"""

import gzip
import importlib
import json
import os
import pkgutil
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import faker.providers.address
import faker.providers.person

OUT = Path(__file__).parent / "substitutes" / "data" / "pools.txt"
TOWNS = OUT.with_name("towns.txt")

# Running text only: sets that were filled by Faker would hide its names from us.
CORPORA = (
    "pii/wnut17_*.jsonl",
    "pii/btc_*.jsonl",
    "pii/europeana_fr.jsonl",
    "pii/sec_fin5_train.jsonl",
    "pii/eds_pseudo_fr_dev.jsonl",
    "routing/tasks/*.jsonl.gz",
    "routing/perf/gsm8k_train_questions.jsonl.gz",
    "routing/perf/mmlu_pro.jsonl.gz",
)
# Where a first name that is also a last name is a first name.
FIRST_OF_ALL = ("en_US", "en_GB", "en_IE", "fr_FR", "fr_CA", "fr_QC")
# Names that read well beside English and French ones come first; the rest fills up.
NEAR = (
    "fr_",
    "en_US",
    "en_GB",
    "en_IE",
    "en_NZ",
    "de_",
    "nl_",
    "it_",
    "es_",
    "pt_",
    "da_",
    "sv_",
    "no_",
    "fi_",
    "en",
    "ga",
)
MONSIEUR = "M"  # a first name's initial must not read as a title: "M. Tremblay"
CLASS_SIZE = 1500
TOWNS_ELSEWHERE = 1200
SHAPE = re.compile(r"(?!.*(.)\1\1)[A-Z][a-z]{3,9}")
WORD = re.compile(r"[^\W\d_]+")
VOWELS = "aeiouyh"  # of French elision: d'Henri, l'Yonne
MEANINGS = set("arse babyboy cock dick fuck hitler jihad nazi porn satan shit slut whore".split())
FAMOUS = set("acero borland kuhn legendre nugent padilla petrov smirnov".split())  # a laureate, a polynomial, a vodka
STREET_SHARE = 5  # every fifth last name is a street's


def plain(word: str) -> str:
    """The word in lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))


def providers(package: Any) -> Iterator[tuple[str, Any]]:
    """Faker's providers of one kind, by locale."""
    for found in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        yield found, importlib.import_module(f"{package.__name__}.{found}").Provider


def listed(provider: Any, *members: str) -> set[str]:
    """The words of a provider's lists, whatever form they have."""
    found: set[str] = set()
    for member in members:
        for entry in getattr(provider, member, None) or ():
            found.add(entry if isinstance(entry, str) else entry[-1])
    return found


def seen_in_text(data: Path) -> set[str]:
    """Every word, plain, of the texts at hand."""
    found: set[str] = set()
    paths = sorted(path for pattern in CORPORA for path in data.glob(pattern))
    if not paths:
        raise SystemExit(f"no texts under {data}: give the folder of the labelled sets (NI_DATA)")
    for path in paths:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for line in lines:
                for text in strings(json.loads(line)):
                    found.update(WORD.findall(text.lower()))
    return {plain(word) for word in found} | {plain(word) for word in listed_code_words()}


def strings(value: object) -> Iterator[str]:
    """The strings of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def listed_code_words() -> Iterator[str]:
    """Words of this Python's own modules: identifiers and English prose about them."""
    for path in sorted(Path(os.__file__).parent.glob("*.py")):
        yield from WORD.findall(path.read_text("utf-8", "replace"))


def places() -> tuple[set[str], set[str]]:
    """Names of places as words, plain; and the names of countries, provinces and states, plain, which are kept."""
    words: set[str] = set()
    kept: set[str] = set()
    for locale, provider in providers(faker.providers.address):
        found = listed(provider, "cities", "city_names", "towns", "states", "provinces", "countries", "departments")
        words.update(plain(word) for name in found for word in WORD.findall(name))
        if locale in {"en", "en_US", "en_CA", "fr_FR", "fr_CA", "fr_CH", "en_AU"}:
            kept |= {plain(name) for name in listed(provider, "countries", "states", "provinces")}
    words |= {plain(word) for line in TOWNS.read_text().splitlines() for word in WORD.findall(line.partition(":")[2])}
    return words, kept


def without_prefixes(words: Iterable[str]) -> list[str]:
    """The words that begin no other: `Adam` goes, `Adamson` stays."""
    ordered = sorted(set(words))
    return [w for w, following in zip(ordered, [*ordered[1:], ""], strict=True) if not following.startswith(w)]


def names() -> tuple[set[str], set[str], set[str], set[str]]:
    """Male, female and last names of all locales, and those that are first names before all."""
    male: set[str] = set()
    female: set[str] = set()
    last: set[str] = set()
    before_all: set[str] = set()
    for locale, provider in providers(faker.providers.person):
        here = listed(provider, "first_names_male"), listed(provider, "first_names_female")
        male |= here[0]
        female |= here[1]
        last |= listed(provider, "last_names")
        if locale in FIRST_OF_ALL:
            before_all |= here[0] | here[1]
    return male, female, last, before_all


def pools(data: Path) -> dict[str, list[str]]:
    """Everything that is written: pools by class, first names by gender, names of regions, which are kept."""
    male, female, last, before_all = names()
    place_words, regions = places()
    common = seen_in_text(data) | regions | MEANINGS | FAMOUS
    towns = {word for word in towns_elsewhere() if fits(word) and word.lower() not in common} - male - female - last
    fit = {
        word
        for word in male | female | last
        if fits(word) and word.lower() not in common and word.lower() not in place_words
    }
    plain_ones = set(without_prefixes(fit | towns))
    fit, towns = fit & plain_ones, towns & plain_ones
    order = near_first()
    out: dict[str, list[str]] = {}
    surnames = nearest(fit & (last - male - female), order)
    for name, words in {
        "male": [name for name in nearest(fit & (male - female - last), order) if name[0] != MONSIEUR],
        "female": [name for name in nearest(fit & (female - male - last), order) if name[0] != MONSIEUR],
        "street": surnames[::STREET_SHARE],
        "last": [word for i, word in enumerate(surnames) if i % STREET_SHARE],
    }.items():
        out[f"{name} vowel"] = sorted([w for w in words if w[0].lower() in VOWELS][:CLASS_SIZE])
        out[f"{name} consonant"] = sorted([w for w in words if w[0].lower() not in VOWELS][:CLASS_SIZE])
    out["town"] = sorted(towns)[:: max(1, len(towns) // TOWNS_ELSEWHERE)]
    surely_first = before_all | ((male | female) - last)
    men, women = (
        {plain(w) for w in found & surely_first if WORD.fullmatch(w) and len(w) > 1} for found in (male, female)
    )
    out["known male"], out["known female"] = sorted(men - women), sorted(women - men)
    out["known either"] = sorted(men & women)
    regions -= {"new york", "washington"}  # cities first
    out["regions"] = sorted(name.replace(" ", "_") for name in regions if re.fullmatch("[a-z' -]+", name))
    return out


def fits(word: str) -> bool:
    """Four to ten ASCII letters, none three times in a row, no doubled beginning."""
    return SHAPE.fullmatch(word) is not None and word[0].lower() != word[1]


def near_first() -> dict[str, int]:
    """How near to English and French the first list is that a name stands in."""
    order: dict[str, int] = {}
    for locale, provider in providers(faker.providers.person):
        rank = next((i for i, near in enumerate(NEAR) if locale.startswith(near)), len(NEAR))
        for name in listed(provider, "first_names_male", "first_names_female", "last_names"):
            order[name] = min(rank, order.get(name, rank))
    return order


def nearest(words: set[str], order: dict[str, int]) -> list[str]:
    """The words, the nearest first, then by alphabet."""
    return sorted(words, key=lambda word: (order[word], word))


def towns_elsewhere() -> set[str]:
    """Small towns of Faker's lists whose names read well in English and French."""
    found: set[str] = set()
    for locale, provider in providers(faker.providers.address):
        if locale in {"nl_BE", "nl_NL", "da_DK", "it_IT", "de_AT", "de_CH"}:
            found |= {name for name in listed(provider, "cities") if re.fullmatch("[A-Z][a-z]{4,8}", name)}
    return found


def main() -> None:
    """Write the file anew and say what is in it."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the folder
        raise SystemExit('say where the texts are: python -m services.pii.surrogates "$NI_DATA"')
    found = pools(Path(sys.argv[1]))
    OUT.write_text("".join(f"{name}\t{' '.join(words)}\n" for name, words in found.items()))
    sys.stdout.writelines(f"{name}: {len(words)}\n" for name, words in found.items())


if __name__ == "__main__":
    main()
