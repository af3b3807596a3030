"""Anthropic's token counts: disjoint as they come, and in a stream cumulative, member by member."""

from typing import Any

from libs.dialects.fields import count, obj, seq, word
from libs.dialects.form import Usage

_MEMBERS = (
    "input_tokens output_tokens cache_read_input_tokens cache_creation_input_tokens cache_creation "
    "output_tokens_details iterations inference_geo service_tier".split()
)


def fresher(known: dict[str, Any], told: object) -> dict[str, Any]:
    """The members of a later `usage` over those of an earlier one: each replaces its like, none is added to it."""
    given = obj(told)
    return known | {name: given[name] for name in _MEMBERS if given.get(name) is not None}


def read_usage(value: object) -> Usage | None:
    """None where nothing was counted. Compactions, which the totals leave out, are billed all the same."""
    given = obj(value)
    geo, tier = word(given.get("inference_geo")), word(given.get("service_tier"))
    usage = _one(given, geo, tier)
    if "iterations" in given:
        for each in map(obj, seq(given["iterations"])):
            if each.get("type") == "compaction":
                usage = _added(usage, _one(each, geo, tier))
    return None if usage == Usage(inference_geo=geo, service_tier=tier) else usage


def _added(usage: Usage, more: Usage) -> Usage:
    return Usage(
        input=usage.input + more.input,
        cache_read=usage.cache_read + more.cache_read,
        cache_write_5m=usage.cache_write_5m + more.cache_write_5m,
        cache_write_1h=usage.cache_write_1h + more.cache_write_1h,
        output=usage.output + more.output,
        reasoning=usage.reasoning + more.reasoning,
        inference_geo=usage.inference_geo,
        service_tier=usage.service_tier,
    )


def _one(given: dict[str, Any], geo: str, tier: str) -> Usage:
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
        inference_geo=geo,
        service_tier=tier,
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
