"""Anthropic's betas as each platform takes them: one that a cloud does not know, it refuses the whole request over."""

from collections.abc import Mapping

from libs.contracts.northern.v1.envelope_pb2 import Envelope
from services.worker import callers

_HEADER_LIMIT = 8192
# What users saw refused ("invalid beta flag", "Unexpected value(s) … for the `anthropic-beta` header"), and what they
# are to get in its place, if anything. Any other stays, for the clouds learn new ones faster than this list would.
# Most concern Anthropic's own front: accounts, files, servers that it calls, a cache that it shares. Two nobody saw
# refused, but Claude Code itself keeps them from every cloud: thinking-token-count and summarize-connector-text.
_NEITHER: Mapping[str, str] = {
    "advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19",
    **dict.fromkeys(
        """
        advisor-tool-2026-03-01 claude-code-20250219 code-execution-2025-05-22 code-execution-2025-08-25
        fast-mode-2026-02-01 files-api-2025-04-14 mcp-client-2025-04-04 mcp-client-2025-11-20 mcp-servers-2025-12-04
        oauth-2025-04-20 prompt-caching-2024-07-31 prompt-caching-scope-2026-01-05 redact-thinking-2026-02-12
        skills-2025-10-02 structured-outputs-2025-11-13 structured-outputs-2025-12-15
        summarize-connector-text-2026-03-13 thinking-token-count-2026-05-13 token-efficient-tools-2026-03-28
        web-fetch-2025-09-10
        """.split(),
        "",
    ),
}
BEDROCK = {**_NEITHER, "extended-cache-ttl-2025-04-11": "", "web-search-2025-03-05": ""}
VERTEX = {**_NEITHER, "adaptive-thinking-2026-01-28": "", "effort-2025-11-24": ""}


def betas(envelope: Envelope, instead: Mapping[str, str] | None = None) -> tuple[list[str], tuple[str, ...]]:
    """The caller's own betas, and as dropped members those that the platform does not take.

    One of another dialect has none.
    """
    if not callers.is_anthropic(envelope):
        return [], ()
    asked = [name for each in header(envelope.anthropic_beta).split(",") if (name := each.strip())]
    if instead is None:
        return asked, ()
    kept = [instead.get(name, name) for name in asked]
    dropped = [f"anthropic-beta.{name}" for name in asked if not instead.get(name, name)]
    return [name for name in dict.fromkeys(kept) if name], tuple(dict.fromkeys(dropped))


def header(value: str) -> str:
    """A caller's header as it may be sent on: visible ASCII, bounded; "" where it is anything else."""
    return value if len(value) <= _HEADER_LIMIT and value.isascii() and value.isprintable() else ""
