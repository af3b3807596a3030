"""An account's own names of models."""

from typing import Any, Final

from services.ingress.domain import MAX_MODEL
from services.ingress.openapi.parts import (
    Answer,
    Needs,
    Operation,
    Schema,
    always,
    flag,
    listing,
    part,
    ref,
    sent,
    shape,
    text,
)

_EXAMPLE: Final = {"object": "alias", "name": "gpt-4o-mini", "route": "azure/gpt-4.1-mini-ca"}

SCHEMAS: Final[dict[str, Schema]] = {
    "Alias": shape(
        {
            "object": always("alias"),
            "name": text("What clients send as `model`.", maxLength=MAX_MODEL),
            "route": text("The route id, or the maker's own id, that it stands for."),
        },
        examples=[_EXAMPLE],
    ),
    "Aliases": shape({"object": always("list"), "data": listing(ref("Alias")), "next": {"type": "null"}}),
    "AliasBody": sent({"route": text("A route id, or a maker's own id.")}),
    "AliasGone": shape({"object": always("alias"), "name": text(), "deleted": flag(const=True)}),
}

_NAME: Final = part("name", "As clients send it; slashes and colons may stand as they are.", "gpt-4o-mini")


def _aliases(method: str, tail: str, name: str, summary: str, **more: Any) -> Operation:
    return Operation(
        method=method,
        path=f"/api/aliases{tail}",
        id=name,
        tag="Aliases",
        summary=summary,
        needs=Needs.PERSON,
        parameters=(_NAME,) if tail else (),
        codes=("not_found", "overloaded"),
        **more,
    )


OPERATIONS: Final = (
    _aliases("GET", "", "list_aliases", "The account's own names of models", answer=Answer(schema=ref("Aliases"))),
    _aliases("GET", "/{name}", "get_alias", "What a name stands for", answer=Answer(schema=ref("Alias"))),
    _aliases(
        "PUT",
        "/{name}",
        "put_alias",
        "Let a name stand for a route, in every request of the account",
        text="An exact route id that a key can call goes before an alias of the same name.",
        body=ref("AliasBody"),
        example={"route": "azure/gpt-4.1-mini-ca"},
        answer=Answer(schema=ref("Alias"), text="So it is from now on."),
    ),
    _aliases(
        "DELETE", "/{name}", "delete_alias", "Forget a name", answer=Answer(schema=ref("AliasGone"), text="Gone.")
    ),
)
