"""`auto` at the edge: what goes to the router, what the caller is told of the choice, the dry run, and feedback."""

from typing import Any

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.bus.responder import answer as respond
from libs.contracts.northern.v1.envelope_pb2 import Decision, Dialect, Envelope, RoutingAsk
from libs.contracts.northern.v1.facts_pb2 import Fact, FactBatch, Feedback
from libs.contracts.northern.v1.frames_pb2 import Head
from libs.contracts.northern.v1.query_pb2 import (
    AnsweredAsk,
    AnsweredTold,
    PiiTold,
    PreviewAsk,
    QueryFailure,
    RouteAsk,
    RouteTold,
)
from tests.integration.ingress.edge import DONE, END, Edge, edge, get, head, message, post
from tests.integration.ingress.scripts import ANSWER, EVENTS, MESSAGE, matches, speak_anthropic
from tests.integration.ingress.test_books import own, signed_in

ROUTE = "/api/v1/inference/route"
FEEDBACK = "/api/feedback"
RATED = "0" * 15 + "7"
DECISION = Decision(
    task="code_generation",
    complexity="simple",
    confidence=0.95,
    model="azure/gpt-4.1-mini-ca",
    time_ns=118_000,
    optimize="balanced",
    fit=0.8,
    reason="utility",
    fallbacks=["Qwen/Qwen3-32B"],
    considered=2,
    version="r1",
)


def decided(*, stream: bool) -> Head:
    found = head(stream=stream)
    found.decision.CopyFrom(DECISION)
    return found


async def choose(envelope: Envelope, out: Outflow) -> None:
    """A router and a worker that answered by choice."""
    if not envelope.shape.stream:
        await out.send(head=decided(stream=False), data=ANSWER, output_bytes=7, end=END)
        return
    await out.send(head=decided(stream=True))
    for data in EVENTS:
        await out.send(data=data, output_bytes=1)
    await out.send(data=DONE, output_bytes=5, end=END)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/inference/chat/completions"])
async def test_auto_goes_to_the_router_with_what_the_key_and_the_request_say(path: str) -> None:
    async with edge(choose) as street:
        assert (await street.ask(model="auto", path=path)).status == 200
        routing = {"optimize": "quality", "model_pool": ["Qwen/Qwen3-14B"], "task": "analysis"}
        assert (await street.ask(model="auto", path=path, routing=routing)).status == 200
        first, second = street.envelopes
        assert (first.shape.model, first.routing) == ("auto", RoutingAsk(optimize="balanced"))
        assert second.routing == RoutingAsk(optimize="quality", model_pool=["Qwen/Qwen3-14B"], task="analysis")
        assert b"routing" not in second.body
        assert b"auto" not in second.body
        assert len(first.shape.session) == 16
        assert first.shape.session == second.shape.session


async def test_a_model_that_is_named_carries_no_choice_and_its_answer_none_either() -> None:
    async with edge(choose) as street:
        refused = await street.ask(routing={"optimize": "cost"})
        assert (refused.status, refused.error["param"]) == (400, "routing")
        assert not street.envelopes
        await street.ask()
        assert not street.envelopes[0].HasField("routing")


async def test_the_first_event_of_a_stream_is_the_choice_and_it_is_counted_as_delivered() -> None:
    async with edge(choose) as street:
        reply = await street.ask(model="auto", stream=True)
        first, _, rest = reply.body.partition(b"\n\n")
        said = orjson.loads(first.removeprefix(b"data: "))
        assert (said["object"], said["model"], said["choices"]) == ("routing", "azure/gpt-4.1-mini-ca", [])
        assert said["routing_time_ms"] == 0.118
        assert rest == b"".join([*EVENTS, DONE])
        assert reply.headers["x-ni-route-model"] == said["model"]
        assert matches(await street.delivered(), reply, street.envelopes[0])


async def test_a_whole_answer_tells_of_the_choice_in_headers_and_is_the_provider_s_own() -> None:
    async with edge(choose) as street:
        reply = await street.ask(model="auto")
        assert reply.body == ANSWER
        found = {name: value for name, value in reply.headers.items() if name.startswith("x-ni-route-")}
        assert found["x-ni-route-task"] == "code_generation"
        assert found["x-ni-route-confidence"] == "0.9500"
        assert found["x-ni-route-fallbacks"] == "Qwen/Qwen3-32B"


async def test_anthropic_s_streams_begin_as_they_do_and_tell_of_the_choice_in_headers() -> None:
    async def script(envelope: Envelope, out: Outflow) -> None:
        if envelope.shape.stream:
            await out.send(head=decided(stream=True), data=b"event: message_start\ndata: {}\n\n")
            await out.send(data=b"event: message_stop\ndata: {}\n\n", end=END)
        else:
            await out.send(head=decided(stream=False), data=MESSAGE, end=END)

    async with edge(script) as street:
        reply = await street.say(message(model="auto", stream=True))
        assert reply.body.startswith(b"event: message_start")
        assert b"routing" not in reply.body
        assert reply.headers["x-ni-route-complexity"] == "simple"
        assert (await street.say(message(model="auto"))).headers["x-ni-route-reason"] == "utility"
        assert street.envelopes[0].routing.optimize == "balanced"


