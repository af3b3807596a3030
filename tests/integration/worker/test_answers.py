"""What a provider says, whole or streamed, comes back byte for byte, is on record, and is what the headers claim."""

import gc
import hmac
from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import Surface
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.sandbox.app import listening as sandbox
from services.sandbox.settings import SandboxSettings
from services.worker.requests.attempt import Attempt
from services.worker.requests.run import Run
from tests.integration.worker.rig import AZURE, HAIKU, KEY, MISTRAL, OPENAI, QWEN, SALT, dialling, working
from tests.integration.worker.upstream import (
    ANSWER,
    DONE,
    END,
    Call,
    event,
    listening,
    piece,
    response,
    stream_head,
    three_words,
    whole,
)
from tests.support.broker import until


async def test_a_whole_answer_comes_back_byte_for_byte_with_head_and_end() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data == orjson.dumps(ANSWER)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert (head.status, head.stream, head.attempts, head.provider_request_id) == (200, False, 1, "req-7")
    end = got.frames[-1].end
    assert (end.usage.input, end.usage.output, end.currency) == (9, 2, finished.currency)
    assert end.cost_nano == finished.cost_nano > 0
    assert (finished.outcome, finished.provider_status, finished.error_code) == (Outcome.OUTCOME_COMPLETED, 200, "")
    assert finished.response_hash == hmac.digest(SALT, orjson.dumps(ANSWER), "sha256")
    assert (finished.usage.input, finished.usage.output, finished.usage.estimated) == (9, 2, False)
    assert finished.output_bytes == len("hello")
    assert finished.endpoint.provider_request_id == "req-7"
    assert finished.endpoint.host in upstream.url
    assert (finished.endpoint.address, finished.endpoint.tls_version) == ("127.0.0.1", "")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_has_ended_does_not_wait_for_the_collector_with_all_it_held(stream: bool) -> None:
    gc.collect()
    gc.disable()
    try:
        async with listening(three_words if stream else whole) as upstream, working(dialling(upstream.url)) as rig:
            await (await rig.ask(stream=stream)).over()
            await rig.only_finished()
            await until(lambda: not any(isinstance(each, (Run, Attempt)) for each in gc.get_objects()), 2)
    finally:
        gc.enable()


async def test_a_stream_comes_back_as_the_provider_wrote_it_but_for_usage_nobody_asked_for() -> None:
    async with listening(three_words) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
        asked = await (await rig.ask(stream=True, include_usage=True)).over()
    words = event() + event("one ") + event("two ") + event("three") + event(finish="stop")
    assert got.data == words + DONE
    assert asked.data == words + event(usage=True) + DONE
    assert (got.frames[-1].end.usage.input, got.frames[-1].end.usage.output) == (9, 3)
    assert got.frames[0].HasField("head")
    assert got.frames[0].data  # what stands before an answer rides with the first of it
    assert finished.outcome == Outcome.OUTCOME_COMPLETED
    assert finished.response_hash == hmac.digest(SALT, words + event(usage=True) + DONE, "sha256")
    assert finished.first_byte_ms <= finished.total_ms


async def test_what_leaves_is_the_callers_value_with_the_providers_model_and_credential() -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "é"}], "temperature": 0.5, "unknown": [1, None]})
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        for route in (OPENAI, AZURE, QWEN):
            await (await rig.ask(route, body=body)).over()
        (egress, *_), calls = rig.egress(), upstream.calls
    for call, path in zip(calls, (b"/v1/", b"/openai/v1/", b"/v1/"), strict=True):
        assert call.head.startswith(b"POST " + path + b"chat/completions HTTP/1.1\r\n")
        sent = orjson.loads(call.body)
        assert sent.pop("model") in {"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", "Qwen/Qwen3-14B"}
        assert sent == orjson.loads(body)
        assert not [name for name in call.headers if name.startswith("x-ni-")]
    assert [call.headers.get("authorization") for call in calls] == [f"Bearer {KEY}", None, f"Bearer {KEY}"]
    assert [call.headers.get("api-key") for call in calls] == [None, KEY, None]
    assert egress.sent_hash == hmac.digest(SALT, calls[0].body, "sha256")
    assert (egress.request_hash, egress.key_id, egress.edge) == (b"r" * 32, "k_one", "edge-1")


async def test_a_large_body_stays_with_the_edge_and_is_pulled_whole() -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": "x" * (1_500 << 10)}]})
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(body=body, large=True)).over()
        (egress,) = rig.egress()
    assert got.error is None
    assert orjson.loads(upstream.calls[0].body)["messages"] == orjson.loads(body)["messages"]
    assert egress.sent_hash == hmac.digest(SALT, upstream.calls[0].body, "sha256")


