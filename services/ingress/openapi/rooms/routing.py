"""What `auto` would choose, and what people thought of answers."""

from typing import Any, Final

from services.ingress.openapi.parts import (
    INFERENCE,
    Answer,
    Operation,
    Schema,
    always,
    listing,
    number,
    one_of,
    or_null,
    ref,
    shape,
    text,
    whole,
)
from services.ingress.openapi.rooms.inference import OUR_HEADERS
from services.ingress.routing.asking import MODES
from services.ingress.routing.feedback_api import MAX_COMMENT, PATH

_TAG: Final = "Routing"
COMPLEXITIES: Final = ("simple", "moderate", "complex")
REASONS: Final = ("utility", "sticky", "override", "only_candidate", "fallback")
_ASKED: Final[dict[str, Any]] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Write a Python function to sort a list"}],
    "routing": {"optimize": "quality", "model_pool": ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]},
}
_RATED: Final[dict[str, Any]] = {"request_id": "0343c4ae44e90000", "rating": 1}

SCHEMAS: Final[dict[str, Schema]] = {
    "RouteBody": {
        "anyOf": [ref("ChatRequest"), ref("MessagesRequest")],
        "description": "A body as it would be sent for an answer, of the model `auto`; in Anthropic's dialect where "
        "the header `anthropic-version` comes with it.",
        "examples": [_ASKED],
    },
    "RouteExplained": shape(
        {
            "object": always("routing.explanation"),
            "task": text("As classified, or as `routing.task` says."),
            "complexity": one_of(*COMPLEXITIES),
            "confidence": number("That the task is right.", minimum=0, maximum=1),
            "model": or_null(text("The route that would be taken; null: none is left.")),
            "reason": text(),
            "optimize": one_of(*MODES),
            "fallbacks": listing(text(), "What would be tried after it, in order."),
            "candidates_considered": whole(),
            "candidates": listing(
                shape({"model": text(), "fit": number(), "utility": number()}, more=True),
                "Every route that passed every filter, the best first.",
            ),
            "excluded": listing(shape({"model": text(), "filter": text()}, more=True), "The others, and by what."),
            "router_version": text("Of weights and abilities."),
            "routing_time_ms": number(),
        },
        more=True,
    ),
    "FeedbackBody": {
        **shape(
            {
                "request_id": text("Of `x-ni-request-id`.", pattern=r"^[0-9a-f]{16}$"),
                "rating": {"enum": [1, -1, "good", "bad"], "description": "1 is good, -1 bad."},
            },
            {"comment": or_null(text("Read and not kept.", maxLength=MAX_COMMENT))},
            examples=[_RATED],
        ),
        "additionalProperties": False,
    },
    "Feedback": shape(
        {
            "object": always("feedback"),
            "request_id": text(),
            "rating": {"enum": [1, -1]},
            "route": text("That answered."),
            "task": or_null(text("As classified; null: the model was named directly.")),
        },
        examples=[{"object": "feedback", **_RATED, "route": "Qwen/Qwen3-14B", "task": "code_generation"}],
    ),
}
OPERATIONS: Final = (
    Operation(
        method="POST",
        path=f"{INFERENCE}/route",
        id="explain_route",
        tag=_TAG,
        summary="What `auto` would choose, and why",
        text="A dry run: nobody is called, nothing is charged and nothing goes on record.",
        parameters=OUR_HEADERS,
        body=ref("RouteBody"),
        example=_ASKED,
        answer=Answer(schema=ref("RouteExplained"), text="The choice laid open."),
        codes=(
            "no_eligible_model",
            "model_not_found",
            "route_not_allowed",
            "residency_refused",
            "route_unavailable",
            "overloaded",
            "pii_unavailable",
            "pii_unsupported_content",
        ),
    ),
    Operation(
        method="POST",
        path=PATH,
        id="give_feedback",
        tag=_TAG,
        summary="Say what an answer was worth",
        text="Said again of the same request, the last word counts.",
        body=ref("FeedbackBody"),
        example=_RATED,
        answer=Answer(schema=ref("Feedback"), text="It is on record."),
        codes=("not_found", "billing_unavailable", "store_unavailable", "record_unavailable"),
    ),
)
