"""From frames to the client: whole answers and streams, each byte counted, hashed and delivered, or an explicit error."""

import asyncio
import hmac

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts import errors
from libs.contracts.errors import NorthernError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Surface
from libs.contracts.northern.v1.facts_pb2 import Delivered, Delivery
from libs.contracts.northern.v1.frames_pb2 import Frame
from tests.integration.ingress.edge import DONE, END, ROUTE_FACTS, Edge, Reply, chat, edge, head, post
from tests.support.broker import until

COMPLETE, GONE, CUT = Delivery.DELIVERY_COMPLETE, Delivery.DELIVERY_CLIENT_GONE, Delivery.DELIVERY_CUT
ANSWER = b'{"id":"chatcmpl-1","choices":[]}'
EVENTS = [b'data: {"n":%d}\n\n' % n for n in range(5)]


async def answer(envelope: Envelope, out: Outflow) -> None:
    """A worker that answers well, streamed where asked."""
    if not envelope.shape.stream:
        await out.send(head=head(stream=False), data=ANSWER, output_bytes=7, end=END)
        return
    await out.send(head=head(stream=True))
    for n, data in enumerate(EVENTS):
        await out.send(data=data, output_bytes=n + 1)
    await out.send(data=DONE, output_bytes=5, end=END)


def matches(delivered: Delivered, reply: Reply, envelope: Envelope) -> bool:
    """Whether the fact says of size and content what the client has."""
    digest = hmac.digest(envelope.salt, reply.body, "sha256")
    return delivered.size == len(reply.body) and delivered.hash == digest


async def test_a_whole_answer_arrives_with_the_custody_headers() -> None:
    async with edge(answer) as street:
        reply = await street.ask()
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.body, reply.whole) == (200, ANSWER, True)
    said = reply.headers
    assert said["x-ni-request-id"] == said["x-request-id"] == said["request-id"] == envelope.request_id == "0" * 15 + "1"
    assert (said["x-ni-resolved-provider"], said["x-ni-custody-path"]) == ("Azure", "NI-CA -> Azure-CA")
    assert (said["x-ni-processing-jurisdiction"], said["x-ni-residency-evidence"]) == ("CA", "asserted")
    assert (said["x-ni-attempts"], said["x-ni-cost"]) == ("1", "0.0015 CAD")
    assert "x-ni-sandbox" not in said
    assert (delivered.delivery, delivered.status, delivered.output_bytes) == (COMPLETE, 200, 7)
    assert matches(delivered, reply, envelope)


async def test_a_stream_arrives_in_order_ends_with_done_and_says_where_it_went_before_its_first_byte() -> None:
    async with edge(answer) as street:
        reply = await street.ask(stream=True)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.body, reply.whole) == (200, b"".join(EVENTS) + DONE, True)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (reply.headers["cache-control"], reply.headers["x-accel-buffering"]) == ("no-cache", "no")
    assert reply.headers["x-ni-resolved-region"] == "canadaeast"
    assert (delivered.delivery, delivered.output_bytes) == (COMPLETE, 5)
    assert matches(delivered, reply, envelope)


