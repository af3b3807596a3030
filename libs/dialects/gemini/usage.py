"""Gemini's token counts, which overlap, and ours, which do not."""

from libs.dialects.fields import count, obj
from libs.dialects.form import Usage

_PAID = frozenset(("trafficType",))


def read_usage(value: object) -> Usage | None:
    """None where nothing was counted: most chunks of a stream tell only how the traffic is paid for.

    Cached tokens are part of the prompt's; thoughts are billed as output and are not among the candidates' tokens;
    what tools of Google's put into the prompt is counted beside it.
    """
    given = obj(value)
    if given.keys() <= _PAID:
        return None
    prompt, candidates = count(given.get("promptTokenCount")), count(given.get("candidatesTokenCount"))
    thoughts, tools = count(given.get("thoughtsTokenCount")), count(given.get("toolUsePromptTokenCount"))
    if not (prompt or candidates or thoughts or tools):
        return None
    cached = min(count(given.get("cachedContentTokenCount")), prompt)
    return Usage(
        input=prompt - cached + tools,
        cache_read=cached,
        output=candidates + thoughts,
        reasoning=thoughts,
    )
