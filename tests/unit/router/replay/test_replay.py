"""Another table is compared with the log honestly: measured where both agree, estimated where they do not."""

from pathlib import Path
from typing import Any

import pytest

from libs.catalog.abilities import load_abilities, read_abilities
from services.router.classifier.classify import load
from services.router.replay.comparing import Policy, chosen, compare, measured, policy
from services.router.replay.logged import read_rows
from services.router.replay.prompts import classified, read_prompts, right
from tests.unit.router.choice.street import CONFIG, HAIKU, OPUS, SMALL, catalog

POOL = (SMALL, HAIKU, OPUS)


def row(model: str = SMALL, **given: Any) -> dict[str, Any]:
    """A row of the request log."""
    routing = {
        "task": "code_generation",
        "complexity": "moderate",
        "confidence": 0.9,
        "model": model,
        "optimize": "balanced",
        "reason": "utility",
        "propensity": 1.0,
    }
    routing |= {name: given.pop(name) for name in list(given) if name in routing}
    return {
        "route": model,
        "status": "completed",
        "prompt_tokens": 200,
        "image_parts": 0,
        "cost": "0.001000000",
        "latency_ms": 900,
        "stream": True,
        "routing": routing,
    } | given


def table(tmp_path: Path, old: str, new: str) -> Policy:
    text = (CONFIG / "abilities.toml").read_text()
    assert old in text
    (tmp_path / "other.toml").write_text(text.replace(old, new))
    return policy(catalog(), read_abilities(tmp_path / "other.toml"), POOL)


@pytest.fixture
def present() -> Policy:
    return policy(catalog(), load_abilities(CONFIG), POOL)


def test_rows_of_named_models_and_of_fallbacks_are_left_out() -> None:
    assert len(read_rows([row(), row() | {"routing": None}, row(reason="fallback")])) == 1


@pytest.mark.parametrize("wrong", [{"task": "poetry"}, {"propensity": 0.0}, {"cost": "much"}, {"optimize": "speed"}])
def test_what_is_no_request_log_is_refused_with_its_row(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="row 2"):
        read_rows([row(), row(**wrong)])


def test_the_same_table_changes_nothing(present: Policy) -> None:
    first = read_rows([row(SMALL, complexity="simple"), row(OPUS, complexity="complex")])
    faithful = read_rows([row(chosen(present, one), complexity=one.judged.complexity.value) for one in first])
    found = compare(faithful, present, present)
    assert (found.faithful, found.measured.rows, found.by_present.rows, found.moved) == (1.0, 2, 0, ())
    assert found.measured.latency_ms == 900
    assert found.measured.cost == pytest.approx(0.001)


def test_a_table_in_which_cost_counts_more_moves_decisions_and_says_so(present: Policy, tmp_path: Path) -> None:
    frugal = table(tmp_path, "cost = 0.30", "cost = 2.00")
    rows = read_rows([row(OPUS, complexity="complex", task="analysis")] * 3)
    found = compare(rows, present, frugal)
    assert found.measured.rows == 0
    assert found.moved == ((OPUS, SMALL, 3),)
    for estimated in (found.by_present, found.by_candidate):
        assert estimated.rows == 3
        assert estimated.usd[1] < estimated.usd[0]
        assert estimated.fit[1] < estimated.fit[0]


def test_images_are_kept_to_where_the_log_knows_of_them(present: Policy, tmp_path: Path) -> None:
    frugal = table(tmp_path, "cost = 0.30", "cost = 2.00")
    (one,) = read_rows([row(OPUS, image_parts=2)])
    assert chosen(frugal, one) == HAIKU


def test_unlikely_choices_weigh_more() -> None:
    found = measured(read_rows([row(propensity=1.0), row(propensity=0.25, status="failed")]))
    assert found.completed == pytest.approx(1 / 5)
    assert found.effective == pytest.approx(25 / 17)


def test_a_pool_with_a_route_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody/nothing"):
        policy(catalog(), load_abilities(CONFIG), ["nobody/nothing"])


def test_labelled_prompts_are_scored() -> None:
    prompts = read_prompts(
        [
            {"prompt": "Write a Python function to sort a list", "task": "code_generation", "complexity": "moderate"},
            {"prompt": "hello", "accept": ["conversation", "brainstorming"], "complexity": "complex"},
        ]
    )
    found = right(prompts, classified(load(), prompts))
    assert (found.tasks, found.complexities, found.risky) == (1.0, 0.5, 0.5)
    with pytest.raises(ValueError, match="prompt 1"):
        read_prompts([{"prompt": "x", "task": "poetry"}])
