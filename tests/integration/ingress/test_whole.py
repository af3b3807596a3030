"""A whole answer as bytes: the same head for every client, whatever becomes of its connection."""

import pytest

from libs.bus.outflow import Outflow
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import End
from tests.integration.ingress.edge import chat, edge, get, head
from tests.integration.ingress.scripts import ANSWER, answer


async def test_clients_that_keep_their_connection_and_those_that_do_not_are_told_the_same() -> None:
    async with edge(answer) as street:
        kept = await street.ask()
        closing = await street.say(chat().replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        old = await street.say(chat().replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"))
    assert kept.body == closing.body == old.body == ANSWER
    assert list(kept.headers) == [name for name in closing.headers if name != "connection"] == list(old.headers)
    assert kept.headers["content-type"] == "application/json"
    assert kept.headers["date"].endswith(" GMT")
    assert "connection" not in kept.headers
    assert closing.headers["connection"] == "close"


@pytest.mark.parametrize("asks", [b"", b"Connection: keep-alive\r\n"])
async def test_a_stream_to_a_client_that_knows_no_chunks_ends_with_its_connection(asks: bytes) -> None:
    async with edge(answer) as street:
        new = await street.say(chat(stream=True))
        wire = await street.open()
        old = chat(stream=True).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n" + asks)
        await wire.send(old)
        status, headers = await wire.headers()
        body = await wire.closed()
    assert (status, body) == (200, new.body)
    assert headers.keys() & {"transfer-encoding", "content-length", "connection"} == set()


@pytest.mark.parametrize(
    "asked",
    [chat(), chat(stream=True), chat(key="ni_live_unknown"), get("/v1/models"), get("/nothing"), b"no http\r\n\r\n"],
    ids=["whole", "stream", "refused", "small", "not found", "not http"],
)
async def test_no_answer_says_which_versions_of_what_it_was_made_with(asked: bytes) -> None:
    async with edge(answer) as street:
        reply = await street.say(asked)
    assert reply.status
    assert "server" not in reply.headers


async def test_a_connection_that_is_kept_is_read_on() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        await wire.send(chat() + chat())
        assert [(await wire.reply()).status, (await wire.reply()).status] == [200, 200]


async def test_an_end_of_a_line_in_what_a_worker_says_makes_no_header() -> None:
    async def forge(_: Envelope, out: Outflow) -> None:
        end = End(billed_nano=1, billed_currency="CAD\r\nx-forged: yes")
        await out.send(head=head(stream=False), data=ANSWER, end=end)

    async with edge(forge) as street:
        reply = await street.ask()
    assert (reply.status, reply.error["code"]) == (500, "internal")
    assert "x-forged" not in reply.headers
