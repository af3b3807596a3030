"""Gemini's counts in disjoint buckets."""

from hypothesis import given
from hypothesis import strategies as st

from libs.dialects.form import Usage
from libs.dialects.gemini.usage import read_usage

COUNT = st.integers(0, 10**6)


@given(COUNT, COUNT, COUNT, COUNT, st.integers(0, 100))
def test_the_buckets_sum_to_the_providers_total(prompt: int, out: int, thoughts: int, tools: int, share: int) -> None:
    """Verified over recordings: total = prompt + candidates + thoughts + toolUsePrompt, and cached is in the prompt."""
    cached = prompt * share // 100
    told = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": out,
        "thoughtsTokenCount": thoughts,
        "toolUsePromptTokenCount": tools,
    }
    usage = read_usage(told) or Usage()
    assert usage.input + usage.cache_read + usage.output == prompt + out + thoughts + tools
    assert usage.cache_read == cached
    assert usage.reasoning == thoughts


def test_thoughts_are_billed_as_output() -> None:
    usage = read_usage({"promptTokenCount": 1, "candidatesTokenCount": 2, "thoughtsTokenCount": 30})
    assert usage == Usage(input=1, output=32, reasoning=30)


def test_cached_tokens_are_counted_once_and_never_more_than_the_prompt() -> None:
    assert read_usage({"promptTokenCount": 10, "cachedContentTokenCount": 8}) == Usage(input=2, cache_read=8)
    assert read_usage({"promptTokenCount": 10, "cachedContentTokenCount": 80}) == Usage(input=0, cache_read=10)


def test_where_nothing_was_counted_there_is_no_usage() -> None:
    for told in (None, {}, {"trafficType": "ON_DEMAND"}, {"promptTokenCount": "7"}, {"totalTokenCount": -1}, [1]):
        assert read_usage(told) is None
