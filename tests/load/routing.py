"""`make bench-routing`: what the classifier of requests gets right and how fast, beside chance and length alone."""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from services.router.classifier.classify import load
from services.router.classifier.tasks import COMPLEXITIES, TASKS
from services.router.training.written import PROMPTS, read
from tests.load.routing_scores import (
    PAIRS,
    SMALL,
    TIERS,
    Classify,
    Said,
    calibration_error,
    closed_gap,
    hurt,
    macro_f1,
    precision,
    rows,
    steady,
)

_SHORT, _MODERATE = 60, 160
_STEADY_OF = 900
# What a process holds now; the peak would be its parent's.
_MEMORY = """
import time, numpy
def held(): return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6
before = held()
started = time.perf_counter()
from services.router.classifier.classify import classify, load
load()
took = time.perf_counter() - started
classify("hello " * 999)
print(held() - before, took)
"""
_ABOUT = """\
Score the classifier on the labelled prompts in NI_DATA/routing that its weights have never seen, beside a classifier by
chance and one by length alone; then microseconds a decision on one thread, seconds to load and memory.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A prompt and the tasks that are right for it."""

    prompt: str
    right: tuple[str, ...]


def main() -> int:
    """0: measured; 2: no labelled sets here."""
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="speed alone")
    given = parser.parse_args()
    folder = Path(os.environ.get("NI_DATA", "../shared/data")) / "routing"
    if not folder.is_dir():
        _say("no labelled sets: set NI_DATA; docs/router-model.md names their public origins")
        return 2
    ours = _ours()
    if not given.speed:
        every = {"ours": ours, "length": _by_length, "random": _by_chance(Random(0))}
        _tasks(folder, every)
        _complexity(folder, every)
        _pairs(folder, every)
        _cheap(folder, every)
        _steadiness(folder, every)
    _speed(folder, ours)
    return 0


def _ours() -> Classify:
    classifier = load()

    def classify(text: str) -> Said:
        found = classifier.classify(text)
        return Said(
            task=found.task.value,
            complexity=found.complexity.value,
            confidence=found.confidence,
            strong=found.difficulty,
            cheap=found.p_cheap,
        )

    return classify


def _by_length(text: str) -> Said:
    at = "simple" if len(text) < _SHORT else "moderate" if len(text) < _MODERATE else "complex"
    return Said(task="question_answering", complexity=at, confidence=1.0, strong=float(len(text)), cheap=0.5)


def _by_chance(chance: Random) -> Classify:
    def classify(_: str) -> Said:
        task, complexity = chance.choice(TASKS).value, chance.choice(COMPLEXITIES).value
        return Said(
            task=task, complexity=complexity, confidence=1 / len(TASKS), strong=chance.random(), cheap=chance.random()
        )

    return classify


def _sets(folder: Path) -> dict[str, list[Asked]]:
    found = {
        name: [
            Asked(prompt=row["prompt"], right=(row["task"],) if row.get("task") else tuple(row["accept"]))
            for row in rows(folder, f"tasks/{name}")
            if row.get("task") or row.get("accept")
        ]
        for name in ("uncommonroute_dev", "humaneval", "mbpp")
    }
    found["own french dev"] = [
        Asked(prompt=one.text, right=(one.first.task.value,)) for one in read("french_dev") if one.agreed
    ]
    lines = (PROMPTS / "selfinstruct_dev.tsv").read_text(encoding="utf-8").splitlines()[1:]
    label: dict[str, str] = dict(line.split("\t", 1) for line in lines)
    found["self-instruct seed"] = [
        Asked(prompt=row["prompt"], right=(label[row["id"]],))
        for row in rows(folder, "tasks/selfinstruct_seed")
        if row["id"] in label
    ]
    return found


def _tasks(folder: Path, every: dict[str, Classify]) -> None:
    _say(f"{'task':22}{'n':>5}" + "".join(f"{name + ' acc':>12}{'macro-F1':>10}{'ECE':>7}" for name in every))
    for name, asked in _sets(folder).items():
        cells = ""
        for classify in every.values():
            said = [classify(one.prompt) for one in asked]
            good = [found.task in one.right for found, one in zip(said, asked, strict=True)]
            gold = [one.right[0] for one in asked]
            score = f"{macro_f1(gold, [one.task for one in said]):10.3f}" if len(set(gold)) > 1 else f"{'-':>10}"
            cells += f"{np.mean(good):12.3f}{score}{calibration_error([one.confidence for one in said], good):7.3f}"
        _say(f"{name:22}{len(asked):5}{cells}")
    asked = _sets(folder)["uncommonroute_dev"]
    gold, found = [one.right[0] for one in asked], [every["ours"](one.prompt).task for one in asked]
    _say(f"code_generation: precision {precision(gold, found, 'code_generation'):.3f} on uncommonroute_dev")


