"""Accounts are blind to each other: every operation of openapi.json, asked by one account for what is another's."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.e2e.tenants import CHAT, Belongings, Reply, Side, aged, invented, settle, standing, two_sides
from tests.support.street import Street

pytestmark = [pytest.mark.street, pytest.mark.asyncio(loop_scope="module")]

NAMED: Final = re.compile(r"\{([a-z_]+)\}")
_YOUNG_S: Final = 10.5  # a record is looked for that long before an id is said to be nobody's


class Kind(StrEnum):
    """What an operation can have to do with accounts."""

    OPEN = "says the same to everybody"
    OWN = "is of the caller's account alone"
    NAMED = "names a thing in its path: another account's is as unknown as one that was invented"
    PLATFORM = "is for whoever runs the deployment: refused before anything is looked up"
    COOKIE = "ends or renews the session of its cookie: tried by itself below"


@dataclass(frozen=True)
class Rule:
    """`planted`: the parameters and members of the body that can name another account's thing, and what they answer."""

    kind: Kind
    planted: Mapping[str, int] = field(default_factory=dict)


OPEN, OWN, THING = Rule(Kind.OPEN), Rule(Kind.OWN), Rule(Kind.NAMED)
PLATFORM, COOKIE = Rule(Kind.PLATFORM), Rule(Kind.COOKIE)
NAMES_POLICY = Rule(Kind.OWN, {"pii_policy": 400})
CALL = Rule(Kind.OWN, {"pii_policy": 400, "Idempotency-Key": 200})
PAGES = Rule(Kind.OWN, {"cursor": 200})

RULES: Final[Mapping[str, Rule]] = {
    "create_chat_completion": CALL,
    "create_message": CALL,
    "count_tokens": NAMES_POLICY,
    "explain_route": NAMES_POLICY,
    "give_feedback": Rule(Kind.OWN, {"request_id": 404}),
    "list_models": OWN,
    "get_model": OWN,
    "list_inference_models": OPEN,
    "get_inference_model": OPEN,
    "get_model_health": OPEN,
    "list_billing_models": OPEN,
    "list_keys": PAGES,
    "create_key": OWN,
    "get_key": THING,
    "change_key": THING,
    "revoke_key": THING,
    "rotate_key": THING,
    "list_aliases": OWN,
    "get_alias": OWN,
    "put_alias": OWN,
    "delete_alias": OWN,
    "list_credentials": OWN,
    "get_credential": OWN,
    "put_credential": OWN,
    "delete_credential": OWN,
    "rewrap_credentials": PLATFORM,
    "list_usage": Rule(Kind.OWN, {"tenant": 404, "request_id": 200, "key": 200, "cursor": 200}),
    "export_usage": Rule(Kind.OWN, {"tenant": 404, "request_id": 200, "key": 200}),
    "get_credits": Rule(Kind.OWN, {"tenant": 404}),
    "list_transactions": Rule(Kind.OWN, {"tenant": 404, "request_id": 200, "cursor": 200}),
    "get_custody_record": THING,
    "get_receipt": THING,
    "erase_custody_record": THING,
    "get_checkpoint": OPEN,
    "get_tile": OPEN,
    "get_log_key": OPEN,
    "list_witnesses": OPEN,
    "export_custody": Rule(Kind.OWN, {"tenant": 404}),
    "put_hold": Rule(Kind.OWN, {"tenant": 404, "request_id": 404}),
    "list_holds": Rule(Kind.OWN, {"tenant": 404, "cursor": 200}),
    "lift_hold": Rule(Kind.OWN, {"tenant": 404, "request_id": 404}),
    "put_retention": Rule(Kind.OWN, {"tenant": 404}),
    "get_retention": Rule(Kind.OWN, {"tenant": 404}),
    "preview_substitution": NAMES_POLICY,
    "get_policy": OWN,
    "put_policy": OWN,
    "list_pii_audit": Rule(Kind.OWN, {"tenant": 404, "request_id": 200, "cursor": 200}),
    "list_acts": Rule(Kind.OWN, {"tenant": 404, "actor": 200, "target": 200, "cursor": 200}),
    "list_tenants": PLATFORM,
    "create_tenant": PLATFORM,
    "get_tenant": PLATFORM,
    "change_tenant": PLATFORM,
    "give_credit": PLATFORM,
    "list_dead_letters": PLATFORM,
    "list_users": PAGES,
    # An address belongs to one user of the whole deployment: that it is taken is said, not by whom.
    "create_user": Rule(Kind.OWN, {"tenant": 404, "email": 409}),
    "get_user": THING,
    "change_user": THING,
    "invite_user": THING,
    "sign_in": OPEN,
    "set_password": OPEN,
    "get_session": OWN,
    "sign_out": COOKIE,
    "refresh_session": COOKIE,
    "get_root": OPEN,
    "head_root": OPEN,
    "get_surface": OPEN,
    "head_surface": OPEN,
    "get_health": OPEN,
    "get_readiness": OPEN,
    "get_description": OPEN,
    "get_docs": OPEN,
}
# Parameters and members that name nothing of an account's.
HARMLESS: Final = frozenset(
    """
    limit status from to model route totals type model_id provider If-None-Match traceparent
    X-Privacy-Tier X-NI-Residency X-NI-Allow-Fallbacks X-NI-PII-Substitution X-NI-Strict anthropic-version
    anthropic-beta
    messages stream stream_options temperature max_tokens max_completion_tokens tools tool_choice response_format
    system thinking stop_sequences metadata privacy_tier residency allow_fallbacks pii_substitution routing
    conversation_id text pii object verb
    name allowed_tiers model_pool optimize_mode byok max_spend_per_day rate_limits expires_at overlap_s
    api_key resource region access_key_id secret_access_key session_token service_account project
    role reason days tile rating comment
    """.split()
)
Described = dict[str, Any]


