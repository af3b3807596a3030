"""The words substitutes are drawn from, as committed in `data/`: read once, kept for the life of the process."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from services.pii.restoring.folding import fold

_DATA = Path(__file__).parent / "data"
_VOWELS = frozenset("aeiouyh")  # before which French elides: d'Henri, l'Yonne
# Short names that no list has.
_REGIONS = frozenset(
    "usa us uk canada etats-unis england angleterre scotland ecosse wales royaume-uni holland russia "
    "europe asia asie africa afrique america amerique oceania quebec ontario "
    "pq qc on bc ab sk mb nb ns pe pei nl nt nu yt".split()
) | {"united states", "united kingdom", "united states of america", "north america", "south america"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pools:
    """Words by class (`female vowel`, `last consonant`, `street vowel` …), and what is known of words and places."""

    words: Mapping[str, tuple[str, ...]]
    genders: Mapping[str, str]  # first names, folded: male, female or either
    regions: frozenset[str]  # countries, provinces and states, folded: they stay
    region_words: frozenset[str]  # the first words of those
    provinces: Mapping[str, str]  # cities of Canada, folded: their province
    towns: Mapping[str, tuple[str, ...]]  # by province, `US`, or `` for anywhere


@cache
def load_pools() -> Pools:
    """Some 300 kB of text, about 10 ms, once."""
    words: dict[str, tuple[str, ...]] = {}
    for line in (_DATA / "pools.txt").read_text().splitlines():
        name, _, listed = line.partition("\t")
        words[name] = tuple(listed.split(" "))
    genders = {name: gender for gender in ("male", "female", "either") for name in words.pop(f"known {gender}")}
    provinces: dict[str, str] = {}
    towns: dict[str, tuple[str, ...]] = {}
    for line in (_DATA / "towns.txt").read_text().splitlines():
        province, _, lists = line.partition(":")
        cities, small = ([name.strip() for name in part.split(",") if name.strip()] for part in lists.split("|"))
        towns[province] = tuple(small)
        if province != "US":
            provinces |= {fold(city): province for city in (*small, *cities) if fold(city) not in provinces}
    towns[""] = words.pop("town")
    regions = frozenset(name.replace("_", " ") for name in words.pop("regions")) | _REGIONS
    return Pools(
        words=MappingProxyType(words),
        genders=MappingProxyType(genders),
        regions=regions,
        region_words=frozenset(name.split(" ", 1)[0] for name in regions),
        provinces=MappingProxyType(provinces),
        towns=MappingProxyType(towns),
    )


def sound(folded: str) -> str:
    """The class of a word's beginning: what stands before it in French depends on it."""
    return "vowel" if folded[:1] in _VOWELS else "consonant"
