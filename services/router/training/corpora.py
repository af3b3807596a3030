"""The labelled sets that training reads from NI_DATA, and the sets it must never see."""

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

from services.router.classifier.tasks import Complexity, Task
from services.router.training.examples import Example, plain

# Scores are taken on these.
KEPT_APART = (
    "tasks/uncommonroute_dev", "tasks/humaneval", "tasks/mbpp", "tasks/arena_hard_v01", "perf/llmrouter_test",
)  # fmt: skip
_TIERS = {
    "SIMPLE": Complexity.SIMPLE,
    "MEDIUM": Complexity.MODERATE,
    "COMPLEX": Complexity.COMPLEX,
    "REASONING": Complexity.COMPLEX,
}
# The benchmarks' own questions stand in this set of results too: HumanEval and MBPP are kept apart.
_NEVER = frozenset({"human_eval", "mbpp"})
_TASK_OF = {
    "natural_qa": Task.QUESTION_ANSWERING,
    "trivia_qa": Task.QUESTION_ANSWERING,
    "openbook_qa": Task.QUESTION_ANSWERING,
    "commonsense_qa": Task.QUESTION_ANSWERING,
    "arc_challenge": Task.QUESTION_ANSWERING,
    "math": Task.MATH,
    "gsm8k": Task.MATH,
    "agentverse-logicgrid": Task.REASONING,
}
_CHEAP = (
    "mistral-7b-instruct-v0.3", "llama-3.1-8b-instruct", "qwen2.5-7b-instruct", "gemma-2-9b-it",
    "Meta-Llama-3_1-8B-Instruct", "Mistral-7B-Instruct-v0.2", "Phi-3-mini-4k-instruct", "Mixtral-8x7B-Instruct-v0.1",
)  # fmt: skip
_STRONG = (
    "llama-3.3-nemotron-super-49b-v1", "llama-3.1-nemotron-51b-instruct",
    "gemini-1.5-pro-002", "Meta-Llama-3_1-70B-Instruct", "Qwen1.5-72B-Chat", "DeepSeek-Coder-V2",
)  # fmt: skip
_QUESTION = 90
_START = 200


def data_folder() -> Path:
    return Path(os.environ.get("NI_DATA", "../shared/data")) / "routing"


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(data_folder() / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def tiers() -> list[Example]:
    """UncommonRoute's training part: a task and a tier by its authors."""
    return [
        Example(
            text=row["prompt"],
            origin="uncommonroute",
            task=Task(row["task"]) if row["task"] else None,
            complexity=_TIERS[row["tier"]],
        )
        for row in read("tasks/uncommonroute_train")
    ]


def templates(chance: Random, most: int) -> list[Example]:
    """P3: many data sets, each in the words of its templates; `most` of a task."""
    by_task: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read("tasks/p3_templates"):
        by_task[row["task"]].append(row)
    return [
        Example(text=row["prompt"], origin="p3", task=Task(task), weight=0.35)
        for task, rows in sorted(by_task.items())
        for row in chance.sample(rows, min(most, len(rows)))
    ]


def results(chance: Random, most: int) -> list[Example]:
    """Questions with what models made of them; `most` of a source also say their task."""
    found = [_answered(row, "llmrouter", _TASK_OF.get(row["task_name"])) for row in read("perf/llmrouter_train")
             if row["task_name"] not in _NEVER]  # fmt: skip
    found += [
        _answered(row, "mmlu_pro", Task.MATH if row["domain"] == "math" else None) for row in read("perf/mmlu_pro")
    ]
    chance.shuffle(found)
    seen: dict[tuple[str, Task | None], int] = defaultdict(int)
    out: list[Example] = []
    for one in found:
        seen[one.origin, one.task] += 1
        keeps = seen[one.origin, one.task] <= most * (5 if one.task is Task.QUESTION_ANSWERING else 1)
        out.append(one if keeps else _without_task(one))
    steps = chance.sample(read("perf/gsm8k_train_questions"), 1_500)
    return out + [
        Example(text=row["prompt"], origin="gsm8k", task=Task.MATH if at < most else None, weight=0.3)
        for at, row in enumerate(steps)
        if at < most
    ]


def _answered(row: dict[str, Any], origin: str, task: Task | None) -> Example:
    scores = row["scores"]
    cheap = [scores[name] for name in _CHEAP if scores.get(name) is not None]
    strong = [scores[name] for name in _STRONG if scores.get(name) is not None]
    return Example(
        text=row["prompt"],
        origin=origin,
        task=task,
        cheap=mean(cheap) if cheap else None,
        strong=mean(strong) if strong else None,
        weight=0.35,
    )


def _without_task(one: Example) -> Example:
    return Example(text=one.text, origin=one.origin, cheap=one.cheap, strong=one.strong, weight=one.weight)


class KeptApart:
    """Text on which scores are taken; knows a question again inside another wording."""

    def __init__(self) -> None:
        texts = [plain(row["prompt"]) for name in KEPT_APART for row in read(name)]
        self._whole = set(texts)
        self._starts = {text[:_START] for text in texts if len(text) >= _QUESTION}
        self._shingles = {text[at : at + _QUESTION] for text in texts for at in range(len(text) - _QUESTION + 1)}

    def has(self, text: str) -> bool:
        """The same text, the same beginning, or its first 90 letters anywhere inside one of them."""
        found = plain(text)
        if found in self._whole or found[:_START] in self._starts:
            return True
        return len(found) >= _QUESTION and found[:_QUESTION] in self._shingles

    def without(self, examples: Iterable[Example]) -> list[Example]:
        return [one for one in examples if not self.has(one.text)]
