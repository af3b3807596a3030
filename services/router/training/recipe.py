"""What the classifier is trained on and in what amounts: the one place that decides it."""

from dataclasses import dataclass, replace
from random import Random

from services.router.training import corpora, noise, written
from services.router.training.examples import Example


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Amounts; the defaults are what the committed weights were made with."""

    seed: int = 20261121
    templates: int = 150
    results: int = 150
    fillings: int = 6
    stubs: int = 250
    slips: float = 1.0
    pasted: float = 0.12
    recased: float = 0.1


def examples(recipe: Recipe) -> list[Example]:
    """Everything, without what is kept apart, in a fixed order."""
    chance = Random(recipe.seed)  # noqa: S311 - the same each time is the point
    found = corpora.tiers()
    found += corpora.templates(chance, recipe.templates)
    found += corpora.results(chance, recipe.results)
    found += written.examples(chance, recipe.fillings)
    found += written.stubs(chance, recipe.stubs)
    found = corpora.KeptApart().without(found)
    unique = {one.text: one for one in reversed(found)}
    return sorted(unique.values(), key=lambda one: (one.origin, one.text))


def worn(found: list[Example], recipe: Recipe) -> list[Example]:
    """The same, and copies that were hurt on the way; where only scores are known the copies are left out."""
    chance = Random(recipe.seed + 1)  # noqa: S311
    out = list(found)
    for one in found:
        if one.task is None and one.complexity is None:
            continue
        half = one.weight / 2
        if chance.random() < recipe.slips:
            out.append(
                replace(one, text=noise.slip(one.text[:3_000], chance, chance.choice((0.01, 0.02, 0.04))), weight=half)
            )
        if chance.random() < recipe.recased:
            out.append(replace(one, text=noise.recase(one.text, chance), weight=half))
        if chance.random() < recipe.pasted:
            out.append(replace(one, text=noise.pasted(one.text, chance), weight=half))
    return out
