"""Response headers of ours, from what the worker stated; printable ASCII only, whatever a provider said."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from libs.contracts.northern.v1.envelope_pb2 import DIALECT_ANTHROPIC_MESSAGES, Dialect
from libs.contracts.northern.v1.frames_pb2 import Head, RouteFacts
from services.ingress.routing.telling import stated

_LIMIT = 512
_PLAIN = re.compile(r"[ -~]*")
_LIMITS = {
    f"{what}-{of}": (f"x-ratelimit-{what}-{of}", f"anthropic-ratelimit-{of}-{what}", what == "reset")
    for what in ("limit", "remaining", "reset")
    for of in ("requests", "tokens")
}
_SECOND = 1_000  # milliseconds


def clean(text: str) -> str:
    """Text that may stand in a header: at most 512 printable ASCII characters, the rest percent-encoded."""
    if len(text) <= _LIMIT and _PLAIN.fullmatch(text):
        return text
    # A request's bytes beyond UTF-8 arrive as lone surrogates.
    return quote(text, safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~", errors="replace")[:_LIMIT]


def identity(request_id: str) -> dict[str, str]:
    """The request's id under every name a client may look for."""
    return {"x-ni-request-id": request_id, "x-request-id": request_id, "request-id": request_id}


def custody(route: RouteFacts) -> dict[str, str]:
    """Where the request was handed to, and what is known of where it was processed."""
    return _custody(route.SerializeToString(deterministic=True)).copy()


@lru_cache(maxsize=1024)  # the same few routes, request after request
def _custody(encoded: bytes) -> dict[str, str]:
    route = RouteFacts.FromString(encoded)
    headers = {
        "x-ni-resolved-tier": clean(route.tier),
        "x-ni-resolved-provider": clean(route.provider),
        "x-ni-resolved-region": clean(route.region),
        "x-ni-resolved-jurisdiction": clean(route.jurisdiction),
        "x-ni-custody-path": clean(route.custody_path),
        "x-ni-credential-source": clean(route.credential_source),
        "x-ni-resolved-litellm-model": clean(route.litellm_model),
        "x-ni-processing-jurisdiction": clean(",".join(route.processing_jurisdictions) or "unknown"),
        "x-ni-residency-evidence": clean(route.evidence),
    }
    if route.sandbox:
        headers["x-ni-sandbox"] = "true"
    return headers


def outcome(head: Head, overhead_ms: float) -> dict[str, str]:
    """What is known before the first byte beside the route."""
    headers = {"x-ni-attempts": str(head.attempts), "x-ni-overhead-ms": f"{overhead_ms:.1f}"}
    if head.dropped_params:
        headers["x-ni-dropped-params"] = clean(",".join(head.dropped_params))
    if head.estimated:
        headers["x-ni-estimated"] = "true"
    if head.HasField("decision"):
        headers |= {name: clean(value) for name, value in stated(head.decision).items() if value}
    return headers


def limits(stated: Mapping[str, str], dialect: Dialect, now: float) -> dict[str, str]:
    """The limits of a key under the names that the clients of its dialect know, from the ledger's own.

    Those are `<limit|remaining|reset>-<requests|tokens>`, resets in milliseconds. OpenAI writes a reset as a duration
    (https://platform.openai.com/docs/guides/rate-limits), Anthropic as a time
    (https://docs.claude.com/en/api/rate-limits). `now` is Unix time.
    """
    found: dict[str, str] = {}
    for name, value in stated.items():
        if name not in _LIMITS or not value.isdecimal():
            continue
        openai, anthropic, is_reset = _LIMITS[name]
        if dialect == DIALECT_ANTHROPIC_MESSAGES:
            found[anthropic] = _time(now, int(value)) if is_reset else value
        else:
            found[openai] = _duration(int(value)) if is_reset else value
    return found


def _duration(ms: int) -> str:
    """As Go writes it: 120ms, 1.5s, 6m0s."""
    if ms < _SECOND:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60 * _SECOND)
    seconds = f"{rest / _SECOND:g}s"
    return f"{minutes}m{seconds}" if minutes else seconds


def _time(now: float, ms: int) -> str:
    """RFC 3339, whole seconds: never too early."""
    at = -int(-(now + ms / _SECOND) // 1)
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
