"""Anthropic's token counts: disjoint buckets, each counted once."""

from typing import Any

import pytest
from anthropic.types import Usage as SdkUsage
from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.anthropic_messages.usage import fresher, read_usage, write_usage
from libs.dialects.form import Usage

COUNT = st.integers(0, 10_000)
USAGES = st.builds(
    lambda thought, **rest: Usage(**rest, reasoning=min(thought, rest["output"])),
    thought=COUNT,
    input=COUNT,
    cache_read=COUNT,
    cache_write_5m=COUNT,
    cache_write_1h=COUNT,
    output=COUNT,
)


@given(USAGES)
def test_counts_come_back_as_they_were_written(usage: Usage) -> None:
    written = write_usage(usage)
    assert (read_usage(written) or Usage()) == usage
    assert SdkUsage.model_validate(written, strict=True).input_tokens == usage.input


def test_cache_tokens_are_never_counted_as_input_nor_twice() -> None:
    told = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 5},
    }
    expected = Usage(input=10, cache_read=100, cache_write_5m=20, cache_write_1h=10, output=7, reasoning=5)
    assert read_usage(told) == expected


@pytest.mark.parametrize(
    ("told", "short", "long"),
    [
        ({"cache_creation_input_tokens": 30}, 30, 0),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 30}}, 0, 30),
        ({"cache_creation_input_tokens": 40, "cache_creation": {"ephemeral_1h_input_tokens": 30}}, 10, 30),
        ({"cache_creation_input_tokens": 20, "cache_creation": {"ephemeral_1h_input_tokens": 30}}, 0, 20),
    ],
)
def test_written_tokens_without_a_lifetime_count_as_the_short_one(told: dict[str, Any], short: int, long: int) -> None:
    assert read_usage(told) == Usage(cache_write_5m=short, cache_write_1h=long)


def test_later_counts_replace_their_like_and_leave_the_rest() -> None:
    start = {"input_tokens": 472, "cache_read_input_tokens": 5, "output_tokens": 2, "service_tier": "standard"}
    known = fresher(fresher({}, start), {"input_tokens": 900, "output_tokens": 89, "cache_read_input_tokens": None})
    assert known == {
        "input_tokens": 900,
        "cache_read_input_tokens": 5,
        "output_tokens": 89,
        "service_tier": "standard",
    }
    assert read_usage(known) == Usage(input=900, cache_read=5, output=89, service_tier="standard")


def test_compactions_are_billed_beside_the_totals_that_leave_them_out() -> None:
    iterations = [
        {"type": "compaction", "input_tokens": 1000, "output_tokens": 50},
        {"type": "message", "input_tokens": 10, "output_tokens": 5},
    ]
    assert read_usage({"input_tokens": 10, "output_tokens": 5, "iterations": iterations}) == Usage(
        input=1010, output=55
    )


@pytest.mark.parametrize("told", [None, [], "x", {}, {"input_tokens": 0}, {"input_tokens": -1}, {"output_tokens": "9"}])
def test_where_nothing_was_counted_there_is_no_usage(told: object) -> None:
    assert read_usage(told) is None