async def test_the_envelope_holds_what_was_checked_and_nothing_of_the_key() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        raw = b'{"model":"x","model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"hi"}],"n":1}'
        await wire.send(post(raw, "X-NI-Residency: CA", "traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
        assert (await wire.reply()).status == 200
        (envelope,) = street.envelopes
    assert envelope.body == b'{"messages":[{"role":"user","content":"hi"}],"n":1}'
    assert (envelope.tenant, envelope.key_id, envelope.edge) == ("t_one", "k_one", "e1")
    assert (envelope.shape.model, list(envelope.policy.residency)) == ("azure/gpt-4.1-mini-ca", ["CA"])
    assert envelope.request_hash == hmac.digest(envelope.salt, raw, "sha256")
    assert len(envelope.salt) == 32
    assert envelope.traceparent.startswith("00-" + "a" * 32)
    assert b"ni_live_" not in envelope.SerializeToString()


@pytest.mark.parametrize("prefix", ["/v1", "/v1/v1", "/api/v1/inference", "/api/v1/inference/v1"])
async def test_every_alias_answers_on_its_own_surface(prefix: str) -> None:
    async with edge(answer) as street:
        assert (await street.ask(path=f"{prefix}/chat/completions")).body == ANSWER
        surface = Surface.SURFACE_INFERENCE if "inference" in prefix else Surface.SURFACE_GATEWAY
        assert street.envelopes[0].surface == surface


@pytest.mark.parametrize("size", [(256 << 10) + 1, 3 << 20])
async def test_a_body_over_256_kib_stays_here_and_is_pulled_by_the_worker(size: int) -> None:
    pulled = b""

    async def pull(envelope: Envelope, out: Outflow) -> None:
        nonlocal pulled
        pulled = await out.pull(envelope.body_ref.subject, envelope.body_ref.size)
        await answer(envelope, out)

    async with edge(pull) as street:
        text = "x" * size
        reply = await street.ask(messages=[{"role": "user", "content": text}])
        (envelope,) = street.envelopes
    assert reply.status == 200
    assert envelope.WhichOneof("content") == "body_ref"
    assert len(envelope.SerializeToString()) < 8_000
    assert orjson.loads(pulled)["messages"][0]["content"] == text


# --- failures before the first byte ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ResidencyRefused("the rule"), 403),
        (errors.ModelNotFound("no such model", param="model"), 404),
        (errors.ProviderRefused("its words", provider_status=422), 422),
        (errors.RateLimitExceeded("slow", retry_after_ms=1500), 429),
        (errors.UpstreamError("broke off"), 502),
        (errors.Overloaded("full", retry_after_ms=1000), 503),
        (errors.RecordUnavailable("no record"), 503),
        (errors.UpstreamTimeout("late"), 504),
        (errors.Internal("something went wrong"), 500),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_head_is_a_status_of_the_dialect(
    error: NorthernError, status: int, stream: bool
) -> None:
    async def fail(envelope: Envelope, out: Outflow) -> None:
        await out.send(failure=to_failure(error, ROUTE_FACTS))

    async with edge(fail) as street:
        reply = await street.ask(stream=stream)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.error["message"]) == (status, error.message)
    assert reply.headers["x-ni-request-id"] == envelope.request_id
    assert reply.headers["x-ni-resolved-provider"] == "Azure"  # it was dialled
    assert ("retry-after-ms" in reply.headers) is bool(error.retry_after_ms)
    assert (delivered.delivery, delivered.status) == (COMPLETE, status)
    assert matches(delivered, reply, envelope)


async def test_a_refusal_of_the_street_itself_claims_no_route_and_leaves_no_delivered() -> None:
    async def refuse(envelope: Envelope, out: Outflow) -> None:
        await out.send(failure=to_failure(errors.ResidencyRefused("the rule")))

    async with edge(refuse) as street:
        reply = await street.ask()
        assert not [name for name in reply.headers if name.startswith("x-ni-resolved")]
        await asyncio.sleep(0.05)
        assert street.all_delivered() == []


async def test_nobody_to_route_is_a_503_at_once() -> None:
    async with edge() as street:
        for sub in [sub for sub in street.bus.subs if sub.queue == "router"]:
            await sub.stop()
        reply = await street.ask()
    assert (reply.status, reply.error["code"], reply.headers["retry-after-ms"]) == (503, "overloaded", "1000")


async def test_a_broker_that_is_away_is_a_503_and_not_a_hang() -> None:
    async with edge(answer) as street:
        street.bus.connected = False
        reply = await street.ask()
        street.bus.connected = True
    assert (reply.status, reply.error["type"]) == (503, "server_error")


async def test_an_edge_without_a_lease_on_its_ids_takes_nothing() -> None:
    def lost() -> str:
        raise LookupError("the lease of this id slot has run out")

    async with edge(answer) as street:
        object.__setattr__(street.server.request_handler.inference, "new_id", lost)  # type: ignore[attr-defined]
        reply = await street.ask()
        assert (reply.status, reply.error["code"]) == (503, "overloaded")
        assert street.envelopes == []


# --- I6: no silent hole ---------------------------------------------------------------------------------------------


async def broken(street: Edge, code: str = "stream_broken") -> Reply:
    """A stream's whole answer, which must end with one error event and the connection, and never look finished."""
    wire = await street.open()
    await wire.send(chat(stream=True))
    reply = await wire.reply(9)
    assert reply.status == 200
    assert DONE not in reply.body
    *_, last, rest = reply.body.split(b"\n\n")
    assert rest == b""
    assert orjson.loads(last.removeprefix(b"data: "))["error"]["code"] == code
    assert await wire.closed() == b""
    delivered = await street.delivered()
    assert delivered.delivery == CUT
    assert matches(delivered, reply, street.envelopes[0])
    return reply


async def test_i6_a_failure_after_the_head_is_an_error_event_and_the_connections_end() -> None:
    async def fail(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=EVENTS[0], output_bytes=3)
        await out.send(failure=to_failure(errors.StreamBroken("cut. The answer above is incomplete.")))

    async with edge(fail) as street:
        reply = await broken(street)
        assert reply.body.startswith(EVENTS[0])
        assert (await street.delivered()).output_bytes == 3


async def test_i6_a_gap_in_the_frames_is_an_error_and_the_provider_is_stopped() -> None:
    async def lose(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=EVENTS[0])
        out._n += 1  # a frame that never arrives
        await out.send(data=EVENTS[2])
        await asyncio.sleep(5)

    async with edge(lose) as street:
        reply = await broken(street)
        assert EVENTS[2] not in reply.body
        await until(lambda: any(control.cancel for control in street.controls), 1.0)
        await until(lambda: street.gone == 1, 1.0)
        assert b"ni_frames_gap_total 1.0" in street.metrics.text()


async def test_i6_a_gap_in_a_whole_answer_is_a_502_and_no_part_of_it() -> None:
    async def lose(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=False), data=ANSWER[:9])
        out._n += 1
        await out.send(data=ANSWER[9:], end=END)
        await asyncio.sleep(5)

    async with edge(lose) as street:
        reply = await street.ask()
        await until(lambda: any(control.cancel for control in street.controls), 1.0)
    assert (reply.status, reply.error["code"]) == (502, "stream_broken")
    assert ANSWER[:9] not in reply.body


