"""Custody: where a request went, the receipt of it, erasure, legal holds, retention, and the transparency log."""

from typing import Any, Final

from services.ingress.openapi.parts import (
    CURSOR,
    Answer,
    Needs,
    Operation,
    Parameter,
    Schema,
    always,
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

_TAG: Final = "Custody"
_TOLD: Final = ("store_unavailable", "overloaded", "record_unavailable")
_ID: Final = part("request_id", "As in x-ni-request-id.", "0343c4ae44e90000")
_TENANT: Final = Parameter(name="tenant", text="Another account; for whoever runs the deployment, signed in.")
_HELD: Final = Parameter(name="request_id", text="The hold on this request; left out: the one on all of them.")
_WHEN: Final = "RFC 3339, a date in the account's time zone, or Unix seconds"
_FROM: Final = Parameter(name="from", text=f"From this moment on: {_WHEN}.")
_TO: Final = Parameter(name="to", text=f"Before this moment: {_WHEN}.")
_HOLD: Final = {
    "object": "custody.hold",
    "tenant": "t_ajx4d7qzk2mfo3ye",
    "request_id": None,
    "reason": "Case 2026-114",
    "put_at": "2026-11-21T13:55:30.000Z",
    "put_by": "u_3bq7n5wlcy2tzkah",
    "standing": "owner",
}
_HOLD_MEMBERS: Final[dict[str, Schema]] = {
    "object": always("custody.hold"),
    "tenant": text(),
    "request_id": or_null(text("Null: on every record of the account.")),
    "reason": or_null(text()),
    "put_at": or_null(text(format="date-time")),
    "put_by": text(),
    "standing": text("In what capacity. One of `platform_admin` is lifted by such alone."),
}

SCHEMAS: Final[dict[str, Schema]] = {
    "CustodyProof": shape(
        {
            "log": text("The log's name; its key is at /api/custody/key."),
            "index": whole("Of the leaf."),
            "tree_size": whole("Leaves under the checkpoint."),
            "root": text("Hex SHA-256."),
            "sealed_at": or_null(text(format="date-time")),
            "checkpoint_at": or_null(text("When the checkpoint was signed.", format="date-time")),
            "receipt": or_null(text("Where the receipt is; null: there is none any more.")),
        }
    ),
    "CustodyRecord": shape(
        {
            "request_id": text(),
            "request-id": text(),
            "object": always("custody.record"),
            "status": one_of(
                "pending",
                "sealed",
                "not_sent",
                "erased",
                "expired",
                description="`sealed`: under a signed checkpoint. `not_sent`: for want of money, so there is no leaf.",
            ),
        },
        {
            "proof": ref("CustodyProof"),
            "erased_at": or_null(text(format="date-time")),
            "erased_by": or_null(text("The user.")),
            "outcome": or_null(text()),
            "route": or_null(text()),
            "usage": or_null(shape({}, more=True)),
            "cost": or_null(shape({"amount": text(), "currency": text(), "rate_card": text()})),
            "hashes": or_null(shape({}, more=True, description="Salted: HMAC-SHA-256.")),
            "timings": shape({}, more=True),
            "delivery": or_null(shape({"state": text()}, more=True)),
            "facts": listing(
                shape({"kind": text(), "stream_seq": whole(), "idx": whole(), "at": or_null(text())}), "What it is of."
            ),
        },
        more=True,
        description="The answer's headers stand in it by their names without `x-ni-`. Young: `pending`, little else.",
        examples=[
            {
                "request_id": "0343c4ae44e90000",
                "request-id": "0343c4ae44e90000",
                "object": "custody.record",
                "status": "sealed",
                "resolved-jurisdiction": "CA",
                "custody-path": "NI-CA -> Azure-CA",
                "outcome": "completed",
                "route": "azure/gpt-4.1-mini-ca",
                "proof": {
                    "log": "northern-inference.local/5f7a1c0e",
                    "index": 41,
                    "tree_size": 56,
                    "root": "c2d1b8f0a3e94d5c7b6a8f9e0d1c2b3a4f5e6d7c8b9a0f1e2d3c4b5a69788796",
                    "sealed_at": "2026-11-21T13:55:31.000Z",
                    "checkpoint_at": "2026-11-21T13:55:31.040Z",
                    "receipt": "/api/usage/custody/0343c4ae44e90000/receipt",
                },
            }
        ],
    ),
    "Erasure": shape(
        {
            "object": always("custody.erasure"),
            "request_id": text(),
            "status": always("erased"),
            "erased_at": or_null(text(format="date-time")),
            "erased_by": or_null(text()),
        },
    ),
    "Hold": shape(_HOLD_MEMBERS, {"lifted": flag("Of one that was lifted now.")}, examples=[_HOLD]),
    "Holds": page_of("Hold"),
    "HoldBody": sent({}, {"tenant": text(), "request_id": text(), "reason": text(maxLength=200)}),
    "Retention": shape(
        {
            "object": always("custody.retention"),
            "tenant": text(),
            "days": or_null(whole("Null: records are kept for ever.")),
            "set_at": or_null(text(format="date-time")),
            "set_by": or_null(text()),
        },
    ),
    "RetentionBody": sent({"days": or_null(whole("Null: for ever.", minimum=1, maximum=36_500))}, {"tenant": text()}),
}


def _operation(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(
        method=method, path=path, id=name, tag=_TAG, summary=summary, **{"codes": ("not_found", *_TOLD), **more}
    )


def _open(path: str, name: str, summary: str, answer: Answer, **more: Any) -> Operation:
    return _operation("GET", path, name, summary, needs=Needs.NOBODY, answer=answer, **more)


_TEXT: Final = "text/plain"

OPERATIONS: Final = (
    _operation(
        "GET",
        "/api/usage/custody/{request_id}/receipt",
        "get_receipt",
        "The receipt of a request, to be verified offline",
        text="A `.tlog-proof` (https://c2sp.org/tlog-proof) that carries record and salt: keep it like the call.",
        parameters=(_ID,),
        answer=Answer(schema=text(), media=_TEXT, text="A file. 503 while the record is in no signed checkpoint."),
    ),
    _open(
        "/api/custody/checkpoint",
        "get_checkpoint",
        "The log's signed head",
        Answer(schema=text(), media=_TEXT, text="A signed note (https://c2sp.org/tlog-checkpoint)."),
    ),
    _open(
        "/api/custody/tile/{tile}",
        "get_tile",
        "A tile of the log, or a bundle of its entries",
        Answer(schema={}, media="application/octet-stream", text="It never changes under its name."),
        parameters=(part("tile", "As https://c2sp.org/tlog-tiles names it: `0/x001/234.p/5`.", "0/000.p/1"),),
    ),
    _open(
        "/api/custody/key",
        "get_log_key",
        "The keys that sign",
        Answer(schema=text(), media=_TEXT, text="Verifier keys, a line each; the first is the log's."),
    ),
    _open(
        "/api/custody/witness",
        "list_witnesses",
        "Who is asked to cosign",
        Answer(schema=text(), media=_TEXT, text="A line each: verifier key and address; empty: nobody is."),
    ),
    _operation(
        "GET",
        "/api/custody/export",
        "export_custody",
        "A period's receipts as a signed bundle",
        text="A tar: `checkpoint`, `receipts/`, lists of them in `parts/`, `summary.json` of who processed where, and "
        "`MANIFEST`; lists and manifest are notes signed by the log's key.",
        needs=Needs.PERSON,
        parameters=(_FROM, _TO, _TENANT),
        answer=Answer(schema={}, media="application/x-tar", text="Streamed."),
    ),
    _operation(
        "GET",
        "/api/usage/custody/{request_id}",
        "get_custody_record",
        "Where a request went, and what is on record of it",
        parameters=(_ID,),
        answer=Answer(schema=ref("CustodyRecord"), text="As it stands; a young one is waited for, at most 3 s."),
        codes=("not_found", "store_unavailable", "overloaded"),
    ),
    _operation(
        "DELETE",
        "/api/usage/custody/{request_id}",
        "erase_custody_record",
        "Erase a record",
        text="Record, salt and hashes are gone; the leaf, which says nothing without them, stays, and so does that it "
        "was erased, when and by whom.",
        needs=Needs.PERSON,
        parameters=(_ID,),
        answer=Answer(schema=ref("Erasure"), text="Erased for every reader."),
        codes=("not_found", "legal_hold", *_TOLD),
    ),
    _operation(
        "PUT",
        "/api/admin/custody/holds",
        "put_hold",
        "Put a legal hold on one request, or on all of them",
        text="Meanwhile nothing of it is erased, nor does it expire.",
        needs=Needs.PERSON,
        parameters=(_TENANT,),
        body=ref("HoldBody"),
        example={"reason": "Case 2026-114"},
        answer=Answer(schema=ref("Hold"), text="As it holds now."),
    ),
    _operation(
        "GET",
        "/api/admin/custody/holds",
        "list_holds",
        "Legal holds",
        needs=Needs.PERSON,
        parameters=(CURSOR, _TENANT),
        answer=Answer(schema=ref("Holds"), text="A page of them, in the order of their requests."),
    ),
    _operation(
        "DELETE",
        "/api/admin/custody/holds",
        "lift_hold",
        "Lift a legal hold",
        needs=Needs.PERSON,
        parameters=(_HELD, _TENANT),
        answer=Answer(schema=ref("Hold"), text="As it was."),
    ),
    _operation(
        "PUT",
        "/api/admin/custody/retention",
        "put_retention",
        "Say how long records are kept",
        needs=Needs.PERSON,
        parameters=(_TENANT,),
        body=ref("RetentionBody"),
        example={"days": 365},
        answer=Answer(schema=ref("Retention"), text="As it holds now; what is older goes within hours."),
    ),
    _operation(
        "GET",
        "/api/admin/custody/retention",
        "get_retention",
        "How long records are kept",
        needs=Needs.PERSON,
        parameters=(_TENANT,),
        answer=Answer(schema=ref("Retention")),
    ),
)
