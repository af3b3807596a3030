"""What the edge keeps of a stream that is open and silent: nothing of its head, nor of what was said already."""

import asyncio

from aiohttp import web

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import DELIVERY_COMPLETE
from libs.contracts.northern.v1.frames_pb2 import Frame, Head
from services.ingress.inference.relay import Sent
from tests.integration.ingress.edge import DONE, END, ROUTE_FACTS, chat, edge, head
from tests.support.kept import kept

SAID = b'data: {"choices":[{"delta":{"content":"' + b"x" * 2_000 + b'"}}]}\n\n'
LONG = 400  # bytes


async def test_an_open_stream_keeps_neither_its_head_nor_what_it_said() -> None:
    more = asyncio.Event()

    async def script(_: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=SAID)
        await more.wait()
        await out.send(data=DONE, end=END)

    async with edge(script) as made:
        wire = await made.open()
        await wire.send(chat(stream=True))
        status, headers = await wire.headers()
        assert await wire.chunk() == SAID
        held = [each for task in asyncio.all_tasks() - made.tasks for each in kept(task)]
        (response,) = (value for _, value in held if isinstance(value, web.StreamResponse))
        assert not response.headers
        assert not [name for name, value in held if isinstance(value, (Frame, Head, Envelope))]
        assert not [name for name, value in held if isinstance(value, bytes) and len(value) > LONG]
        (sent,) = (value for _, value in held if isinstance(value, Sent))
        assert (sent.route, sent.route_id, sent.limits, sent.voice) == (None, ROUTE_FACTS.route_id, {}, None)
        more.set()
        assert await wire.chunk() == DONE
        delivered = await made.delivered()
    assert (status, headers["x-ni-resolved-provider"]) == (200, "Azure")
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (delivered.delivery, delivered.size) == (DELIVERY_COMPLETE, len(SAID) + len(DONE))
