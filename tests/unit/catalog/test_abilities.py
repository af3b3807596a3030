"""The table of abilities: what we ship holds, and what does not is refused with every problem."""

from pathlib import Path

import pytest

from libs.catalog.abilities import FILE, Group, Optimize, load_abilities, read_abilities
from libs.catalog.load import CatalogError
from libs.catalog.model import Catalog
from tests.unit.catalog.conftest import SHIPPED


def test_every_model_that_we_ship_was_judged(shipped: Catalog) -> None:
    abilities = load_abilities(SHIPPED)
    assert {r.route_id for r in shipped.routes.values() if abilities.of(r).model == "unknown"} == set()


def test_deployments_of_one_model_are_equally_able(shipped: Catalog) -> None:
    abilities = load_abilities(SHIPPED)
    for native, routes in shipped.native.items():
        assert len({abilities.of(route).model for route in routes}) == 1, native


def test_every_entry_says_every_group_every_mode_has_weights_and_a_source_stands_by_each() -> None:
    abilities = load_abilities(SHIPPED)
    assert abilities.weights.keys() == set(Optimize)
    for ability in abilities.by_model.values():
        assert ability.scores.keys() == set(Group)
        assert ability.source


def refused(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / FILE
    path.write_text(text)
    with pytest.raises(CatalogError) as caught:
        read_abilities(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("code = 0.95", "code = 1.0", "ability claude-opus-4-8: scores.code"),
        ("code = 0.95", "code = nan", "ability claude-opus-4-8: scores.code"),
        ("code = 0.95, ", "", "ability claude-opus-4-8: scores.code"),
        ('model = "unknown"', 'model = "gpt-4o"', "another entry for gpt-4o"),
        ('model = "unknown"', 'model = "nobody"', "no ability for 'unknown'"),
        ('optimize = "latency"', 'optimize = "speed"', "weights speed: optimize"),
        ("cost = 0.60", "cost = -1.0", "weights cost: cost"),
        ('optimize = "latency"', 'optimize = "cost"', "no weights for latency"),
        ("[[weights]]", "[[weight]]", "nobody knows 'weight'"),
        ("worth = 15.0", 'worth = "a lot"', "ability unknown: worth"),
        ("[[ability]]", "[[ability", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry_at_fault(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (SHIPPED / FILE).read_text()
    assert old in text
    assert any(said in problem for problem in refused(tmp_path, text.replace(old, new)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"abilities\.toml: it cannot be read"):
        load_abilities(tmp_path)
