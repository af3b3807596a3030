"""Anthropic's messages as they are taken and answered here; what else the dialect knows is passed on."""

from collections.abc import Mapping
from typing import Any, Final

from services.ingress.openapi.dialects.chat import OURS
from services.ingress.openapi.parts import Schema, always, flag, listing, number, or_null, shape, text, whole

_BLOCKS: Final = listing(shape({"type": text()}, more=True))
_TURN: Final = shape({"role": text(examples=["user"])}, {"content": {"anyOf": [text(), _BLOCKS]}}, more=True)
_ASKED: Final[Mapping[str, Schema]] = {
    "model": text("A route id, a model's own name, or an alias.", minLength=1, maxLength=256),
    "messages": listing(_TURN, minItems=1, maxItems=100_000),
}
_COMMON: Final[Mapping[str, Schema]] = {
    "system": {"anyOf": [text(), _BLOCKS]},
    "tools": listing(shape({}, more=True)),
    "tool_choice": shape({"type": text()}, more=True),
    "thinking": shape({"type": text()}, more=True),
}

REQUEST_EXAMPLE: Final[Mapping[str, Any]] = {
    "model": "claude-sonnet-4-5-20250929",
    "max_tokens": 80,
    "messages": [{"role": "user", "content": "Which jurisdiction am I in?"}],
    "privacy_tier": "managed_canadian_cloud",
}
COUNT_EXAMPLE: Final[Mapping[str, Any]] = {
    "model": "claude-sonnet-4-5-20250929",
    "messages": [{"role": "user", "content": "Which jurisdiction am I in?"}],
}
STREAM_EXAMPLE: Final = (
    "event: content_block_delta\n"
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Canada"}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)

SCHEMAS: Final[dict[str, Schema]] = {
    "MessagesRequest": shape(
        {**_ASKED, "max_tokens": whole("Tokens that the answer may have at most.", minimum=0)},
        {
            **_COMMON,
            "stream": or_null(flag("The answer as server-sent events, `message_stop` at its end.", default=False)),
            "temperature": number("Sampling temperature.", default=1.0),
            "stop_sequences": listing(text()),
            "metadata": shape({}, more=True),
            **OURS,
        },
        more=True,
        description="Anthropic's body. Members that are not listed go on to the provider as they are.",
        examples=[REQUEST_EXAMPLE],
    ),
    "CountRequest": shape(
        _ASKED, {**_COMMON, **OURS}, more=True, description="What is to be counted.", examples=[COUNT_EXAMPLE]
    ),
    "Counted": shape({"input_tokens": whole()}, more=True, examples=[{"input_tokens": 14}]),
    "MessagesAnswer": shape(
        {
            "id": text(),
            "type": always("message"),
            "role": always("assistant"),
            "model": text(),
            "content": _BLOCKS,
            "stop_reason": or_null(text()),
            "stop_sequence": or_null(text()),
            "usage": shape({"input_tokens": whole(), "output_tokens": whole()}, more=True),
        },
        more=True,
        description="Anthropic's answer; between equal dialects the provider's own bytes.",
        examples=[
            {
                "id": "msg_0343c4ae52690000",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-5-20250929",
                "content": [{"type": "text", "text": "You were routed to Canada."}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 14, "output_tokens": 8},
            }
        ],
    ),
}