async def test_the_inference_surface_names_the_model_that_was_asked_for() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(AZURE, surface=Surface.SURFACE_INFERENCE)).over()
    assert orjson.loads(got.data) == {**ANSWER, "model": AZURE}


@pytest.mark.parametrize("route", [AZURE, OPENAI, QWEN, HAIKU, MISTRAL])
@pytest.mark.parametrize("stream", [True, False])
async def test_every_wire_format_answers_through_the_sandbox_and_says_that_it_is_one(route: str, stream: bool) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(route, stream=stream)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.route.sandbox
    assert finished.outcome == Outcome.OUTCOME_COMPLETED
    assert finished.usage.output > 0
    assert not finished.usage.estimated
    assert got.data.endswith(DONE) is stream


# --- I9: what a response claims about its route is what the worker dialled ------------------------------------------


async def test_i9_what_a_response_claims_is_what_was_dialled_and_not_what_the_catalogue_hoped() -> None:
    """The operator put another address in the place of Canada's: neither headers nor record may say `CA`."""
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(AZURE)).over()
        finished = await rig.only_finished()
        (egress,) = rig.egress()
    for said in (got.route, egress.route):
        assert (said.route_id, said.region, said.jurisdiction) == (AZURE, "unknown", "unknown")
        assert (said.custody_path, list(said.processing_jurisdictions)) == ("NI-CA -> Azure-unknown", [])
        assert (said.evidence, said.sandbox) == ("asserted", False)
    assert egress.host == finished.endpoint.host == upstream.url.removeprefix("http://")


async def test_i9_the_sandbox_never_passes_for_the_provider() -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(AZURE)).over()
        await rig.only_finished()
        (egress,) = rig.egress()
    for said in (got.route, egress.route):
        assert (said.sandbox, said.evidence, said.jurisdiction) == (True, "asserted", "CA")
    assert egress.host == f"127.0.0.1:{port}"


async def test_i9_a_failure_names_the_route_only_where_it_was_on_record() -> None:
    async def cut(call: Call) -> None:
        return

    async with listening(cut) as upstream, working(dialling(upstream.url)) as rig:
        dialled = await (await rig.ask(OPENAI)).over()
        never = await (await rig.ask(AZURE, residency=["CA"])).over()
    assert dialled.route.route_id == OPENAI
    assert not never.frames[-1].failure.HasField("route")


@pytest.mark.parametrize("value", ["\xff\xfe", "a" * 500, "caf\xe9"])
async def test_a_providers_request_id_of_nonsense_spoils_nothing(value: str) -> None:
    async def plan(call: Call) -> None:
        await call.write(response(orjson.dumps(ANSWER), 200, f"x-request-id: {value}"))

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert len(finished.endpoint.provider_request_id) <= 200
    assert finished.endpoint.provider_request_id.isascii()


async def test_a_stream_that_ends_without_done_but_finished_is_complete() -> None:
    async def plan(call: Call) -> None:
        await call.write(stream_head() + piece(event("one")) + piece(event(finish="stop")) + END)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data.endswith(DONE)
    assert (finished.outcome, finished.usage.estimated) == (Outcome.OUTCOME_COMPLETED, True)


async def test_an_event_cut_into_single_bytes_is_the_same_stream() -> None:
    async def plan(call: Call) -> None:
        await call.write(stream_head())
        for data in (event(), event("é漢🦊"), event(finish="stop"), DONE):
            for place in range(0, len(data), 7):
                await call.write(piece(data[place : place + 7]))
        await call.write(END)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
    assert got.data == event() + event("é漢🦊") + event(finish="stop") + DONE


async def test_many_requests_at_once_are_not_mixed_up() -> None:
    async def echo(call: Call) -> None:
        said: Any = {**ANSWER, "id": orjson.loads(call.body)["messages"][0]["content"]}
        await call.write(response(orjson.dumps(said)))

    async with listening(echo) as upstream, working(dialling(upstream.url)) as rig:
        bodies = [orjson.dumps({"messages": [{"role": "user", "content": f"n{n}"}]}) for n in range(40)]
        asked = [await rig.ask(body=body) for body in bodies]
        for n, got in enumerate(asked):
            assert orjson.loads((await got.over()).data)["id"] == f"n{n}"
        await rig.settled()
        assert len(rig.egress()) == len(rig.finished()) == 40
