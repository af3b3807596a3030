"""The description itself: the document, and the page that shows it."""

from typing import Final

from services.ingress.openapi.parts import INFERENCE, Answer, Needs, Operation, Parameter, Schema, shape, text

_TAG: Final = "The gateway"
_NONE_MATCH: Final = Parameter(
    name="If-None-Match", text="The ETag of what you have; 304 where it is still so.", place="header"
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Description": shape({"openapi": text(), "paths": shape({}, more=True)}, more=True)
}

OPERATIONS: Final = (
    *(
        Operation(
            method="GET",
            path=f"{prefix}/openapi.json",
            id=name,
            tag=_TAG,
            summary="This description",
            needs=Needs.NOBODY,
            parameters=(_NONE_MATCH,),
            answer=Answer(schema={"$ref": "#/components/schemas/Description"}, text="OpenAPI 3.1."),
        )
        for prefix, name in (("", "get_description"), (INFERENCE, "get_description_inference"))
    ),
    Operation(
        method="GET",
        path="/docs",
        id="get_docs",
        tag=_TAG,
        summary="This description as a page",
        needs=Needs.NOBODY,
        parameters=(_NONE_MATCH,),
        answer=Answer(schema=text(), media="text/html", text="The page."),
    ),
)
