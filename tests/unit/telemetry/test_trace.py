"""W3C trace context: a caller's trace is carried on, nonsense begins a new one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.telemetry.trace import carry_on

FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_callers_trace_is_carried_on_with_a_span_of_our_own() -> None:
    ours = carry_on(f"00-{TRACE}-00f067aa0ba902b7-01")
    assert FORM.fullmatch(ours)
    assert ours.startswith(f"00-{TRACE}-")
    assert "00f067aa0ba902b7" not in ours
    assert ours.endswith("-01")


@pytest.mark.parametrize(
    "given_",
    [
        None,
        "",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01\r\nx: y",
    ],
)
def test_nonsense_begins_a_trace_that_is_not_sampled(given_: str | None) -> None:
    ours = carry_on(given_)
    assert FORM.fullmatch(ours)
    assert TRACE not in ours
    assert ours.endswith("-00")


@given(st.text())
def test_whatever_is_given_what_goes_on_is_well_formed(text: str) -> None:
    assert FORM.fullmatch(carry_on(text))
