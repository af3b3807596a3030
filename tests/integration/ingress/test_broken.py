"""I6, no silent hole: whatever is lost on the way, the client gets an explicit error and never a clean end."""

import asyncio

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts import errors
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Delivery
from libs.contracts.northern.v1.frames_pb2 import Frame
from services.ingress.inference.request import Inference
from tests.integration.ingress.edge import DONE, END, Edge, Reply, chat, edge, head
from tests.integration.ingress.scripts import ANSWER, EVENTS, answer, matches
from tests.support.broker import until

CUT = Delivery.DELIVERY_CUT


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


async def test_a_client_that_has_left_when_it_is_refused_is_gone_and_no_fault_of_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leave(*_: object) -> None:
        raise ConnectionResetError

    async def fail(envelope: Envelope, out: Outflow) -> None:
        failure = to_failure(errors.UpstreamError("it failed"))
        failure.attempts = 1
        await out.send(failure=failure)

    monkeypatch.setattr(Inference, "_refuse", leave)
    async with edge(fail) as street:
        wire = await street.open()
        await wire.send(chat())
        delivered = await street.delivered()
        assert await wire.closed() == b""
    assert delivered.delivery == Delivery.DELIVERY_CLIENT_GONE
    assert "request_fell" not in capsys.readouterr().out
