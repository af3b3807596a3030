"""An account's books: its request log, its credit and what moved it."""

from typing import Any, Final

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
    number,
    one_of,
    or_null,
    page_of,
    ref,
    shape,
    text,
    whole,
)

_TAG: Final = "Credits and usage"
_TOKENS: Final[dict[str, Schema]] = {
    "prompt_tokens": whole("Cached and written to the cache included."),
    "completion_tokens": whole("Reasoning included."),
    "total_tokens": whole(),
    "reasoning_tokens": whole(),
    "cached_tokens": whole(),
    "cache_write_tokens": whole(),
    "image_parts": whole(),
}
_USED: Final[dict[str, Any]] = {
    "prompt_tokens": 14,
    "completion_tokens": 7,
    "total_tokens": 21,
    "reasoning_tokens": 0,
    "cached_tokens": 0,
    "cache_write_tokens": 0,
    "image_parts": 0,
}
_ROUTED: Final[dict[str, Any]] = {
    "task": "code_generation",
    "complexity": "simple",
    "confidence": 0.95,
    "model": "Qwen/Qwen3-14B",
    "optimize": "balanced",
    "reason": "utility",
    "fit": 0.81,
    "expected_cost_usd": "0.00012",
    "candidates_considered": 7,
    "propensity": 1.0,
    "routing_time_ms": 0.118,
    "router_version": "r1-5a3e",
}
_TRANSACTION: Final[dict[str, Any]] = {
    "id": "tx_0000000000000002",
    "object": "transaction",
    "type": "deposit",
    "amount": "100.00",
    "balance_after": "100.00",
    "request_id": None,
    "note": "Opening deposit",
    "created": 1_795_269_322,
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Usage": shape(
        {
            "request_id": text(),
            "object": always("usage"),
            "created": whole("Unix seconds."),
            "model": text("As asked for."),
            "route": text("As taken."),
            "status": text(),
            **_TOKENS,
            "cost": amount("What is billed."),
            "provider_cost": amount("What the provider asks for it."),
            "currency": text(),
            "provider_currency": text(),
            "latency_ms": whole(),
            "first_byte_ms": whole(),
            "key_id": or_null(text("Null: by a session.")),
            "tier": text(),
            "provider": text(),
            "region": text(),
            "credential_source": text(),
            "dialect": text(),
            "surface": text(),
            "operation": text(),
            "task": or_null(text("Of `auto`.")),
            "routing": or_null(ref("Routed")),
            "stream": flag(),
            "attempts": whole(),
            "error_code": or_null(text()),
            "estimated": flag(),
            "breakdown": or_null(shape({}, more=True, description="Why this price.")),
        }
    ),
    "Routed": shape(
        {
            "task": text(),
            "complexity": text(),
            "confidence": number("That the task is right."),
            "model": text("The route that was chosen; after a fallback the one that answered."),
            "optimize": text(),
            "reason": text(),
            "fit": number(),
            "expected_cost_usd": text("A decimal string."),
            "candidates_considered": whole(),
            "propensity": number("With which it was chosen: 1 without exploration."),
            "routing_time_ms": number(),
            "router_version": text(),
        },
        description="What `auto` chose and why; null where the model was named directly.",
        examples=[_ROUTED],
    ),
    "Total": shape(
        {
            "object": always("usage.total"),
            "requests": whole(),
            **_TOKENS,
            "cost": amount(),
            "currency": text(),
            "provider_costs": {"type": "object", "additionalProperties": amount(), "description": "By currency."},
        },
        {name: or_null(text("The group.")) for name in ("day", "model", "key", "task")},
        examples=[
            {
                "day": "2026-11-21",
                "object": "usage.total",
                "requests": 1,
                **_USED,
                "cost": "0.00003691",
                "currency": "CAD",
                "provider_costs": {"USD": "0.00002332"},
            }
        ],
    ),
    "UsagePage": {
        "anyOf": [page_of("Usage"), page_of("Total")],
        "description": "The request log, newest first; with `totals`, sums.",
    },
    "Credits": shape(
        {"balance": amount(), "held": amount("Set aside for running requests."), "currency": text()},
        examples=[{"balance": "100.00", "held": "0.00", "currency": "CAD"}],
    ),
    "Transaction": shape(
        {
            "id": text(),
            "object": always("transaction"),
            "type": one_of("deposit", "deduction", "adjustment"),
            "amount": amount("A deduction is negative: all of them add up to the balance."),
            "balance_after": amount(),
            "request_id": or_null(text()),
            "note": or_null(text()),
            "created": whole("Unix seconds."),
        },
        examples=[_TRANSACTION],
    ),
    "Transactions": page_of("Transaction"),
}

_TENANT: Final = Parameter(name="tenant", text="Another account; for whoever runs the deployment, signed in.")
_REQUEST: Final = Parameter(name="request_id", text="Of one request: 16 hex digits.")
_WHEN: Final = "RFC 3339, a date in the account's time zone, or Unix seconds"
_FILTERS: Final = (
    _REQUEST,
    Parameter(name="key", text="Of one key, by its id."),
    Parameter(name="model", text="As asked for."),
    Parameter(name="route", text="As taken."),
    Parameter(name="status", text="The outcome."),
    Parameter(name="from", text=f"From this moment on: {_WHEN}."),
    Parameter(name="to", text=f"Before this moment: {_WHEN}."),
    _TENANT,
)
_TOTALS: Final = Parameter(
    name="totals", text="Sums by this instead of rows.", schema=one_of("day", "model", "key", "task")
)
_TYPE: Final = Parameter(name="type", text="Only these.", schema=one_of("deposit", "deduction", "adjustment"))
_CODES: Final = ("not_found", "billing_unavailable", "store_unavailable")


def _read(path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(method="GET", path=path, id=name, tag=_TAG, summary=summary, **{"codes": _CODES, **more})


_BOOKS: Final = (
    _read(
        "/usage",
        "list_usage",
        "The request log; within 2 s of an answer's end its row is there",
        parameters=(*_FILTERS, _TOTALS, *PAGED),
        answer=Answer(schema=ref("UsagePage"), text="A page."),
    ),
    _read(
        "/usage/export",
        "export_usage",
        "The request log as CSV",
        parameters=_FILTERS,
        answer=Answer(schema=text(), media="text/csv", text="All rows, streamed."),
    ),
    _read("/credits", "get_credits", "The balance", parameters=(_TENANT,), answer=Answer(schema=ref("Credits"))),
    _read(
        "/credits/transactions",
        "list_transactions",
        "What moved the balance",
        parameters=(_TYPE, _REQUEST, _TENANT, *PAGED),
        answer=Answer(schema=ref("Transactions"), text="A page, newest first."),
    ),
)

OPERATIONS: Final = (
    *(at(each, "/api", "") for each in _BOOKS),
    *(at(each, INFERENCE, "_inference") for each in _BOOKS),
)
