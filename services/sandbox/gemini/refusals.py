"""How Google words a refusal: a status of its own beside the HTTP one, and details."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.sandbox.wire import Refusal

# https://cloud.google.com/apis/design/errors#handling_errors
STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}
EXHAUSTED = (
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)
_USUAL_DELAY_S = 34.4
_TYPES = "type.googleapis.com/google.rpc."


def invalid(message: str, field: str | None = None) -> Refusal:
    """A 400; `field` names the member in a `fieldViolations` detail."""
    return Refusal(400, message, param=field)


def unable(reason: str) -> Refusal:
    """A 400 in the words that Vertex begins most of its own with."""
    return invalid(f"Unable to submit request because {reason}")


def error_of(status: int, message: str, *, field: str | None = None, retry_after: int | None = None) -> dict[str, Any]:
    """The `{"error": …}` of a response or of an event within a stream."""
    error: dict[str, Any] = {"code": status, "message": message, "status": STATUSES.get(status, "UNKNOWN")}
    if details := _details(status, message, field, retry_after):
        error["details"] = details
    return {"error": error}


def _details(status: int, message: str, field: str | None, retry_after: int | None) -> Sequence[Mapping[str, Any]]:
    if status == 429:  # noqa: PLR2004 - too many requests
        delay = _USUAL_DELAY_S if retry_after is None else retry_after
        return [{"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{delay}s"}]
    if status == 401:  # noqa: PLR2004 - not authenticated
        info = {"reason": "CREDENTIALS_MISSING", "domain": "googleapis.com"}
        return [{"@type": f"{_TYPES}ErrorInfo", **info, "metadata": {"service": "aiplatform.googleapis.com"}}]
    if field is not None:
        violation = {"field": field, "description": message}
        return [{"@type": f"{_TYPES}BadRequest", "fieldViolations": [violation]}]
    return []
