"""Whatever a provider does wrong becomes the right error, the right outcome on record, and never a clean end."""

import asyncio
import hmac

import orjson
import pytest

from libs.contracts.errors import (
    CredentialRefused,
    NorthernError,
    Overloaded,
    ProviderRefused,
    RateLimitExceeded,
    StreamBroken,
    UpstreamError,
    UpstreamTimeout,
)
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.sandbox.app import listening as sandbox
from services.sandbox.settings import SandboxSettings
from tests.integration.worker.rig import HAIKU, KEY, SALT, dialling, limited, working
from tests.integration.worker.upstream import (
    ANSWER,
    DONE,
    END,
    Call,
    Plan,
    event,
    listening,
    piece,
    refusing,
    response,
    stream_head,
    three_words,
)
from tests.support.broker import until

FAILED, CUT, COMPLETED = Outcome.OUTCOME_FAILED, Outcome.OUTCOME_CUT, Outcome.OUTCOME_COMPLETED


def saying(*parts: bytes, end: bool = True) -> Plan:
    """A stream of these pieces, ended or torn off."""

    async def plan(call: Call) -> None:
        await call.write(stream_head())
        for part in parts:
            await call.write(piece(part))
            await asyncio.sleep(0.01)
        if end:
            await call.write(END)

    return plan


def raw(data: bytes) -> Plan:
    async def plan(call: Call) -> None:
        await call.write(data)

    return plan


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (400, ProviderRefused, "provider_refused", False),
        (404, ProviderRefused, "provider_refused", False),
        (413, ProviderRefused, "provider_refused", False),
        (422, ProviderRefused, "provider_refused", False),
        (418, ProviderRefused, "provider_refused", False),
        (401, CredentialRefused, "credential_refused", False),
        (402, CredentialRefused, "credential_refused", False),
        (403, CredentialRefused, "credential_refused", False),
        (429, RateLimitExceeded, "rate_limit_exceeded", True),
        (500, UpstreamError, "upstream_error", True),
        (502, UpstreamError, "upstream_error", True),
        (503, Overloaded, "overloaded", True),
        (504, UpstreamTimeout, "timeout", True),
        (302, UpstreamError, "upstream_error", True),
        (201, UpstreamError, "upstream_error", True),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_has_its_error_and_its_outcome_and_costs_nothing(
    status: int, kind: type[NorthernError], code: str, retryable: bool, stream: bool
) -> None:
    plan = refusing(status, "its own words", "location: http://127.0.0.1:1/")
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=stream)).over()
        finished = await rig.only_finished()
    assert type(got.error) is kind
    assert got.error.retryable is retryable
    assert len(upstream.calls) == 1  # a redirect is not followed
    assert not got.has("head")
    assert (finished.outcome, finished.error_code, finished.provider_status) == (FAILED, code, status)
    assert (finished.usage.input, finished.usage.output, finished.cost_nano) == (0, 0, 0)


async def test_the_providers_own_code_reaches_the_edge() -> None:
    plan = refusing(400, "no such image", code="invalid_image_url", param="messages")
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
    assert isinstance(got.error, ProviderRefused)
    assert (got.error.provider_code, got.error.param) == ("invalid_image_url", "messages")


async def test_how_long_to_wait_is_passed_on() -> None:
    plan = refusing(429, "slow down", "retry-after: 7")
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
    assert got.error is not None
    assert got.error.retry_after_ms == 7_000


async def test_a_refusal_that_comes_in_pieces_is_read_to_its_end() -> None:
    body = orjson.dumps({"error": {"message": "the tool `x` is unknown", "type": "t", "param": "tools", "code": None}})

    async def plan(call: Call) -> None:
        data = response(body, 400)
        for part in (data[: -len(body)], body[:20], body[20:]):
            call.writer.write(part)
            await call.writer.drain()
            await asyncio.sleep(0.03)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert got.error is not None
    assert (got.error.message, got.error.param) == ("the tool `x` is unknown", "tools")
    assert finished.response_hash == hmac.digest(SALT, body, "sha256")


