"""Substitution at the edge: who may ask for what, what goes over the bus, and what is said when nobody is there."""

import asyncio
from typing import Any

import orjson
import pytest

from libs.bus.base import Message
from libs.bus.responder import answer
from libs.contracts.northern.v1.envelope_pb2 import Envelope, PiiAsk
from libs.contracts.northern.v1.frames_pb2 import End
from libs.contracts.northern.v1.query_pb2 import (
    ListTold,
    PiiAuditAsk,
    PiiPolicyAsk,
    PiiTold,
    PreviewAsk,
    QueryFailure,
)
from libs.contracts.subjects import PII
from tests.integration.ingress.edge import Edge, chat, edge, get, head, message, post
from tests.integration.ingress.test_books import own, signed_in
from tests.support.broker import until

AUDIT = "/api/admin/pii-audit"
POLICIES = {"pii": {"default": None}}


def put(path: str, body: Any) -> bytes:
    return post(orjson.dumps(body), path=path).replace(b"POST", b"PUT", 1)


async def listening(street: Edge) -> list[Envelope]:
    """The envelopes that a pii service would get; each is answered as a worker would."""
    seen: list[Envelope] = []
    asked: list[asyncio.Task[None]] = []

    async def say(envelope: Envelope) -> None:
        outflow = street.outflows.open(envelope.reply, 0, lambda: None)
        await outflow.send(head=head(stream=False), data=b"{}", end=End())
        outflow.close()

    def take(message: Message) -> None:
        seen.append(Envelope.FromString(message.data))
        asked.append(asyncio.create_task(say(seen[-1])))

    await street.bus.subscribe(PII, take, "pii")
    return seen


async def test_a_request_goes_by_way_of_substitution_only_if_it_says_so() -> None:
    async with edge() as street:
        seen = await listening(street)
        assert (await street.ask(pii_substitution=True, pii_policy="clinic", conversation_id="c")).status == 200
        assert seen[0].pii == PiiAsk(policy="clinic", conversation_id="c")
        assert b"pii" not in seen[0].body
        assert (await street.say(message(pii_substitution=True))).status == 200
        assert len(seen) == 2
        wire = await street.open()
        await wire.send(chat(pii_substitution=False))
        await until(lambda: len(street.envelopes) == 1)
        assert not street.envelopes[0].HasField("pii")
        assert len(seen) == 2


async def test_without_anybody_there_nothing_is_sent() -> None:
    async with edge() as street:
        reply = await street.ask(pii_substitution=True)
        assert (reply.status, reply.error["code"]) == (503, "pii_unavailable")
        assert reply.headers["x-should-retry"] == "true"
        assert not street.envelopes


async def test_a_preview_takes_a_key_and_goes_to_the_service_with_its_account() -> None:
    async def preview(data: bytes) -> bytes:
        ask = PreviewAsk.FromString(data)
        assert (ask.tenant, ask.key_id, ask.body) == ("t_one", "k_one", b'{"text":"x"}')
        return PiiTold(json=orjson.dumps({"anthropic": ask.anthropic})).SerializeToString()

    async with edge() as street:
        await answer(street.bus, "ni.query.pii.preview", "pii", preview)
        for more, anthropic in ((), False), (("anthropic-version: 2023-06-01",), True):
            reply = await street.say(post(b'{"text":"x"}', *more, path="/api/pii/preview"))
            assert orjson.loads(reply.body) == {"anthropic": anthropic}
            assert reply.headers["cache-control"] == "no-store"
        assert (await street.say(post(b"{}", path="/api/pii/preview", key="ni_live_no"))).status == 401
        assert (await street.say(get("/api/pii/preview"))).status == 405


