"""Converse's token counts: disjoint as they come."""

from libs.dialects.fields import count, obj, seq, word
from libs.dialects.form import Usage


def read_usage(value: object, tier: object = None) -> Usage:
    """Converse's buckets are disjoint as they come; written tokens without a lifetime count as the short one.

    `tier`: the `serviceTier` that stands beside them.
    """
    given = obj(value)
    details = [obj(each) for each in seq(given.get("cacheDetails"))]
    long = sum(count(each.get("inputTokens")) for each in details if each.get("ttl") == "1h")
    short = sum(count(each.get("inputTokens")) for each in details if each.get("ttl") == "5m")
    written = count(given.get("cacheWriteInputTokens", given.get("cacheWriteInputTokenCount")))
    return Usage(
        input=count(given.get("inputTokens")),
        cache_read=count(given.get("cacheReadInputTokens", given.get("cacheReadInputTokenCount"))),
        cache_write_5m=max(written - long, short),
        cache_write_1h=long,
        output=count(given.get("outputTokens")),
        service_tier=word(obj(tier).get("type")),
    )