async def test_an_endless_refusal_is_read_to_a_limit_and_no_further() -> None:
    async def plan(call: Call) -> None:
        await call.write(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await call.write(piece(b"x" * 65_536))

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        await rig.only_finished()
    assert isinstance(got.error, UpstreamError)


async def test_a_provider_that_cannot_be_reached_is_an_upstream_error() -> None:
    async with listening(three_words) as upstream:
        url = upstream.url
    async with working(dialling(url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert isinstance(got.error, UpstreamError)
    assert "could not be reached" in got.error.message
    assert (finished.outcome, finished.provider_status, finished.response_hash) == (FAILED, 0, b"")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "no HTTP", "cut", "no JSON", "no answer", "null", "empty", "no gzip", "no chunks", "huge header"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_garbage_is_an_upstream_error_and_never_an_answer(said: bytes, stream: bool) -> None:
    async with listening(raw(said)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=stream)).over()
        finished = await rig.only_finished()
    assert type(got.error) is UpstreamError
    assert not got.has("end")
    assert got.data == b""
    assert (finished.outcome, finished.error_code) == (FAILED, "upstream_error")


async def test_an_error_under_a_200_is_a_failure() -> None:
    body = orjson.dumps({"error": {"message": "no", "code": 429}})
    async with listening(raw(response(body))) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert isinstance(got.error, RateLimitExceeded)
    assert finished.outcome == FAILED


# --- streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plan",
    [
        saying(event(), event("one "), event("two"), end=False),
        saying(event(), event("one "), event("two")),
        saying(event(), event("one "), event("two"), b'data: {"error":{"message":"boom"}}\n\n'),
        saying(event(), event("one "), event("two"), b"data: nonsense\n\n"),
        saying(event(), event("one "), event("two"), b"data: [DONE"),
    ],
    ids=["torn", "ended early", "error event", "garbage", "half a line"],
)
async def test_a_stream_that_breaks_after_content_is_an_explicit_error_and_charged_by_estimate(plan: Plan) -> None:
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert type(got.error) is StreamBroken
    assert "incomplete" in got.error.message
    assert not got.error.retryable
    assert event("two") in got.data
    assert DONE not in got.data
    assert not got.has("end")
    assert finished.outcome == CUT
    assert (finished.usage.input, finished.usage.output > 0, finished.usage.estimated) == (100, True, True)
    assert finished.cost_nano > 0


@pytest.mark.parametrize(
    "plan",
    [
        saying(event(), end=False),
        saying(event()),
        saying(),
        saying(b'data: {"error":{"message":"boom"}}\n\n'),
        saying(event(), b"data: nonsense\n\n"),
    ],
    ids=["torn", "ended early", "empty", "error event", "garbage"],
)
async def test_a_stream_that_breaks_before_content_is_still_a_status_and_costs_nothing(plan: Plan) -> None:
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert type(got.error) is UpstreamError
    assert not got.has("head")
    assert (finished.outcome, finished.cost_nano) == (FAILED, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        "status=500",
        "status=429 retry_after=2",
        "garbage",
        "cut_after=0",
        "chunks=5 cut_after=2",
        "status=400",
        "status=403",
    ],
)
async def test_the_sandboxs_faults_on_bedrocks_wire_end_in_one_error_and_one_finished(fault: str, stream: bool) -> None:
    body = orjson.dumps({"messages": [{"role": "user", "content": f"[[sandbox {fault}]] hi"}]})
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(HAIKU, stream=stream, body=body)).over()
        finished = await rig.only_finished()
    assert got.error is not None
    assert not got.has("end")
    assert finished.outcome == (CUT if got.has("head") else FAILED)
    assert finished.error_code != "internal"


# --- time -----------------------------------------------------------------------------------------------------------


async def hang(call: Call) -> None:
    await call.hangs_up()