async def test_policies_are_read_by_anybody_of_the_account_and_changed_by_its_admins() -> None:
    asked: list[PiiPolicyAsk] = []

    async def policy(data: bytes) -> bytes:
        asked.append(PiiPolicyAsk.FromString(data))
        return PiiTold(json=b'{"policies":[]}').SerializeToString()

    async with edge() as street:
        await answer(street.bus, "ni.query.pii.policy_get", "pii", policy)
        await answer(street.bus, "ni.query.pii.policy_put", "pii", policy)
        told = orjson.loads((await street.say(get("/api/policy"))).body)
        assert told == {"object": "policy", "residency": [], "allowed_tiers": [], "pii": {"policies": []}}
        refused = await street.say(put("/api/policy", POLICIES))
        assert (refused.status, refused.error["code"]) == (403, "not_permitted")
        for role, status in (("member", 403), ("auditor", 403), ("admin", 200), ("owner", 200)):
            async with edge() as other:
                await answer(other.bus, "ni.query.pii.policy_put", "pii", policy)
                cookie = await signed_in(other.bus, role)
                assert (await other.say(own(put("/api/policy", POLICIES), cookie))).status == status
        assert orjson.loads(asked[-1].body) == {"default": None}
        assert (asked[-1].tenant, asked[-1].actor) == ("t_one", "u_one")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], "pii"),
        ({}, "pii"),
        ({"pii": []}, "pii"),
        ({"pii": {}, "residency": ["CA"]}, "residency"),
        ({"pii": {}, "allowed_tiers": []}, "allowed_tiers"),
        ({"pii": {}, "else": 1}, None),
    ],
)
async def test_a_policy_that_is_none_is_refused_at_the_edge(body: Any, param: str | None) -> None:
    async with edge() as street:
        cookie = await signed_in(street.bus, "owner")
        reply = await street.say(own(put("/api/policy", body), cookie))
        assert (reply.status, reply.error["param"]) == (400, param)


async def test_the_audit_is_for_admins_and_auditors_of_the_account() -> None:
    asked: list[PiiAuditAsk] = []

    async def audit(data: bytes) -> bytes:
        ask = PiiAuditAsk.FromString(data)
        asked.append(ask)
        return ListTold(entries=[b"1", b"2"][: ask.limit], next="" if ask.cursor else "more").SerializeToString()

    roles = (("member", 403), ("auditor", 200), ("admin", 200), ("owner", 200), ("platform_admin", 200))
    for role, status in roles:
        async with edge() as street:
            await answer(street.bus, "ni.query.pii.audit", "pii", audit)
            assert (await street.say(get(AUDIT))).status == 403  # a key
            cookie = await signed_in(street.bus, role)
            reply = await street.say(own(get(f"{AUDIT}?type=EMAIL&limit=3&from=2026-11-21"), cookie))
            assert reply.status == status
            if status == 200:
                assert orjson.loads(reply.body) == {"object": "list", "data": [1, 2, 1], "next": None}
                assert (asked[-1].tenant, asked[-1].type, asked[-1].limit) == ("t_one", "EMAIL", 1)
                assert asked[-1].from_ms == 1_795_219_200_000
            other = await street.say(own(get(f"{AUDIT}?tenant=t_two"), cookie))
            assert other.status == (404 if status == 200 else 403)
            if status == 200:
                assert (await street.say(own(get(f"{AUDIT}?nothing=1"), cookie))).status == 400


async def test_what_the_service_refuses_is_said_in_its_words_and_its_absence_in_ours() -> None:
    async def refuse(_: bytes) -> bytes:
        failure = QueryFailure(code="invalid_request", message="send `messages`", param="messages")
        return PiiTold(failure=failure).SerializeToString()

    async with edge() as street:
        away = await street.say(get("/api/policy"))
        assert (away.status, away.error["code"]) == (503, "pii_unavailable")
        await answer(street.bus, "ni.query.pii.preview", "pii", refuse)
        reply = await street.say(post(b"{}", path="/api/pii/preview"))
        assert (reply.status, reply.error["message"]) == (400, "send `messages`")
