"""Faults ordered over HTTP."""

import pytest
from pydantic import ValidationError

from services.sandbox.orders.directives import Directive
from services.sandbox.orders.faults import Fault, Faults


def test_a_fault_fits_by_path_and_model_and_counts_down() -> None:
    faults = Faults()
    faults.add(Fault(path_contains="/azure/", model="gpt-4o", times=2, directive="status=500"))
    assert faults.take("/openai/v1/chat/completions", "gpt-4o") is None
    assert faults.take("/azure/openai/v1/chat/completions", "other") is None
    assert faults.take("/azure/openai/v1/chat/completions", "gpt-4o") == Directive(status=500)
    assert [f["times"] for f in faults.shown()] == [1]
    assert faults.take("/azure/x", "gpt-4o") == Directive(status=500)
    assert faults.take("/azure/x", "gpt-4o") is None


def test_a_fault_without_times_stands_until_deleted() -> None:
    faults = Faults()
    faults.add(Fault(directive="hang"))
    assert faults.take("/", "") == faults.take("/", "m") == Directive(hang=True)
    faults.clear()
    assert faults.take("/", "") is None


@pytest.mark.parametrize(
    "given",
    [{"directive": "statu=500"}, {}, {"directive": "hang", "times": 0}, {"directive": "hang", "model_name": "x"}],
)
def test_a_mistyped_fault_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(given)
