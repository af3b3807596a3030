"""Personal data: what would be substituted, what an account wants substituted, and the audit of what was."""

from typing import Any, Final

from services.ingress.openapi.parts import (
    PAGED,
    Answer,
    Needs,
    Operation,
    Parameter,
    Schema,
    always,
    flag,
    listing,
    number,
    one_of,
    or_null,
    page_of,
    ref,
    sent,
    shape,
    text,
    whole,
)

_TAG: Final = "Personal data"
TYPES: Final = tuple(
    """
    PERSON EMAIL PHONE SSN CREDIT_CARD IP LOCATION SIN HEALTH_NUMBER POSTAL_CODE ADDRESS DATE_OF_BIRTH BANK_ACCOUNT IBAN
    PASSPORT DRIVER_LICENCE SECRET ACCOUNT_URL CUSTOM
    """.split()
)
_NAME: Final = text(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
_PREVIEW_EXAMPLE: Final[dict[str, Any]] = {"text": "Ask Julie Tremblay, 416-555-0100."}
_POLICY: Final[dict[str, Schema]] = {
    "id": text(pattern=r"^[A-Za-z0-9_.-]{1,64}$", default="default"),
    "types": {
        "type": "object",
        "propertyNames": {"enum": list(TYPES)},
        "additionalProperties": {"type": "boolean"},
        "description": "What differs from the default, which is everything on.",
        "default": {},
    },
    "allow": listing(text(minLength=1, maxLength=200), "Never substituted.", maxItems=10_000, default=[]),
    "deny": listing(text(minLength=1, maxLength=200), "Always substituted.", maxItems=10_000, default=[]),
    "patterns": listing(
        sent({"name": _NAME, "regex": text("In RE2's syntax.", minLength=1, maxLength=1000)}), maxItems=50, default=[]
    ),
    "strict": one_of("off", "mask", "refuse", description="What is done about what is not certain.", default="off"),
    "scope": one_of("account", "conversation", description="How far a substitute stays the same.", default="account"),
    "images": one_of("block", "allow", default="block"),
    "restore_secrets": flag(default=True),
}
_WANTED: Final[dict[str, Schema]] = {
    "default": or_null(text("The policy of whoever names none.", pattern=r"^[A-Za-z0-9_.-]{1,64}$")),
    "keys": {"type": "object", "additionalProperties": _NAME, "description": "A key's id and its policy."},
    "audit_days": whole("For how long audit rows are kept.", minimum=1, maximum=3650, default=90),
    "policies": listing(ref("PiiPolicy"), maxItems=32),
}
_POLICY_EXAMPLE: Final[dict[str, Any]] = {
    "pii": {"default": "clinic", "audit_days": 365, "policies": [{"id": "clinic", "deny": ["Project Beaver"]}]}
}
_ROW_EXAMPLE: Final[dict[str, Any]] = {
    "object": "pii_audit.entity",
    "request_id": "0343c4ae44e90000",
    "row": 0,
    "created": 1_795_269_330,
    "key_id": "k_mwwmo253ugyz64kj",
    "policy": "default",
    "type": "PERSON",
    "count": 2,
    "place": "messages[0].content",
    "substitute": "Nora Whitfield",
    "original_hash": "5b1f",
    "original_shape": "letters 2",
    "recognizer": "names",
    "score": 0.93,
}

SCHEMAS: Final[dict[str, Schema]] = {
    "PreviewBody": {
        "anyOf": [
            shape({"text": text()}, {"pii_policy": or_null(text()), "conversation_id": or_null(text())}, more=True),
            shape(
                {"messages": listing(shape({}, more=True))},
                {"pii_policy": or_null(text()), "conversation_id": or_null(text())},
                more=True,
                title="A body of either dialect",
            ),
        ],
        "examples": [_PREVIEW_EXAMPLE],
    },
    "Preview": shape(
        {
            "object": always("pii.preview"),
            "policy": text(),
            "substituted": shape({}, more=True, description="What was sent, as it would leave."),
            "entities": listing(ref("PreviewEntity")),
            "more": flag("There are others that are not listed."),
        }
    ),
    "PreviewEntity": shape(
        {
            "type": one_of(*TYPES),
            "place": text(),
            "start": whole("In characters."),
            "end": whole(),
            "substitute": text(),
            "recognizer": text(),
            "score": number(minimum=0, maximum=1),
        },
        examples=[
            {
                "type": "PHONE",
                "place": "text",
                "start": 20,
                "end": 32,
                "substitute": "416-555-0142",
                "recognizer": "phone",
                "score": 0.95,
            }
        ],
    ),
    "PiiPolicy": sent({}, _POLICY, examples=[{"id": "clinic", "types": {"LOCATION": False}}]),
    "AccountPolicy": shape(
        {
            "object": always("policy"),
            "residency": listing(text()),
            "allowed_tiers": listing(text()),
            "pii": shape(_WANTED),
        }
    ),
    "PolicyBody": sent(
        {"pii": sent({}, _WANTED)},
        {"object": always("policy")},
        description="It takes the place of what stood there.",
        examples=[_POLICY_EXAMPLE],
    ),
    "PiiAuditRow": shape(
        {
            "object": always("pii_audit.entity"),
            "request_id": text(),
            "row": whole(),
            "created": whole("Unix seconds."),
            "key_id": or_null(text()),
            "policy": text(),
            "type": text("Empty: nothing was found in the request."),
            "count": whole(),
            "place": text(),
            "substitute": text(),
            "original_hash": text("Keyed; the original stands nowhere."),
            "original_shape": text(),
            "recognizer": text(),
            "score": number(),
        },
        examples=[_ROW_EXAMPLE],
    ),
    "PiiAudit": page_of("PiiAuditRow"),
}

_CODES: Final = ("pii_unavailable",)
_AUDITED: Final = (
    Parameter(name="tenant", text="Another account; for whoever runs the deployment."),
    Parameter(name="request_id", text="Of one request: 16 hex digits."),
    Parameter(name="type", text="Of one type.", schema=one_of(*TYPES)),
    Parameter(name="from", text="From this moment on: RFC 3339, a date, or Unix seconds."),
    Parameter(name="to", text="Before this moment."),
    *PAGED,
)

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/api/pii/preview",
        id="preview_substitution",
        tag=_TAG,
        summary="A body as it would leave; no model is called",
        body=ref("PreviewBody"),
        example=_PREVIEW_EXAMPLE,
        answer=Answer(schema=ref("Preview"), text="Substituted, with what was found."),
        codes=(*_CODES, "pii_unsupported_content"),
    ),
    Operation(
        method="GET",
        path="/api/policy",
        id="get_policy",
        tag=_TAG,
        summary="What holds for the account",
        answer=Answer(schema=ref("AccountPolicy")),
        codes=_CODES,
    ),
    Operation(
        method="PUT",
        path="/api/policy",
        id="put_policy",
        tag=_TAG,
        summary="What is to be substituted from now on",
        needs=Needs.PERSON,
        body=ref("PolicyBody"),
        example=_POLICY_EXAMPLE,
        answer=Answer(schema=ref("AccountPolicy"), text="As it is now."),
        codes=(*_CODES, "overloaded"),
    ),
    Operation(
        method="GET",
        path="/api/admin/pii-audit",
        id="list_pii_audit",
        tag=_TAG,
        summary="What was substituted, entity by entity; for administrators and auditors",
        needs=Needs.PERSON,
        parameters=_AUDITED,
        answer=Answer(schema=ref("PiiAudit"), text="A page, newest first."),
        codes=(*_CODES, "not_found", "store_unavailable"),
    ),
)