def rule_of(operation: Described) -> Rule:
    """Both surfaces have the same rules."""
    return RULES[operation["operationId"].removesuffix("_inference")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sides(street: Street) -> AsyncIterator[tuple[Side, Side]]:
    async with two_sides(street) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def belongings(sides: tuple[Side, Side]) -> Belongings:
    return await settle(sides[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(sides: tuple[Side, Side]) -> Described:
    found: Described = await sides[0].must("GET", "/openapi.json")
    return found


def operations(document: Described) -> Iterator[tuple[str, str, Described]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def members_of(document: Described, schema: Described) -> set[str]:
    """Of a body, in whichever form it is sent."""
    if "$ref" in schema:
        return members_of(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    forms = [each for word in ("anyOf", "oneOf") for each in schema.get(word, ())]
    return set(schema.get("properties", ())).union(*(members_of(document, each) for each in forms))


def named_by(document: Described, operation: Described) -> set[str]:
    """Every parameter and member of the body that an operation takes."""
    found = {each["name"] for each in operation.get("parameters", ())}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found |= members_of(document, content["schema"])
    return found


async def test_every_operation_and_everything_it_takes_has_a_rule(document: Described, belongings: Belongings) -> None:
    names = {operation["operationId"].removesuffix("_inference") for _, _, operation in operations(document)}
    assert names == set(RULES)
    for _, path, operation in operations(document):
        rule = rule_of(operation)
        if rule.kind in (Kind.OPEN, Kind.PLATFORM):
            continue  # asked by nobody in particular, or refused whatever they name
        in_path = set(NAMED.findall(path))
        assert rule.kind is not Kind.NAMED or in_path & set(belongings.things), path
        assert named_by(document, operation) - in_path - HARMLESS == set(rule.planted), operation["operationId"]
        assert in_path - HARMLESS <= set(belongings.things), path


@dataclass(frozen=True)
class Probe:
    """One request of the second account that names a thing of the first's."""

    method: str
    path: str
    name: str  # of the parameter or member that names it
    thing: str
    status: int
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def probes(path: str, method: str, operation: Described, has: Belongings) -> Iterator[Probe]:
    """Every way in which an operation can name what is not the caller's, one at a time."""
    rule = rule_of(operation)
    body = example_of(operation)
    in_path = [name for name in NAMED.findall(path) if name in has.things]
    if in_path:
        (name,) = in_path
        yield Probe(method, path.replace(f"{{{name}}}", has.things[name]), name, has.things[name], 404, body)
    places = {each["name"]: each["in"] for each in operation.get("parameters", ())}
    for name, status in rule.planted.items():
        thing = has.cursors[path] if name == "cursor" else has.things[name]
        match places.get(name):
            case "query":
                yield Probe(method, path, name, thing, status, body, {name: thing})
            case "header":
                yield Probe(method, path, name, thing, status, body, {}, {name: thing})
            case _:
                asked = {"pii_substitution": True} if name == "pii_policy" else {}
                yield Probe(method, path, name, thing, status, {**body, **asked, name: thing})


def example_of(operation: Described) -> Any:
    """The document's own, but for what must be different each time."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    match operation["operationId"].removesuffix("_inference"):
        case "create_chat_completion" | "create_message":
            return CHAT
    return dict(content["example"])


def without(text: bytes, *things: str) -> bytes:
    for thing in things:
        text = text.replace(thing.encode(), b"<it>")
    return re.sub(rb'"request_id":"[0-9a-f]{16}"', b"", text)


def shows_nothing(has: Belongings, reply: Reply, told: object, *said: str) -> None:
    """Nothing of the first account's is in the answer, but what the caller said themselves."""
    shown = without(reply.body, *said).decode()
    assert [mark for mark in has.marks if mark in shown] == [], (told, reply.body[:500])


async def ask(side: Side, probe: Probe, who: Mapping[str, str], thing: str) -> Reply:
    def put(value: Any) -> Any:
        return thing if value == probe.thing else value

    return await side.ask(
        probe.method,
        probe.path.replace(probe.thing, thing),
        body={name: put(value) for name, value in probe.body.items()} if probe.body is not None else None,
        params={name: put(value) for name, value in probe.params.items()},
        headers={**who, **{name: put(value) for name, value in probe.headers.items()}},
    )


async def test_what_is_another_account_s_is_as_unknown_as_what_was_invented(
    sides: tuple[Side, Side], belongings: Belongings, document: Described
) -> None:
    first, second = sides
    before = await standing(first)
    await aged(belongings.things["request_id"], _YOUNG_S)
    tried, seen = 0, False
    for method, path, operation in operations(document):
        if rule_of(operation).kind not in (Kind.OWN, Kind.NAMED):
            continue
        for probe in probes(path, method, operation, belongings):
            for who in callers(second, operation):
                reply = await ask(second, probe, who, probe.thing)
                told = (probe, list(who), reply.status, reply.body[:300])
                status = probe.status if permitted(second, operation, who) else 403
                if probe.name == "Idempotency-Key" and seen:
                    status = 409  # it is the caller's own by now: another first request, as the answer says
                seen = seen or probe.name == "Idempotency-Key"
                assert reply.status == status, told
                shows_nothing(belongings, reply, told, probe.thing)
                if probe.name not in (
                    "cursor",
                    "Idempotency-Key",
                    "email",
                ):  # of these an invented one is another thing
                    other = invented(probe.name, probe.thing)
                    same = await ask(second, probe, who, other)
                    assert (same.status, without(same.body, other)) == (status, without(reply.body, probe.thing)), told
                if status == 200 and probe.name in ("key", "request_id", "actor", "target"):
                    assert nothing_in(reply), told
                tried += 1
    assert tried > 60
    assert await standing(first) == before


def callers(side: Side, operation: Described) -> Iterator[Mapping[str, str]]:
    """By key, and signed in where the operation takes a session."""
    yield side.as_key
    if any("session" in each for each in operation["security"]):
        yield side.as_owner


def permitted(side: Side, operation: Described, who: Mapping[str, str]) -> bool:
    """Whether this caller may use the operation at all."""
    return who != side.as_key or {"bearer": []} in operation["security"]


def nothing_in(reply: Reply) -> bool:
    """A list or a sheet without entries."""
    if reply.body[:1] == b"{":
        return bool(reply.json["data"] == [])
    return reply.body.count(b"\r\n") == 1


async def test_what_an_account_is_shown_of_its_own_holds_nothing_of_another_s(
    sides: tuple[Side, Side], belongings: Belongings, document: Described
) -> None:
    first, second = sides
    before = await standing(first)
    for method, path, operation in operations(document):
        if rule_of(operation).kind is not Kind.OWN:
            continue
        address = path.replace("{model_id}", "Qwen%2FQwen3-14B").replace("{provider}", "anthropic")
        for who in callers(second, operation):
            reply = await second.ask(method, address, body=example_of(operation), headers=who)
            shows_nothing(belongings, reply, (method, path))
    assert await standing(first) == before


async def test_what_is_for_the_platform_is_refused_whatever_it_names(
    sides: tuple[Side, Side], belongings: Belongings, document: Described
) -> None:
    first, second = sides
    before = await standing(first)
    for method, path, operation in operations(document):
        if rule_of(operation).kind is not Kind.PLATFORM:
            continue
        for tenant in (first.account.id, second.account.id, invented("tenant", first.account.id)):
            body = example_of(operation)
            if body is not None and "tenant" in body:
                body["tenant"] = tenant
            for who in callers(second, operation):
                reply = await second.ask(method, path.replace("{tenant_id}", tenant), body=body, headers=who)
                assert reply.status == 403, (method, path, reply.body)
                assert reply.json["error"]["code"] == "not_permitted"
                shows_nothing(belongings, reply, (method, path))
    assert await standing(first) == before


async def test_a_young_record_of_another_s_is_pending_like_one_that_may_yet_come(sides: tuple[Side, Side]) -> None:
    """An id of just now may be a request of the caller's own whose facts are on their way: nothing tells them apart."""
    first, second = sides
    url = f"{first.door.street.base_url}/v1/chat/completions"
    async with first.door.http.post(url, json=CHAT, headers=first.as_key) as answer:
        theirs = answer.headers["x-ni-request-id"]
    other = invented("request_id", theirs)
    found, same = await asyncio.gather(
        *(second.ask("GET", f"/api/usage/custody/{each}", headers=second.as_key) for each in (theirs, other))
    )
    assert found.json["status"] == "pending"
    assert without(found.body, theirs) == without(same.body, other)


async def test_a_session_is_not_changed_with_the_token_of_another(sides: tuple[Side, Side]) -> None:
    first, second = sides
    mixed = {"Cookie": first.owner.headers["Cookie"], "x-csrf-token": second.owner.csrf}
    for method, path in (("DELETE", "/api/session"), ("POST", "/api/keys")):
        reply = await second.ask(method, path, body={} if method == "POST" else None, headers=mixed)
        assert reply.json["error"]["code"] == "csrf_failed"
    renewing = {"Cookie": first.owner.refreshing["Cookie"], "x-csrf-token": second.owner.csrf}
    assert (await second.ask("POST", "/api/session/refresh", headers=renewing)).status == 403
    assert (await first.ask("GET", "/api/session")).status == 200
