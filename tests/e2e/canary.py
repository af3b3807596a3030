"""Canaries: strings that must stay where they belong, an upstream that sings them, and a search that finds them."""

import base64
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from libs.bus.base import Bus
from libs.bus.nats import connect
from libs.embedded.keyring import STORE_PASSWORD, seed_file
from libs.embedded.programs import STORE_USER
from libs.embedded.state import read_json
from libs.runtime.settings import Settings
from tests.support.street import Street

_SHORTEST: Final = 16  # of what is searched for: nothing so long is found by chance
# What is meant to hold secrets, readable by its owner alone.
_KEPT: Final = ("secrets/", "bootstrap.json")
# The greeting of `ni up` tells the person who started it the first key, once, on their own terminal.
_GREETING: Final = re.compile(rb"(?m)^  (?:API key|sign in) .*$|^    -H 'Authorization: Bearer .*$")


@dataclass
class Canaries:
    """By what each is; made here, or handed out by the gateway and put in."""

    values: dict[str, str] = field(default_factory=dict)

    def new(self, name: str, pattern: str = "{}") -> str:
        """A fresh one, in a form that its place accepts."""
        value = pattern.format(f"zq{secrets.token_hex(10)}")
        return self.add(name, value)

    def add(self, name: str, value: str) -> str:
        assert len(value) >= _SHORTEST, name
        assert value not in self.values.values(), name
        self.values[name] = value
        return value

    def found_in(self, data: bytes) -> set[str]:
        """The names of those that stand in it as they are, in either case, in hex or in base64."""
        lowered = data.lower()
        found = set()
        for name, value in self.values.items():
            raw = value.encode()
            if raw.lower() in lowered or raw.hex().encode() in lowered or any(each in data for each in _base64(raw)):
                found.add(name)
        return found


