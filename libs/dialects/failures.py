"""What a provider's HTTP failure means in our tree of errors, in any wire format; its message is cleaned here."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from libs.contracts.errors import (
    ContextTooLong,
    CredentialRefused,
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.fields import obj

MESSAGE_LIMIT = 1000
WAIT_LIMIT_MS = 3_600_000
_COLD_START_MS = 2_000  # where a provider that failed does not say itself when to come back
_SPACES = re.compile(r" {2,}")
# What a provider may repeat of the key it was called with: vendors' key shapes, and whatever follows an auth word.
_SECRET = re.compile(
    r"\b(?:(?:sk|pk|rk|xai)-|(?:ni_live|inf|gsk|hf)_|ya29\.|AIza|AKIA|ASIA|ABSK)[A-Za-z0-9*_\-./+=]{6,}"
    r"|(?i:\b(?:bearer|basic|credential|signature|api[-_ ]?key|token)(?:\s+provided)?\s*[:=]\s*\S{8,})"
    r"|(?i:\bbearer\s+\S{8,})"
)
# How providers and their kin say that the model does not hold so much, and what Claude Code looks for in it.
_TOO_LONG = re.compile(
    r"prompt is too long|input is too long|too long to fit into the model|context[_ ](?:window|limit|length)"
    r"|maximum model length|exceeds the maximum number of (?:input )?tokens|too many input tokens",
    re.IGNORECASE,
)
_KNOWN_TO_CLIENTS = "prompt is too long"
_PASSED_ON = frozenset((400, 404, 413, 422))  # the rest of the refusals become 400
_REFUSED = frozenset(range(400, 500)) - {409, 424, 425}


def clean(message: str) -> str:
    """One line, bounded, without anything shaped like a credential, and only of signs that are seen."""
    line = message[: 4 * MESSAGE_LIMIT].strip()
    if not line.isprintable():
        line = _SPACES.sub(" ", "".join([sign if sign.isprintable() else " " for sign in line])).strip()
    return _SECRET.sub("[removed]", line)[:MESSAGE_LIMIT]


def told(body: bytes) -> dict[str, Any]:
    """The body of a refusal as a JSON object; empty where it is none."""
    try:
        return obj(orjson.loads(body))
    except ValueError:
        return {}


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def retry_after_ms(headers: Mapping[str, str]) -> int:
    """`retry-after-ms`, else `retry-after`: seconds, or a date less the answer's `date` (RFC 9110 §10.2.3); else 0."""
    given = lower(headers)
    for value, unit in ((given.get("retry-after-ms", ""), 1), (given.get("retry-after", ""), 1000)):
        if re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", value, re.ASCII):
            return min(round(float(value) * unit), WAIT_LIMIT_MS)
    try:
        until = parsedate_to_datetime(given.get("retry-after", ""))
        wait = until - parsedate_to_datetime(given.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return 0
    return max(0, min(round(wait.total_seconds() * 1000), WAIT_LIMIT_MS))


def from_status(status: int, message: str, *, wait_ms: int = 0, param: str = "", code: str = "") -> NorthernError:
    """401, 402 and 403 concern the platform's own account: the caller must not take them for his.

    `code`: the provider's own word for a request that it refuses, fit to be shown.
    """
    said = clean(message)
    match status:
        case 401 | 402 | 403:
            return CredentialRefused("The provider refused the gateway's own credential; try another route.")
        case 408 | 504:
            return UpstreamTimeout("The provider did not answer in time; try again.", retry_after_ms=wait_ms)
        case 429:
            tell = f"The provider limits the rate of this route: {said or 'try again later'}"
            return ProviderRateLimited(tell, retry_after_ms=wait_ms)
        case 503 | 529:
            return Overloaded("The provider is overloaded; try again shortly.", retry_after_ms=wait_ms)
        case 400 | 413 | 422 if code == ContextTooLong.code or _TOO_LONG.search(said):
            return _too_long(said, status, param)
        case _ if status in _REFUSED:
            kept = status if status in _PASSED_ON else 400
            tell = said or "The provider refused the request."
            return ProviderRefused(tell, provider_status=kept, provider_code=code, param=param)
        case _ if status >= 500:  # noqa: PLR2004 - HTTP's own faults
            tell = f"Backend error: the model may be cold starting, retry (the provider answered {status})."
            return UpstreamError(tell, retry_after_ms=wait_ms or _COLD_START_MS)
        case _:
            tell = f"The provider failed (status {status}); try again."
            return UpstreamError(tell, retry_after_ms=wait_ms)


def _too_long(said: str, status: int, param: str) -> ContextTooLong:
    """Where the answer's length is what is too much, the provider's own sentence says by how much, and stands alone."""
    known = _KNOWN_TO_CLIENTS in said.lower() or "max_tokens" in said
    tell = said if known else f"{_KNOWN_TO_CLIENTS}: {said or 'send less, or take a model that holds more'}"
    return ContextTooLong(tell, provider_status=status, param=param)
