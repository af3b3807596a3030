"""What /openapi.json says beside what a running gateway does: every operation called, every answer of its shape."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from jsonschema import Draft202012Validator

from libs.tlog.tiles import tiles_of
from tests.e2e.edge import Edge, Reply
from tests.e2e.people import doorman_of
from tests.support.street import Street

pytestmark = pytest.mark.street

ROUTE: Final = "Qwen/Qwen3-14B"
ANTHROPIC: Final = {"anthropic-version": "2023-06-01"}
Described = dict[str, Any]


@pytest.fixture
async def document(edge: Edge) -> Described:
    found: Described = (await edge.send("GET", "/openapi.json", key="")).json
    return found


def operations(document: Described) -> list[tuple[str, str, Described]]:
    return [
        (method.upper(), path, each) for path, methods in document["paths"].items() for method, each in methods.items()
    ]


def strict(schema: Any) -> Any:
    """The same where an answer may have no member that is not described."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") in ("object", ["object", "null"]):
        found.setdefault("additionalProperties", False)
    return found


def errors_of(document: Described, schema: Described, value: Any) -> list[str]:
    whole = {**strict(schema), "components": {"schemas": strict(document["components"]["schemas"])}}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def check(document: Described, operation: Described, reply: Reply) -> None:
    """The answer's status, media type and body are described."""
    name = operation["operationId"]
    assert str(reply.status) in operation["responses"], (name, reply.status, reply.body[:300])
    content = operation["responses"][str(reply.status)].get("content", {})
    if not content:
        assert not reply.body, name
        return
    media = reply.headers["content-type"].partition(";")[0]
    assert media in content, (name, media)
    if media == "application/json":
        assert not errors_of(document, content[media]["schema"], reply.json), (name, reply.body[:600])


