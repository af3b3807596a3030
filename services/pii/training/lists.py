"""Words of our own for filling templates and the gazetteer: names Canada's people bear, places, and what is neither."""

from collections.abc import Mapping
from importlib import resources


def _sections(name: str) -> Mapping[str, tuple[str, ...]]:
    """A file of one word or name a line, under `[section]` lines."""
    found: dict[str, list[str]] = {}
    for line in (resources.files(__package__) / "words" / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = section = []
        else:
            section.append(line)
    return {key: tuple(words) for key, words in found.items()}


FIRST_NAMES = _sections("first_names")
LAST_NAMES = _sections("last_names")
NEUTRAL = _sections("neutral")  # stands capitalised or unusual in real prompts and is nobody's name
REGIONS = _sections("places")["regions"]
EXONYMS = _sections("places")["towns"]
COMPANIES = _sections("companies")["names"]
SUFFIXES = _sections("companies")["endings"]
FILLING = _sections("filling")
