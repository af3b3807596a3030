"""The table of errors as the document has it, and which refusals an operation must be expected to give."""

from typing import Any, Final

from libs.contracts.errors import catalogue
from services.ingress.openapi.parts import JSON, Needs, Operation, Schema, always, or_null, ref, shape, text
from services.ingress.problems import ROWS, Row

_EVERYWHERE: Final = ("invalid_request", "headers_too_large", "slow_request", "internal")
_CALLER: Final = ("invalid_api_key", "key_revoked", "account_deactivated", "bus_unavailable")
_BY_COOKIE: Final = ("invalid_session", "account_deactivated", "bus_unavailable")
_BODY: Final = ("request_too_large",)
_DIALECT: Final = "invalid_request"


def codes_of(operation: Operation) -> tuple[str, ...]:
    """Every code that may come of it, sorted."""
    found = {*_EVERYWHERE, *operation.codes}
    by_session = operation.path.startswith("/api/") and operation.needs is not Needs.NOBODY
    if operation.needs is Needs.CALLER:
        found.update(_CALLER)
    if operation.needs is Needs.PERSON:
        found.update((*_CALLER, "not_permitted"))
    if by_session:
        found.update(_BY_COOKIE)
        if operation.writes:
            found.add("csrf_failed")
    if operation.body is not None:
        found.update(_BODY)
    return tuple(sorted(found))


def refusals(operation: Operation) -> dict[str, Any]:
    """The operation's refusals as responses by status."""
    by_status: dict[int, list[str]] = {}
    for code in codes_of(operation):
        by_status.setdefault(_status(ROWS[code], anthropic=operation.anthropic), []).append(code)
    schema = ref("AnthropicError" if operation.anthropic else "Error")
    return {
        str(status): {
            "description": ", ".join(f"`{code}`" for code in codes),
            "content": {JSON: {"schema": schema, "example": example(codes[0], anthropic=operation.anthropic)}},
        }
        for status, codes in sorted(by_status.items())
    }


def example(code: str, *, anthropic: bool = False) -> dict[str, Any]:
    """A refusal with this code, in a dialect."""
    row, message = ROWS[code], "A sentence that says what to do."
    if anthropic:
        told = {"type": row.anthropic, "message": message}
        return {"type": "error", "error": told, "request_id": "0343c4ae44e90000"}
    return {"error": {"message": message, "type": row.type, "param": None, "code": row.code}}


def table() -> dict[str, Any]:
    """Every code: statuses, how each dialect calls it, and whether the same request may succeed later."""
    classes = catalogue()
    return {
        name: {
            "status": row.status,
            "type": row.type,
            "code": row.code,
            "anthropic_status": _status(row, anthropic=True),
            "anthropic_type": row.anthropic,
            "retryable": classes[name].retryable,
        }
        for name, row in sorted(ROWS.items())
    }


def _status(row: Row, *, anthropic: bool) -> int:
    return (anthropic and row.anthropic_status) or row.status


_OPENAI_TYPES: Final = sorted({row.type for row in ROWS.values()})
_ANTHROPIC_TYPES: Final = sorted({row.anthropic for row in ROWS.values()})
_CODE: Final = "One of `x-ni-errors`; null where there is none; of a request that the provider refused, its own code."

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": shape(
        {
            "error": shape(
                {
                    "message": text("What is wrong and what to do next. It never repeats a secret."),
                    "type": text(enum=_OPENAI_TYPES),
                    "param": or_null(text("The member, parameter or header at fault.")),
                    "code": or_null(text(_CODE, maxLength=64, pattern="^[A-Za-z0-9_]+$")),
                }
            )
        },
        description="A refusal in OpenAI's dialect: of every path but those of Anthropic's API.",
        examples=[example(_DIALECT), example("insufficient_credits")],
    ),
    "AnthropicError": shape(
        {
            "type": always("error"),
            "error": shape({"type": text(enum=_ANTHROPIC_TYPES), "message": text()}, {"details": shape({}, more=True)}),
            "request_id": or_null(text()),
        },
        description="A refusal in Anthropic's dialect.",
        examples=[example(_DIALECT, anthropic=True)],
    ),
}