async def test_the_document_is_the_same_in_both_places_and_asked_for_again_costs_nothing(edge: Edge) -> None:
    first = await edge.send("GET", "/openapi.json", key="")
    other = await edge.send("GET", "/api/v1/inference/openapi.json", key="")
    assert (first.status, first.headers["content-type"]) == (200, "application/json")
    assert first.body == other.body
    etag = first.headers["etag"]
    again = await edge.send("GET", "/openapi.json", key="", headers={"If-None-Match": f'"older", W/{etag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    changed = await edge.send("GET", "/openapi.json", key="", headers={"If-None-Match": '"older"'})
    assert changed.status == 200
    head = await edge.send("HEAD", "/openapi.json", key="")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)
    assert (await edge.send("POST", "/openapi.json", body={}, key="")).error["code"] == "method_not_allowed"


async def test_the_page_is_html_that_may_load_nothing(edge: Edge) -> None:
    reply = await edge.send("GET", "/docs", key="")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert b'<details id="create_chat_completion"' in reply.body
    again = await edge.send("GET", "/docs", key="", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status == 304


async def test_without_a_key_every_operation_that_needs_one_says_so_as_described(
    edge: Edge, document: Described
) -> None:
    for method, path, operation in operations(document):
        if not operation["security"]:
            continue
        reply = await edge.send(method, NAMED.sub("x", path), key="", body=None if method == "GET" else {})
        assert reply.status == 401, (method, path, reply.body)
        check(document, operation, reply)


NAMED: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass
class Caller:
    """Calls operations by key, or signed in as the administrator where a key may not; makes what they ask for."""

    edge: Edge
    headers: Mapping[str, str]
    signing_in: Mapping[str, str]
    request_id: str
    extra: Mapping[str, Mapping[str, str]]
    made: int = 0

    async def call(self, method: str, path: str, operation: Described) -> Reply:
        name = operation["operationId"]
        values = {part: await self._value(part) for part in NAMED.findall(path)}
        body = await self._body(name, operation)
        by_key = {"bearer": []} in operation["security"]
        headers = dict(self.extra.get(name, {} if by_key else self.headers))
        address = NAMED.sub(lambda found: values[found[1]], path)
        return await self.edge.send(method, address, body=body, key=None if by_key else "", headers=headers)

    async def _value(self, part: str) -> str:
        match part:
            case "model_id":
                return ROUTE.replace("/", "%2F")
            case "request_id":
                return self.request_id
            case "tile":
                note = await self.edge.send("GET", "/api/custody/checkpoint", key="")
                return next(tiles_of(int(note.body.split(b"\n")[1]))).path.removeprefix("tile/")
            case "name":
                await self._made("PUT", "/api/aliases/described", {"route": ROUTE})
                return "described"
            case "provider":
                await self._made("PUT", "/api/byok/anthropic", {"api_key": "x" * 40})
                return "anthropic"
            case "key_id":
                return str((await self._made("POST", "/api/keys", {"name": "described"}))["id"])
            case "user_id":
                return str((await self._made("POST", "/api/admin/users", self._user()))["id"])
            case "tenant_id":
                return await self._tenant()
        raise AssertionError(f"no value is known for {part}")

    async def _body(self, name: str, operation: Described) -> Any:
        """The document's own example, where it does not name what is made here."""
        if "requestBody" not in operation:
            return None
        (content,) = operation["requestBody"]["content"].values()
        body = dict(content["example"])
        match name:
            case "sign_in":
                return self.signing_in
            case "set_password":
                made = await self._made("POST", "/api/admin/users", self._user())
                return {"token": made["invite"]["token"], "password": "a long sentence of somebody's"}
            case "create_user":
                return self._user()
            case "give_feedback":
                return {**body, "request_id": self.request_id}
            case "give_credit":
                return {**body, "tenant": await self._tenant()}
        return body

    async def _tenant(self) -> str:
        made = str((await self._made("POST", "/api/admin/tenants", {"name": "Described"}))["id"])
        for _ in range(100):  # until the edge knows it, too
            found = await self.edge.send("GET", f"/api/credits?tenant={made}", key="", headers=self.headers)
            if found.status == 200:
                return made
            await asyncio.sleep(0.02)
        raise AssertionError("the account is not known")

    def _user(self) -> Mapping[str, str]:
        self.made += 1
        return {"email": f"described-{self.made}@example.com", "role": "member"}

    async def _made(self, method: str, path: str, body: Any) -> Any:
        reply = await self.edge.send(method, path, body=body, key="", headers=self.headers)
        assert reply.status in (200, 201), (path, reply.body)
        return reply.json


@pytest.fixture
async def caller(edge: Edge, street: Street) -> Caller:
    async with doorman_of(street) as door:
        admin, leaving, refreshing = [await door.admin() for _ in range(3)]  # the last two sessions are ended
    said = await edge.chat({"model": ROUTE, "messages": [{"role": "user", "content": "hi"}]})
    request_id = said.headers["x-ni-request-id"]
    await edge.custody(request_id)
    return Caller(
        edge=edge,
        headers=admin.headers,
        signing_in={"email": admin.email, "password": admin.password},
        request_id=request_id,
        extra={"sign_out": leaving.headers, "refresh_session": refreshing.refreshing},
    )


async def test_every_operation_answers_as_it_is_described(caller: Caller, document: Described) -> None:
    for method, path, operation in operations(document):
        reply = await caller.call(method, path, operation)
        told = (method, path, reply.status, reply.body[:300])
        good = next(iter(operation["responses"]))
        assert str(reply.status) == good, told
        check(document, operation, reply)


async def test_lists_for_anthropic_s_clients_and_streams_answer_as_described(edge: Edge, document: Described) -> None:
    paths = document["paths"]
    for path in ("/v1/models", "/v1/models/{model_id}", "/api/v1/inference/models"):
        address = NAMED.sub(ROUTE.replace("/", "%2F"), path)
        reply = await edge.send("GET", address, headers=ANTHROPIC)
        check(document, paths[path]["get"], reply)
        assert "type" in reply.json or "has_more" in reply.json
    for path in ("/v1/chat/completions", "/v1/messages"):
        example = paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
        reply = await edge.send("POST", path, body={**example, "stream": True})
        assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        assert "text/event-stream" in paths[path]["post"]["responses"]["200"]["content"]
        described = set(paths[path]["post"]["responses"]["200"]["headers"])
        assert {name for name in reply.headers if name.startswith("x-ni-")} <= described


async def test_what_is_read_by_totals_and_filters_answers_as_described(edge: Edge, document: Described) -> None:
    said = await edge.chat({"model": ROUTE, "messages": [{"role": "user", "content": "hi"}]})
    request_id = said.headers["x-ni-request-id"]
    usage = document["paths"]["/api/usage"]["get"]
    for _ in range(100):
        reply = await edge.send("GET", f"/api/usage?request_id={request_id}")
        if reply.json["data"]:
            break
        await asyncio.sleep(0.1)
    assert reply.json["data"]
    check(document, usage, reply)
    by = next(each for each in usage["parameters"] if each["name"] == "totals")["schema"]["enum"]
    for name in by:
        totals = await edge.send("GET", f"/api/usage?totals={name}")
        check(document, usage, totals)
        assert totals.json["data"], name
    moves = await edge.send("GET", "/api/credits/transactions?type=deposit&limit=1")
    check(document, document["paths"]["/api/credits/transactions"]["get"], moves)


@pytest.mark.parametrize(
    ("path", "headers", "code", "anthropic"),
    [
        ("/v1/chat/completions", {}, "invalid_api_key", False),
        ("/v1/messages", {}, "invalid_api_key", True),
        ("/v1/nothing", {}, "not_found", False),
        ("/api/session", {"Origin": "https://evil.example"}, "csrf_failed", False),
    ],
)
async def test_an_error_is_what_the_table_says(
    edge: Edge, document: Described, path: str, headers: Mapping[str, str], code: str, *, anthropic: bool
) -> None:
    row = document["x-ni-errors"][code]
    reply = await edge.send("POST", path, body={}, key="", headers=headers)
    assert reply.status == row["anthropic_status" if anthropic else "status"]
    schema = {"$ref": f"#/components/schemas/{'AnthropicError' if anthropic else 'Error'}"}
    assert not errors_of(document, schema, orjson.loads(reply.body))
    assert reply.json["error"]["type"] == row["anthropic_type" if anthropic else "type"]
    if not anthropic:
        assert reply.json["error"]["code"] == row["code"]