async def test_a_conversation_that_need_not_hold_sends_none() -> None:
    async with edge(speak_anthropic) as street:
        await street.say(message(model="auto", routing={"sticky": "off"}))
        await street.say(message("X-Session-Id: s-1", model="auto"))
        await street.say(message("X-Session-Id: s-1", model="auto", messages=[{"role": "user", "content": "else"}]))
        off, first, second = street.envelopes
        assert off.shape.session == ""
        assert first.shape.session == second.shape.session != ""


class Router:
    """The router's other ear: keeps what it is asked."""

    def __init__(self, told: RouteTold) -> None:
        self.told, self.asked = told, list[Envelope]()

    async def explain(self, data: bytes) -> bytes:
        self.asked.append(RouteAsk.FromString(data).envelope)
        return self.told.SerializeToString()


async def explaining(street: Edge, told: RouteTold) -> Router:
    router = Router(told)
    await respond(street.bus, "ni.query.router.explain", "router", router.explain)
    return router


def ask(path: str, body: Any, *more: str, **said: Any) -> bytes:
    return post(orjson.dumps(body), *more, path=path, **said)


AUTO = {"model": "auto", "messages": [{"role": "user", "content": "Sort a list"}]}


async def test_a_dry_run_asks_the_router_and_sends_nothing() -> None:
    async with edge(choose) as street:
        router = await explaining(street, RouteTold(json=b'{"object":"routing.explanation"}'))
        reply = await street.say(ask(ROUTE, {**AUTO, "stream": True, "routing": {"optimize": "cost"}}))
        assert (reply.status, orjson.loads(reply.body)) == (200, {"object": "routing.explanation"})
        (asked,) = router.asked
        assert (asked.tenant, asked.key_id, asked.routing.optimize) == ("t_one", "k_one", "cost")
        assert (asked.shape.last_user_turn, asked.shape.stream) == ("Sort a list", True)
        assert (asked.body, asked.reply, asked.salt) == (b"", "", b"")
        assert asked.policy.allowed_tiers
        assert not street.envelopes
        assert not street.bus._streams["EVENTS"].messages


async def test_a_dry_run_reads_anthropic_s_bodies_too() -> None:
    async with edge() as street:
        router = await explaining(street, RouteTold(json=b"{}"))
        body = {**AUTO, "max_tokens": 9, "system": "be brief"}
        assert (await street.say(ask(ROUTE, body, "anthropic-version: 2023-06-01"))).status == 200
        assert router.asked[0].dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES
        assert router.asked[0].shape.max_tokens == 9
        refused = await street.say(ask(ROUTE, AUTO, "anthropic-version: 2023-06-01"))
        assert (refused.status, orjson.loads(refused.body)["type"]) == (400, "error")


async def test_a_dry_run_shows_the_router_no_original_where_personal_data_is_substituted() -> None:
    async with edge() as street:
        router = await explaining(street, RouteTold(json=b"{}"))
        body = {**AUTO, "pii_substitution": True, "pii_policy": "clinic"}
        assert (await street.say(ask(ROUTE, body))).status == 503  # nobody substitutes: nobody is shown anything
        assert not router.asked
        asked: list[PreviewAsk] = []

        async def preview(data: bytes) -> bytes:
            asked.append(PreviewAsk.FromString(data))
            return PiiTold(json=b'{"substituted":{"text":"Sort a Nora"}}').SerializeToString()

        await respond(street.bus, "ni.query.pii.preview", "pii", preview)
        assert (await street.say(ask(ROUTE, body))).status == 200
        assert router.asked[0].shape.last_user_turn == "Sort a Nora"
        assert orjson.loads(asked[0].body)["pii_policy"] == "clinic"


async def test_a_dry_run_refuses_as_the_request_would_be_refused() -> None:
    async with edge() as street:
        failure = QueryFailure(code="no_eligible_model", message="no model of the pool takes images", param="messages")
        await explaining(street, RouteTold(failure=failure))
        refused = await street.say(ask(ROUTE, AUTO))
        assert (refused.status, refused.error["code"]) == (400, "no_eligible_model")
        for body, param in (
            ({**AUTO, "model": "azure/gpt-4.1-mini-ca"}, "model"),
            ({"messages": AUTO["messages"]}, "model"),
            ({**AUTO, "routing": {"optimize": "best"}}, "routing.optimize"),
            ({**AUTO, "messages": []}, "messages"),
        ):
            told = await street.say(ask(ROUTE, body))
            assert (told.status, told.error["param"]) == (400, param)
        assert (await street.say(ask(ROUTE, AUTO, key="ni_live_nobody"))).status == 401
        assert (await street.say(get(ROUTE))).status == 405
        assert (await street.say(ask("/v1/route", AUTO))).status == 404


