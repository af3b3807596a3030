"""OpenAI's chat completions as they are taken and answered here; what else the dialect knows is passed on."""

from collections.abc import Mapping
from typing import Any, Final

from services.ingress.domain import TIERS
from services.ingress.openapi.parts import (
    Schema,
    always,
    flag,
    listing,
    number,
    one_of,
    or_null,
    ref,
    sent,
    shape,
    text,
    whole,
)
from services.ingress.routing.asking import MAX_NAME, MAX_POOL, MAX_TASK, MODES, STICKY

# Fields of ours, in every body that goes to a model; never sent to a provider.
OURS: Final[Mapping[str, Schema]] = {
    "privacy_tier": or_null(one_of(*TIERS, description="Only candidates of this tier.")),
    "residency": or_null(
        listing(
            text(),
            "Jurisdictions in which processing may happen. It fails closed.",
            examples=[["CA"]],
            minItems=1,
            maxItems=64,
        )
    ),
    "allow_fallbacks": flag("False: the first candidate or an error.", default=True),
    "pii_substitution": flag(
        "Personal data is substituted on the way out and restored on the way back.", default=False
    ),
    "pii_policy": or_null(text("A named policy of the account.")),
    "conversation_id": or_null(text("Scope of substitutes and of stickiness.")),
    "routing": or_null(ref("Routing")),
}

_MESSAGE: Final = shape(
    {"role": text(examples=["user"])},
    {
        "content": {
            "anyOf": [text(), listing(shape({"type": text()}, more=True)), {"type": "null"}],
            "description": "A text, or parts of `type` text and image_url.",
        },
        "name": text(),
        "tool_calls": or_null(listing(ref("ToolCall"))),
        "tool_call_id": text(),
    },
    more=True,
)

_USAGE: Final = shape(
    {"prompt_tokens": whole(), "completion_tokens": whole(), "total_tokens": whole()},
    {"prompt_tokens_details": shape({}, more=True), "completion_tokens_details": shape({}, more=True)},
    more=True,
)

REQUEST_EXAMPLE: Final[Mapping[str, Any]] = {
    "model": "azure/gpt-4.1-mini-ca",
    "messages": [{"role": "user", "content": "What is a heat pump?"}],
    "max_tokens": 256,
    "privacy_tier": "managed_canadian_cloud",
}
STREAM_EXAMPLE: Final = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795269330,"model":"gpt-4.1-mini",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":"A heat pump"},"finish_reason":null}]}\n\n'
    "data: [DONE]\n\n"
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Routing": sent(
        {},
        {
            "model_pool": or_null(
                listing(
                    text(minLength=1, maxLength=MAX_NAME),
                    "Choose only from these, instead of from the key's.",
                    minItems=1,
                    maxItems=MAX_POOL,
                )
            ),
            "optimize": or_null(one_of(*MODES, description="Instead of the key's.")),
            "task": or_null(text("Instead of the detected type of task.", minLength=1, maxLength=MAX_TASK)),
            "sticky": or_null(
                one_of(*STICKY, description="`off`: the conversation so far does not matter.", default="auto")
            ),
        },
        description='What `model: "auto"` is to go by, for this call; with a model that is named it is refused.',
        examples=[{"optimize": "quality", "model_pool": ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]}],
    ),
    "ToolCall": shape(
        {
            "id": text(),
            "type": always("function"),
            "function": shape({"name": text(), "arguments": text("JSON, as the model wrote it.")}),
        },
        more=True,
    ),
    "ChatRequest": shape(
        {
            "model": text("A route id, a model's own name, an alias, or `auto`.", minLength=1, maxLength=256),
            "messages": listing(_MESSAGE, minItems=1, maxItems=2000),
        },
        {
            "stream": or_null(flag("The answer as server-sent events, `data: [DONE]` at its end.", default=False)),
            "stream_options": or_null(shape({}, {"include_usage": flag(default=False)}, more=True)),
            "temperature": or_null(number("Sampling temperature.", minimum=0, maximum=2, default=1.0)),
            "max_tokens": or_null(whole("Tokens that the answer may have at most.", minimum=0)),
            "max_completion_tokens": or_null(whole("The same, thinking included.", minimum=0)),
            "tools": or_null(listing(shape({"type": text()}, more=True))),
            "tool_choice": {},
            "response_format": or_null(shape({"type": text()}, more=True)),
            **OURS,
        },
        more=True,
        description="OpenAI's body. Members that are not listed go on to the provider as they are, or are translated.",
        examples=[REQUEST_EXAMPLE],
    ),
    "ChatAnswer": shape(
        {
            "id": text(),
            "object": always("chat.completion"),
            "created": whole("Unix seconds."),
            "model": text(),
            "choices": listing(
                shape(
                    {
                        "index": whole(),
                        "message": shape(
                            {"role": always("assistant"), "content": or_null(text())},
                            {"tool_calls": listing(ref("ToolCall")), "refusal": or_null(text())},
                            more=True,
                        ),
                        "finish_reason": or_null(text()),
                    },
                    more=True,
                )
            ),
        },
        {"usage": or_null(_USAGE)},
        more=True,
        description="OpenAI's answer; between equal dialects the provider's own bytes.",
        examples=[
            {
                "id": "chatcmpl-abc123",
                "object": "chat.completion",
                "created": 1795269330,
                "model": "gpt-4.1-mini",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "A heat pump moves heat."},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21},
            }
        ],
    ),
}
