"""Secrets and what was said stay in no log, fact, journal, bucket, table, metric or trace, however requests go."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio

from libs.auth.keys import GATEWAY, mint
from tests.e2e.canary import Canaries, Singer, bootstrap, environments, places, singer
from tests.e2e.edge import raw
from tests.e2e.people import Doorman, Person, doorman_of
from tests.e2e.tenants import Side, side_of
from tests.support.street import Street

pytestmark = [pytest.mark.street, pytest.mark.asyncio(loop_scope="module")]

CLAUDE: Final = "anthropic/claude-haiku-4-5-20251001-us"
GPT: Final = "openai/gpt-4.1-mini-us"
PLAIN: Final = "zq-visible-model-name"  # a model that was asked for is on record: by it the search shows that it reads
WAYS: Final = ("good", "400", "401", "403", "429", "500", "garbage", "cut")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A street whose providers are the singer, and an account with everything secret it can have."""

    street: Street
    canaries: Canaries
    upstream: Singer
    door: Doorman
    admin: Person
    side: Side


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    canaries = Canaries()
    root = tmp_path_factory.mktemp("canary") / "state"
    async with singer(canaries.new("answer")) as upstream:
        credentials = {
            "ANTHROPIC_BASE_URL": upstream.url,
            "ANTHROPIC_API_KEY": canaries.new("provider credential", "sk-ant-{}"),
            "OPENAI_BASE_URL": f"{upstream.url}/v1",
            "OPENAI_API_KEY": canaries.new("another provider credential", "sk-{}"),
        }
        async with Street(root, NI_SANDBOX="0", **credentials) as street, doorman_of(street) as door:
            admin = await door.admin()
            side = await side_of(street, door, admin)
            for name in ("api_key", "admin_password"):
                canaries.add(f"the first {name}", bootstrap(street)[name])
            canaries.add("an account's key", side.account.key)
            yield Stage(street=street, canaries=canaries, upstream=upstream, door=door, admin=admin, side=side)


async def test_no_canary_is_where_it_does_not_belong(stage: Stage) -> None:
    await inference(stage)
    await refused(stage)
    await account(stage)
    await people(stage)
    await settled(stage)
    canaries, read, sizes = stage.canaries, dict[str, set[str]](), dict[str, int]()
    plain = {"model": PLAIN, "tenant": stage.side.account.id}
    seen: dict[str, set[str]] = {name: set() for name in plain}
    async for place, data in places(stage.street):
        if found := canaries.found_in(data):
            read[place] = found
        sizes[place] = len(data)
        for name, value in plain.items():
            if value.encode() in data:
                seen[name].add(place)
    assert read == {}
    everywhere(stage, sizes, seen)


def everywhere(stage: Stage, sizes: Mapping[str, int], seen: Mapping[str, set[str]]) -> None:
    """The search read what it was meant to read: what may stand there was found there."""
    assert {"stream EVENTS", "table northern.facts", "table northern.usage"} <= seen["tenant"], seen
    assert {"stream LEDGER", "table northern.ledger", "stream KV_tenants", "stream KV_keys"} <= seen["tenant"], seen
    assert "file logs/ingress-0.log" in seen["model"], seen
    for name in ("KV_users", "KV_sessions", "KV_byok"):
        assert sizes[f"stream {name}"] > 0, name
    programs = {name for name in stage.street.pids() if name not in ("nats", "clickhouse")}
    assert {f"/metrics of {name}" for name in programs} <= {place for place, size in sizes.items() if size > 100}


async def test_a_provider_s_credential_is_known_to_its_worker_alone(stage: Stage) -> None:
    for name, environment in environments(stage.street).items():
        found = stage.canaries.found_in(environment)
        assert found == ({"provider credential", "another provider credential"} if name == "worker-openai" else set())


def told(stage: Stage, how: str, model: str) -> dict[str, Any]:
    """A request with something of its own in every place where callers put things."""
    new = stage.canaries.new
    kind = f"{how} {model}"
    picture = base64.b64encode(b"\x89PNG\r\n" + new(f"image of {kind}").encode()).decode()
    asked = [{"type": "text", "text": f"how:{how} {new(f'prompt of {kind}')}"}]
    content: list[Any] = [*asked]
    if how == "400":
        content.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}})
    return {
        "model": model,
        "max_tokens": 64,
        "messages": [
            {"role": "system", "content": new(f"system of {kind}")},
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "look", "arguments": f'{{"at": "{new(f"argument of {kind}")}"}}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": new(f"result of {kind}")},
            {"role": "user", "content": content},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": new(f"description of {kind}"),
                    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
                },
            }
        ],
        "user": new(f"user of {kind}"),
    }


def claimed(stage: Stage, how: str) -> dict[str, Any]:
    """The same in Anthropic's dialect."""
    new, kind = stage.canaries.new, f"{how} messages"
    return {
        "model": CLAUDE,
        "max_tokens": 64,
        "system": new(f"system of {kind}"),
        "messages": [{"role": "user", "content": f"how:{how} {new(f'prompt of {kind}')}"}],
        "metadata": {"user_id": new(f"user of {kind}")},
    }


