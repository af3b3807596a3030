"""Filters of a list: each read once, by name, or refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from libs.contracts.errors import InvalidRequest
from services.ingress.http.filters import USAGE, Asked

KNOWN = USAGE | {"limit", "cursor", "totals"}
DAY_MS = 86_400_000
NOON_UTC_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z


def asked(zone: str = "UTC", **given: str) -> Asked:
    return Asked.of(MultiDict({name.rstrip("_"): value for name, value in given.items()}), KNOWN, zone)


def test_what_is_not_given_does_not_narrow() -> None:
    narrow = asked().usage()
    assert narrow.ListFields() == []
    assert (asked().limit(), asked().cursor()) == (100, "")


def test_every_filter_reaches_its_member() -> None:
    narrow = asked(request_id="0" * 16, key="k_one", model="a/b:c", route="r", status="failed").usage()
    assert (narrow.request_id, narrow.key_id, narrow.model, narrow.route, narrow.status) == (
        "0" * 16,
        "k_one",
        "a/b:c",
        "r",
        "failed",
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T12:00:00Z",
        "2026-11-21T12:00:00+00:00",
        "2026-11-21T12:00:00 00:00",
        "2026-11-21T07:00:00-05:00",
        "1795262400",
    ],
)
def test_a_moment_may_be_written_in_several_ways(text: str) -> None:
    assert asked(from_=text).usage().from_ms == NOON_UTC_MS


def test_a_bare_date_begins_in_the_accounts_own_time_zone() -> None:
    utc = asked(from_="2026-11-21").usage().from_ms
    toronto = asked("America/Toronto", from_="2026-11-21").usage().from_ms
    assert (utc, toronto - utc) == (NOON_UTC_MS - DAY_MS // 2, 5 * 3_600_000)
    assert asked("Nowhere/Land", from_="2026-11-21").usage().from_ms == utc


@pytest.mark.parametrize(
    ("given_", "param"),
    [
        ({"from_": "yesterday"}, "from"),
        ({"from_": "2026-13-01"}, "from"),
        ({"to": "99999999999"}, "to"),
        ({"to": "2026-11-21T25:00:00Z"}, "to"),
        ({"from_": "2026-11-22", "to": "2026-11-21"}, "to"),
        ({"from_": "2026-11-21", "to": "2026-11-21"}, "to"),
        ({"model": ""}, "model"),
        ({"key": "k\n1"}, "key"),
        ({"route": "r" * 513}, "route"),
        ({"colour": "red"}, "colour"),
        ({"tenant": "t_two"}, "tenant"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(given_: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(**given_).usage()
    assert refused.value.param == param


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1e2", "", "٣", "9" * 12])
def test_a_limit_is_a_number_from_1_to_1000(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        asked(limit=text).limit()
    assert refused.value.param == "limit"
    assert asked(limit="1000").limit() == 1000


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        Asked.of(MultiDict([("model", "a"), ("model", "b")]), KNOWN)
    assert refused.value.param == "model"


@given(name=st.sampled_from(sorted(KNOWN)), text=st.text(max_size=30))
def test_nothing_but_a_refusal_comes_of_any_text(name: str, text: str) -> None:
    try:
        found = Asked.of(MultiDict({name: text}), KNOWN, "America/St_Johns")
        found.usage()
        found.limit()
        found.cursor()
    except InvalidRequest:
        return
