"""What nobody in the street could read."""

from typing import Final

from libs.contracts.subjects import EVENTS, fact
from services.ingress.openapi.parts import (
    PAGED,
    Answer,
    Needs,
    Operation,
    Schema,
    always,
    or_null,
    page_of,
    ref,
    shape,
    text,
    whole,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "DeadLetter": shape(
        {
            "object": always("dead_letter"),
            "place": whole("Among the dead letters; `ni dead-letter replay` takes it.", minimum=1),
            "purpose": text("Who could not read it."),
            "stream": text("In which it stands."),
            "seq": whole("Where.", minimum=1),
            "subject": text(),
            "why": text("What was wrong with it. What stands in it is shown nowhere."),
            "replayed": or_null(whole("Where it stands since it was put back; null: it was not.", minimum=1)),
        },
        examples=[
            {
                "object": "dead_letter",
                "place": 17,
                "purpose": "billing-usage",
                "stream": EVENTS,
                "seq": 20417,
                "subject": fact("finished", 0),
                "why": "decode",
                "replayed": None,
            }
        ],
    ),
    "DeadLetters": page_of("DeadLetter"),
}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/api/admin/dead-letters",
        id="list_dead_letters",
        tag="Administration",
        summary="Messages that nobody in the street could read, newest first; for whoever runs the deployment",
        needs=Needs.PERSON,
        parameters=PAGED,
        answer=Answer(schema=ref("DeadLetters"), text="A page."),
        codes=("billing_unavailable",),
    ),
)