async def inference(stage: Stage) -> None:
    """Every way an upstream can take it, by both dialects and wires, streamed and not."""
    side = stage.side
    statuses = set()
    for how in WAYS:
        for stream in (False, True):
            word = f"{how}{' streamed' if stream else ''}"
            bodies = [("/v1/chat/completions", told(stage, how, model)) for model in (CLAUDE, GPT)]
            bodies.append(("/v1/messages", claimed(stage, how)))
            if stream:
                bodies = [(path, _again(stage, body, word)) for path, body in bodies]
            replies = await asyncio.gather(
                *(side.ask("POST", path, body={**body, "stream": stream}, headers=side.as_key) for path, body in bodies)
            )
            statuses |= {reply.status for reply in replies}
            if how == "good":
                assert all(stage.canaries.values["answer"].encode() in reply.body for reply in replies), replies
    assert statuses >= {200, 400, 429, 502}, statuses
    assert {stage.canaries.values[name] for name in ("provider credential", "another provider credential")} <= (
        stage.upstream.keys
    )


def _again(stage: Stage, body: dict[str, Any], word: str) -> dict[str, Any]:
    """As it is, for the canaries are in it; one more so that no two requests are the same."""
    marked = {"role": "user", "content": stage.canaries.new(f"{word} {body['model']} {len(body)}")}
    return {**body, "messages": [marked, *body["messages"]]}


async def refused(stage: Stage) -> None:
    """What never gets as far as a provider: refusals, malformed bodies and HTTP that is none."""
    side, new = stage.side, stage.canaries.new

    async def ask(path: str, body: Any, **headers: str) -> int:
        return (await side.ask("POST", path, body=body, headers={**side.as_key, **headers})).status

    said = {"messages": [{"role": "user", "content": new("prompt of a refusal")}]}
    assert await ask("/v1/chat/completions", {**said, "model": PLAIN}) in (200, 404)
    refusals = (
        {**said, "model": CLAUDE, "residency": ["CA"]},
        {**said, "model": CLAUDE, "temperature": new("temperature")},
        {**said, "model": CLAUDE, "privacy_tier": new("tier")},
        {**said, "model": CLAUDE, "messages": [{"role": "user", "content": {new("member"): new("value")}}]},
        {**said, "model": CLAUDE, "pii_substitution": True, "pii_policy": "nobody-s"},
        {**said, "model": "auto", "routing": {"task": new("task")}},
        {"model": CLAUDE, "messages": new("messages that are none"), new("a member's name"): 1},
    )
    for body in refusals:
        assert await ask("/v1/chat/completions", body) >= 400, body
        await ask("/v1/messages", body)
    email = {"role": "user", "content": f"how:good write to {new('address')}@example.com"}
    await ask("/v1/chat/completions", {"model": CLAUDE, "messages": [email], "pii_substitution": True})
    await ask("/api/pii/preview", {"text": f"{new('previewed')} is at 416-555-0100"})
    for path in ("/v1/chat/completions", "/api/keys", "/api/v1/inference/chat/completions"):
        for key in (new(f"no key at {path}"), mint(GATEWAY, secrets.token_bytes)):
            stage.canaries.values[f"unknown key {len(stage.canaries.values)}"] = key
            sent = {"Authorization": f"Bearer {key}"}
            assert (await side.ask("POST", path, body=said, headers=sent)).status == 401
            assert (await side.ask("POST", path, body=said, headers={"x-api-key": key})).status == 401
    headers = {
        name: new(f"header {name}")
        for name in (
            "traceparent",
            "tracestate",
            "X-Privacy-Tier",
            "X-NI-Residency",
            "User-Agent",
            "X-Custom",
            "Cookie",
        )
    }
    for name, value in headers.items():
        await ask("/v1/chat/completions", {**said, "model": CLAUDE}, **{name: value})
    await side.ask("GET", f"/v1/models?api_key={new('query')}", headers=side.as_key)
    await side.ask("GET", f"/api/usage/custody/{new('custody id')}", headers=side.as_key)
    await side.ask("GET", f"/api/usage?request_id={new('filter')}", headers=side.as_key)
    await side.ask("GET", f"/{new('path')}/{new('tail')}", headers=side.as_key)
    begun = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    await broken(
        stage, begun + stage.side.account.key.encode() + b"\r\nContent-Length: 99\r\n\r\n{" + _raw(new("half"))
    )
    await broken(stage, b"GET /" + _raw(new("line")) + b" HTTP/9\r\n" + _raw(new("no header")) + b"\r\n\r\n")
    await broken(stage, begun + _raw(new("long header")) * 800 + b"\r\n\r\n")
    unread = b'{"model": "' + _raw(new("unfinished model")) + b'", "messages": [' + _raw(new("no json"))
    head = b"%b%b\r\nContent-Length: %d\r\n\r\n" % (begun, stage.side.account.key.encode(), len(unread))
    await broken(stage, head + unread)


async def broken(stage: Stage, said: bytes) -> None:
    """Sent as it is; then the client is gone."""
    try:
        await raw(stage.street, said, deadline_s=0.4)
    except TimeoutError:
        pass  # half a request: nobody answers yet, and now nobody asks


