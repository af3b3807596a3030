"""What a model answers: chat completions, messages and counts of tokens, on both surfaces."""

from dataclasses import replace
from typing import Any, Final

from services.ingress.domain import MAX_BETA, MAX_IDEMPOTENCY_KEY, MAX_VERSION
from services.ingress.openapi.dialects import chat, messages
from services.ingress.openapi.parts import GATEWAY, INFERENCE, Answer, Operation, Parameter, Schema, at, flag, ref, text

_TAG: Final = "Inference"
_CODES: Final = (
    "no_eligible_model",
    "model_not_found",
    "route_not_allowed",
    "residency_refused",
    "provider_refused",
    "context_length_exceeded",
    "content_filter",
    "upstream_error",
    "credential_refused",
    "byok_credential_missing",
    "byok_credential_refused",
    "worker_lost",
    "timeout",
    "overloaded",
    "route_unavailable",
    "record_unavailable",
    "pii_unavailable",
    "pii_unsupported_content",
)
_PAID: Final = (
    "insufficient_credits",
    "spend_cap_reached",
    "credit_on_hold",
    "rate_limit_exceeded",
    "idempotent_replay",
    "billing_unavailable",
)


def _header(name: str, said: str, schema: Schema) -> Parameter:
    return Parameter(name=name, text=said, place="header", schema=schema)


OUR_HEADERS: Final = (
    _header("X-Privacy-Tier", "The same as `privacy_tier`; both given must agree.", text()),
    _header("X-NI-Residency", "The same as `residency`, separated by commas.", text()),
    _header("X-NI-Allow-Fallbacks", "The same as `allow_fallbacks`.", flag(default=True)),
    _header("X-NI-PII-Substitution", "The same as `pii_substitution`.", flag(default=False)),
    _header(
        "X-NI-Strict",
        "`true`: a name that is no route is a 404 or a 403, never an answer in words.",
        flag(default=False),
    ),
    _header("traceparent", "W3C trace context; carried on.", text()),
)
_ONCE: Final = _header(
    "Idempotency-Key",
    "Your own name for this request: sent again, it is refused with the first one's id and not charged twice.",
    text(minLength=1, maxLength=MAX_IDEMPOTENCY_KEY),
)
_VERSIONS: Final = (
    _header("anthropic-version", "Of any value; passed on.", text(maxLength=MAX_VERSION)),
    _header("anthropic-beta", "Of any value; passed on.", text(maxLength=MAX_BETA)),
)

HEADERS: Final[dict[str, Any]] = {
    name: {"description": said, "schema": {"type": "string"}}
    for name, said in {
        "x-ni-request-id": "16 hex digits; also as x-request-id and request-id.",
        "x-ni-resolved-tier": "The tier of the route that was taken.",
        "x-ni-resolved-provider": "Whom the request was handed to.",
        "x-ni-resolved-region": "The region of the endpoint that it was handed to.",
        "x-ni-resolved-jurisdiction": "The jurisdiction of that endpoint.",
        "x-ni-resolved-litellm-model": "The route without its jurisdiction.",
        "x-ni-custody-path": "From where to where it was handed.",
        "x-ni-credential-source": "`platform` or `byok`.",
        "x-ni-processing-jurisdiction": "Where the model may have run: a list, `*`, or `unknown`.",
        "x-ni-residency-evidence": "`asserted`, `contracted` or `observed`.",
        "x-ni-custody-promise": "The edge's signature over id, request and time: a record will be in the log.",
        "x-ni-attempts": "Endpoints that were dialled.",
        "x-ni-overhead-ms": "Time spent here before the provider was called.",
        "x-ni-cost": "What the answer costs, where that is known before the first byte.",
        "x-ni-dropped-params": "Hints that the route cannot honour.",
        "x-ni-answered-by": "`gateway`: no model was asked; the answer is about the name that was sent, and free.",
        "x-ni-route-model": "For `auto`: the route that was chosen.",
        "x-ni-route-task": "For `auto`: what the prompt was taken for.",
        "x-ni-route-complexity": "For `auto`: `simple`, `moderate` or `complex`.",
        "x-ni-route-confidence": "For `auto`: that the task is right, 0 to 1.",
        "x-ni-route-reason": "For `auto`: `utility`, `sticky`, `override`, `only_candidate` or `fallback`.",
        "x-ni-route-optimize": "For `auto`: the mode it went by.",
        "x-ni-route-fit": "For `auto`: how well the route suits the task, 0 to 1.",
        "x-ni-route-fallbacks": "For `auto`: what was to be tried after it, in order.",
        "x-ni-route-expected-cost-usd": "For `auto`: the cost expected beforehand, by the rate card.",
        "x-ni-route-considered": "For `auto`: how many routes passed every filter.",
        "x-ni-route-time-ms": "For `auto`: how long the choice took.",
        "x-ni-route-version": "For `auto`: of the weights and abilities it was made by.",
        "x-ni-sandbox": "`true`: no model was asked; the sandbox answered.",
    }.items()
}
_TOLD: Final = tuple(HEADERS)

_CHAT: Final = Operation(
    method="POST",
    path="/chat/completions",
    id="create_chat_completion",
    tag=_TAG,
    summary="Answer a conversation, in OpenAI's dialect",
    parameters=(*OUR_HEADERS, _ONCE),
    body=ref("ChatRequest"),
    example=chat.REQUEST_EXAMPLE,
    answer=Answer(
        schema=ref("ChatAnswer"),
        stream=chat.STREAM_EXAMPLE,
        text="The answer; with `stream: true` as events, of which a failure is the last.",
        headers=_TOLD,
    ),
    codes=(*_CODES, *_PAID),
)
_MESSAGES: Final = Operation(
    method="POST",
    path="/messages",
    id="create_message",
    tag=_TAG,
    summary="Answer a conversation, in Anthropic's dialect",
    parameters=(*OUR_HEADERS, *_VERSIONS, _ONCE),
    body=ref("MessagesRequest"),
    example=messages.REQUEST_EXAMPLE,
    answer=Answer(
        schema=ref("MessagesAnswer"),
        stream=messages.STREAM_EXAMPLE,
        text="The answer; with `stream: true` as events, of which a failure is the last.",
        headers=_TOLD,
    ),
    codes=(*_CODES, *_PAID, "thread_unsupported"),
    anthropic=True,
)
_COUNT: Final = replace(
    _MESSAGES,
    path="/messages/count_tokens",
    id="count_tokens",
    summary="Count the tokens of a conversation; free",
    parameters=(*OUR_HEADERS, *_VERSIONS),
    body=ref("CountRequest"),
    example=messages.COUNT_EXAMPLE,
    answer=Answer(schema=ref("Counted"), text="The count.", headers=_TOLD),
    codes=_CODES,
)
_BOTH: Final = (_CHAT, _MESSAGES, _COUNT)

SCHEMAS: Final[dict[str, Schema]] = {**chat.SCHEMAS, **messages.SCHEMAS}
OPERATIONS: Final = (
    *(at(each, GATEWAY, "") for each in _BOTH),
    *(at(each, INFERENCE, "_inference") for each in _BOTH),
)
