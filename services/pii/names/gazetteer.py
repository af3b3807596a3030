"""Words known as names or parts of places, and how usual each is as an ordinary word: one small number a word."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A code is `names | places << 2 | usual << 5`.
FIRST, LAST = 1, 2
PLACES = {"town": 1, "city": 2, "region": 3, "opens": 4, "part": 5}
PART = PLACES["part"]
USUAL = 5  # 0: never seen in lower case, 5: among the most usual


@dataclass(frozen=True, kw_only=True, slots=True)
class Gazetteer:
    """Word in lower case to its code."""

    codes: Mapping[str, int]


def code_of(names: int, place: int, usual: int) -> int:
    return names | place << 2 | usual << 5


def read_gazetteer(path: Path) -> Gazetteer:
    """The file: zlib over lines of `code word word …`, in UTF-8."""
    codes: dict[str, int] = {}
    for line in zlib.decompress(path.read_bytes()).decode().splitlines():
        code, *words = line.split(" ")
        codes.update(dict.fromkeys(words, int(code)))
    return Gazetteer(codes=codes)


def write_gazetteer(path: Path, gazetteer: Gazetteer) -> None:
    by_code: dict[int, list[str]] = {}
    for word, code in gazetteer.codes.items():
        by_code.setdefault(code, []).append(word)
    lines = [f"{code} {' '.join(sorted(words))}" for code, words in sorted(by_code.items())]
    path.write_bytes(zlib.compress("\n".join(lines).encode(), 9))
