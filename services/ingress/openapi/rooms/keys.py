"""An account's keys: made, shown, changed, rotated, revoked."""

from typing import Any, Final

from libs.auth.records import KeyStatus, OptimizeMode
from services.ingress.domain import TIERS
from services.ingress.openapi.parts import (
    INFERENCE,
    PAGED,
    Answer,
    Operation,
    Parameter,
    Schema,
    always,
    amount,
    at,
    flag,
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

_LIMITS: Final = {
    "rpm": or_null(whole("Requests per minute.", minimum=1)),
    "tpm": or_null(whole("Tokens per minute.", minimum=1)),
    "concurrency": or_null(whole("Requests at once.", minimum=1)),
}
_MOMENT: Final = or_null(text(format="date-time"))
_KEY_EXAMPLE: Final[dict[str, Any]] = {
    "id": "k_mwwmo253ugyz64kj",
    "object": "api_key",
    "name": "Production",
    "prefix": "ni_live_",
    "last4": "7Jc6",
    "status": "active",
    "allowed_tiers": ["managed_canadian_cloud"],
    "residency": ["CA"],
    "model_pool": ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"],
    "optimize_mode": "balanced",
    "byok": False,
    "max_spend_per_day": "25.00",
    "rate_limits": {"rpm": 600, "tpm": None, "concurrency": 20},
    "expires_at": None,
    "revoked_at": None,
    "previous": [],
    "created": 1_795_269_320,
}
_CREATE_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Production",
    "model_pool": ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"],
    "optimize_mode": "balanced",
    "max_spend_per_day": "25.00",
    "rate_limits": {"rpm": 600},
}
_KEY: Final[dict[str, Schema]] = {
    "id": text(),
    "object": always("api_key"),
    "name": text(),
    "prefix": text(),
    "last4": text(),
    "status": one_of(*KeyStatus),
    "allowed_tiers": listing(one_of(*TIERS)),
    "residency": listing(text(), "Empty: anywhere."),
    "model_pool": listing(text(), "What `auto` chooses from; empty: every route of the tiers."),
    "optimize_mode": one_of(*OptimizeMode),
    "byok": flag(),
    "max_spend_per_day": or_null(text("A decimal string; the day is that of the account's time zone.")),
    "rate_limits": shape(_LIMITS),
    "expires_at": _MOMENT,
    "revoked_at": _MOMENT,
    "previous": listing(
        shape({"last4": text(), "expires_at": _MOMENT}), "Earlier secrets that are good for a while yet."
    ),
    "created": whole("Unix seconds."),
}
_SECRET: Final = {"key": text("The key itself. It is shown this once.")}

SCHEMAS: Final[dict[str, Schema]] = {
    "Key": shape(_KEY, examples=[_KEY_EXAMPLE]),
    "Keys": page_of("Key"),
    "NewKey": shape({**_KEY, **_SECRET}, examples=[{**_KEY_EXAMPLE, "key": "ni_live_…"}]),
    "RevokedKey": shape(
        {**_KEY, "deleted": flag(const=True)},
        examples=[{**_KEY_EXAMPLE, "status": "revoked", "revoked_at": "2026-11-21T13:55:30.000000Z", "deleted": True}],
    ),
    "KeyBody": sent(
        {},
        {
            "name": text(maxLength=128, default="API key"),
            "allowed_tiers": listing(one_of(*TIERS), "Left out: those of whoever makes the key.", minItems=1),
            "residency": or_null(listing(text(), "Jurisdictions, as ISO 3166-1 has them, and EU.")),
            "model_pool": or_null(listing(text(), maxItems=100)),
            "optimize_mode": one_of(*OptimizeMode, default=OptimizeMode.BALANCED.value),
            "byok": flag("Use the account's own credentials.", default=False),
            "max_spend_per_day": {"anyOf": [amount(), {"type": "number", "minimum": 0}, {"type": "null"}]},
            "rate_limits": or_null(sent({}, _LIMITS)),
            "expires_at": {"anyOf": [text(format="date-time"), whole("Unix seconds."), {"type": "null"}]},
        },
        description="Null takes a restriction away. A key makes and changes only keys that may do no more than itself; "
        "one that has `max_spend_per_day` or `rate_limits` only itself, for each key counts by itself.",
        examples=[_CREATE_EXAMPLE],
    ),
    "RotationBody": sent(
        {},
        {"overlap_s": whole("For how long the secret before is good.", minimum=0, maximum=2_592_000, default=86_400)},
        examples=[{"overlap_s": 3600}],
    ),
}

_ID: Final = part("key_id", "The key's id.", "k_mwwmo253ugyz64kj")
_EVERY: Final = Parameter(
    name="status",
    text="`all`: revoked ones, too.",
    schema={"type": "string", "enum": ["active", "all"], "default": "active"},
)
_ONE: Final = ("not_found", "overloaded")
_WRITES: Final = (*_ONE, "not_permitted")


def _keys(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(method=method, path=f"/keys{path}", id=name, tag="Keys", summary=summary, **more)


_KEYS: Final = (
    _keys(
        "GET",
        "",
        "list_keys",
        "The account's keys, without their secrets",
        parameters=(*PAGED, _EVERY),
        answer=Answer(schema=ref("Keys"), text="A page, oldest first."),
        codes=("overloaded",),
    ),
    _keys(
        "POST",
        "",
        "create_key",
        "Make a key; its secret is in this answer and nowhere else",
        body=ref("KeyBody"),
        example=_CREATE_EXAMPLE,
        answer=Answer(status=201, schema=ref("NewKey"), text="Made."),
        codes=("overloaded", "not_permitted"),
    ),
    _keys("GET", "/{key_id}", "get_key", "One key", parameters=(_ID,), answer=Answer(schema=ref("Key")), codes=_ONE),
    _keys(
        "PATCH",
        "/{key_id}",
        "change_key",
        "Change a key; it counts everywhere within a second",
        parameters=(_ID,),
        body=ref("KeyBody"),
        example={"name": "Production, Toronto", "optimize_mode": "cost"},
        answer=Answer(schema=ref("Key"), text="As it is now."),
        codes=_WRITES,
    ),
    _keys(
        "DELETE",
        "/{key_id}",
        "revoke_key",
        "Revoke a key, at once and for good",
        parameters=(_ID,),
        answer=Answer(schema=ref("RevokedKey"), text="Revoked."),
        codes=_WRITES,
    ),
    _keys(
        "POST",
        "/{key_id}/rotate",
        "rotate_key",
        "A new secret for a key; the one before is good for a while",
        parameters=(_ID,),
        body=ref("RotationBody"),
        example={"overlap_s": 3600},
        answer=Answer(schema=ref("NewKey"), text="With the new secret, shown this once."),
        codes=_WRITES,
    ),
)

OPERATIONS: Final = (
    *(at(each, "/api", "") for each in _KEYS),
    *(at(each, INFERENCE, "_inference") for each in _KEYS),
)