async def account(stage: Stage) -> None:
    """Keys made, rotated and revoked, credentials kept, a webhook set, each refusal with a canary in it."""
    side, canaries, door = stage.side, stage.canaries, stage.door
    made = await side.must("POST", "/api/keys", body={"name": "made here", "byok": True})
    canaries.add("a made key", made["key"])
    rotated = await side.must("POST", f"/api/keys/{made['id']}/rotate", body={})
    canaries.add("a rotated key", rotated["key"])
    for provider, form in (("anthropic", "sk-ant-{}"), ("openai", "sk-{}")):
        own = canaries.new(f"own credential of {provider}", form)
        await side.must("PUT", f"/api/byok/{provider}", body={"api_key": own})
    for how in ("good", "401", "500"):
        for model in (CLAUDE, GPT):
            body = {"model": model, "messages": [{"role": "user", "content": f"how:{how}"}], "max_tokens": 9}
            await side.ask("POST", "/v1/chat/completions", body=body, headers=_bearer(rotated["key"]))
    refusals: tuple[tuple[str, str, Any], ...] = (
        ("PUT", "/api/byok/anthropic", {"api_key": canaries.new("a credential with a space", "{} x")}),
        ("PUT", "/api/byok/vertex", {"region": "x", "service_account": {"private_key": canaries.new("a private key")}}),
        ("PUT", "/api/byok/openai", {"apikey": canaries.new("a credential by another name")}),
        ("POST", "/api/keys", {"name": 5, "key": canaries.new("a key in a body")}),
    )
    for method, path, body in refusals:
        assert (await side.ask(method, path, body=body)).status == 400, body
    place = f"/api/admin/tenants/{side.account.id}"
    for _ in range(2):
        webhook = {"alert_webhook": {"url": "https://hooks.example/alerts"}}
        told_ = await door.sent("PATCH", place, webhook, stage.admin)
        canaries.values[f"webhook secret {len(canaries.values)}"] = told_["alert_webhook"]["secret"]
    second = await door.sent("POST", "/api/admin/tenants", {"name": "Second"}, stage.admin)
    canaries.add("another account's key", second["api_key"])
    assert (await side.ask("DELETE", f"/api/keys/{made['id']}")).status == 200
    assert (await side.ask("GET", "/v1/models", headers=_bearer(rotated["key"]))).status == 403


async def people(stage: Stage) -> None:
    """Signing in, wrongly and rightly, by link and by password; sessions renewed, stolen and ended."""
    door, canaries, side = stage.door, stage.canaries, stage.side
    password = canaries.new("password", "the long {} of somebody")
    invited = await door.sent("POST", "/api/admin/users", {"email": "zq@example.com"}, side.owner)
    canaries.add("invitation", invited["invite"]["token"])
    again = await door.sent("POST", f"/api/admin/users/{invited['id']}/invite", {}, side.owner)
    canaries.add("second invitation", again["token"])
    body = {"token": again["token"], "password": password}
    assert (await side.ask("POST", "/api/session/password", body=body, headers={})).status == 200
    here = await door.signed_in("zq@example.com", password)
    for name, value in (("session", here.session), ("refresh token", here.refresh), ("csrf token", here.csrf)):
        canaries.add(name, value)
    attempts: tuple[tuple[str, Any, Mapping[str, str]], ...] = (
        ("/api/session", {"email": "zq@example.com", "password": canaries.new("wrong password")}, {}),
        ("/api/session", {"email": f"{canaries.new('unknown address')}@example.com", "password": "x" * 20}, {}),
        ("/api/session", {"email": canaries.new("no address"), "password": [canaries.new("no password")]}, {}),
        ("/api/session/password", {"token": canaries.new("wrong link"), "password": canaries.new("new one")}, {}),
        ("/api/session/refresh", {}, {"Cookie": f"ni_refresh={canaries.new('wrong refresh token')}"}),
        ("/api/keys", {}, {"Cookie": f"ni_session={canaries.new('wrong session')}"}),
        ("/api/keys", {}, {**here.headers, "x-csrf-token": canaries.new("wrong csrf token")}),
    )
    for path, sent, headers in attempts:
        assert (await side.ask("POST", path, body=sent, headers=headers)).status in (400, 401, 403), path
    other = canaries.new("next password", "another long {} of somebody")
    change = {"current_password": password, "password": other}
    assert (await side.ask("POST", "/api/session/password", body=change, headers=here.headers)).status == 200
    last = await door.signed_in("zq@example.com", other)
    for _ in range(2):  # the second time it is spent: that ends the session
        await side.ask("POST", "/api/session/refresh", headers=last.refreshing)
    for name, value in (("last session", last.session), ("last refresh token", last.refresh)):
        canaries.add(name, value)


async def settled(stage: Stage) -> None:
    """Until every request is on record and lines that are held back are written."""
    for _ in range(100):
        found = (await stage.side.must("GET", "/api/credits"))["held"]
        rows = (await stage.side.must("GET", "/api/usage?limit=1"))["data"]
        if found == "0.00" and rows:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1.5)


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _raw(text: str) -> bytes:
    return text.encode()
