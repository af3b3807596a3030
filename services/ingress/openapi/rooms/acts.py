"""The log of what administrators did."""

from typing import Final

from services.ingress.openapi.parts import (
    PAGED,
    Answer,
    Needs,
    Operation,
    Parameter,
    Schema,
    always,
    listing,
    or_null,
    page_of,
    ref,
    shape,
    text,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Act": shape(
        {
            "id": text(),
            "object": always("admin.act"),
            "tenant": text("The account it was done to."),
            "at": text(format="date-time"),
            "verb": text(),
            "actor": text("The user, or the key."),
            "standing": text("In what capacity."),
            "actor_tenant": text(),
            "target": or_null(text()),
            "members": listing(text(), "Names of what was sent; never a secret's value."),
            "detail": shape({}, more=True),
        },
        examples=[
            {
                "id": "0f3c",
                "object": "admin.act",
                "tenant": "t_ajx4d7qzk2mfo3ye",
                "at": "2026-11-21T13:55:30.000Z",
                "verb": "key_create",
                "actor": "u_3bq7n5wlcy2tzkah",
                "standing": "owner",
                "actor_tenant": "t_ajx4d7qzk2mfo3ye",
                "target": "k_mwwmo253ugyz64kj",
                "members": ["name"],
                "detail": {},
            }
        ],
    ),
    "Acts": page_of("Act"),
}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/admin/log",
        id="list_acts",
        tag="Administration",
        summary="What administrators did to the account, newest first",
        needs=Needs.PERSON,
        parameters=(
            Parameter(name="verb", text="Of one kind."),
            Parameter(name="actor", text="Of one user or key, by its id."),
            Parameter(name="target", text="Done to one thing, by its id."),
            Parameter(name="from", text="From this moment on: RFC 3339, a date, or Unix seconds."),
            Parameter(name="to", text="Before this moment."),
            Parameter(name="tenant", text="One account; for whoever runs the deployment, who otherwise sees all."),
            *PAGED,
        ),
        answer=Answer(schema=ref("Acts"), text="A page."),
        codes=("not_found", "billing_unavailable", "store_unavailable"),
    ),
)
