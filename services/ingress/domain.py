"""What a request asks for, from its parsed body and headers; pure, and the only place that knows our own fields."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from multidict import MultiMapping

from libs.auth.principal import Principal
from libs.contracts.errors import InvalidRequest, RouteNotAllowed, ThreadUnsupported
from libs.contracts.northern.v1.envelope_pb2 import (
    DIALECT_ANTHROPIC_MESSAGES,
    OPERATION_COUNT_TOKENS,
    OPERATION_GENERATE,
    SURFACE_INFERENCE,
    Dialect,
    Operation,
    PiiAsk,
    Policy,
    RoutingAsk,
    Shape,
    Surface,
)
from services.ingress.inference import shapes
from services.ingress.names.replies import Said, said
from services.ingress.routing.asking import wanted

TIERS = ("managed_canadian_cloud", "provider_api", "self_hosted")
MAX_MODEL = 256
MAX_VERSION = 64  # characters of anthropic-version
MAX_BETA = 4_096  # and of anthropic-beta, several headers of that name together
MAX_IDEMPOTENCY_KEY = 255
MAX_POLICY_NAME = 64
MAX_CONVERSATION = 256
_MAX_PLACES = 64
_PLACE = re.compile(r"[A-Z]{2}")  # as keys and accounts have them; another spelling would meet no route

# Field of ours -> the header that says the same.
HEADER_FORMS = {
    "privacy_tier": "X-Privacy-Tier",
    "residency": "X-NI-Residency",
    "allow_fallbacks": "X-NI-Allow-Fallbacks",
    "pii_substitution": "X-NI-PII-Substitution",
}
OURS = (*HEADER_FORMS, "routing", "pii_policy", "conversation_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """Which call of the API a request is."""

    surface: Surface
    dialect: Dialect
    operation: Operation = OPERATION_GENERATE

    @property
    def anthropic(self) -> bool:
        return self.dialect == DIALECT_ANTHROPIC_MESSAGES


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request as the street needs it: `body` is the parsed value serialised once, without `model` and our fields.

    OpenAI's `stream_options` and Anthropic's `stream` are not in it either: the worker writes its own.
    """

    body: bytes
    shape: Shape
    policy: Policy
    stream_options: bytes
    pii: PiiAsk | None = None  # personal data is to be substituted
    said: Said | None = None  # in reply to a list of routes, or in asking for it
    routing: RoutingAsk | None = None  # the model is `auto`
    sticky: bool = True  # its conversation may hold it to a model


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What the caller's key allows, which the request only narrows; what it wants of `auto` the request may replace."""

    tiers: tuple[str, ...]
    residency: tuple[str, ...]
    model_pool: tuple[str, ...] = ()
    optimize: str = "balanced"


def allowed_by(who: Principal) -> Allowed:
    """What a key, or a session, brings to every request."""
    return Allowed(
        tiers=who.allowed_tiers, residency=who.residency, model_pool=who.model_pool, optimize=who.optimize_mode
    )


def parse(raw: bytes) -> dict[str, Any]:
    """The body as one JSON object. Duplicate members collapse to the last; NaN and infinities are refused."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if error.msg.startswith("str is not valid UTF-8"):  # without saying where
            raise InvalidRequest("the body is not JSON: it has to be in UTF-8") from None
        raise InvalidRequest(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    return body


def read(body: dict[str, Any], headers: Mapping[str, str], allowed: Allowed, call: Call) -> Asked:
    """Check what we answer for, take our own fields out, leave the rest as it is. `body` is used up.

    Raises InvalidRequest naming the member, RouteNotAllowed for a tier.
    """
    ours = _ours(body, headers)
    pii = _pii(ours)
    policy = _policy(ours, allowed)
    model = body.pop("model", None)
    if not isinstance(model, str) or not model:
        raise InvalidRequest("`model` must name a route, for example one of GET /v1/models", param="model")
    if len(model) > MAX_MODEL:
        raise InvalidRequest(f"`model` is longer than {MAX_MODEL} characters", param="model")
    routing, sticky = wanted(ours.get("routing"), model, pool=allowed.model_pool, optimize=allowed.optimize)
    stream = _flag(body, "stream")
    if call.surface == SURFACE_INFERENCE:
        _temperature(body.get("temperature"))
    options: dict[str, Any] | None = None
    if call.anthropic:
        shape = _anthropic(body, call.operation, stream=stream)
    else:
        options = _stream_options(body)
        shape = shapes.of_openai_chat(body)
    shape.model, shape.stream = model, stream
    shape.include_usage = bool(options and options.get("include_usage"))
    replied = said(body)
    try:
        sent, stream_options = orjson.dumps(body), orjson.dumps(options) if options else b""
    except TypeError:  # orjson reads 1,024 levels and writes 254
        raise InvalidRequest("the body is nested too deeply; 250 levels are the limit") from None
    return Asked(
        body=sent,
        shape=shape,
        policy=policy,
        stream_options=stream_options,
        pii=pii,
        said=replied,
        routing=routing,
        sticky=sticky,
    )


def versions(headers: Mapping[str, str], betas: Sequence[str]) -> tuple[str, str]:
    """The client's anthropic-version and its `betas`, every header of that name; of any value that a header may have.

    They go on to the provider, so they are kept to what can be sent again. Raises InvalidRequest naming the header.
    """
    version, beta = headers.get("anthropic-version", "").strip(), ",".join(betas).strip()
    for name, text, most in (("anthropic-version", version, MAX_VERSION), ("anthropic-beta", beta, MAX_BETA)):
        if len(text) > most or not _plain(text):
            raise InvalidRequest(f"the header {name} must be plain ASCII of at most {most} characters", param=name)
    return version, beta


def idempotency_key(given: Sequence[str]) -> str:
    """The client's own name for this request, from every header of that name; "" where there is none.

    It stands for one request of the account, so it must be one. Raises InvalidRequest naming the header.
    """
    if not given:
        return ""
    key = given[0].strip()
    visible = key.isascii() and key.isprintable() and " " not in key
    if len(given) > 1 or not 0 < len(key) <= MAX_IDEMPOTENCY_KEY or not visible:
        raise InvalidRequest(
            f"the header Idempotency-Key must be one value of 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters",
            param="Idempotency-Key",
        )
    return key


def _anthropic(body: dict[str, Any], operation: Operation, *, stream: bool) -> Shape:
    body.pop("stream", None)
    if body.get("thread") is not None:
        told = "thread: conversations are not kept here, so that each request is on record whole; send all messages"
        raise ThreadUnsupported(told, param="thread")
    if stream and operation == OPERATION_COUNT_TOKENS:
        raise InvalidRequest("stream: a count of tokens is not streamed; leave `stream` out", param="stream")
    return shapes.of_anthropic_messages(body, operation)


def _stream_options(body: dict[str, Any]) -> dict[str, Any] | None:
    options = body.pop("stream_options", None)
    if options is not None and not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object", param="stream_options")
    return options


def _ours(body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Our own fields, from the body and from the headers, which must agree."""
    found = {name: body.pop(name) for name in OURS if name in body}
    for name, header in HEADER_FORMS.items():
        text = headers.get(header)
        if text is None:
            continue
        if isinstance(headers, MultiMapping) and len(headers.getall(header)) > 1:  # the second may be a proxy's rule
            raise InvalidRequest(f"the header {header} came more than once; send one", param=name)
        value = _from_header(name, text)
        if name in found and found[name] != value:
            raise InvalidRequest(f"the header {header} and the member `{name}` contradict each other", param=name)
        found[name] = value
    return found


