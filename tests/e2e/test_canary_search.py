"""The search for canaries finds them in every form that logs, facts and tables give to a text."""

import base64

import pytest

from tests.e2e.canary import Canaries


@pytest.mark.parametrize("form", ["{}", '{{"text": "{}"}}', "x {}", "xy{}z"])
def test_a_canary_is_found_as_it_is_in_either_case_in_hex_and_in_base64(form: str) -> None:
    canaries = Canaries()
    value = canaries.new("prompt")
    text = form.format(value)
    for said in (text, text.upper(), text.encode().hex(), text.encode().hex().upper()):
        assert canaries.found_in(b"before" + said.encode() + b"after") == {"prompt"}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert canaries.found_in(b"before " + encode(text.encode()) + b" after") == {"prompt"}


def test_half_a_canary_is_none() -> None:
    canaries = Canaries()
    value = canaries.new("prompt")
    assert canaries.found_in(value[: len(value) // 2].encode()) == set()
