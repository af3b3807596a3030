"""Requests that are wrong before their body is looked at: keys, paths, methods, headers, broken HTTP."""

from typing import Any

import pytest

from tests.clients.asking import AZURE, HAIKU, QWEN, user
from tests.e2e.edge import Edge, raw, status_of
from tests.support.street import Street

pytestmark = pytest.mark.street

GOOD: dict[str, Any] = {"model": AZURE, "messages": user("hi")}


async def test_no_key_and_unknown_keys_are_refused_and_not_repeated(edge: Edge, street: Street) -> None:
    mistyped = street.api_key[:-1] + ("A" if street.api_key[-1] != "A" else "B")
    for key in (mistyped, "ni_live_short", "sk-somebody-elses-secret", "x" * 5000):
        for headers in ({"Authorization": f"Bearer {key}"}, {"x-api-key": key}):
            reply = await edge.chat(GOOD, key="", headers=headers)
            assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")
            assert reply.error["type"] == "invalid_request_error"
            assert "Invalid API key" in reply.error["message"]
            assert key not in reply.body.decode()
            assert reply.headers["x-should-retry"] == "false"
    for path in ("/v1/models", "/api/usage/custody/0123456789abcdef"):
        assert (await edge.send("GET", path, key="")).status == 401
    assert (await edge.chat(GOOD, key="")).error["code"] == "invalid_api_key"


@pytest.mark.parametrize("scheme", ["Basic", "", "Bearer ", "bearer\t"])
async def test_an_odd_authorization_header_is_a_401(edge: Edge, scheme: str) -> None:
    assert (await edge.chat(GOOD, key="", headers={"Authorization": f"{scheme} x"})).status == 401


async def test_an_unknown_model_is_not_found_where_names_are_strict(edge: Edge) -> None:
    for base, headers in (("/api/v1/inference", {}), ("/v1", {"X-NI-Strict": "true"})):
        reply = await edge.chat({**GOOD, "model": "no/such"}, base=base, headers=headers)
        assert (reply.status, reply.error["code"], reply.error["param"]) == (404, "model_not_found", "model")
    assert (await edge.send("GET", "/v1/models/no/such")).error["code"] == "model_not_found"
    assert (await edge.send("GET", "/api/v1/inference/models/no/such/health")).status == 404


async def test_a_path_of_nobody_says_where_the_api_begins(edge: Edge) -> None:
    for path in ("/nothing", "/v1/nothing", "/v1/embeddings", "/v1/responses", "/api/nothing", "/v2/chat/completions"):
        reply = await edge.send("POST", path, body={})
        assert (reply.status, reply.error["type"]) == (404, "invalid_request_error"), path
        assert "/v1" in reply.error["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/api/v1/inference/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PUT", "/api/billing/models", "GET"),
        ("PATCH", "/api/session", "POST"),
    ],
)
async def test_a_wrong_method_is_a_405_that_names_the_right_one(
    edge: Edge, method: str, path: str, allowed: str
) -> None:
    reply = await edge.send(method, path, body={})
    assert (reply.status, reply.error["code"]) == (405, "method_not_allowed")
    assert allowed in reply.error["message"]
    assert allowed in reply.headers["allow"]  # RFC 9110 §15.5.6: a 405 must carry it


@pytest.mark.parametrize(
    ("header", "value", "member", "contrary"),
    [
        ("X-Privacy-Tier", "self_hosted", "privacy_tier", "provider_api"),
        ("X-NI-Residency", "CA", "residency", ["US"]),
        ("X-NI-Allow-Fallbacks", "false", "allow_fallbacks", True),
        ("X-NI-PII-Substitution", "false", "pii_substitution", True),
    ],
)
async def test_a_header_that_contradicts_the_body_is_refused(
    edge: Edge, header: str, value: str, member: str, contrary: Any
) -> None:
    reply = await edge.chat({**GOOD, member: contrary}, headers={header: value})
    assert (reply.status, reply.error["param"]) == (400, member)


async def test_a_header_that_says_the_same_or_alone_is_obeyed(edge: Edge) -> None:
    for body in (GOOD, {**GOOD, "residency": ["US"]}):
        reply = await edge.chat(body, headers={"X-NI-Residency": "US"})
        assert (reply.status, reply.error["code"]) == (403, "residency_refused")
    assert (await edge.chat(GOOD, headers={"X-Privacy-Tier": "self_hosted"})).status in {400, 403}


NASTY = [
    "a\r\nSet-Cookie: stolen=1",
    "a\nx-ni-resolved-jurisdiction: CA",
    "\r\n\r\n<html>",
    "modèle-québécois",
    "模型🛰",
    "a\x00b\x7f\x1b[31m",
    "../../etc/passwd",
    "%0d%0aX-Evil: 1",
    "ni.infer.>",
    "*",
    "\u2028\u2029\ufeff",
]