def _from_header(name: str, text: str) -> str | bool | list[str]:
    if name == "privacy_tier":
        return text.strip()
    if name == "residency":
        return [part.strip() for part in text.split(",") if part.strip()]
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise InvalidRequest(f"the header {HEADER_FORMS[name]} must be true or false", param=name)
    return lowered == "true"


def _pii(ours: Mapping[str, Any]) -> PiiAsk | None:
    """Whether and how personal data is substituted; which policies there are, the service that does it knows."""
    wanted = ours.get("pii_substitution")
    if wanted is not None and not isinstance(wanted, bool):
        raise InvalidRequest("`pii_substitution` must be true or false", param="pii_substitution")
    policy = _name(ours, "pii_policy", MAX_POLICY_NAME)
    conversation = _name(ours, "conversation_id", MAX_CONVERSATION)
    if wanted:
        return PiiAsk(policy=policy, conversation_id=conversation)
    if policy:
        raise InvalidRequest("`pii_policy` says how; `pii_substitution: true` has to say that", param="pii_policy")
    return None


def _name(ours: Mapping[str, Any], member: str, most: int) -> str:
    value = ours.get(member)
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= most or not _plain(value):
        raise InvalidRequest(f"`{member}` must be plain ASCII of 1 to {most} characters", param=member)
    return value


def _policy(ours: Mapping[str, Any], allowed: Allowed) -> Policy:
    tier = ours.get("privacy_tier")
    if tier is not None and tier not in TIERS:
        raise InvalidRequest(f"`privacy_tier` must be one of {', '.join(TIERS)}", param="privacy_tier")
    if tier is not None and tier not in allowed.tiers:
        raise RouteNotAllowed(
            f"this key may use the tiers {', '.join(allowed.tiers)}, not {tier}", param="privacy_tier"
        )
    asked = ours.get("residency")
    if asked is not None and not _jurisdictions(asked):
        told = 'must list jurisdictions by their two capital letters (ISO 3166-1), such as ["CA"], or EU'
        raise InvalidRequest(f"`residency` {told}", param="residency")
    residency = _narrowed(allowed.residency, asked)
    fallbacks = ours.get("allow_fallbacks", True)
    if not isinstance(fallbacks, bool):
        raise InvalidRequest("`allow_fallbacks` must be true or false", param="allow_fallbacks")
    return Policy(allowed_tiers=allowed.tiers, tier=tier or "", residency=residency, allow_fallbacks=fallbacks)


def _jurisdictions(value: Any) -> bool:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_PLACES:
        return False
    return all(isinstance(place, str) and _PLACE.fullmatch(place) for place in value)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _narrowed(key: Sequence[str], asked: Sequence[str] | None) -> list[str]:
    """Both rules hold. Two that exclude each other leave a rule nothing can meet, never no rule."""
    if not key or asked is None:
        return list(key or asked or ())
    both = [place for place in asked if place in key]
    return both or ["none"]


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidRequest(f"`{name}` must be true or false", param=name)
    return value


def _temperature(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 2:  # noqa: PLR2004 - the dialect's range
        raise InvalidRequest("`temperature` must be a number from 0 to 2", param="temperature")