@pytest.mark.parametrize("begun", [False, True])
async def test_i6_a_worker_that_falls_silent_is_an_error_after_six_seconds(begun: bool) -> None:
    async def vanish(envelope: Envelope, out: Outflow) -> None:
        if begun:
            await out.send(head=head(stream=True), data=EVENTS[0])
        else:
            await out.taken()
        out.close()  # no beat any more
        began = street.inflows.now
        await asyncio.sleep(0.05)
        street.inflows.now = lambda: began() + 6.5

    async with edge(vanish) as street:
        if begun:
            await broken(street)
        else:
            reply = await street.ask(stream=True)
            assert (reply.status, reply.error["code"]) == (502, "worker_lost")
            assert reply.headers["x-should-retry"] == "true"


async def test_i6_a_stream_whose_end_never_comes_is_not_ended_cleanly() -> None:
    """Even the last word is no end: only the worker's End is."""

    async def forget(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=EVENTS[0])
        out.close()
        began = street.inflows.now
        await asyncio.sleep(0.05)
        street.inflows.now = lambda: began() + 6.5

    async with edge(forget) as street:
        await broken(street)


async def test_frames_of_another_request_or_that_cannot_be_read_change_nothing() -> None:
    async def noisy(envelope: Envelope, out: Outflow) -> None:
        await street.bus.publish(envelope.reply, b"\xff\xff")
        await street.bus.publish("ni.reply.ingress.e1.0123456789abcdef", Frame(data=b"theirs").SerializeToString())
        await answer(envelope, out)

    async with edge(noisy) as street:
        assert (await street.ask(stream=True)).body == b"".join(EVENTS) + DONE


