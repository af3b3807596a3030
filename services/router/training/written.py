"""Our own prompts: written with a label in mind, read again later without it, kept where both readings agree."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from services.router.classifier.tasks import Complexity, Task
from services.router.training.examples import Example
from services.router.training.library import functions
from services.router.training.noise import polite

PROMPTS = Path(__file__).parent / "prompts"
_SLOT = re.compile(r"\{([A-Z]{1,2})(\d?)\}")
_LONGEST_CODE = 1_200
_POLITE = 0.4
_SIGNATURES = (
    "", "from typing import List\n\n\n", "import math\n\n", "Complete this function.\n\n",
    "Complète cette fonction.\n\n", "Finish the code below:\n", "\n\n",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    task: Task
    complexity: Complexity


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """One prompt, slots unfilled, and what two readings made of it."""

    text: str
    first: Reading
    second: Reading

    @property
    def agreed(self) -> bool:
        return self.first == self.second


def read(name: str) -> list[Written]:
    with (PROMPTS / f"{name}.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Written(text=text.replace("\\n", "\n"), first=_reading(first), second=_reading(second))
        for first, second, text in rows[1:]
    ]


def _reading(said: str) -> Reading:
    task, complexity = said.split(" ")
    return Reading(task=Task(task), complexity=Complexity(complexity))


class Fillings:
    """What the slots of a prompt are filled with."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._values: dict[tuple[str, str], list[str]] = {}
        with (PROMPTS / "fillings.tsv").open(encoding="utf-8", newline="") as lines:
            for slot, language, value in list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
                for one in ("en", "fr") if language == "any" else (language,):
                    self._values.setdefault((slot, one), []).append(value.replace("\\n", "\n"))
        self._functions = functions()

    def fill(self, text: str, language: str) -> str:
        def value(found: re.Match[str]) -> str:
            slot = found[1]
            if slot in {"N", "M"}:
                return str(self._chance.randint(2, 99))
            if slot == "C":
                return self._code()
            english = language == "en" or slot.endswith("E")
            where = self._values.get((slot, "en" if english else "fr")) or self._values[slot.removesuffix("E"), "en"]
            return self._chance.choice(where)

        return _SLOT.sub(value, text)

    def _code(self) -> str:
        code = self._chance.choice(self._functions)[0][:_LONGEST_CODE]
        return f"```python\n{code}\n```" if self._chance.random() < 0.4 else code  # noqa: PLR2004


def examples(chance: Random, fillings: int) -> Iterator[Example]:
    """Prompts with slots come `fillings` times, each time with something else."""
    fill = Fillings(chance)
    for name, language in (("english", "en"), ("french", "fr")):
        for one in read(name):
            if not one.agreed:
                continue
            times = fillings if _SLOT.search(one.text) else 1
            weight = 1.0 if times == 1 else (2.0 / times)
            for _ in range(times + 1):
                text = fill.fill(one.text, language)
                yield Example(
                    text=polite(text, language, chance) if chance.random() < _POLITE else text,
                    origin="own",
                    group=one.text,
                    task=one.first.task,
                    complexity=one.first.complexity,
                    weight=weight,
                )


def stubs(chance: Random, count: int) -> Iterator[Example]:
    """A signature and a docstring, nothing else: the rest is to be written."""
    known = [stub for _, stub in functions() if stub]
    for stub in chance.sample(known, min(count, len(known))):
        yield Example(text=chance.choice(_SIGNATURES) + stub, origin="library", task=Task.CODE_GENERATION, weight=0.5)
