"""What leaves for OpenAI, Azure and their kin, and what comes back of it."""

import orjson
import pytest

from libs.contracts.errors import (
    StreamBroken,
)
from libs.contracts.northern.v1.envelope_pb2 import Surface
from tests.integration.worker import claude
from tests.integration.worker.claude import EVENTS, SSE, saying, streaming
from tests.integration.worker.outgoing import sent
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    AZURE,
    KEY,
    OPENAI,
    OPENAI_CHAT,
    OPUS,
    QWEN,
    dialling,
    working,
)
from tests.integration.worker.upstream import event, listening, path, three_words, whole


async def test_azure_is_called_by_deployment_where_an_api_version_is_set() -> None:
    for dialect in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        call = await sent(AZURE, whole, environ={"OPENAI_API_VERSION": "2024-10-21"}, dialect=dialect)
        deployment = "/openai/deployments/gpt-4.1-mini/chat/completions?api-version=2024-10-21"
        assert path(call) == deployment
        assert call.headers["api-key"] == KEY
    call = await sent(OPENAI, whole, environ={"OPENAI_API_VERSION": "2024-10-21"})
    assert path(call) == "/v1/chat/completions"


@pytest.mark.parametrize(("route", "limit"), [(OPENAI, "max_completion_tokens"), (QWEN, "max_tokens")])
async def test_anthropics_callers_are_translated_for_openai_and_its_kin(route: str, limit: str) -> None:
    body = orjson.dumps({"max_tokens": 7, "system": "be brief", "messages": [{"role": "user", "content": "hi"}]})
    call = await sent(route, three_words, dialect=ANTHROPIC_MESSAGES, body=body, stream=True)
    asked = orjson.loads(call.body)
    assert (asked[limit], asked["stream"], asked["stream_options"]) == (7, True, {"include_usage": True})
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("route", "limit"),
    [("openai/gpt-5-us", "max_completion_tokens"), (OPENAI, "max_tokens"), (QWEN, "max_tokens")],
)
async def test_max_tokens_of_openais_callers_is_renamed_for_reasoning_models_alone(route: str, limit: str) -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 7})
    call = await sent(route, three_words, body=body)
    assert {name: value for name, value in orjson.loads(call.body).items() if "max" in name} == {limit: 7}


async def test_a_stream_of_several_answers_that_ends_after_the_first_was_cut() -> None:
    plan = streaming([event(), event("one"), event(finish="stop")])
    body = orjson.dumps({"messages": [{"role": "user", "content": "hi"}], "n": 2})
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True, body=body)).over()
        single = await (await rig.ask(stream=True)).over()
    assert type(got.error) is StreamBroken
    assert single.error is None


@pytest.mark.parametrize("surface", [Surface.SURFACE_GATEWAY, Surface.SURFACE_INFERENCE])
async def test_what_was_translated_is_never_called_by_the_providers_id(surface: Surface) -> None:
    async with listening(saying(claude.MESSAGE)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(OPUS, surface=surface)).over()
    answer = orjson.loads(got.data)
    assert (answer["model"], answer["id"]) == (OPUS, f"chatcmpl-{1:016x}")
    assert len(EVENTS) == len(SSE)
