"""The listener: slow, broken, huge and impatient clients get an error in our words."""

import asyncio
import gzip
import zlib

import pytest

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from tests.integration.ingress.edge import DONE, END, KEY, Edge, Reply, chat, edge, head, post
from tests.support.broker import until

ANSWER = b'{"choices":[]}'
BODY = b'{"model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"hi"}]}'


async def answer(envelope: Envelope, out: Outflow) -> None:
    if envelope.shape.stream:
        await out.send(head=head(stream=True), data=b"data: {}\n\n" + DONE, end=END)
    else:
        await out.send(head=head(stream=False), data=ANSWER, end=END)


async def refused(street: Edge, *pieces: bytes, pause_s: float = 0.0) -> Reply:
    """What a client gets that sends just this; it must be in our words and quote nothing."""
    wire = await street.open()
    for piece in pieces:
        await wire.send(piece)
        await asyncio.sleep(pause_s)
    reply = await wire.reply()
    assert set(reply.error) == {"message", "type", "param", "code"}
    for secret in ("canary", "Traceback", "aiohttp"):
        assert secret not in reply.body.decode()
    return reply


@pytest.fixture(autouse=True)
def _fast_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingress.http.server._SWEEP_S", 0.02)


# --- headers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun", [b"", b"POST", b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nX-A: canary"]
)
async def test_headers_that_do_not_come_in_time_are_a_408_and_the_end(begun: bytes) -> None:
    async with edge(answer, header_s=0.1) as street:
        wire = await street.open()
        await wire.send(begun)
        reply = await wire.reply()
        assert (reply.status, reply.error["code"]) == (408, "slow_request")
        assert await wire.closed() == b""


async def test_headers_that_trickle_do_not_buy_time() -> None:
    async with edge(answer, header_s=0.2) as street:
        wire = await street.open()
        began = asyncio.get_running_loop().time()
        try:
            for letter in b"POST /v1/chat/completions HTTP/1.1\r\nHost: xxxxxxxxxxxxxxxxxxxxxxxxx":
                await wire.send(bytes([letter]))
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        assert asyncio.get_running_loop().time() - began < 2
        await until(lambda: not street.server.connections, 1.0)


async def test_the_next_request_on_a_kept_connection_is_timed_from_its_own_first_byte() -> None:
    async with edge(answer, header_s=0.15) as street:
        wire = await street.open()
        await wire.send(chat())
        assert (await wire.reply()).status == 200
        await asyncio.sleep(0.3)  # at rest: nothing is half sent
        await wire.send(chat())
        assert (await wire.reply()).status == 200
        await wire.send(b"POST /v1")
        assert (await wire.reply()).status == 408


async def test_an_answer_that_takes_longer_than_headers_may_is_left_alone() -> None:
    async def slow(envelope: Envelope, out: Outflow) -> None:
        await asyncio.sleep(0.4)
        await answer(envelope, out)

    async with edge(slow, header_s=0.1) as street:
        assert (await street.ask()).status == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/models HTTP/1.1\r\nX-A: " + b"canary" * 4_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"canary" * 4_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: canary\r\n" % i for i in range(200)) + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon canary\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-A: a\rb canary\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: canary\r\n\r\n", 400),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400),
    ],
)
async def test_what_is_no_http_is_a_400_or_431_in_our_words_and_the_end(request_bytes: bytes, status: int) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(request_bytes)
        reply = await wire.reply()
        assert reply.status == status
        assert reply.error["type"] == "invalid_request_error"
        assert "canary" not in reply.body.decode()
        assert await wire.closed() == b""
        assert (await street.ask()).status == 200  # and nobody else notices


@pytest.mark.parametrize("path", ["/\xff", "/v1/models/\xff\xfe", "/%ff", "/v1/models/%00", "/v1/%0d%0aset-cookie:x=1"])
async def test_a_path_of_strange_bytes_is_not_found_and_no_fault_of_ours(path: str) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode("latin-1"))
        reply = await wire.reply()
    assert reply.status in {400, 404}
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("name", ["X-Privacy-Tier", "X-NI-Residency", "X-NI-Allow-Fallbacks", "traceparent", "X-Any"])
async def test_a_header_of_strange_bytes_is_answered(name: str) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(post(BODY, f"{name}: \xff\xfe"))
        assert (await wire.reply()).status == (400 if name.startswith("X-") and name != "X-Any" else 200)


# --- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [0, 10])
async def test_a_body_that_stops_coming_is_a_408(sent: int) -> None:
    async with edge(answer, body_idle_s=0.15) as street:
        reply = await refused(street, post(BODY)[: sent - len(BODY)])
        assert (reply.status, reply.error["code"]) == (408, "slow_request")
        assert street.envelopes == []


async def test_a_body_that_goes_on_coming_is_waited_for() -> None:
    async with edge(answer, body_idle_s=0.3) as street:
        wire = await street.open()
        whole = post(BODY)
        for place in range(0, len(whole), 40):
            await wire.send(whole[place : place + 40])
            await asyncio.sleep(0.1)
        assert (await wire.reply()).status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_over_the_limit_is_a_413(framing: str) -> None:
    async with edge(answer, max_body=100_000) as street:
        large = b'{"x":"' + b"a" * 200_000 + b'"}'
        if framing == "length":
            request = post(large)
        else:
            request = post(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
            request += b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large)
        reply = await refused(street, request)
        assert (reply.status, reply.error["code"]) == (413, "request_too_large")


async def test_a_body_that_is_said_to_be_too_large_is_not_waited_for() -> None:
    async with edge(answer, max_body=100_000) as street:
        reply = await refused(street, post(b"").replace(b"Content-Length: 0", b"Content-Length: 100001"))
        assert reply.status == 413


