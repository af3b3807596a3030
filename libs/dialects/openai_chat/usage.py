"""OpenAI's token counts, which overlap, and ours, which do not."""

from dataclasses import replace
from typing import Any

from libs.dialects.fields import count, obj, word
from libs.dialects.form import Usage


def read_usage(value: object) -> Usage | None:
    """OpenAI's counts overlap; ours do not. None where nothing was counted.

    A total above prompt + completion is thinking that an OpenAI-compatible front hides: it is output, billed as such.
    """
    given = obj(value)
    prompt, completion = count(given.get("prompt_tokens")), count(given.get("completion_tokens"))
    total = count(given.get("total_tokens"))
    if not prompt and not completion and not total:
        return None
    details = obj(given.get("prompt_tokens_details"))
    cached = min(count(details.get("cached_tokens")) or count(given.get("prompt_cache_hit_tokens")), prompt)
    written = min(count(details.get("cache_write_tokens")), prompt - cached)
    hidden = max(0, total - prompt - completion)
    output = completion + hidden
    told = count(obj(given.get("completion_tokens_details")).get("reasoning_tokens"))
    return Usage(
        input=prompt - cached - written,
        cache_read=cached,
        cache_write_5m=written,
        output=output,
        reasoning=min(max(told, hidden), output),
    )


def told_usage(told: dict[str, Any]) -> Usage | None:
    """Of an answer or a chunk, with the service tier that stands beside it; Groq's have it in a member of its own."""
    given = told.get("usage")
    usage = read_usage(given) if given else None  # none in every chunk but one
    if usage is None and "x_groq" in told:
        usage = read_usage(obj(told["x_groq"]).get("usage"))
    if usage is None or not (tier := word(told.get("service_tier"))):
        return usage
    return replace(usage, service_tier=tier)


def write_usage(usage: Usage) -> dict[str, Any]:
    written = usage.cache_write_5m + usage.cache_write_1h
    prompt = usage.input + usage.cache_read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
