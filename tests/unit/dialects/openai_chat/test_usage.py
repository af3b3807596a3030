"""OpenAI's token counts: disjoint buckets, counted once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.form import Usage
from libs.dialects.openai_chat.usage import read_usage, write_usage


# Facts verified over recordings: total = prompt + completion, cached and written lie inside prompt.
def test_usage_is_read_into_disjoint_buckets() -> None:
    given_usage = {
        "prompt_tokens": 4020, "completion_tokens": 50, "total_tokens": 4070,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 4012},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }  # fmt: skip
    assert read_usage(given_usage) == Usage(input=4, cache_read=4, cache_write_5m=4012, output=50, reasoning=30)


def test_hidden_thinking_is_billed_as_output() -> None:
    usage = read_usage({"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109})
    assert usage == Usage(input=35, output=74, reasoning=62)


@pytest.mark.parametrize(
    "nothing", [None, {}, [], "x", {"prompt_tokens": None}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_usage_that_counts_nothing_is_no_usage(nothing: object) -> None:
    assert read_usage(nothing) is None


COUNTS = st.integers(0, 10**9)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 10**9), COUNTS)
def test_usage_written_and_read_again_is_the_same(fresh: int, read_: int, write: int, out: int, thought: int) -> None:
    usage = Usage(input=fresh, cache_read=read_, cache_write_5m=write, output=out, reasoning=min(thought, out))
    written = write_usage(usage)
    assert (
        written["total_tokens"]
        == written["prompt_tokens"] + written["completion_tokens"]
        == fresh + read_ + write + out
    )
    assert read_usage(written) == usage


@given(st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens"]), COUNTS), COUNTS, COUNTS)
def test_the_buckets_never_exceed_what_was_told(told: dict[str, int], cached: int, written: int) -> None:
    details = {"cached_tokens": cached, "cache_write_tokens": written}
    usage = read_usage({**told, "prompt_tokens_details": details})
    if usage is not None:
        assert usage.input + usage.cache_read + usage.cache_write_5m == told.get("prompt_tokens", 0)
        assert usage.reasoning <= usage.output


def test_deepseeks_own_name_for_what_was_cached_is_known() -> None:
    given_usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_cache_hit_tokens": 4}
    assert read_usage(given_usage) == Usage(input=6, cache_read=4, output=2)
    assert read_usage(given_usage | {"prompt_tokens_details": {"cached_tokens": None}}) == read_usage(given_usage)


def test_usage_of_another_format_is_told_whole() -> None:
    told = write_usage(Usage(input=1, cache_read=2, cache_write_5m=3, cache_write_1h=4, output=5, reasoning=2))
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (10, 5, 15)
    assert told["prompt_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 7}