async def test_what_comes_of_a_body_after_its_refusal_is_no_request() -> None:
    async with edge(answer, header_s=0.1) as street:
        wire = await street.open()
        whole = chat(key="nonsense")
        await wire.send(whole[:-10])
        assert (await wire.reply()).status == 401
        await wire.send(whole[-10:-5])
        await asyncio.sleep(0.1)
        await wire.send(whole[-5:])
        await asyncio.sleep(0.3)
        await wire.send(chat())
        assert (await wire.reply()).status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_who_asks_first_whether_to_send_a_body_is_told_to(framing: str) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        asking, body = post(BODY, "Expect: 100-continue")[: -len(BODY)], BODY
        if framing == "chunked":
            asking = asking.replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        await wire.send(asking)
        assert await asyncio.wait_for(wire.headers(), 1) == (100, {})
        await wire.send(body)
        assert (await wire.reply()).body == ANSWER
        await wire.send(post(BODY, "Expect: 100-continue"))  # and who did not wait is not
        assert (await wire.reply()).body == ANSWER


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(BODY, "Expect: 100-continue", key="nonsense")[: -len(BODY)],
        post(b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 99999999"),
    ],
    ids=["no key", "too large"],
)
async def test_who_asks_first_and_is_refused_is_told_that_instead(request_bytes: bytes) -> None:
    async with edge(answer) as street:
        assert (await refused(street, request_bytes)).status in {401, 413}


async def test_chunks_that_are_none_are_a_400_at_once_in_mid_body_too() -> None:
    async with edge(answer) as street:
        begun = post(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"") + b'5\r\n{"mod\r\n'
        reply = await refused(street, begun, b"zz\r\ncanary\r\n", pause_s=0.1)
        assert reply.status == 400
        assert await street.wires[-1].closed() == b""


@pytest.mark.parametrize("coding", ["br", "x-gzip", "gzip, gzip", "canary"])
async def test_a_coding_that_is_not_read_here_is_refused_by_a_sentence_that_says_which_are(coding: str) -> None:
    async with edge(answer) as street:
        reply = await refused(street, post(BODY, f"Content-Encoding: {coding}"))
        assert reply.status == 400
        assert "gzip or deflate" in reply.error["message"]


async def test_a_bomb_is_a_413_before_it_is_unpacked() -> None:
    async with edge(answer, max_body=1 << 20) as street:
        packed = gzip.compress(b'{"x":"' + b"a" * (64 << 20) + b'"}')
        assert len(packed) < 100_000
        reply = await refused(street, post(packed, "Content-Encoding: gzip"))
        assert reply.status == 413


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_an_encoded_body_is_read(coding: str) -> None:
    packed = gzip.compress(BODY) if coding == "gzip" else zlib.compress(BODY)
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(post(packed, f"Content-Encoding: {coding}"))
        assert (await wire.reply()).status == 200
        assert street.envelopes[0].shape.model == "azure/gpt-4.1-mini-ca"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"canary", "Content-Encoding: gzip"),
        post(gzip.compress(BODY)[:-9], "Content-Encoding: gzip"),
        post(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"") + b"zz\r\ncanary\r\n",
        post(b"canary"),
        post(BODY.decode().encode("utf-16")),
        post(b""),
        post(b"[" * 90_000),
        post(b'{"model":"m","messages":[{"role":"user"}],"deep":' + b"[" * 600 + b"]" * 600 + b"}"),
    ],
    ids=["no gzip", "half a gzip", "no chunks", "no JSON", "no UTF-8", "nothing", "too deep", "too deep to write"],
)
async def test_a_body_that_cannot_be_read_is_a_400(request_bytes: bytes) -> None:
    async with edge(answer) as street:
        reply = await refused(street, request_bytes)
        assert reply.status == 400
        assert street.envelopes == []


# --- connections ----------------------------------------------------------------------------------------------------


async def test_requests_sent_at_once_are_answered_in_their_order() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(chat() + chat(stream=True) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + chat())
        first, second, third, fourth = [await wire.reply() for _ in range(4)]
    assert first.body == fourth.body == ANSWER
    assert second.body == b"data: {}\n\n" + DONE
    assert third.body == b'{"status":"ok"}'


async def test_a_connection_is_kept_after_answers_and_after_refusals() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        for request, status in (
            (chat(), 200),
            (chat(key="nonsense"), 401),
            (post(b"{"), 400),
            (chat(stream=True), 200),
        ):
            await wire.send(request)
            assert (await wire.reply()).status == status
        assert len(street.server.connections) == 1


async def test_a_client_that_wants_no_kept_connection_gets_none() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(post(BODY, "Connection: close"))
        assert (await wire.reply()).status == 200
        assert await wire.closed() == b""


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_a_wrong_method_is_a_405(method: str) -> None:
    async with edge(answer) as street:
        reply = await refused(street, f"{method} /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (reply.status, reply.error["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/models/", "/v1/models/azure/gpt-4.1-mini-ca", "/api/billing/models"]
)
async def test_the_head_of_what_can_be_got_can_be_asked_for(path: str) -> None:
    async with edge(answer) as street:
        got, asked = [
            await street.say(f"{method} {path} HTTP/1.0\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
            for method in ("GET", "HEAD")
        ]
        assert (got.status, got.whole) == (asked.status, not asked.body) == (200, True)
        assert asked.headers["content-length"] == got.headers["content-length"]
        wrong = await refused(street, f"PUT {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD")


async def test_a_fault_of_our_own_is_a_500_without_a_word_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    async with edge(answer) as street:

        def fall() -> str:
            raise RuntimeError("canary of the inside")

        object.__setattr__(street.server.request_handler, "ready", fall)
        reply = await refused(street, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (reply.status, reply.error["code"]) == (500, "internal")
    assert "canary" not in capsys.readouterr().out