def _complexity(folder: Path, every: dict[str, Classify]) -> None:
    _say(f"\n{'complexity':22}{'n':>5}" + "".join(f"{name + ' acc':>12}{'macro-F1':>10}{'c->s':>7}" for name in every))
    asked = [(row["prompt"], TIERS[row["tier"]]) for row in rows(folder, "tasks/uncommonroute_dev")]
    own = [(one.text, one.first.complexity.value) for one in read("french_dev") if one.agreed]
    for name, some in (("uncommonroute_dev", asked), ("own french dev", own)):
        cells = ""
        for classify in every.values():
            gold, said = [right for _, right in some], [classify(text).complexity for text, _ in some]
            good = np.mean([one == other for one, other in zip(gold, said, strict=True)])
            worst = np.mean([pair == ("complex", "simple") for pair in zip(gold, said, strict=True)])
            cells += f"{good:12.3f}{macro_f1(gold, said):10.3f}{worst:7.3f}"
        _say(f"{name:22}{len(some):5}{cells}")


def _pairs(folder: Path, every: dict[str, Classify]) -> None:
    _say(f"\n{'APGR (random .5)':56}{'n':>5}" + "".join(f"{name:>9}" for name in every))
    for low, high in PAIRS:
        known = [row for row in rows(folder, "perf/llmrouter_test") if _has(row, low) and _has(row, high)]
        weak, strong = (np.array([row["scores"][name] for row in known], float) for name in (low, high))
        cells = ""
        for classify in every.values():
            score = np.array([classify(row["prompt"]).strong for row in known], float)
            cells += f"{closed_gap(score, weak, strong):9.3f}"
        _say(f"{low + ' / ' + high:56}{len(known):5}{cells}")


def _cheap(folder: Path, every: dict[str, Classify]) -> None:
    known = [row for row in rows(folder, "perf/llmrouter_test") if all(_has(row, name) for name in SMALL)]
    good = [float(np.mean([row["scores"][name] for name in SMALL])) for row in known]
    errors = [calibration_error([classify(row["prompt"]).cheap for row in known], good) for classify in every.values()]
    _say(f"{'p_cheap: ECE (length: always .5)':56}{len(known):5}" + "".join(f"{one:9.3f}" for one in errors))


def _has(row: dict[str, Any], model: str) -> bool:
    return not row.get("contaminated") and row["scores"].get(model) is not None


def _steadiness(folder: Path, every: dict[str, Classify]) -> None:
    names = ("tasks/arena_hard_v01", "tasks/uncommonroute_dev")
    prompts = [row["prompt"] for name in names for row in rows(folder, name)][:_STEADY_OF]
    chance = Random(3)
    worse = [hurt(prompt, chance) for prompt in prompts]
    _say(f"\n{'under noise':22}{'task':>9}{'complex.':>9}{'route@50%':>10}   (share unchanged, n={len(prompts)})")
    for name, classify in every.items():
        found = steady([classify(one) for one in prompts], [classify(one) for one in worse])
        _say(f"{name:22}{found.task:9.3f}{found.complexity:9.3f}{found.side:10.3f}")


def _speed(folder: Path, classify: Classify) -> None:
    prompts = [row["prompt"] for row in rows(folder, "tasks/arena_hard_v01")]
    text = "\n".join(prompts)
    sizes = {
        "200 characters": [one[:200] for one in prompts if len(one) >= 200][:150],
        "8 kB": [text[at : at + 8_000] for at in range(0, 120_000, 8_000)],
        "1 MB": [(text * 10)[:1_000_000]],
    }
    _say(f"\n{'us a decision':22}{'p50':>9}{'p99':>9}{'CPU':>9}")
    for name, some in sizes.items():
        took, cpu = _timed(classify, some)
        _say(f"{name:22}{took[len(took) // 2]:9.0f}{took[int(len(took) * 0.99)]:9.0f}{cpu:9.0f}")
    ran = subprocess.run([sys.executable, "-c", _MEMORY], capture_output=True, text=True, check=True)
    size, seconds = ran.stdout.split()
    _say(f"loads in {float(seconds):.3f} s, adds {float(size):.1f} MB to a process that has numpy")


def _timed(classify: Callable[[str], object], some: Sequence[str], rounds: int = 3_000) -> tuple[list[float], float]:
    for one in some:
        classify(one)
    took: list[float] = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    for at in range(rounds):
        started = time.perf_counter()
        classify(some[at % len(some)])
        took.append((time.perf_counter() - started) * 1e6)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return sorted(took), cpu / rounds * 1e6


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
