"""Bodies that are wrong: each is answered by the contract's error, on a connection that goes on."""

import gzip
import zlib
from typing import Any

import pytest

from tests.clients.asking import AZURE, HAIKU, QWEN, user
from tests.e2e.edge import Edge
from tests.support.street import Street

pytestmark = pytest.mark.street

MIB = 1 << 20
GOOD: dict[str, Any] = {"model": AZURE, "messages": user("Repeat this line exactly: still here")}

NOT_JSON = {
    "empty": b"",
    "cut off": b'{"model":',
    "a list": b"[]",
    "null": b"null",
    "a string": b'"model"',
    "not UTF-8": b'{"model":"\xff\xfe"}',
    "half a surrogate pair": rb'{"model":"\ud800"}',
    "NaN": b'{"model":"m","temperature":NaN}',
    "Infinity": b'{"model":"m","temperature":-Infinity}',
    "an overflowing number": b'{"model":"m","temperature":1e999}',
    "deep lists": b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "two values": b"{}{}",
    "form data": b"model=m&messages=hi",
}

WRONG_EVERYWHERE: list[tuple[str, Any]] = [
    ("model", None),
    ("model", ""),
    ("model", 5),
    ("model", ["m"]),
    ("model", "m" * 300),
    ("messages", None),
    ("messages", []),
    ("messages", {}),
    ("messages", "hi"),
    ("messages", [5]),
    ("messages", [{}]),
    ("messages", [{"role": 5, "content": "hi"}]),
    ("stream", "yes"),
    ("stream", 1),
    ("stream_options", 5),
    ("stream_options", []),
    ("stream_options", {"include_usage": True, "more": "x" * 1_200_000}),
    ("max_tokens", "5"),
    ("max_tokens", -1),
    ("max_tokens", 1.5),
    ("max_tokens", True),
    ("privacy_tier", "moon"),
    ("privacy_tier", 5),
    ("privacy_tier", []),
    ("residency", "CA"),
    ("residency", []),
    ("residency", [5]),
    ("residency", [""]),
    ("residency", {"CA": True}),
    ("allow_fallbacks", "true"),
    ("allow_fallbacks", 1),
    ("pii_substitution", "true"),
]

# What only the provider, or the translation to its format, can judge.
WRONG_FOR_THE_PROVIDER: list[tuple[str, Any]] = [
    ("messages", [{"role": "nobody", "content": "hi"}]),
    ("messages", [{"role": "user", "content": 5}]),
    ("messages", [{"role": "user", "content": [5]}]),
    ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": 5}]}]),
    (
        "messages",
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}}]}],
    ),
    ("messages", [{"role": "assistant", "tool_calls": 5}]),
    ("messages", [{"role": "tool", "content": "x"}]),
    ("tools", "x"),
    ("tools", [5]),
    ("tools", [{"type": "function", "function": 5}]),
    ("tool_choice", 5),
    ("temperature", "hot"),
    ("temperature", 5),
    ("top_p", {}),
    ("stop", 5),
    ("response_format", 5),
]


def changed(route: str, member: str, value: Any) -> dict[str, Any]:
    return {**GOOD, "model": route, member: value}


async def still_answers(edge: Edge) -> None:
    reply = await edge.chat(GOOD)
    assert reply.json["choices"][0]["message"]["content"] == "still here"


async def test_what_is_not_a_json_object_is_refused_and_the_connection_goes_on(edge: Edge) -> None:
    for what, body in NOT_JSON.items():
        reply = await edge.chat(body)
        assert reply.status == 400, what
        assert reply.error["type"] == "invalid_request_error", what
        assert reply.headers["x-should-retry"] == "false", what
        assert reply.headers["x-ni-request-id"], what
    await still_answers(edge)


@pytest.mark.parametrize("base", ["/v1", "/api/v1/inference"])
async def test_a_member_of_the_wrong_type_is_named(edge: Edge, base: str) -> None:
    for member, value in WRONG_EVERYWHERE:
        reply = await edge.chat(changed(AZURE, member, value), base=base)
        assert reply.status == 400, (member, value, reply.body)
        assert reply.error["param"].partition("[")[0] == member, (member, value)
    await still_answers(edge)


