"""One POST on a kept connection, over real sockets: what is written, when a connection is kept, what is an error."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from services.worker.upstream.dialling import connector, post
from services.worker.upstream.endpoint import WitnessedResponse
from tests.integration.worker.hosts import _contexts

SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = b"x" * ((1 << 20) + 1)


@dataclass
class Host:
    """Keeps its connections, and writes `answer` to each request that came whole; `after` comes a moment later."""

    answer: bytes = SAID
    after: bytes = b""
    closes: bool = False
    address: str = ""
    connections: int = 0
    lost: int = 0
    requests: list[tuple[list[str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                size = next(int(line.split(":")[1]) for line in head if line.lower().startswith("content-length"))
                self.requests.append((head, await reader.readexactly(size)))
                writer.write(self.answer)
                if self.after:
                    await asyncio.sleep(0.02)
                    writer.write(self.after)
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost += 1
        finally:
            writer.close()


@asynccontextmanager
async def hosting(
    answer: bytes = SAID, tls: ssl.SSLContext | None = None, *, after: bytes = b"", closes: bool = False
) -> AsyncIterator[Host]:
    host = Host(answer, after, closes)
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls is not None else "http"
    host.address = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield host
    finally:
        server.close()


def calling(tls: ssl.SSLContext | bool = True, proxy: str | None = None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector(tls=tls),
        response_class=WitnessedResponse,
        headers={"User-Agent": "test", "Accept-Encoding": "identity"},
        proxy=proxy,
    )


async def asked(session: aiohttp.ClientSession, address: str, body: bytes = b"{}", **headers: str) -> bytes:
    async with post(session, address, headers, body) as answer:
        said = b""
        while part := await answer.content.readany():
            said += part
    return said


@pytest.mark.parametrize("body", [b'{"a":1}', LARGE])
async def test_what_leaves_is_the_body_byte_for_byte_under_the_headers_that_were_given(body: bytes) -> None:
    async with hosting() as host, calling() as session:
        assert await asked(session, f"{host.address}/a%3Ab?c=d", body, Authorization="Bearer k") == b"ok"
    ((head, came),) = host.requests
    assert head[0] == "POST /a%3Ab?c=d HTTP/1.1"  # as it was signed
    names = [line.partition(":")[0].lower() for line in head[1:]]
    assert sorted(set(names)) == sorted(names)
    lines = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in head[1:]}
    assert lines["host"] == host.address.removeprefix("http://")
    assert (lines["user-agent"], lines["accept-encoding"]) == ("test", "identity")
    assert (lines["authorization"], lines["content-length"]) == ("Bearer k", str(len(body)))
    assert lines["accept"] == "*/*"
    assert came == body


async def test_a_connection_whose_answer_was_read_is_used_again() -> None:
    async with hosting() as host, calling() as session:
        for _ in range(3):
            assert await asked(session, host.address + "/") == b"ok"
    assert (host.connections, len(host.requests)) == (1, 3)


async def test_a_connection_is_free_when_its_answer_has_come_and_not_when_it_is_left() -> None:
    async with hosting() as host, calling() as session, post(session, host.address + "/", {}, b"{}") as first:
        assert await first.content.read() == b"ok"
        assert await asked(session, host.address + "/") == b"ok"
        assert host.connections == 1


async def test_a_connection_whose_answer_was_left_unread_is_closed() -> None:
    unfinished = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
    async with hosting(unfinished) as host, calling() as session:
        async with post(session, host.address + "/", {}, b"{}") as answer:
            assert answer.status == 200
        async with asyncio.timeout(5):
            while not host.lost:  # noqa: ASYNC110 - another's counter
                await asyncio.sleep(0.01)


async def test_who_is_cancelled_while_he_waits_hangs_up() -> None:
    async with hosting(b"") as host, calling() as session:
        waiting = asyncio.create_task(asked(session, host.address + "/"))
        async with asyncio.timeout(5):
            while not host.requests:  # noqa: ASYNC110 - another's list
                await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.wait([waiting])
            while not host.lost:  # noqa: ASYNC110 - another's counter
                await asyncio.sleep(0.01)
    assert waiting.cancelled()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close", b"HTTP/1.1 429 Slow", b"HTTP/1.0 200 OK"])
@pytest.mark.parametrize("body", [b"{}", LARGE])
async def test_an_answer_without_a_length_ends_with_its_connection(head: bytes, body: bytes) -> None:
    async with hosting(head + b"\r\n\r\none ", after=b"two", closes=True) as host, calling() as session:
        assert await asked(session, host.address + "/", body) == b"one two"


@pytest.mark.parametrize("body", [b"{}", LARGE])
async def test_what_is_said_unasked_on_a_kept_connection_is_nobodys_answer(body: bytes) -> None:
    async with hosting(after=SAID.replace(b"ok", b"no")) as host, calling() as session:
        for _ in range(2):
            assert await asked(session, host.address + "/", body) == b"ok"
            await asyncio.sleep(0.1)
    assert (host.connections, len(host.requests)) == (2, 2)


@pytest.mark.parametrize("body", [b"{}", LARGE])
async def test_chunks_that_are_none_are_an_error_at_once_in_mid_answer_too(body: bytes) -> None:
    begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    async with hosting(begun, after=b"zz\r\n") as host, calling() as session, asyncio.timeout(2):
        with pytest.raises(aiohttp.ClientPayloadError):
            await asked(session, host.address + "/", body)


async def test_an_answer_that_came_before_the_request_had_left_leaves_no_rest_to_the_next_one() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def answers_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SAID)

    def small(where: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        made = socket.socket(*where[:3])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return made

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server = await asyncio.start_server(answers_at_once, sock=listener, limit=1024)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    async with server, calling() as session, asyncio.timeout(5):
        assert isinstance(session.connector, aiohttp.TCPConnector)
        session.connector._socket_factory = small
        for _ in range(2):
            assert await asked(session, address, LARGE[1:]) == b"ok"
        for writer in writers:
            writer.transport.abort()
    assert len(writers) == 2


async def test_what_is_said_in_between_is_passed_over() -> None:
    async with hosting(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + SAID) as host, calling() as session:
        assert await asked(session, host.address + "/") == b"ok"


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"])
async def test_an_answer_that_is_no_http_is_the_clients_error(answer: bytes) -> None:
    async with hosting(answer) as host, calling() as session:
        with pytest.raises(aiohttp.ClientError):
            await asked(session, host.address + "/")


async def test_an_address_where_nobody_listens_is_told_apart_from_an_answer_that_broke_off() -> None:
    async with hosting() as host:
        pass
    async with calling() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await asked(session, host.address + "/")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_value_that_would_be_more_than_one_header_never_leaves(value: str) -> None:
    async with hosting() as host, calling() as session:
        with pytest.raises(ValueError, match="header"):
            await post(session, host.address + "/", {"anthropic-beta": value}, b"{}").__aenter__()
    assert not host.requests


async def test_over_tls_the_peer_is_known_by_its_certificates_key() -> None:
    server, trusted = _contexts()
    trusted.check_hostname = False
    async with hosting(tls=server) as host, calling(trusted) as session:
        for _ in range(2):
            async with post(session, host.address + "/", {}, b"{}") as answer:
                assert await answer.content.read() == b"ok"
                assert (answer.peer.address, answer.peer.tls_version) == ("127.0.0.1", "TLSv1.3")
                assert len(answer.peer.certificate_key_hash) == 32
    assert host.connections == 1


async def test_a_name_and_password_in_an_address_are_sent_as_credentials() -> None:
    async with hosting() as host, calling() as session:
        assert await asked(session, host.address.replace("//", "//user:word@") + "/") == b"ok"
    assert "Authorization: Basic dXNlcjp3b3Jk" in host.requests[0][0]


async def test_behind_a_proxy_the_whole_address_is_asked_of_it() -> None:
    async with hosting() as proxy, calling(proxy=proxy.address) as session:
        assert await asked(session, "http://provider.example/v1") == b"ok"
    assert proxy.requests[0][0][0] == "POST http://provider.example/v1 HTTP/1.1"
