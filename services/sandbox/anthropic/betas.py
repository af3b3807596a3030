"""Betas as each platform takes them: the clouds refuse a whole request over one that they do not know."""

from collections.abc import Mapping
from typing import Any

from services.sandbox.anthropic.blocks import Transport
from services.sandbox.anthropic.shapes import a_list, a_string, invalid

CACHE_SCOPE = "prompt-caching-scope-2026-01-05"
_NOWHERE_ELSE = frozenset(
    f"""
    {CACHE_SCOPE} fast-mode-2026-02-01 files-api-2025-04-14 mcp-client-2025-11-20 oauth-2025-04-20
    redact-thinking-2026-02-12 token-efficient-tools-2026-03-28
    """.split()
)
_REFUSED: Mapping[Transport, frozenset[str]] = {
    Transport.DIRECT: frozenset(),
    Transport.BEDROCK: _NOWHERE_ELSE | {"extended-cache-ttl-2025-04-11"},
    Transport.VERTEX: _NOWHERE_ELSE | {"effort-2025-11-24", "prompt-caching-2024-07-31"},
}


def betas_in(body: Mapping[str, Any], header: str, transport: Transport) -> frozenset[str]:
    """Those of the body and of the header; raises Refusal in each platform's words."""
    given = a_list(body.get("anthropic_beta") or [], "anthropic_beta")
    asked = {a_string(each, "anthropic_beta") for each in given} | {each.strip() for each in header.split(",")}
    unknown = sorted(asked & _REFUSED[transport])
    if unknown and transport is Transport.BEDROCK:
        raise invalid("", "invalid beta flag")
    if unknown:
        named = ", ".join(f"`{each}`" for each in unknown)
        raise invalid(
            "", f"Unexpected value(s) {named} for the `anthropic-beta` header. Please consult our documentation."
        )
    return frozenset(asked - {""})
