"""The listener stops: running answers end, a body that is coming is taken, what does not end is cut and seen to be."""

import asyncio

import pytest

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Delivery
from tests.integration.ingress.edge import DONE, END, chat, edge, head, post
from tests.support.broker import until

BODY = b'{"model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"hi"}]}'


async def answer(_: Envelope, out: Outflow) -> None:
    await out.send(head=head(stream=False), data=b'{"choices":[]}', end=END)


async def test_stopping_lets_running_answers_end_and_takes_no_new_ones() -> None:
    go_on = asyncio.Event()

    async def slow(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=b"data: {}\n\n")
        await go_on.wait()
        await out.send(data=DONE, end=END)

    async with edge(slow) as street:
        wire, idle = await street.open(), await street.open()
        await wire.send(chat(stream=True))
        await wire.headers()
        closing = asyncio.create_task(street.server.close(5))
        assert await idle.closed() == b""  # at rest: nothing to wait for
        with pytest.raises(OSError, match="Connect"):
            await street.open()
        assert not closing.done()
        go_on.set()
        assert await wire.chunk() == b"data: {}\n\n"
        assert await wire.chunk() == DONE
        assert await wire.chunk() == b""
        await closing
        assert await wire.closed() == b""
        assert (await street.delivered()).delivery == Delivery.DELIVERY_COMPLETE


async def test_stopping_takes_the_rest_of_a_body_that_is_coming_and_answers_it() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        whole = post(BODY)
        await wire.send(whole[:-10])
        await until(lambda: street.server.busy == 1)
        closing = asyncio.create_task(street.server.close(5))
        await asyncio.sleep(0.1)
        await wire.send(whole[-10:])
        assert (await wire.reply()).status == 200
        assert await wire.closed() == b""
        await asyncio.wait_for(closing, 2)


async def test_stopping_cuts_what_does_not_end_and_never_ends_it_cleanly() -> None:
    async def endless(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=b"data: {}\n\n")
        await asyncio.sleep(30)

    async with edge(endless) as street:
        wire = await street.open()
        await wire.send(chat(stream=True))
        await wire.headers()
        assert await wire.chunk() == b"data: {}\n\n"
        began = asyncio.get_running_loop().time()
        await street.server.close(0.1)
        assert asyncio.get_running_loop().time() - began < 3
        rest = await wire.closed()
        assert DONE not in rest
        assert not rest.endswith(b"0\r\n\r\n")
        await until(lambda: any(control.cancel for control in street.controls), 1.0)
        assert (await street.delivered()).delivery != Delivery.DELIVERY_COMPLETE
