"""The one table from error code to status and body, in each dialect; nobody else knows a status."""

from dataclasses import dataclass
from typing import Any

import orjson

from libs.contracts.errors import (
    IdempotentReplay,
    MethodNotAllowed,
    NorthernError,
    ProviderRefused,
    RateLimitExceeded,
    ThreadUnsupported,
)
from libs.contracts.northern.v1.envelope_pb2 import Dialect


@dataclass(frozen=True, slots=True)
class Row:
    """How one code is shown. `code` None: the dialect shows none."""

    status: int
    type: str
    code: str | None
    anthropic: str
    anthropic_status: int = 0  # 0: the same


_INVALID = "invalid_request_error"

ROWS: dict[str, Row] = {
    "internal": Row(500, "server_error", "internal", "api_error"),
    "invalid_request": Row(400, _INVALID, None, _INVALID),
    "thread_unsupported": Row(400, _INVALID, None, _INVALID),
    "no_eligible_model": Row(400, _INVALID, "no_eligible_model", _INVALID),
    "method_not_allowed": Row(405, _INVALID, "method_not_allowed", _INVALID),
    "not_found": Row(404, _INVALID, "not_found", "not_found_error"),
    "slow_request": Row(408, _INVALID, "slow_request", _INVALID),
    "headers_too_large": Row(431, _INVALID, "headers_too_large", _INVALID),
    "request_too_large": Row(413, _INVALID, "request_too_large", "request_too_large"),
    "already_exists": Row(409, _INVALID, "already_exists", "conflict_error"),
    "legal_hold": Row(409, _INVALID, "legal_hold", "conflict_error"),
    "idempotent_replay": Row(409, _INVALID, "idempotent_replay", "conflict_error"),
    "idempotency_mismatch": Row(422, _INVALID, "idempotency_mismatch", _INVALID),
    "pii_unsupported_content": Row(422, _INVALID, "pii_unsupported_content", _INVALID),
    "invalid_api_key": Row(401, _INVALID, "invalid_api_key", "authentication_error"),
    "invalid_credentials": Row(401, _INVALID, "invalid_credentials", "authentication_error"),
    "invalid_session": Row(401, _INVALID, "invalid_session", "authentication_error"),
    "key_revoked": Row(403, "permission_error", "key_revoked", "permission_error"),
    "account_deactivated": Row(403, "permission_error", "account_deactivated", "permission_error"),
    "csrf_failed": Row(403, "permission_error", "csrf_failed", "permission_error"),
    "not_permitted": Row(403, "permission_error", "not_permitted", "permission_error"),
    "route_not_allowed": Row(403, "permission_error", "route_not_allowed", "permission_error"),
    "byok_credential_missing": Row(403, "permission_error", "byok_credential_missing", "permission_error"),
    "byok_credential_refused": Row(403, "permission_error", "byok_credential_refused", "permission_error"),
    "residency_refused": Row(403, "permission_error", "residency_refused", "permission_error"),
    "model_not_found": Row(404, _INVALID, "model_not_found", "not_found_error"),
    "insufficient_credits": Row(402, "insufficient_quota", "insufficient_credits", "billing_error"),
    "spend_cap_reached": Row(402, "insufficient_quota", "spend_cap_reached", "billing_error"),
    "credit_on_hold": Row(429, "rate_limit_error", "credit_on_hold", "rate_limit_error"),
    "not_open": Row(409, _INVALID, "not_open", "conflict_error"),
    "rate_limit_exceeded": Row(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"),
    "provider_refused": Row(400, _INVALID, None, _INVALID),  # or the provider's own 404, 413, 422
    "context_length_exceeded": Row(400, _INVALID, "context_length_exceeded", _INVALID),
    "content_filter": Row(400, _INVALID, "content_filter", _INVALID),
    "upstream_error": Row(502, "server_error", "upstream_error", "api_error"),
    "credential_refused": Row(502, "server_error", "upstream_error", "api_error"),
    "timeout": Row(504, "server_error", "timeout", "timeout_error"),
    "overloaded": Row(503, "server_error", "overloaded", "overloaded_error", 529),
    "worker_lost": Row(502, "server_error", "worker_lost", "api_error"),
    "stream_broken": Row(502, "server_error", "stream_broken", "api_error"),
    "route_unavailable": Row(503, "server_error", "route_unavailable", "overloaded_error"),
    "record_unavailable": Row(503, "server_error", "record_unavailable", "overloaded_error", 529),
    "billing_unavailable": Row(503, "server_error", "billing_unavailable", "overloaded_error", 529),
    "pii_unavailable": Row(503, "server_error", "pii_unavailable", "overloaded_error", 529),
    "store_unavailable": Row(503, "server_error", "store_unavailable", "overloaded_error", 529),
    "bus_unavailable": Row(503, "server_error", "overloaded", "overloaded_error", 529),
}
# What Anthropic's SDKs look for before they send the whole conversation instead.
_NO_THREADS = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}
# The statuses in which a provider's refusal is shown, and what Anthropic's clients expect each to be called.
_PROVIDER_STATUS = {400: _INVALID, 404: "not_found_error", 413: "request_too_large", 422: _INVALID}


def status_of(error: NorthernError, dialect: Dialect) -> int:
    """The HTTP status an error is answered with."""
    row = ROWS[error.code]
    if isinstance(error, ProviderRefused) and error.provider_status in _PROVIDER_STATUS:
        return error.provider_status
    return (dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES and row.anthropic_status) or row.status


def body_of(error: NorthernError, dialect: Dialect, request_id: str) -> bytes:
    """The error in the caller's dialect, as JSON."""
    return orjson.dumps(_shape(error, dialect, request_id))


def event_of(error: NorthernError, dialect: Dialect, request_id: str) -> bytes:
    """The same as an event of a stream that has begun; nothing follows it."""
    payload = body_of(error, dialect, request_id)
    if dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES:
        return b"event: error\ndata: " + payload + b"\n\n"
    return b"data: " + payload + b"\n\n"


def headers_of(error: NorthernError) -> dict[str, str]:
    """What tells a client when, and whether, to try again (both vendors' SDKs obey these)."""
    # A limit that the request by itself is beyond (then it names the member) is there tomorrow, too.
    hopeless = isinstance(error, RateLimitExceeded) and bool(error.param)
    headers = {"x-should-retry": "true" if error.retryable and not hopeless else "false"}
    if isinstance(error, IdempotentReplay) and error.first_request_id:
        headers["x-ni-first-request-id"] = error.first_request_id
        headers["x-ni-first-request-custody"] = f"/api/usage/custody/{error.first_request_id}"
    if isinstance(error, MethodNotAllowed) and error.allow:
        headers["Allow"] = error.allow
    if error.retry_after_ms:
        headers["retry-after-ms"] = str(error.retry_after_ms)
        headers["retry-after"] = str(-(-error.retry_after_ms // 1000))
    return headers


def _shape(error: NorthernError, dialect: Dialect, request_id: str) -> dict[str, Any]:
    row = ROWS[error.code]
    if dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES:
        type_ = row.anthropic
        if isinstance(error, ProviderRefused):
            type_ = _PROVIDER_STATUS.get(error.provider_status, type_)
        told: dict[str, Any] = {"type": type_, "message": error.message}
        if isinstance(error, ThreadUnsupported):
            told["details"] = _NO_THREADS
        return {"type": "error", "error": told, "request_id": request_id or None}
    code = row.code or (error.provider_code or None if isinstance(error, ProviderRefused) else None)
    return {"error": {"message": error.message, "type": row.type, "param": error.param or None, "code": code}}
