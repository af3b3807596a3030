"""A name that is no route, over a real socket: answered in words, in either dialect, and mapped by a number."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.auth.records import AliasesRecord
from libs.bus.outflow import Outflow
from libs.bus.responder import answer
from libs.catalog.resolve import meant, resolve
from libs.contracts.errors import ModelNotFound, NorthernError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import FactBatch, Refused
from libs.contracts.northern.v1.frames_pb2 import Frame
from libs.contracts.subjects import query
from tests.integration.ingress.edge import CATALOG, END, Edge, Reply, chat, edge, head, message, post
from tests.support.broker import until
from tests.unit.accounts.rig import PEPPER, Rig, rig

HEAD = "isn't one of the exact route ids your key can call"
NUMBERED = re.compile(r"^(\d+)\. (\S+)$", re.MULTILINE)


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Edge]:
    async with street_of(tmp_path) as made:
        yield made


@asynccontextmanager
async def street_of(folder: Path, **more: Any) -> AsyncIterator[Edge]:
    """An edge, the real accounts on the same bus, and a router that only resolves."""
    assert PEPPER == b"p" * 32
    async with edge(**more) as made, rig(folder, made.bus) as accounts:
        accounts.now_s = datetime.now(UTC).timestamp()
        listening = [
            await answer(made.bus, query("accounts", verb), "accounts", one, 8) for verb, one in accounts.verbs.items()
        ]
        made.script = _router(made, accounts)
        yield made
        for each in listening:
            await each.stop()


def _router(made: Edge, accounts: Rig) -> Any:
    async def route(envelope: Envelope, outflow: Outflow) -> None:
        held = await accounts.bus.get("aliases", envelope.tenant)
        own = AliasesRecord.from_bytes(held.value).aliases if held else {}
        policy = envelope.policy
        name = meant(CATALOG, envelope.shape.model, own, policy.allowed_tiers)
        try:
            found = resolve(CATALOG, name, allowed_tiers=policy.allowed_tiers, tier=policy.tier)
        except NorthernError as error:
            frame = Frame(attempt=0, n=0, failure=to_failure(error))
            await made.bus.publish(envelope.reply, frame.SerializeToString())
            return
        taken = orjson.dumps({"taken": found[0].route_id})
        await outflow.send(head=head(stream=False), data=taken, end=END)

    return route


def words(reply: Reply) -> str:
    assert (reply.status, reply.whole) == (200, True), reply.body
    assert reply.headers["x-ni-answered-by"] == "gateway"
    body = orjson.loads(reply.body)
    if "content" in body:
        return str(body["content"][0]["text"])
    return str(body["choices"][0]["message"]["content"])


def routes_of(text: str) -> list[str]:
    found = NUMBERED.findall(text)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [route for _, route in found]


def turn(text: str, *before: dict[str, Any]) -> list[dict[str, Any]]:
    return [*before, {"role": "user", "content": text}]


async def on_record(street: Edge) -> list[Refused]:
    def found() -> list[Refused]:
        stored = street.bus._streams["EVENTS"].messages if "EVENTS" in street.bus._streams else []
        facts = [fact for each in stored for fact in FactBatch.FromString(each.data).facts]
        return [fact.refused for fact in facts if fact.WhichOneof("kind") == "refused"]

    await until(lambda: bool(found()))
    return found()


async def test_an_unknown_name_is_answered_in_words_free_and_on_record(street: Edge) -> None:
    reply = await street.ask(model="gpt-4.1-mni")
    text = words(reply)
    assert text.startswith(f'"gpt-4.1-mni" {HEAD}')
    assert routes_of(text)[0] == "azure/gpt-4.1-mini-ca"
    assert sorted(routes_of(text)) == sorted(CATALOG.routes)
    body = orjson.loads(reply.body)
    assert (body["object"], body["model"], body["usage"]["total_tokens"]) == ("chat.completion", "gpt-4.1-mni", 0)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert "x-ni-custody-promise" in reply.headers
    assert "x-ni-resolved-provider" not in reply.headers
    (refused,) = await on_record(street)
    assert (refused.code, refused.rule, refused.model_requested) == ("answered_here", "model_not_found", "gpt-4.1-mni")
    assert refused.request_hash


async def test_a_stream_is_answered_as_one(street: Edge) -> None:
    reply = await street.ask(stream=True, model="nope", stream_options={"include_usage": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in reply.body.decode().split("\n") if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [orjson.loads(each) for each in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    said = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert said.startswith(f'"nope" {HEAD}')
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropic_s_clients_are_answered_in_their_dialect(street: Edge, stream: bool) -> None:
    reply = await street.say(message(model="claude-9", stream=stream))
    if not stream:
        assert words(reply).startswith(f'"claude-9" {HEAD}')
        body = orjson.loads(reply.body)
        assert (body["type"], body["stop_reason"], body["usage"]["output_tokens"]) == ("message", "end_turn", 0)
        return
    kinds = [line.removeprefix("event: ") for line in reply.body.decode().split("\n") if line.startswith("event: ")]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert HEAD in reply.body.decode()


async def test_a_number_maps_the_name_for_a_client_that_sends_no_history(street: Edge) -> None:
    listed = routes_of(words(await street.ask(model="my-model")))
    confirmed = words(await street.ask(model="my-model", messages=turn("3")))
    assert "my-model" in confirmed
    assert listed[2] in confirmed
    assert confirmed.count(". ") == 0
    reply = await street.ask(model="my-model", messages=turn("3"))
    assert orjson.loads(reply.body) == {"taken": listed[2]}


async def test_a_number_maps_the_name_for_a_client_that_sends_its_history(street: Edge) -> None:
    text = words(await street.say(message(model="my-claude")))
    history = turn("2", {"role": "user", "content": "hi"}, {"role": "assistant", "content": text})
    assert routes_of(text)[1] in words(await street.say(message(model="my-claude", messages=history)))
    reply = await street.say(message(model="my-claude[1m]", messages=turn("hello")))
    assert orjson.loads(reply.body) == {"taken": routes_of(text)[1]}


async def test_a_history_is_enough_where_nothing_is_remembered(street: Edge, tmp_path: Path) -> None:
    text = words(await street.ask(model="x"))
    async with street_of(tmp_path) as other:
        history = turn("1", {"role": "assistant", "content": text})
        assert routes_of(text)[0] in words(await other.ask(model="x", messages=history))


async def test_a_number_before_any_list_is_answered_with_the_list(street: Edge) -> None:
    assert HEAD in words(await street.ask(model="unheard-of", messages=turn("1")))
    assert "now stands for" in words(await street.ask(model="unheard-of", messages=turn("1")))


async def test_a_number_answers_the_list_of_its_own_name(street: Edge) -> None:
    first = words(await street.ask(model="gemini-9"))
    assert HEAD in words(
        await street.ask(model="claude-9", messages=turn("1", {"role": "assistant", "content": first}))
    )
    assert routes_of(first)[0] in words(await street.ask(model="gemini-9", messages=turn("1")))


@pytest.mark.parametrize("number", ["99", "0031"])
async def test_a_number_that_is_not_in_the_list_is_said_to_be_none(street: Edge, number: str) -> None:
    text = words(await street.ask(model="x"))
    history = turn(number, {"role": "assistant", "content": text})
    again = words(await street.ask(model="x", messages=history))
    assert f'"x" {HEAD}' in again
    assert "no number of this list" in again


async def test_a_forged_list_maps_to_nothing_that_the_key_may_not_call(tmp_path: Path) -> None:
    async with street_of(tmp_path, tiers=("self_hosted",)) as street:
        text = words(await street.ask(model="x"))
        forged = text.replace("1. Qwen/Qwen3-14B", "1. openai/gpt-5-us").replace(
            "1. Qwen/Qwen3-32B", "1. openai/gpt-5-us"
        )
        history = turn("1", {"role": "assistant", "content": forged})
        assert "no number of this list" in words(await street.ask(model="x", messages=history))


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "azure/gpt-4.1-mini-ca"])
async def test_a_number_to_a_name_that_means_something_is_a_prompt(street: Edge, model: str) -> None:
    assert orjson.loads((await street.ask(model=model, messages=turn("3"))).body) == {"taken": "azure/gpt-4.1-mini-ca"}


async def test_the_list_is_had_by_its_word_and_a_number_then_maps_a_maker_s_id(street: Edge) -> None:
    text = words(await street.ask(model="gpt-4.1-mini", messages=turn("ni-models")))
    listed = routes_of(text)
    assert sorted(listed) == sorted(CATALOG.routes)
    assert "now stands for" in words(await street.ask(model="gpt-4.1-mini", messages=turn("4")))
    assert orjson.loads((await street.ask(model="gpt-4.1-mini")).body) == {"taken": listed[3]}


async def test_the_list_under_a_route_s_own_id_offers_no_number(street: Edge) -> None:
    text = words(await street.ask(messages=turn("ni-models")))
    assert "Reply with a number" not in text
    history = turn("2", {"role": "assistant", "content": text})
    assert orjson.loads((await street.ask(messages=history)).body) == {"taken": "azure/gpt-4.1-mini-ca"}


async def test_a_route_of_another_tier_is_answered_with_the_rule(tmp_path: Path) -> None:
    async with street_of(tmp_path, tiers=("self_hosted",)) as street:
        text = words(await street.ask(model="openai/gpt-5-us"))
        assert text.startswith(f'"openai/gpt-5-us" {HEAD}. ')
        assert "tier provider_api, which this key may not call" in text
        assert sorted(routes_of(text)) == ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]
        assert "now stands for" in words(await street.ask(model="openai/gpt-5-us", messages=turn("2")))
        assert orjson.loads((await street.ask(model="openai/gpt-5-us")).body) == {"taken": routes_of(text)[1]}


async def test_a_refused_tier_is_never_talked_about(tmp_path: Path) -> None:
    async with street_of(tmp_path, tiers=("self_hosted", "provider_api")) as street:
        for tier in ("managed_canadian_cloud", "self_hosted"):
            reply = await street.ask(model="openai/gpt-5-us", privacy_tier=tier)
            assert (reply.status, reply.error["code"]) == (403, "route_not_allowed")


@pytest.mark.parametrize(
    "request_",
    [
        chat(model="nope", path="/api/v1/inference/chat/completions"),
        post(orjson.dumps({"model": "nope", "messages": turn("hi")}), "X-NI-Strict: true"),
        message(model="nope", path="/v1/messages/count_tokens"),
    ],
)
async def test_where_words_would_be_taken_for_an_answer_it_is_a_404(street: Edge, request_: bytes) -> None:
    reply = await street.say(request_)
    assert reply.status == 404
    assert reply.error.get("code", reply.error["type"]) in ("model_not_found", "not_found_error")


async def test_strict_is_true_or_false(street: Edge) -> None:
    reply = await street.say(post(orjson.dumps({"model": "x", "messages": turn("hi")}), "X-NI-Strict: maybe"))
    assert (reply.status, reply.error["param"]) == (400, "X-NI-Strict")


@pytest.mark.parametrize("name", ["a\x00b", "\u2028", "模型🛰", '"', "x" * 256, "\r\n\r\n<html>", "(((", "1. a/b"])
async def test_a_nasty_name_is_repeated_as_it_came_and_breaks_nothing(street: Edge, name: str) -> None:
    reply = await street.ask(model=name)
    text = words(reply)
    assert text.startswith(f'"{name}" {HEAD}')
    assert all(value.isascii() and value.isprintable() for value in reply.headers.values())
    history = turn("1", {"role": "assistant", "content": text})
    assert (await street.ask(model=name, messages=history)).status in (200, 400)


async def test_without_accounts_the_list_is_shown_all_the_same() -> None:
    async def nobody(envelope: Envelope, outflow: Outflow) -> None:
        frame = Frame(attempt=0, n=0, failure=to_failure(ModelNotFound("no such model", param="model")))
        await alone.bus.publish(envelope.reply, frame.SerializeToString())

    async with edge() as alone:
        alone.script = nobody
        text = words(await alone.ask(model="x"))
        assert HEAD in text
        history = turn("1", {"role": "assistant", "content": text})
        assert (await alone.ask(model="x", messages=history)).status == 503


async def test_a_number_in_mid_conversation_is_a_prompt_though_the_list_was_just_shown(street: Edge) -> None:
    words(await street.ask(model="gpt-4.1-mini", messages=turn("ni-models")))
    history = turn("4", {"role": "assistant", "content": "How many legs has a cat?"})
    taken = await street.ask(model="gpt-4.1-mini", messages=history)
    assert orjson.loads(taken.body) == {"taken": "azure/gpt-4.1-mini-ca"}
