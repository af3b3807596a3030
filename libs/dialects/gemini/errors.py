"""What Google's failures mean, told by status or in mid-stream."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from libs.contracts.errors import NorthernError
from libs.dialects import failures
from libs.dialects.fields import obj, seq, string

# google.rpc.Code, where it says more than the HTTP status or comes without one.
_STATUSES = {
    "ABORTED": 503,
    "ALREADY_EXISTS": 409,
    "CANCELLED": 500,
    "DATA_LOSS": 500,
    "DEADLINE_EXCEEDED": 504,
    "FAILED_PRECONDITION": 400,
    "INTERNAL": 500,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
    "UNKNOWN": 500,
}
_OUR_KEY = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING"))
_DELAY = re.compile(r"\d{1,7}(\.\d{1,9})?s", re.ASCII)
_PROJECT = re.compile(r"\bprojects/[\w.:-]+")  # ours, and no business of the caller's


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """`{"error": {code, message, status, details}}`, which comes wrapped in a list from some of Google's fronts."""
    try:
        told = orjson.loads(body)
    except ValueError:
        told = {}
    return from_error(error_of(told) or {}, status, failures.retry_after_ms(headers))


def error_of(payload: object) -> dict[str, Any] | None:
    """The error that a payload holds, if it holds one."""
    first = payload[0] if isinstance(payload, list) and payload else payload
    error = obj(first).get("error")
    if error is None:
        return None
    return error if isinstance(error, dict) else {"message": string(error)}


def from_error(error: dict[str, Any], status: int = 500, wait_ms: int = 0) -> NorthernError:
    """`status` counts where the error itself names no code."""
    code = error.get("code")
    known = isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600  # noqa: PLR2004 - HTTP's own
    status = _STATUSES.get(string(error.get("status")), code if known and code is not None else status)
    details = [obj(each) for each in seq(error.get("details"))]
    if any(string(each.get("reason")) in _OUR_KEY for each in details):
        status = 401
    message = _PROJECT.sub("projects/[removed]", string(error.get("message")))
    return failures.from_status(status, message, wait_ms=_retry_delay_ms(details) or wait_ms)


def _retry_delay_ms(details: list[dict[str, Any]]) -> int:
    """google.rpc.RetryInfo: seconds as a JSON duration, "34.4s"."""
    for each in details:
        delay = string(each.get("retryDelay"))
        if _DELAY.fullmatch(delay):
            return min(round(float(delay[:-1]) * 1000), failures.WAIT_LIMIT_MS)
    return 0