async def test_a_dry_run_without_a_router_says_so() -> None:
    async with edge() as street:
        told = await street.say(ask(ROUTE, AUTO))
        assert (told.status, told.error["code"]) == (503, "overloaded")


async def answering(street: Edge, told: AnsweredTold) -> list[AnsweredAsk]:
    seen: list[AnsweredAsk] = []

    async def answered(data: bytes) -> bytes:
        seen.append(AnsweredAsk.FromString(data))
        return told.SerializeToString()

    await respond(street.bus, "ni.query.billing.answered", "billing", answered)
    return seen


def facts(street: Edge) -> list[Fact]:
    stored = street.bus._streams["EVENTS"].messages
    assert all(each.subject == "ev.feedback.0" for each in stored)
    return [fact for each in stored for fact in FactBatch.FromString(each.data).facts]


@pytest.mark.parametrize(("rating", "meant"), [(1, 1), (-1, -1), ("good", 1), ("bad", -1)])
async def test_feedback_is_on_record_before_it_is_confirmed(rating: Any, meant: int) -> None:
    async with edge() as street:
        seen = await answering(street, AnsweredTold(route_id="Qwen/Qwen3-14B", task="analysis"))
        reply = await street.say(ask(FEEDBACK, {"request_id": RATED, "rating": rating, "comment": "zq-said"}))
        assert (reply.status, orjson.loads(reply.body)) == (
            200,
            {"object": "feedback", "request_id": RATED, "rating": meant, "route": "Qwen/Qwen3-14B", "task": "analysis"},
        )
        assert seen == [AnsweredAsk(tenant="t_one", request_id=RATED)]
        (fact,) = facts(street)
        assert (fact.request_id, fact.tenant) == (RATED, "t_one")
        assert fact.feedback == Feedback(
            of_request=RATED, rating=meant, key_id="k_one", route_id="Qwen/Qwen3-14B", task="analysis"
        )
        assert b"zq-said" not in fact.SerializeToString()


async def test_feedback_on_what_the_account_never_asked_is_not_found_and_leaves_nothing() -> None:
    async with edge() as street:
        await answering(street, AnsweredTold(failure=QueryFailure(code="not_found", message="there is none")))
        reply = await street.say(ask(FEEDBACK, {"request_id": RATED, "rating": 1}))
        assert (reply.status, reply.error["code"]) == (404, "not_found")
        assert not facts(street)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "request_id"),
        ({"request_id": RATED}, "rating"),
        ({"request_id": RATED, "rating": 0}, "rating"),
        ({"request_id": RATED, "rating": 2}, "rating"),
        ({"request_id": RATED, "rating": True}, "rating"),
        ({"request_id": RATED, "rating": 1.0}, "rating"),
        ({"request_id": RATED, "rating": [1]}, "rating"),
        ({"request_id": RATED, "rating": "great"}, "rating"),
        ({"request_id": RATED.upper() + "X", "rating": 1}, "request_id"),
        ({"request_id": 7, "rating": 1}, "request_id"),
        ({"request_id": RATED, "rating": 1, "comment": 1}, "comment"),
        ({"request_id": RATED, "rating": 1, "comment": "x" * 2_001}, "comment"),
        ({"request_id": RATED, "rating": 1, "tenant": "t_two"}, None),
    ],
)
async def test_bad_feedback_is_refused_by_name(body: dict[str, Any], param: str | None) -> None:
    async with edge() as street:
        await answering(street, AnsweredTold(route_id="r"))
        reply = await street.say(ask(FEEDBACK, body))
        assert (reply.status, reply.error["param"]) == (400, param)
        assert not facts(street)


async def test_feedback_is_by_key_or_session_and_by_post() -> None:
    async with edge() as street:
        await answering(street, AnsweredTold(route_id="r"))
        assert (await street.say(ask(FEEDBACK, {}, key="ni_live_nobody"))).status == 401
        assert (await street.say(get(FEEDBACK))).status == 405
        cookie = await signed_in(street.bus, "member")
        said = own(ask(FEEDBACK, {"request_id": RATED, "rating": 1}), cookie)
        assert (await street.say(said)).status == 200
        assert (await street.say(said.replace(b"x-csrf-token: csrf", b"x-csrf-token: other"))).status == 403
        (fact,) = facts(street)
        assert (fact.tenant, fact.feedback.key_id) == ("t_one", "")


async def test_feedback_without_billing_says_to_try_again() -> None:
    async with edge() as street:
        reply = await street.say(ask(FEEDBACK, {"request_id": RATED, "rating": 1}))
        assert (reply.status, reply.error["code"]) == (503, "billing_unavailable")
        assert not facts(street)