def _base64(raw: bytes) -> Iterator[bytes]:
    """What of its encoding is the same wherever in a longer text it stands; both alphabets."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        inner = encoded[(before * 8 + 5) // 6 : len(raw) * 8 // 6]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


@dataclass
class Singer:
    """Anthropic's and OpenAI's APIs. The prompt's first word says how to answer; errors repeat all that was sent."""

    song: str
    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.heard.append(raw)
        key = request.headers.get("x-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.keys.add(key)
        how = re.search(rb"how:(\w+)", raw)
        match how[1] if how else b"":
            case b"cut":
                return await self._cut(request)
            case b"garbage":
                return web.Response(body=b"<html>" + raw + key.encode() + self.song.encode(), content_type="text/html")
            case word if word.isdigit():
                said = f"refused {key}: {raw.decode()} {self.song}"
                headers = {"x-echo": f"{self.song} {key}", "retry-after": "0"}
                error = {"type": "error", "error": {"type": "invalid_request_error", "message": said, "code": said}}
                return web.json_response(error, status=int(word), headers=headers)
        if orjson.loads(raw).get("stream"):
            return await self._stream(request)
        return web.json_response(_message(self.song) if _anthropic(request) else _completion(self.song))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in _events(self.song) if _anthropic(request) else _chunks(self.song):
            await response.write(event)
        return response

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events = list(_events(self.song) if _anthropic(request) else _chunks(self.song))
        for event in events[:3]:
            await response.write(event)
        assert request.transport is not None
        request.transport.abort()
        return response


@asynccontextmanager
async def singer(song: str) -> AsyncIterator[Singer]:
    found, app = Singer(song=song), web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


async def places(street: Street) -> AsyncIterator[tuple[str, bytes]]:
    """Everything a running street keeps or shows by itself, by name; what is for its owner's eyes left out."""
    for place, data in files(street):
        yield place, data
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        async for place, data in _shown(street, http):
            yield place, data
        async for place, data in _tables(street, http):
            yield place, data
    settings = Settings(
        nats_url=f"nats://127.0.0.1:{street.ports()['nats']}",
        nats_seed_file=seed_file(street.state.secrets, "operator"),
    )
    async with connect("operator", settings) as bus:
        async for place, data in _streams(bus):
            yield place, data
    for name, data in _processes(street, "cmdline").items():
        yield f"command line of {name}", data


def files(street: Street) -> Iterator[tuple[str, bytes]]:
    """Logs, the broker's files, the store's files, whatever lies in the state folder."""
    for path in sorted(street.state.root.rglob("*")):
        name = str(path.relative_to(street.state.root))
        if path.is_file() and not name.startswith(_KEPT):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue  # merged meanwhile
            yield f"file {name}", _GREETING.sub(b"", data) if path == street.console else data


async def _shown(street: Street, http: aiohttp.ClientSession) -> AsyncIterator[tuple[str, bytes]]:
    """Metrics and probes of every service, and what the broker's monitor says."""
    ports = street.ports()
    for name, port in ports["admin"].items():
        if name not in street.pids():
            continue  # not part of this street
        for path in ("/metrics", "/readyz", "/healthz"):
            async with http.get(f"http://127.0.0.1:{port}{path}") as answer:
                yield f"{path} of {name}", await answer.read()
    for path in ("varz", "connz?subs=detail", "subsz?subs=1", "jsz?streams=1&consumers=1&config=1", "accountz"):
        async with http.get(f"http://127.0.0.1:{ports['nats_monitor']}/{path}") as answer:
            yield f"broker's {path}", await answer.read()


async def _tables(street: Street, http: aiohttp.ClientSession) -> AsyncIterator[tuple[str, bytes]]:
    """Every row of every table, as bytes."""
    password = (street.state.secrets / STORE_PASSWORD).read_text().strip()
    headers = {"X-ClickHouse-User": STORE_USER, "X-ClickHouse-Key": password}
    url = f"http://127.0.0.1:{street.ports()['clickhouse']}/"

    async def query(sql: str) -> bytes:
        async with http.post(url, data=sql, headers=headers) as answer:
            body = await answer.read()
            assert answer.status == 200, body[:300]
            return body

    names = await query(
        "SELECT database || '.' || name FROM system.tables WHERE lower(database) != 'information_schema'"
        " AND (database != 'system' OR name LIKE '%\\_log' OR name = 'processes') FORMAT TSV"
    )
    for table in names.decode().split():
        yield f"table {table}", await query(f"SELECT * FROM {table} FORMAT RowBinary")


async def _streams(bus: Bus) -> AsyncIterator[tuple[str, bytes]]:
    """Every message of every stream and bucket there is, subject and all."""
    listed = orjson.loads(await bus.request("$JS.API.STREAM.NAMES", b"", 5.0))
    for stream in listed["streams"]:
        last = await bus.last_seq(stream)
        held = bytearray()
        if last:
            async for batch in bus.follow(stream):
                held += b"".join(each.subject.encode() + b"\n" + each.data + b"\n" for each in batch)
                if batch and batch[-1].seq >= last:
                    break
        yield f"stream {stream}", bytes(held)


def environments(street: Street) -> Mapping[str, bytes]:
    """By program: what each process was started with."""
    return _processes(street, "environ")


def _processes(street: Street, of: str) -> Mapping[str, bytes]:
    """proc(5), by program."""
    return {name: Path(f"/proc/{pid}/{of}").read_bytes() for name, pid in street.pids().items()}


def bootstrap(street: Street) -> Mapping[str, str]:
    """What the first start made: key and password of the administrator."""
    return read_json(street.state.bootstrap)


def _anthropic(request: web.Request) -> bool:
    return request.path.endswith("/messages")


def _message(song: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [
            {"type": "text", "text": song},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": song}},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 9},
    }


def _completion(song: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": song, "refusal": None}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _events(song: str) -> Iterator[bytes]:
    message = {**_message(song), "content": [], "stop_reason": None}
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": song}
    for event in (
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ):
        yield b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), orjson.dumps(event))


def _chunks(song: str) -> Iterator[bytes]:
    for delta, reason in (({"role": "assistant", "content": ""}, None), ({"content": song}, None), ({}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        yield b"data: %b\n\n" % orjson.dumps(chunk)
    yield b"data: [DONE]\n\n"
