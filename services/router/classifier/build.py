"""How a text is built, apart from its words: length, lines, signs of code, formulas and lists."""

from collections.abc import Sequence
from math import log1p

NUMBERS = 14

_LENGTHS = (20, 40, 80, 140, 220, 350, 600, 1_000, 1_800, 3_500, 8_000, 20_000)
_LINES = (1, 3, 6, 12, 25, 60)
_LOOKED_AT = 2_000
_QUESTIONS = 4
_LONG_WORD = 8
_CODE = (
    "def ", "import ", "class ", "return", "function", "#include", "SELECT ", "public ", "const ", "=> ", "</",
    "console.", "print(", '"""', ">>> ", "rror", "Traceback", "self.", "for (", "if (", "\\frac", "$$", "var ", "let ",
    "->", "){", "();", "fn ", "int ", "void ",
)  # fmt: skip
_NAMES = {mark: "#k" + mark.strip() for mark in _CODE}


def _step(value: float, edges: Sequence[float]) -> int:
    return sum(value >= edge for edge in edges)


def marks(sampled: str, length: int) -> list[str]:
    """Names of what is there; `length` is that of the whole text, `sampled` what is looked at of it."""
    part = sampled[:_LOOKED_AT]
    size = len(part) or 1
    count = part.count
    lines, asked = count("\n"), count("?")
    foreign = 0.0 if part.isascii() else (len(part) - len(part.encode("ascii", "ignore"))) / size
    code = (count("{") + count("}") + count(";") + count("()") + count("==")) / size
    maths = (count("$") + count("\\") + count("^") + count("=")) / size
    commas = (count(",") + count(" and ")) / size * 100
    found = [
        f"#length{_step(length, _LENGTHS)}",
        f"#lines{_step(lines, _LINES)}",
        f"#asked{min(asked, _QUESTIONS)}",
        f"#code{_step(code, (1e-9, 0.003, 0.01, 0.03))}",
        f"#maths{_step(maths, (1e-9, 0.005, 0.02, 0.05))}",
        f"#foreign{_step(foreign, (1e-9, 0.02, 0.2, 0.5))}",
        f"#commas{_step(commas, (0.3, 0.8, 1.5, 3))}",
    ]
    add = found.append
    if part.rstrip()[-1:] in {"?", "？"}:  # noqa: RUF001 - the full-width one
        add("#question")
    if "```" in part:
        add("#fence")
    if "\nA." in part or "\nA)" in part or "(A)" in part or "\nA:" in part:
        add("#choices")
    if "\n- " in part or "\n* " in part or "\n1." in part:
        add("#list")
    if "\n\n" in part:
        add("#paragraphs")
    if '"' in part or "\u201c" in part or "«" in part:
        add("#quote")
    if "http" in part:
        add("#link")
    here = [name for mark, name in _NAMES.items() if mark in part]
    add(f"#codes{min(len(here), 5)}")
    return found + here


def numbers(sampled: str, length: int, words: Sequence[str]) -> list[float]:
    """NUMBERS measures of it, for the heads that say how hard it is."""
    count = sampled.count
    size = len(words) or 1
    digits = sum(map(str.isdigit, words))
    sentences = count(". ") + count("? ") + count("\n") + 1
    long = sum(map(_LONG_WORD.__lt__, map(len, words)))
    return [
        log1p(length),
        log1p(size),
        log1p(digits),
        log1p(sentences),
        min(len(sampled) / size, 15) / 5,
        log1p(count(",")),
        digits / size,
        log1p(count("\n")),
        log1p(count("(")),
        log1p(count("\\") + count("$") + count("^")),
        log1p(count("{") + count(";") + count("()")),
        float(min(count("?"), 5)),
        long / size * 4,
        float("\nA." in sampled or "(A)" in sampled),
    ]
