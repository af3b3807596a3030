"""OpenAI's errors: the provider's read, under any status and in mid-stream; a stream's last event written."""

from collections.abc import Mapping

import orjson

from libs.contracts.errors import ContentFiltered, CredentialRefused, NorthernError, UpstreamError
from libs.dialects import failures
from libs.dialects.fields import obj, string


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
    if status == 429 and "insufficient_quota" in (inner.get("code"), inner.get("type")):  # noqa: PLR2004 - HTTP's number
        return CredentialRefused("The provider refused the gateway's own account; try another route.")
    if status == 400 and (filtered := _filtered(inner)):  # noqa: PLR2004 - HTTP's number
        return filtered
    wait = failures.retry_after_ms(headers)
    return failures.from_status(status, message, wait_ms=wait, param=string(inner.get("param")))


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
    return ContentFiltered(said, param=string(error.get("param")))
