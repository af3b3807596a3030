"""What the model is trained on and in what amounts: the one place that decides it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from services.pii.names.gazetteer import Gazetteer, code_of
from services.pii.training import corpora, negatives
from services.pii.training.examples import Labelled, Sequence, sequence
from services.pii.training.filling import synthetic
from services.pii.training.gazetteers import Names
from services.pii.training.values import Values

_LOWER = re.compile(r"(?<![^\W\d_])[a-zà-ÿœ]+(?![^\W\d_])")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Amounts; `held_out` sets are left out of training."""

    seed: int = 20261121
    synthetic: int = 16_000
    french: int = 6_000
    code: int = 6_000
    hidden: float = 0.35
    views: int = 4
    held_out: tuple[str, ...] = ()


def words(names: Names) -> Counter[str]:
    """How often words stand in lower case in our corpora: sentences of the sets, templates, the library's prose."""
    found: Counter[str] = Counter()
    for name in (*corpora.ENGLISH, corpora.FRENCH):
        for row in corpora.read(name):
            text = row.text
            for span in reversed(row.spans):
                text = text[: span.start] + " " + text[span.end :]
            found.update(_LOWER.findall(text))
    for text in negatives.modules():
        prose = " ".join(
            re.findall(r'"""(.*?)"""|#(.*)', text, re.DOTALL)
            and [a or b for a, b in re.findall(r'"""(.*?)"""|#([^\n]*)', text, re.DOTALL)]
        )
        found.update(_LOWER.findall(prose))
    plain = Values(names, 1)
    for row in synthetic(plain, 3_000):
        text = row.text
        for span in reversed(row.spans):
            text = text[: span.start] + " " + text[span.end :]
        found.update(_LOWER.findall(text))
    return found


def views(gazetteer: Gazetteer, recipe: Recipe) -> list[Gazetteer]:
    """The gazetteer with a part of its names and places hidden, so that the model also reads the context."""
    return [_hidden(gazetteer, recipe.hidden, Random(recipe.seed + at)) for at in range(recipe.views)]  # noqa: S311


def _hidden(gazetteer: Gazetteer, share: float, chance: Random) -> Gazetteer:
    codes = {
        word: code_of(0, 0, code >> 5) if code & 31 and chance.random() < share else code
        for word, code in gazetteer.codes.items()
    }
    return Gazetteer(codes=codes)


def sequences(names: Names, recipe: Recipe) -> list[Sequence]:
    return [sequence(row) for row in texts(names, recipe)]


def texts(names: Names, recipe: Recipe) -> list[Labelled]:
    values = Values(names, recipe.seed)
    english = [row for name in corpora.ENGLISH if name not in recipe.held_out for row in corpora.read(name)]
    french = [row for row in corpora.read(corpora.FRENCH) if 20 < len(row.text) < 600]  # noqa: PLR2004
    values.chance.shuffle(french)
    french = french[: recipe.french]
    made: list[Labelled] = [*english, *french]
    made += corpora.swapped(_with_names(english), values, 0.8)
    made += corpora.swapped(_with_names(french)[:2_500], values, 0.9, french=True)
    made += corpora.pasted(english, values, 1_500)
    made += (row.recased(str.lower) for row in values.chance.sample(english, 1_500))
    made += (row.recased(str.upper) for row in values.chance.sample(english, 500))
    made += synthetic(values, recipe.synthetic)
    made += negatives.code(values, recipe.code)
    made += negatives.objects(values, 1_000)
    made += negatives.fenced(values, 1_000)
    values.chance.shuffle(made)
    return made


def _with_names(rows: Iterable[Labelled]) -> list[Labelled]:
    return [row for row in rows if row.spans]
