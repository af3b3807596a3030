"""Clients that hang up, stop reading, wait long or read much."""

import asyncio

import pytest

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Delivery
from tests.integration.ingress.edge import DONE, END, chat, edge, head
from tests.integration.ingress.scripts import ANSWER, EVENTS, answer, matches
from tests.support.broker import until

COMPLETE, GONE = Delivery.DELIVERY_COMPLETE, Delivery.DELIVERY_CLIENT_GONE


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


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_says_no_more_and_listens_is_answered(stream: bool) -> None:
    async def later(envelope: Envelope, out: Outflow) -> None:
        await asyncio.sleep(0.5)
        await out.send(head=head(stream=stream), data=EVENTS[0], output_bytes=3, end=END)

    async with edge(later) as street:
        wire = await street.open()
        await wire.send(chat(stream=stream))
        wire.writer.write_eof()
        reply = await wire.reply()
        asked_again = 0
        while reply.status == 100:  # which finds out whether anybody listens
            asked_again, reply = asked_again + 1, await wire.reply()
        assert (reply.status, reply.body, reply.whole) == (200, EVENTS[0], True)
        assert 1 < asked_again < 5
        assert await wire.closed() == b""
        assert (await street.delivered()).delivery == COMPLETE


async def test_all_that_was_asked_before_is_answered_too() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(chat() + chat(stream=True) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.writer.write_eof()
        assert (await wire.headers())[0] == 100
        assert [(await wire.reply()).status for _ in range(3)] == [200, 200, 200]
        assert await wire.closed() == b""


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_closes_in_order_before_its_answer_is_gone_as_well(stream: bool) -> None:
    async def wait(_: Envelope, out: Outflow) -> None:
        await out.taken()
        await asyncio.sleep(5)

    async with edge(wait) as street:
        wire = await street.open()
        await wire.send(chat(stream=stream))
        await until(lambda: bool(street.envelopes))
        wire.writer.close()
        await until(lambda: street.gone == 1, 1.0)
        assert (await street.delivered()).delivery == GONE


@pytest.mark.parametrize("begun", [b"", b"POST /v1", chat()[:-1]], ids=["nothing", "half a head", "half a body"])
async def test_who_has_not_asked_to_the_end_is_told_nothing(begun: bytes) -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(begun)
        wire.writer.write_eof()
        assert await wire.closed() == b""


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


async def test_a_reader_that_takes_nothing_of_any_answer_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingress.http.server._SWEEP_S", 0.02)
    async with edge(write_idle_s=0.3) as street:
        wire = await street.open()
        wire.reader._transport.pause_reading()  # type: ignore[attr-defined]  # it asks and asks, and reads nothing
        wire.writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        await until(lambda: any(each.writing_paused for each in street.server.connections), 5.0)
        await until(lambda: not street.server.connections, 5.0)
        wire.hang_up()


async def test_a_reader_that_takes_some_of_it_now_and_then_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingress.http.server._SWEEP_S", 0.02)
    async with edge(write_idle_s=0.5) as street:
        reader, writer = await asyncio.open_connection("127.0.0.1", street.port)
        writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
        await until(lambda: any(each.writing_paused for each in street.server.connections), 5.0)
        for _ in range(20):
            await reader.readexactly(1 << 20)
            await asyncio.sleep(0.05)
        assert street.server.connections
        writer.transport.abort()


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
    monkeypatch.setattr("services.ingress.inference.relay._MAX_WHOLE", 10)

    async def large(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=False), data=ANSWER)
        await asyncio.sleep(5)

    async with edge(large) as street:
        reply = await street.ask()
        assert "as a stream" in reply.error["message"]
        await until(lambda: any(control.cancel for control in street.controls), 1.0)
