"""Accounts, their users, and credit given to them: for administrators, signed in."""

from typing import Any, Final

from libs.auth.records import Role, TenantStatus, UserStatus
from services.ingress.domain import TIERS
from services.ingress.openapi.parts import (
    PAGED,
    Answer,
    Needs,
    Operation,
    Parameter,
    Schema,
    always,
    amount,
    listing,
    one_of,
    or_null,
    page_of,
    part,
    ref,
    sent,
    shape,
    text,
    whole,
)

_TAG: Final = "Administration"
_TENANT_EXAMPLE: Final[dict[str, Any]] = {
    "id": "t_ajx4d7qzk2mfo3ye",
    "object": "tenant",
    "name": "Maple Clinic",
    "status": "active",
    "currency": "CAD",
    "time_zone": "America/Toronto",
    "residency": ["CA"],
    "allowed_tiers": ["managed_canadian_cloud"],
    "budget_per_month": "500.00",
    "alert_thresholds": [50, 80, 100],
    "alert_webhook": None,
    "created": 1_795_269_320,
}
_USER_EXAMPLE: Final[dict[str, Any]] = {
    "id": "u_3bq7n5wlcy2tzkah",
    "object": "user",
    "email": "owner@clinic.example",
    "name": "O. Wner",
    "role": "owner",
    "tenant": "t_ajx4d7qzk2mfo3ye",
    "status": "invited",
    "created": 1_795_269_320,
}
_LINK_EXAMPLE: Final[dict[str, Any]] = {
    "url": "https://gateway.example/portal/invite#…",
    "token": "…",
    "expires_at": "2026-11-24T13:55:30.000000Z",
}
_WEBHOOK: Final = shape({"url": text()}, {"secret": text("What alerts are signed with. It is shown this once.")})
_TENANT: Final[dict[str, Schema]] = {
    "id": text(),
    "object": always("tenant"),
    "name": text(),
    "status": one_of(*TenantStatus),
    "currency": text(),
    "time_zone": text(),
    "residency": listing(text(), "Empty: anywhere."),
    "allowed_tiers": listing(one_of(*TIERS), "Empty: all."),
    "budget_per_month": or_null(text("A decimal string.")),
    "alert_thresholds": listing(whole(minimum=1, maximum=100), "Percentages of the budget."),
    "alert_webhook": or_null(_WEBHOOK),
    "created": whole("Unix seconds."),
}
_USER: Final[dict[str, Schema]] = {
    "id": text(),
    "object": always("user"),
    "email": text(),
    "name": text(),
    "role": one_of(*Role),
    "tenant": text(),
    "status": one_of(*UserStatus),
    "created": whole("Unix seconds."),
}
_TENANT_CHANGE: Final[dict[str, Schema]] = {
    "name": text(maxLength=128),
    "status": one_of(*TenantStatus, default=TenantStatus.ACTIVE.value),
    "time_zone": text("Of the IANA list.", maxLength=64, default="UTC"),
    "residency": or_null(listing(text())),
    "allowed_tiers": or_null(listing(one_of(*TIERS), minItems=1)),
    "budget_per_month": {"anyOf": [amount(), {"type": "number", "minimum": 0}, {"type": "null"}]},
    "alert_thresholds": or_null(
        listing(whole(minimum=1, maximum=100), "Null: the usual ones.", minItems=1, maxItems=10)
    ),
    "alert_webhook": or_null(sent({"url": text("https:// only.", maxLength=512)})),
}
_CURRENCY: Final = {"currency": one_of("CAD", description="What the ledger counts in.", default="CAD")}
_ROLE: Final = one_of(*Role, default=Role.MEMBER.value)
_NAME: Final = text(maxLength=128)

