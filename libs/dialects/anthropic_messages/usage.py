"""Anthropic's token counts: disjoint as they come, and in a stream cumulative, member by member."""

from typing import Any

from libs.dialects.fields import count, obj, seq, string
from libs.dialects.form import Usage

_MEMBERS = (
    "input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cache_creation "
    "output_tokens_details iterations inference_geo".split()
)

_LONGEST = 64  # of a word of theirs


def fresher(known: dict[str, Any], told: object) -> dict[str, Any]:
    """The members of a later `usage` over those of an earlier one: each replaces its like, none is added to it."""
    given = obj(told)
    return known | {name: given[name] for name in _MEMBERS if given.get(name) is not None}


def read_usage(value: object) -> Usage | None:
    """None where nothing was counted. Compactions, which the totals leave out, are billed all the same."""
    given = obj(value)
    counted = [given] + [obj(each) for each in seq(given.get("iterations")) if obj(each).get("type") == "compaction"]
    usages = [_one(each) for each in counted]
    usage = Usage(
        input=sum(each.input for each in usages),
        cache_read=sum(each.cache_read for each in usages),
        cache_write_5m=sum(each.cache_write_5m for each in usages),
        cache_write_1h=sum(each.cache_write_1h for each in usages),
        output=sum(each.output for each in usages),
        reasoning=sum(each.reasoning for each in usages),
        inference_geo=string(given.get("inference_geo"))[:_LONGEST].encode("ascii", "replace").decode(),
    )
    return None if usage == Usage(inference_geo=usage.inference_geo) else usage


def _one(given: dict[str, Any]) -> Usage:
    """The total of written tokens is the later one where both came; what has no lifetime counts as the short one."""
    split = obj(given.get("cache_creation"))
    long, short = count(split.get("ephemeral_1h_input_tokens")), count(split.get("ephemeral_5m_input_tokens"))
    if "cache_creation_input_tokens" in given:
        written = count(given["cache_creation_input_tokens"])
        long = min(long, written)
        short = written - long
    output = count(given.get("output_tokens"))
    thought = count(obj(given.get("output_tokens_details")).get("thinking_tokens"))
    return Usage(
        input=count(given.get("input_tokens")),
        cache_read=count(given.get("cache_read_input_tokens")),
        cache_write_5m=short,
        cache_write_1h=long,
        output=output,
        reasoning=min(thought, output),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    written: dict[str, Any] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return written
