"""OpenAI's errors: the provider's read, under any status and in mid-stream; a stream's last event written."""

import re
from collections.abc import Mapping

import orjson

from libs.contracts.errors import (
    ContentFiltered,
    ContextTooLong,
    CredentialRefused,
    ModelNotFound,
    NorthernError,
    UpstreamError,
    catalogue,
)
from libs.dialects import failures
from libs.dialects.fields import obj, string

_NOT_FOUND = 404
_CODE_LIMIT = 64
_PARAM_LIMIT = 200
# Codes are words, as in `invalid_base64` or Azure's `OperationNotSupported`; nothing that a key or an id could be.
_WORDS = re.compile(r"[A-Za-z]+[0-9]{0,2}(?:_[A-Za-z]+[0-9]{0,2})*", re.ASCII)
# Theirs that say what ours of the same name does; any other of ours would be taken for our own word to the caller.
_SHARED = frozenset((ContentFiltered.code, ContextTooLong.code, ModelNotFound.code))
_OURS = frozenset(catalogue()) - _SHARED
# What speaks of whoever holds the credential, under whatever status.
_OF_THE_ACCOUNT = re.compile(
    r"key|auth|account|credential|credit|quota|billing|balance|payment|spend|subscription|organi[sz]ation|project"
    r"|tenant|permission|access|denied|forbidden|country",
    re.IGNORECASE,
)
# In a 400 or a 429: the platform's own account, about which the caller can do nothing.
_OUR_ACCOUNT = frozenset(
    ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "organization_restricted")
)


def stream_error(message: str, type: str, code: str) -> bytes:  # noqa: A002 - the wire's own name
    """The event that ends a failed stream; `[DONE]` never follows it."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return b"data: " + orjson.dumps({"error": error}) + b"\n\n"


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> NorthernError:
    """The provider's refusal; the shapes of OpenAI, Azure, vLLM and plain `{"message"}` or `{"detail"}` are known."""
    told = failures.told(body)
    error = told.get("error")
    inner = obj(error) or told
    message = string(error) or string(inner.get("message")) or string(inner.get("detail"))
    if status in (400, 429) and _OUR_ACCOUNT & {string(inner.get("code")), string(inner.get("type"))}:
        return CredentialRefused("The provider refused the gateway's own account; try another route.")
    if status == 400 and (filtered := _filtered(inner)):  # noqa: PLR2004 - HTTP's number
        return filtered
    wait = failures.retry_after_ms(headers)
    code = "" if status == _NOT_FOUND else _code(inner)  # what is not found there is not what the caller named
    return failures.from_status(status, message, wait_ms=wait, param=_param(inner), code=code)


def read_failure(event: object) -> NorthernError | None:
    """`{"error": …}` as OpenAI and its kin send it under a 200, and vLLM's older `{"object":"error"}`."""
    told = obj(event)
    error = told if told.get("object") == "error" else told.get("error")
    if not error:
        return None
    if filtered := _filtered(obj(error)):
        return filtered
    message = string(error) or string(obj(error).get("message"))
    code = obj(error).get("code")
    if isinstance(code, int) and 400 <= code < 600:  # noqa: PLR2004 - HTTP's failures
        return failures.from_status(code, message)
    said = failures.clean(message)
    return UpstreamError(f"The provider failed in mid-answer: {said}" if said else "The provider failed in mid-answer.")


def _filtered(error: Mapping[str, object]) -> ContentFiltered | None:
    """Azure's refusal of a prompt, of which some clients tell their users by its code."""
    if error.get("code") != ContentFiltered.code:
        return None
    said = failures.clean(string(error.get("message"))) or "The provider's content filter refused the prompt."
    return ContentFiltered(said, param=_param(error))


def _param(error: Mapping[str, object]) -> str:
    return failures.clean(string(error.get("param")))[:_PARAM_LIMIT]


def _code(error: Mapping[str, object]) -> str:
    """The provider's own code as it may be shown; "" where it has none, or one that is not the caller's business."""
    code = string(error.get("code"))
    if len(code) > _CODE_LIMIT or not _WORDS.fullmatch(code) or failures.clean(code) != code:
        return ""
    return "" if code in _OURS or _OF_THE_ACCOUNT.search(code) else code
