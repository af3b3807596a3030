"""Reads a Messages request as Anthropic does, on whichever transport: what it refuses is refused in its words.

https://docs.claude.com/en/api/messages
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.sandbox.anthropic.betas import CACHE_SCOPE, betas_in
from services.sandbox.anthropic.blocks import Rules, Transport, read_system
from services.sandbox.anthropic.caching import prefixes_in, text_bytes_in
from services.sandbox.anthropic.models import claude
from services.sandbox.anthropic.options import (
    choice_in,
    sampling_checked,
    schema_in,
    stops_in,
    thinking_in,
    tools_in,
)
from services.sandbox.anthropic.shapes import (
    Json,
    a_flag,
    a_string,
    an_integer,
    an_object,
    invalid,
    needed,
    one_of,
)
from services.sandbox.anthropic.turns import last_user, read_turns, thinking_first
from services.sandbox.domain import Ask
from services.sandbox.orders.directives import UnknownDirectiveError, written_in
from services.sandbox.wire import Refusal, json_object

DATED = "2026-10-21"
_COUNTED = frozenset("messages system tools tool_choice thinking output_config cache_control speed".split())
KNOWN = _COUNTED | frozenset(
    """
    max_tokens container diagnostics inference_geo metadata service_tier stop_sequences temperature top_k top_p
    """.split()
)
_BETA = frozenset(
    """
    billing_policy compaction context_management fallback_credit_token fallbacks mcp_servers output_format thread
    """.split()
)
# `anthropic_version` where it is in the body, and the ones that are taken there.
_VERSIONS: Mapping[Transport, str] = {
    Transport.BEDROCK: "bedrock-2023-05-31",
    Transport.VERTEX: "vertex-2023-10-16",
}
_MEMBERS: Mapping[Transport, frozenset[str]] = {
    Transport.DIRECT: frozenset({"model", "stream"}),
    Transport.BEDROCK: frozenset({"anthropic_version", "anthropic_beta"}),
    Transport.VERTEX: frozenset({"anthropic_version", "anthropic_beta", "stream"}),
}
_MOST_BYTES: Mapping[Transport, int] = {
    Transport.DIRECT: 32 << 20,
    Transport.BEDROCK: 25_000_000,
    Transport.VERTEX: 30_000_000,
}


class Operation(StrEnum):
    """What a path asks for."""

    MESSAGES = "messages"
    STREAM = "stream"
    COUNT = "count"
    MODELS = "models"


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is known of a request beside its body. `version` and `betas`: the headers, where the transport has them.

    `model`: from the path; empty: it is in the body. `stream`: the path says so.
    """

    transport: Transport
    model: str = ""
    stream: bool = False
    counting: bool = False
    version: str = ""
    betas: str = ""


def read(raw: bytes, call: Call) -> Ask:
    """The request as the domain sees it; raises Refusal."""
    if len(raw) > _MOST_BYTES[call.transport]:
        raise Refusal(413, "Request exceeds the maximum size")
    body = json_object(raw)
    if body is None:
        raise invalid("", "The request body is not valid JSON.")
    return read_body(body, call)


def read_body(body: Json, call: Call) -> Ask:
    """As `read`, of a body that is JSON already; raises Refusal."""
    betas = betas_in(body, call.betas, call.transport)
    known = (_COUNTED if call.counting else KNOWN) | _MEMBERS[call.transport] | (_BETA if betas else frozenset())
    if call.transport is not Transport.DIRECT:
        known -= {"cache_control"}  # a mark of the whole request
    an_object(body, "", known if call.model else known | {"model"})
    model = call.model or a_string(needed(body, "model", ""), "model")
    if not model:
        raise invalid("model", "String should have at least 1 character")
    if "missing-model" in model:
        raise Refusal(404, f"model: {model}")
    rules = Rules(transport=call.transport, model=claude(model), dated=_dated(body, call, model), betas=bool(betas))
    if not call.counting:
        _limits(body, rules)
    return _asked(body, call, rules, scoped=CACHE_SCOPE in betas)


def _asked(body: Json, call: Call, rules: Rules, *, scoped: bool) -> Ask:
    turns = read_turns(needed(body, "messages", ""), rules)
    read_system(body.get("system") or "")
    thinking = thinking_in(body, rules)
    sampling_checked(body, rules, thinking)
    if thinking.budgeted:
        thinking_first(turns)
    tools = tools_in(body, rules)
    choice, forced, parallel = choice_in(body, tools, thinking)
    schema, stops, prefixes = schema_in(body, rules), stops_in(body), prefixes_in(body, rules.model.name, scoped=scoped)
    last, said = last_user(turns)
    try:
        text, directive = written_in(said)
    except UnknownDirectiveError as error:
        raise invalid("messages", str(error)) from None
    blocks = [block for turn in last for block in turn.blocks]
    results = [block for block in blocks if block.kind == "tool_result"]
    stream = call.stream or a_flag(body.get("stream") or False, "stream")
    return Ask(
        model=rules.model.name,
        text=text,
        text_bytes=text_bytes_in(body),
        stream=stream and not call.counting,
        images=tuple(image for block in blocks if block.kind == "image" for image in block.images),
        tool_results=tuple(block.text or " and ".join(block.images) for block in results),
        tools=tools,
        choice=choice,
        forced=forced,
        parallel=parallel,
        max_tokens=body.get("max_tokens"),
        stop=stops,
        json_schema=schema,
        thinking=thinking.on,
        thoughts_shown=thinking.shown,
        prefixes=() if call.counting else prefixes,
        directive=directive,
    )


def _dated(body: Json, call: Call, model: str) -> bool:
    """Whether the newer API version is spoken; raises Refusal where none is, or one that the model does not take."""
    if call.transport is Transport.DIRECT:
        return call.version == DATED
    older = _VERSIONS[call.transport]
    taken = (older,) if call.transport is Transport.BEDROCK and claude(model).before(4, 7) else (older, DATED)
    return one_of(needed(body, "anthropic_version", ""), taken, "anthropic_version") == DATED


def _limits(body: Json, rules: Rules) -> None:
    most = an_integer(needed(body, "max_tokens", ""), "max_tokens", 0)
    if 0 < rules.model.most_tokens < most:
        raise invalid(
            "max_tokens",
            f"{most} > {rules.model.most_tokens}, which is the maximum allowed number of output tokens for "
            f"{rules.model.name}",
        )
    if body.get("metadata") is not None:
        user = an_object(body["metadata"], "metadata", {"user_id"}).get("user_id")
        if user is not None:
            a_string(user, "metadata.user_id")
    for name, allowed in (("service_tier", ("auto", "standard_only")), ("speed", ("standard", "fast"))):
        if body.get(name) is not None:
            one_of(body[name], allowed, name)


def counted(body: Mapping[str, Any], call: Call) -> Ask:
    """A body that is to be counted and not to be answered, with what it says about answering; raises Refusal."""
    answering = KNOWN - _COUNTED
    return read_body({name: value for name, value in body.items() if name not in answering}, call)