SCHEMAS: Final[dict[str, Schema]] = {
    "Tenant": shape(_TENANT, examples=[_TENANT_EXAMPLE]),
    "Tenants": page_of("Tenant"),
    "NewTenant": shape(
        {**_TENANT, "api_key": text("Its first key. It is shown this once.")},
        examples=[{**_TENANT_EXAMPLE, "api_key": "ni_live_…"}],
    ),
    "TenantBody": sent(
        {"name": _NAME},
        {**{name: each for name, each in _TENANT_CHANGE.items() if name != "name"}, **_CURRENCY},
        examples=[{"name": "Maple Clinic", "time_zone": "America/Toronto"}],
    ),
    "TenantChange": sent(
        {}, _TENANT_CHANGE, description="Null takes a restriction away.", examples=[{"budget_per_month": "500.00"}]
    ),
    "User": shape(_USER, examples=[_USER_EXAMPLE]),
    "Users": page_of("User"),
    "Invite": shape(
        {"url": text(), "token": text("Good once."), "expires_at": text(format="date-time")}, examples=[_LINK_EXAMPLE]
    ),
    "NewUser": shape({**_USER, "invite": ref("Invite")}, examples=[{**_USER_EXAMPLE, "invite": _LINK_EXAMPLE}]),
    "UserBody": sent(
        {"email": text(maxLength=254)},
        {"name": _NAME, "role": _ROLE, "tenant": text("One's own, unless one runs the deployment.", maxLength=64)},
        examples=[{"email": "member@clinic.example", "role": "member"}],
    ),
    "UserChange": sent(
        {},
        {
            "name": _NAME,
            "role": _ROLE,
            "status": one_of(UserStatus.ACTIVE, UserStatus.DEACTIVATED, default=UserStatus.ACTIVE.value),
        },
        examples=[{"name": "M. Ember"}],
    ),
    "CreditBody": sent(
        {"tenant": text(), "amount": text("A decimal string; negative: taken back.", pattern=r"^-?[0-9]+(\.[0-9]+)?$")},
        {"note": or_null(text(maxLength=500))},
        examples=[{"tenant": "t_ajx4d7qzk2mfo3ye", "amount": "25.00", "note": "Invoice 1042"}],
    ),
    "CreditGiven": shape(
        {
            "object": always("credit"),
            "tenant": text(),
            "amount": amount(),
            "note": or_null(text()),
            "balance": amount(),
            "held": amount(),
            "currency": text(),
        },
        examples=[
            {
                "object": "credit",
                "tenant": "t_ajx4d7qzk2mfo3ye",
                "amount": "25.00",
                "note": "Invoice 1042",
                "balance": "25.00",
                "held": "0.00",
                "currency": "CAD",
            }
        ],
    ),
}

_TENANT_ID: Final = part("tenant_id", "The account's id.", "t_ajx4d7qzk2mfo3ye")
_USER_ID: Final = part("user_id", "The user's id.", "u_3bq7n5wlcy2tzkah")
_ONE: Final = ("not_found", "overloaded")


def _admin(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(
        method=method,
        path=f"/api/admin{path}",
        id=name,
        tag=_TAG,
        summary=summary,
        needs=Needs.PERSON,
        **{"codes": _ONE, **more},
    )


OPERATIONS: Final = (
    _admin("GET", "/tenants", "list_tenants", "Every account", parameters=PAGED, answer=Answer(schema=ref("Tenants"))),
    _admin(
        "POST",
        "/tenants",
        "create_tenant",
        "Open an account; its balance is zero until it is credited",
        body=ref("TenantBody"),
        example={"name": "Maple Clinic", "time_zone": "America/Toronto"},
        answer=Answer(status=201, schema=ref("NewTenant"), text="Opened."),
        codes=("overloaded", "route_unavailable"),
    ),
    _admin(
        "GET",
        "/tenants/{tenant_id}",
        "get_tenant",
        "One account",
        parameters=(_TENANT_ID,),
        answer=Answer(schema=ref("Tenant")),
    ),
    _admin(
        "PATCH",
        "/tenants/{tenant_id}",
        "change_tenant",
        "Change an account; deactivated, its keys and sessions are refused at once",
        parameters=(_TENANT_ID,),
        body=ref("TenantChange"),
        example={"budget_per_month": "500.00"},
        answer=Answer(schema=ref("Tenant"), text="As it is now."),
        codes=(*_ONE, "route_unavailable"),
    ),
    _admin("GET", "/users", "list_users", "The account's users", parameters=PAGED, answer=Answer(schema=ref("Users"))),
    _admin(
        "POST",
        "/users",
        "create_user",
        "Invite a user by a one-time link",
        body=ref("UserBody"),
        example={"email": "member@clinic.example", "role": "member"},
        answer=Answer(status=201, schema=ref("NewUser"), text="Invited."),
        codes=(*_ONE, "already_exists"),
    ),
    _admin(
        "GET", "/users/{user_id}", "get_user", "One user", parameters=(_USER_ID,), answer=Answer(schema=ref("User"))
    ),
    _admin(
        "PATCH",
        "/users/{user_id}",
        "change_user",
        "Change a user; a role counts from the next request on",
        parameters=(_USER_ID,),
        body=ref("UserChange"),
        example={"name": "M. Ember"},
        answer=Answer(schema=ref("User"), text="As they are now."),
    ),
    _admin(
        "POST",
        "/users/{user_id}/invite",
        "invite_user",
        "A fresh one-time link; the one before is void",
        parameters=(_USER_ID,),
        answer=Answer(schema=ref("Invite"), text="The link."),
    ),
    _admin(
        "POST",
        "/credits",
        "give_credit",
        "Credit an account, or take credit back; for whoever runs the deployment",
        parameters=(
            Parameter(
                name="Idempotency-Key",
                text="The same operation again counts once.",
                place="header",
                schema=text(minLength=1, maxLength=255),
            ),
        ),
        body=ref("CreditBody"),
        example={"tenant": "t_ajx4d7qzk2mfo3ye", "amount": "25.00", "note": "Invoice 1042"},
        answer=Answer(status=201, schema=ref("CreditGiven"), text="Done."),
        codes=("not_found", "insufficient_credits", "idempotency_mismatch", "billing_unavailable"),
    ),
)
