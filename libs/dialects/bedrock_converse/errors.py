"""What Bedrock's failures mean, told by status or in mid-stream."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from libs.contracts.errors import NorthernError
from libs.dialects import failures
from libs.dialects.fields import obj, string

# The types that say more than their status does, or that come in a stream, where there is none.
EXCEPTIONS = {
    "internalServerException": 500,
    "modelErrorException": 424,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceQuotaExceededException": 429,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}
_ACCOUNT = re.compile(r"(arn:aws[\w-]*:[\w-]*:[\w-]*:)\d{12}")  # ours, and no business of the caller's


def stream_error(kind: str, payload: dict[str, Any]) -> NorthernError:
    message = string(payload.get("message")) or string(payload.get("originalMessage"))
    return failures.from_status(EXCEPTIONS.get(kind, 500), _innermost(message))


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """The type stands in `x-amzn-ErrorType`, sometimes with a URL behind a colon; the body has only the message."""
    kind = failures.lower(headers).get("x-amzn-errortype", "").partition(":")[0]
    status = EXCEPTIONS.get(kind[:1].lower() + kind[1:], status)
    told = failures.told(body)
    message = string(told.get("message")) or string(told.get("Message"))
    return failures.from_status(status, _innermost(message), wait_ms=failures.retry_after_ms(headers))


def _innermost(message: str) -> str:
    """Claude's own error object often rides as JSON inside the sentence."""
    start = message.find("{")
    try:
        nested = obj(orjson.loads(message[start:])) if start >= 0 else {}
    except ValueError:
        nested = {}
    said = string(obj(nested.get("error")).get("message")) or string(nested.get("message")) or message
    return _ACCOUNT.sub(r"\1[removed]", said)
