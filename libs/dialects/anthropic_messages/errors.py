"""What Anthropic's failures mean, told by status or, in mid-stream, by type."""

from collections.abc import Mapping
from typing import Any

from libs.contracts.errors import CredentialRefused, NorthernError
from libs.dialects import failures
from libs.dialects.fields import obj, string

_TYPES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
# The platform's own account, in a 400 that the caller can do nothing about.
_OUR_ACCOUNT = ("credit balance is too low", "specified api usage limits")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """Anthropic's shape, and Google's where Claude runs on Vertex (sometimes in a list)."""
    error = obj(failures.told(_unlisted(body)).get("error"))
    return _failure(status, string(error.get("message")), failures.retry_after_ms(headers))


def stream_failure(event: dict[str, Any]) -> NorthernError:
    """An `error` event, or the body of that shape under a 200."""
    error = obj(event.get("error"))
    return _failure(_TYPES.get(string(error.get("type")), 500), string(error.get("message")), 0)


def _failure(status: int, message: str, wait_ms: int) -> NorthernError:
    if any(said in message[: failures.MESSAGE_LIMIT].lower() for said in _OUR_ACCOUNT):
        return CredentialRefused("The provider refused the gateway's own account; try another route.")
    return failures.from_status(status, message, wait_ms=wait_ms)


def _unlisted(body: bytes) -> bytes:
    bare = body.strip()
    return bare[1:-1] if bare.startswith(b"[") and bare.endswith(b"]") else body
