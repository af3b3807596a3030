"""Two thousand prompts that no weights have seen, and a made-up truth of how well five models do each of them.

No model answers in the sandbox, so quality is simulated: each model has a base that is set here by hand, each pair of
model and kind of work moves away from it by chance (seeded), each prompt is harder or easier by its own tier and by
chance. What each model is worth at each kind of work is known to the router, by the table of abilities that is written
here; of the prompts it knows what they say. The figures tell what routing is worth if models differ like that, and
nothing about these models.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

from libs.catalog.abilities import FILE, Abilities, Group
from libs.catalog.model import Catalog
from services.router.choice.known import GROUP_OF
from services.router.classifier.tasks import Task
from services.router.training.written import PROMPTS, read
from tests.load.routing_scores import TIERS, rows

COUNT = 2_000
SEED = 20261121
# Simulated: how often a model does a moderate request well, before its kind moves it.
BASES = {
    "bedrock/ca.amazon.nova-lite-v1:0-ca": 0.68,
    "Qwen/Qwen3-32B": 0.78,
    "azure/gpt-4.1-mini-ca": 0.80,
    "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global": 0.85,
    "anthropic/claude-opus-4-8-us": 0.90,
}
_OF_KIND = 0.5  # spread of a pair of model and kind of work, in log-odds: about .08 either way in the middle
_OF_PROMPT = 0.7
_OF_TIER = {"simple": 1.0, "moderate": 0.0, "complex": -1.0}
# Arena Hard's own names of its clusters, by words in them; what none fits is analysis.
_CLUSTERS = (
    ("math", ("math", "algebra", "geometry", "proof", "calculus", "probability", "equation", "number", "arithmetic")),
    ("reasoning", ("puzzle", "logic", "reasoning", "riddle")),
    ("creative_writing", ("story", "creative", "poem", "writing", "lyrics", "fiction", "melod")),
    ("code_generation", ("code", "coding", "python", "sql", "java", "script", "program", "react", "api", "linux",
                         "docker", "software", "algorithm", "web", "c++", "server", "app", "database", "excel")),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A prompt, its task and tier (as labelled; "" where nobody did), and its number, by which chance is drawn."""

    at: int
    prompt: str
    task: str
    tier: str

    def quality(self, model: str) -> float:
        """How likely this model's answer is good: simulated."""
        odds = _odds(model, GROUP_OF[Task(self.task)])
        odds += _OF_TIER.get(self.tier, 0.0) + _OF_PROMPT * _normal("prompt", str(self.at))
        return 1 / (1 + exp(-odds))


def write_known(config: Path, folder: Path, catalog: Catalog, shipped: Abilities) -> None:
    """A configuration folder in which the five models' abilities are what they are here, for a moderate request.

    Everything else, speeds and weights of the modes too, is as shipped.
    """
    shutil.copytree(config, folder)
    lines = [
        f'[[weights]]\noptimize = "{mode}"\ncost = {weights.cost}\nlatency = {weights.latency}'
        for mode, weights in shipped.weights.items()
    ]
    for model in (*BASES, ""):
        ability = shipped.of(catalog.routes[model]) if model else shipped.by_model["unknown"]
        scores = {group: 1 / (1 + exp(-_odds(model, group))) if model else 0.5 for group in Group}
        lines.append(
            f'[[ability]]\nmodel = "{ability.model}"\nsource = "simulated"\nchecked = {ability.checked}\n'
            f"first_byte_ms = {ability.first_byte_ms}\ntokens_per_s = {ability.tokens_per_s}\n"
            f"verbosity = {ability.verbosity}\n"
            f"scores = {{ {', '.join(f'{group} = {score:.3f}' for group, score in scores.items())} }}"
        )
    (folder / FILE).write_text("\n\n".join(lines) + "\n")


def _odds(model: str, group: Group) -> float:
    return log(BASES[model] / (1 - BASES[model])) + _OF_KIND * _normal("kind", model, group)


def asked(folder: Path) -> list[Asked]:
    """All labelled development prompts, then Arena Hard, then Dolly's until there are enough; in an order of chance."""
    found = [(row["prompt"], row["task"], TIERS[row["tier"]]) for row in rows(folder, "tasks/uncommonroute_dev")]
    found += [(one.text, one.first.task.value, one.first.complexity.value) for one in read("french_dev") if one.agreed]
    lines = (PROMPTS / "selfinstruct_dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    label: dict[str, str] = dict(line.split("\t", 1) for line in lines)
    seed = rows(folder, "tasks/selfinstruct_seed")
    found += [(row["prompt"], label[row["id"]], "") for row in seed if row["id"] in label]
    for name in ("humaneval", "mbpp"):
        found += [(row["prompt"], "code_generation", "") for row in rows(folder, f"tasks/{name}")]
    found += [(row["prompt"], _cluster(row["raw"]), "") for row in rows(folder, "tasks/arena_hard_v01")]
    found += [_dolly(row) for row in rows(folder, "tasks/dolly_prompts")[: COUNT - len(found)]]
    Random(SEED).shuffle(found)
    return [Asked(at=at, prompt=prompt, task=task or "analysis", tier=tier) for at, (prompt, task, tier) in
            enumerate(found[:COUNT])]  # fmt: skip


def pick(asked: Sequence[Asked]) -> list[str]:
    """A model for each by chance, the same each time."""
    chance = Random(SEED + 1)
    return [chance.choice(list(BASES)) for _ in asked]


def _dolly(row: dict[str, Any]) -> tuple[str, str, str]:
    if row.get("context"):
        return f"{row['prompt']}\n\n{row['context']}", "document_qa", ""
    return row["prompt"], "question_answering", ""


def _cluster(name: str) -> str:
    words = name.lower()
    return next((task for task, marks in _CLUSTERS if any(mark in words for mark in marks)), "analysis")


def _normal(*of: str) -> float:
    """A standard normal number that belongs to these names."""
    digest = hashlib.sha256("\n".join((str(SEED), *of)).encode()).digest()
    return NormalDist().inv_cdf((int.from_bytes(digest[:8]) + 0.5) / 2**64)