# --- the client's side ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["waiting", "streaming"])
async def test_a_client_that_hangs_up_cancels_the_provider_within_a_second(when: str) -> None:
    async def wait(envelope: Envelope, out: Outflow) -> None:
        if when == "streaming":
            await out.send(head=head(stream=True), data=EVENTS[0], output_bytes=3)
        else:
            await out.taken()
        await asyncio.sleep(5)

    async with edge(wait) as street:
        wire = await street.open()
        await wire.send(chat(stream=True))
        if when == "streaming":
            await wire.headers()
            assert await wire.chunk() == EVENTS[0]
        else:
            await until(lambda: bool(street.envelopes))
            await asyncio.sleep(0.05)
        wire.hang_up()
        await until(lambda: street.gone == 1, 1.0)
        assert any(control.cancel for control in street.controls)
        delivered = await street.delivered()
    assert delivered.delivery == GONE
    assert delivered.size == (len(EVENTS[0]) if when == "streaming" else 0)
    assert delivered.output_bytes == (3 if when == "streaming" else 0)


async def test_a_reader_that_takes_nothing_is_cut_and_its_connection_does_not_stay() -> None:
    async def flood(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True))
        while not out.gone:
            await out.send(data=b"data: " + b"x" * 60_000 + b"\n\n")

    async with edge(flood, write_idle_s=0.3) as street:
        wire = await street.open()
        await wire.send(chat(stream=True))
        await wire.headers()
        wire.reader._transport.pause_reading()  # type: ignore[attr-defined]  # it stops reading, and stays
        await until(lambda: street.gone == 1, 3.0)
        delivered = await street.delivered()
        await until(lambda: not street.server.connections, 1.0)
        wire.hang_up()
    assert delivered.delivery == GONE


async def test_a_reader_that_takes_nothing_of_a_whole_answer_is_cut_too() -> None:
    async def large(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=False))
        for _ in range(300):
            await out.send(data=b"x" * 60_000)
        await out.send(end=END)

    async with edge(large, write_idle_s=0.3) as street:
        wire = await street.open()
        await wire.send(chat())
        wire.reader._transport.pause_reading()  # type: ignore[attr-defined]  # it stops reading, and stays
        assert (await street.delivered()).delivery == GONE
        await until(lambda: not street.server.connections, 1.0)
        wire.hang_up()


async def test_silence_after_the_head_is_covered_by_comments() -> None:
    async def slow(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=EVENTS[0])
        await asyncio.sleep(0.9)
        await out.send(data=EVENTS[1] + DONE, end=END)

    async with edge(slow, keep_alive_s=0.2) as street:
        reply = await street.ask(stream=True)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    comments = reply.body.count(b": keep-alive\n\n")
    assert 1 <= comments <= 4
    assert reply.body.replace(b": keep-alive\n\n", b"") == EVENTS[0] + EVENTS[1] + DONE
    assert matches(delivered, reply, envelope)


async def test_a_whole_answer_is_waited_for_in_silence() -> None:
    async def slow(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=False), data=ANSWER[:5])
        await asyncio.sleep(0.6)
        await out.send(data=ANSWER[5:], end=END)

    async with edge(slow, keep_alive_s=0.1) as street:
        assert (await street.ask()).body == ANSWER


async def test_many_bytes_flow_because_what_is_read_is_credited() -> None:
    pieces = [b"data: " + bytes([65 + n % 26]) * 60_000 + b"\n\n" for n in range(60)]

    async def large(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True))
        for data in pieces:
            await out.send(data=data)
        await out.send(data=DONE, end=END)

    async with edge(large) as street:
        reply = await street.ask(stream=True)
        delivered = await street.delivered()
        assert sum(control.credit for control in street.controls) > 3 << 20
        assert matches(delivered, reply, street.envelopes[0])
    assert reply.body == b"".join(pieces) + DONE


async def test_an_answer_too_large_to_hold_is_refused_and_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingress.relay._MAX_WHOLE", 10)

    async def large(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=False), data=ANSWER)
        await asyncio.sleep(5)

    async with edge(large) as street:
        reply = await street.ask()
        assert "as a stream" in reply.error["message"]
        await until(lambda: any(control.cancel for control in street.controls), 1.0)