@pytest.mark.parametrize(("stream", "limits"), [(True, {"first_event_s": 0.1}), (False, {"whole_s": 0.1})])
async def test_a_provider_that_says_nothing_is_a_timeout_and_is_hung_up_on(
    stream: bool, limits: dict[str, float]
) -> None:
    async with listening(hang) as upstream, working(dialling(upstream.url), catalog=limited(**limits)) as rig:
        got = await (await rig.ask(stream=stream)).over()
        finished = await rig.only_finished()
        await until(upstream.calls[0].gone.is_set)
    assert type(got.error) is UpstreamTimeout
    assert (finished.outcome, finished.error_code, finished.cost_nano) == (FAILED, "timeout", 0)


async def test_a_stream_that_stalls_between_bytes_is_broken_off() -> None:
    async def plan(call: Call) -> None:
        await call.write(stream_head() + piece(event()) + piece(event("one ")))
        await call.hangs_up()

    catalog = limited(between_bytes_s=0.1)
    async with listening(plan) as upstream, working(dialling(upstream.url), catalog=catalog) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
        await until(upstream.calls[0].gone.is_set)
    assert type(got.error) is StreamBroken
    assert (finished.outcome, finished.error_code, finished.usage.estimated) == (CUT, "timeout", True)


async def test_a_stream_that_never_ends_is_ended() -> None:
    async def plan(call: Call) -> None:
        await call.write(stream_head() + piece(event()))
        while True:
            await call.write(piece(event("on ")))
            await asyncio.sleep(0.01)

    catalog = limited(stream_s=0.2)
    async with listening(plan) as upstream, working(dialling(upstream.url), catalog=catalog) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert type(got.error) is StreamBroken
    assert finished.outcome == CUT


async def test_a_live_200_without_content_commits_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.calling._HEAD_S", 0.1)
    go_on = asyncio.Event()

    async def plan(call: Call) -> None:
        await call.write(stream_head() + piece(event()))
        await go_on.wait()
        await call.write(piece(event("late")) + piece(event(finish="stop")) + piece(DONE) + END)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(stream=True)
        await until(lambda: got.has("head"))
        assert got.data == b""
        go_on.set()
        await got.over()
        finished = await rig.only_finished()
    assert got.error is None
    assert got.data == event() + event("late") + event(finish="stop") + DONE
    assert sum(frame.HasField("head") for frame in got.frames) == 1
    assert finished.outcome == COMPLETED


async def test_a_refusal_that_comes_slowly_never_commits_as_a_200(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.calling._HEAD_S", 0.05)

    async def plan(call: Call) -> None:
        body = orjson.dumps({"error": {"message": "no"}})
        await call.write(response(body, 400)[: -len(body)])
        await asyncio.sleep(0.3)
        await call.write(body)

    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=True)).over()
        finished = await rig.only_finished()
    assert type(got.error) is ProviderRefused
    assert not got.has("head")
    assert finished.outcome == FAILED


# --- I8: no secret in an error --------------------------------------------------------------------------------------

ECHOES = [
    f"Incorrect API key provided: {KEY}.",
    f"the key {KEY} is wrong",
    f"Authorization: Bearer {KEY}",
    f'{{"headers": {{"api-key": "{KEY}"}}}}',
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
async def test_a_provider_that_repeats_our_credential_does_not_get_it_to_the_caller(status: int, echo: str) -> None:
    async with listening(refusing(status, echo)) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        await rig.only_finished()
        durable = b"".join(fact.SerializeToString() for fact in rig.facts())
    assert KEY in upstream.calls[0].head.decode()
    assert got.error is not None
    assert KEY not in got.error.message
    assert KEY.encode() not in durable


@pytest.mark.parametrize("stream", [False, True])
async def test_nor_does_one_that_repeats_it_under_a_200(stream: bool) -> None:
    error = b'{"error":{"message":"the key %b is wrong"}}' % KEY.encode()
    plan = saying(event(), event("one"), b"data: " + error + b"\n\n") if stream else raw(response(error))
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(stream=stream)).over()
    assert got.error is not None
    assert "is wrong" in got.error.message
    assert KEY not in got.error.message


async def test_an_answer_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.calling._MAX_ANSWER", 10)
    async with listening(raw(response(orjson.dumps(ANSWER)))) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask()).over()
        finished = await rig.only_finished()
    assert isinstance(got.error, UpstreamError)
    assert finished.outcome == FAILED