@pytest.mark.parametrize("base", ["/v1", "/api/v1/inference"])
async def test_a_nasty_model_name_is_just_an_unknown_one(edge: Edge, base: str) -> None:
    for name in NASTY:
        reply = await edge.chat({**GOOD, "model": name}, base=base, headers={"X-NI-Strict": "true"})
        assert (reply.status, reply.error["code"]) == (404, "model_not_found"), name
        assert "set-cookie" not in reply.headers
        assert "x-evil" not in reply.headers
        assert all(value.isascii() and value.isprintable() for value in reply.headers.values())
    assert (await edge.chat(GOOD)).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/models/%0d%0aX-Evil:%201", "/v1/models/%ff%fe", "/v1/%00", "/api/usage/custody/%0a", "/%e2%80%a8"]
)
async def test_a_nasty_path_is_not_found(edge: Edge, path: str) -> None:
    reply = await edge.send("GET", path)
    assert reply.status == 404
    assert "x-evil" not in reply.headers
    assert reply.error["message"].isprintable()


def written(street: Street, *lines: bytes, body: bytes = b"") -> bytes:
    """A chat request with header lines as bytes."""
    own = [b"Host: x", b"Connection: close", b"Content-Length: %d" % len(body)]
    if not any(line.lower().startswith((b"authorization", b"x-api-key")) for line in lines):
        own.append(b"Authorization: Bearer " + street.api_key.encode())
    return b"POST /v1/chat/completions HTTP/1.1\r\n" + b"\r\n".join([*own, *lines]) + b"\r\n\r\n" + body


BODY = b'{"model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"hi"}]}'


@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        (b"Authorization: Bearer \xff\xfe\xfd", {401}),
        (b"x-api-key: caf\xc3\xa9", {401}),
        (b"X-Privacy-Tier: \xff", {400}),
        (b"X-NI-Residency: \xff", {400, 403}),
        (b"X-NI-Residency: C\xc3\x84", {400, 403}),
        (b"X-NI-Allow-Fallbacks: \xff", {400}),
        (b"traceparent: \xff\xfe", {200}),
        (b"traceparent: 00-" + b"z" * 5000, {200}),
        (b"Cookie: ni_session=\xff; a=\xe9", {200}),
        (b"User-Agent: \xff\xfe\xfd", {200}),
        (b"Content-Encoding: nonsense", {200, 400, 415}),
        (b"Content-Type: \xff", {200, 400, 415}),
        (b"Expect: something", {200, 417}),
    ],
)
async def test_bytes_that_are_not_ascii_in_a_header_are_answered_in_our_words(
    street: Street, line: bytes, statuses: set[int]
) -> None:
    answer = await raw(street, written(street, line, body=BODY))
    assert status_of(answer) in statuses, answer
    assert b"Traceback" not in answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.isascii()
    assert body.startswith(b"{")


@pytest.mark.parametrize("line", [b"x-csrf-token: \xff", b"x-csrf-token: \xc3\xa9"])
async def test_a_session_with_bytes_for_a_token_is_not_a_fault_of_ours(street: Street, line: bytes) -> None:
    request = b"DELETE /api/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ni_session=a.b.c\r\n"
    assert status_of(await raw(street, request + line + b"\r\n\r\n")) in {401, 403}


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, 400),  # a TLS hello on the plain port
        (b"GET /v1/models HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        (
            b"POST /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
)
async def test_what_is_no_http_is_answered_once_and_closed(street: Street, request_bytes: bytes, status: int) -> None:
    answer = await raw(street, request_bytes)
    assert status_of(answer) == status, answer[:300]
    assert b'"invalid_request_error"' in answer
    assert answer.count(b"HTTP/1.") == 1
    assert b"aiohttp" not in answer.partition(b"\r\n\r\n")[2]


async def test_a_body_of_chunks_that_are_no_chunks_is_refused(street: Street) -> None:
    request = written(street, b"X: y").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    assert status_of(await raw(street, request + b"zz\r\nhello\r\n0\r\n\r\n")) in {0, 400}


async def test_residency_refuses_a_global_route_names_rule_and_nearest_and_is_on_record(
    edge: Edge, street: Street
) -> None:
    before = len(await street.sandbox_log())
    reply = await edge.chat({**GOOD, "model": HAIKU, "residency": ["CA"]})
    assert (reply.status, reply.error["code"]) == (403, "residency_refused")
    assert reply.error["type"] == "permission_error"
    assert "processing_anywhere" in reply.error["message"]
    listed = [model["id"] for model in (await edge.send("GET", "/v1/models")).json["data"]]
    assert any(route in reply.error["message"] for route in listed if route != HAIKU)
    record = await edge.custody(reply.headers["x-ni-request-id"])
    assert (record["outcome"], record["error_code"]) == ("refused", "residency_refused")
    assert "processing_anywhere" in record["rule"]
    assert record["model_requested"] == HAIKU
    assert len(await street.sandbox_log()) == before


async def test_residency_lets_a_route_pass_that_is_processed_there(edge: Edge) -> None:
    for route in (AZURE, QWEN):
        reply = await edge.chat({**GOOD, "model": route, "residency": ["CA"]})
        assert reply.status == 200
        assert reply.headers["x-ni-processing-jurisdiction"] == "CA"


async def test_probes_and_the_front_door_answer_without_a_key(edge: Edge) -> None:
    assert (await edge.send("GET", "/healthz", key="")).json == {"status": "ok"}
    ready = await edge.send("GET", "/readyz", key="")
    assert (ready.status, ready.json["ready"]) == (200, True)
    assert {"bus", "keys", "router", "worker"} <= set(ready.json["checks"])
    assert (await edge.send("HEAD", "/", key="")).status == 200
