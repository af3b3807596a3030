"""Browser sessions, and what says whether the gateway is there."""

from typing import Any, Final

from libs.auth.records import Role
from services.ingress.openapi.parts import (
    GATEWAY,
    INFERENCE,
    Answer,
    Needs,
    Operation,
    Schema,
    always,
    flag,
    one_of,
    ref,
    shape,
    text,
    whole,
)

_TAG: Final = "Sessions"
_WHO: Final = shape(
    {"id": text(), "email": text(), "role": one_of(*Role), "tenant": text()}, {"name": text()}, more=True
)
_TOKEN: Final = text("To be sent as x-csrf-token with every request that changes something.")
_OPENED: Final = Answer(schema=ref("SessionOpened"), text="Signed in: the cookies are set.")
_LIMITED: Final = (
    "invalid_credentials",
    "account_deactivated",
    "rate_limit_exceeded",
    "csrf_failed",
    "bus_unavailable",
)

SCHEMAS: Final[dict[str, Schema]] = {
    "SignIn": shape(
        {"email": text(), "password": text(format="password")},
        examples=[{"email": "owner@clinic.example", "password": "a long sentence"}],
    ),
    "Session": shape({"user": _WHO, "csrf_token": _TOKEN}),
    "SessionOpened": shape({"user": _WHO, "csrf_token": _TOKEN, "expires_in": whole("Seconds.")}),
    "SignedOut": shape({"signed_out": flag(const=True)}, examples=[{"signed_out": True}]),
    "PasswordBody": {
        "anyOf": [
            shape({"token": text("Of a one-time link."), "password": text(format="password")}),
            shape({"current_password": text(format="password"), "password": text(format="password")}),
        ],
        "examples": [{"current_password": "a long sentence", "password": "an even longer sentence"}],
    },
    "Gateway": shape({"service": always("northern-inference"), "api": text(), "ready": text()}),
    "Alive": shape({"status": always("ok")}),
    "Ready": shape({"ready": flag(), "checks": {"type": "object", "additionalProperties": {"type": "boolean"}}}),
}


def _session(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(method=method, path=f"/api/session{path}", id=name, tag=_TAG, summary=summary, **more)


def _probe(method: str, path: str, name: str, summary: str, answer: Answer) -> Operation:
    return Operation(
        method=method, path=path, id=name, tag="The gateway", summary=summary, needs=Needs.NOBODY, answer=answer
    )


_HERE: Final = Answer(schema=ref("Gateway"), text="It is here.")
_EMPTY: Final = Answer(text="It is here.")

OPERATIONS: Final = (
    _session(
        "POST",
        "",
        "sign_in",
        "Sign in",
        needs=Needs.NOBODY,
        body=ref("SignIn"),
        example={"email": "owner@clinic.example", "password": "a long sentence"},
        answer=_OPENED,
        codes=_LIMITED,
    ),
    _session("GET", "", "get_session", "Who is signed in", needs=Needs.COOKIE, answer=Answer(schema=ref("Session"))),
    _session("DELETE", "", "sign_out", "Sign out", needs=Needs.COOKIE, answer=Answer(schema=ref("SignedOut"))),
    _session(
        "POST",
        "/refresh",
        "refresh_session",
        "New tokens for the refresh cookie; a token used twice ends the session",
        needs=Needs.COOKIE,
        answer=_OPENED,
    ),
    _session(
        "POST",
        "/password",
        "set_password",
        "Another password: by a one-time link, or signed in by the present one",
        needs=Needs.NOBODY,
        body=ref("PasswordBody"),
        example={"current_password": "a long sentence", "password": "an even longer sentence"},
        answer=_OPENED,
        codes=(*_LIMITED, "invalid_session"),
    ),
    *(
        _probe(method, path or "/", f"{method.lower()}_{name}", "Whether a base URL is there", answer)
        for path, name in (("", "root"), (GATEWAY, "surface"), (INFERENCE, "surface_inference"))
        for method, answer in (("GET", _HERE), ("HEAD", _EMPTY))
    ),
    _probe("GET", "/healthz", "get_health", "Whether the edge runs", Answer(schema=ref("Alive"))),
    _probe("GET", "/readyz", "get_readiness", "Whether requests can be answered", Answer(schema=ref("Ready"))),
)