async def test_the_inference_surface_checks_the_temperature(edge: Edge) -> None:
    for value in ("hot", -0.1, 2.1, True, [1]):
        reply = await edge.chat(changed(QWEN, "temperature", value), base="/api/v1/inference")
        assert (reply.status, reply.error["param"]) == (400, "temperature"), value


@pytest.mark.parametrize("route", [AZURE, HAIKU, QWEN])
async def test_what_the_provider_could_not_read_is_a_400_on_every_wire(edge: Edge, route: str) -> None:
    wrong = []
    for member, value in WRONG_FOR_THE_PROVIDER:
        reply = await edge.chat(changed(route, member, value))
        if reply.status != 400:
            wrong.append((member, value, reply.status, reply.body[:200]))
    assert wrong == []
    await still_answers(edge)


async def test_duplicate_members_collapse_to_the_one_that_was_checked(edge: Edge, street: Street) -> None:
    before = len(await street.sandbox_log())
    body = (
        f'{{"model":"{HAIKU}","model":"{AZURE}","residency":["CA"],"max_tokens":5,"max_tokens":9,'
        '"messages":[{"role":"user","content":"first"}],"messages":[{"role":"user","content":"second"}]}'
    )
    assert (await edge.chat(body.encode())).status == 200
    (seen,) = (await street.sandbox_log())[before:]
    assert "/azure/" in seen["path"]
    for member in ("model", "max_tokens", "messages"):
        assert seen["body"].count(f'"{member}"') == 1
    assert "first" not in seen["body"]


async def test_our_own_fields_never_reach_a_provider(edge: Edge, street: Street) -> None:
    before = len(await street.sandbox_log())
    ours = {"privacy_tier": "managed_canadian_cloud", "residency": ["CA"], "allow_fallbacks": False}
    for model in (AZURE, "bedrock/meta.llama3-70b-instruct-v1:0-ca"):
        assert (await edge.chat({**GOOD, "model": model, **ours, "pii_substitution": False})).status == 200
    for seen in (await street.sandbox_log())[before:]:
        assert not [name for name in (*ours, "pii_substitution") if name in seen["body"]]
        assert not [name for name in seen["headers"] if name.startswith("x-ni-") and name != "x-ni-egress-id"]


async def test_a_body_of_33_mib_is_too_large(edge: Edge) -> None:
    reply = await edge.chat({**GOOD, "messages": user("x" * (33 * MIB))})
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    assert reply.headers["x-ni-request-id"]
    await still_answers(edge)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_is_too_large_however_small_it_arrives(edge: Edge, coding: str) -> None:
    unpacked = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * (64 * MIB) + b'"}]}'
    packed = gzip.compress(unpacked, 9) if coding == "gzip" else zlib.compress(unpacked, 9)
    reply = await edge.chat(packed, headers={"Content-Encoding": coding})
    assert (reply.status, reply.error["code"]) == (413, "request_too_large")
    await still_answers(edge)


async def test_an_honest_gzip_body_is_read_and_a_broken_one_refused(edge: Edge) -> None:
    packed = gzip.compress(
        b'{"model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"Repeat this line exactly: zipped"}]}'
    )
    reply = await edge.chat(packed, headers={"Content-Encoding": "gzip"})
    assert reply.json["choices"][0]["message"]["content"] == "zipped"
    for broken in (b"not gzip at all", packed[:-20]):
        assert (await edge.chat(broken, headers={"Content-Encoding": "gzip"})).status == 400
    await still_answers(edge)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"routing": {"optimize": "cost"}}, "routing"),  # the model is named: there is nothing to choose
        ({"model": "auto", "routing": {"optimize": "best"}}, "routing.optimize"),
        ({"model": "auto", "routing": {"model_pool": []}}, "routing.model_pool"),
        ({"model": "auto", "routing": {"task": ["analysis"]}}, "routing.task"),
        ({"model": "auto", "routing": "quality"}, "routing"),
    ],
)
async def test_a_choice_that_cannot_be_read_is_refused_by_name_and_nothing_is_sent(
    edge: Edge, street: Street, more: dict[str, Any], param: str
) -> None:
    before = len(await street.sandbox_log())
    for base in ("/v1", "/api/v1/inference"):
        reply = await edge.chat({**GOOD, **more}, base=base)
        assert (reply.status, reply.error["param"]) == (400, param)
    assert len(await street.sandbox_log()) == before
