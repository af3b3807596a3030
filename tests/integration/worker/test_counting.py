"""Counting tokens: the provider's own counter where it has one, at no cost; else an estimate that says so."""

import base64

import orjson
import pytest

from libs.contracts.errors import UpstreamError
from libs.contracts.northern.v1.facts_pb2 import Outcome
from tests.integration.worker.claude import saying
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    CLAUDE,
    COUNT,
    GEMINI,
    HAIKU,
    MISTRAL,
    OPENAI,
    VERTEX_CLAUDE,
    dialling,
    working,
)
from tests.integration.worker.upstream import listening, path, refusing, whole


@pytest.mark.parametrize(
    ("route", "answer", "where"),
    [
        (CLAUDE, {"input_tokens": 12}, "/v1/messages/count_tokens"),
        (HAIKU, {"inputTokens": 12}, "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/count-tokens"),
        (MISTRAL, {"inputTokens": 12}, "/model/mistral.mistral-large-2402-v1%3A0/count-tokens"),
        (
            VERTEX_CLAUDE,
            {"input_tokens": 12},
            "/v1/projects/maple/locations/us/publishers/anthropic/models/count-tokens:rawPredict",
        ),
        (
            GEMINI,
            {"totalTokens": 12},
            "/v1/projects/maple/locations/northamerica-northeast1/publishers/google/models/gemini-2.5-flash:countTokens",
        ),
    ],
)
async def test_the_providers_own_counter_is_asked_and_costs_nothing(
    route: str, answer: dict[str, int], where: str
) -> None:
    async with listening(saying(answer)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(route, dialect=ANTHROPIC_MESSAGES, operation=COUNT, stream=True)).over()
        finished = await rig.only_finished()
        (egress,) = rig.egress()
    assert orjson.loads(got.data) == {"input_tokens": 12}
    assert (egress.operation, egress.stream) == (COUNT, True)
    (head,) = (each.head for each in got.frames if each.HasField("head"))
    assert (head.estimated, head.stream) == (False, False)
    assert (finished.outcome, finished.cost_nano) == (Outcome.OUTCOME_COMPLETED, 0)
    assert (finished.usage.input, finished.usage.output, finished.usage.estimated) == (0, 0, False)
    (call,) = upstream.calls
    assert path(call) == where
    asked = orjson.loads(call.body)
    assert "stream" not in asked
    if route == VERTEX_CLAUDE:
        assert asked["model"] == "claude-haiku-4-5@20251001"
    if route == HAIKU:
        inner = orjson.loads(base64.b64decode(asked["input"]["invokeModel"]["body"]))
        assert (inner["anthropic_version"], inner["max_tokens"]) == ("bedrock-2023-05-31", 1)


@pytest.mark.parametrize("answer", [{}, {"inputTokens": "12"}, {"inputTokens": -1}, {"inputTokens": True}, [], 7])
async def test_a_count_that_is_none_is_an_upstream_error(answer: object) -> None:
    async with listening(saying(answer)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(HAIKU, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
    assert type(got.error) is UpstreamError


async def test_a_model_without_a_counter_is_estimated_and_asked_only_once() -> None:
    plan = saying({"message": "The provided model doesn't support counting tokens."}, 400)
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        first = await (await rig.ask(HAIKU, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
        finished = await rig.only_finished()
        again = await (await rig.ask(HAIKU, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
        assert len(rig.egress()) == 1
    assert (finished.outcome, finished.provider_status, finished.cost_nano) == (Outcome.OUTCOME_FAILED, 400, 0)
    for got, asked_at in ((first, HAIKU), (again, "")):
        assert got.error is None
        assert orjson.loads(got.data)["input_tokens"] > 0
        assert got.route.route_id == asked_at
        assert [each.head.estimated for each in got.frames if each.HasField("head")] == [True]
        assert got.has("end")
    assert len(upstream.calls) == 1


async def test_a_beta_that_the_counter_does_not_know_yet_is_no_reason_to_refuse_a_count() -> None:
    plan = refusing(400, "Unexpected value(s) `some-beta-2027-01-01` for the `anthropic-beta` header.")
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(VERTEX_CLAUDE, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
    assert got.error is None
    assert orjson.loads(got.data)["input_tokens"] > 0
    assert [each.head.estimated for each in got.frames if each.HasField("head")] == [True]


@pytest.mark.parametrize(("status", "said"), [(400, "messages.0: roles must alternate"), (429, "slow"), (500, "no")])
async def test_a_refusal_that_concerns_the_request_is_no_reason_to_estimate(status: int, said: str) -> None:
    async with listening(refusing(status, said)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(HAIKU, dialect=ANTHROPIC_MESSAGES, operation=COUNT)).over()
    assert got.error is not None
    assert not got.has("end")


async def test_a_request_that_could_not_be_sent_is_not_counted_either() -> None:
    body = orjson.dumps({"messages": [{"role": "nobody", "content": "hi"}]})
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(OPENAI, dialect=ANTHROPIC_MESSAGES, operation=COUNT, body=body)).over()
        assert rig.facts() == []
    assert got.error is not None
    assert (got.error.code, upstream.calls) == ("invalid_request", [])
