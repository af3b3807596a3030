"""A NATS client of a hundred lines that hides nothing: what the server refuses is a value, not a log line."""

import asyncio
import base64
import re
from dataclasses import dataclass, field
from typing import Self

import nkeys
import orjson

_REFUSED = re.compile(r'Permissions Violation for (Publish to|Subscription to) "([^"]+)"')


@dataclass
class Wire:
    """One connection. `refused` holds (what, subject) of every permissions violation the server told of."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    refused: set[tuple[str, str]] = field(default_factory=set)
    ended: str = ""
    _sids: int = 0

    @classmethod
    async def open(cls, port: int, seed: bytes | None) -> Self:
        """Connect and wait for the server's word; `ended` says why it was refused, if it was."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 << 20)
        wire = cls(reader, writer)
        greeting = orjson.loads((await reader.readline()).removeprefix(b"INFO "))
        options: dict[str, object] = {
            "verbose": False,
            "pedantic": False,
            "lang": "test",
            "version": "1",
            "protocol": 1,
        }
        if seed is not None:
            pair = nkeys.from_seed(seed)
            options["nkey"] = pair.public_key.decode()
            signed = pair.sign(greeting["nonce"].encode())
            options["sig"] = base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
        writer.write(b"CONNECT " + orjson.dumps(options) + b"\r\n")
        await wire.sync()
        return wire

    def subscribe(self, subject: str) -> None:
        self._sids += 1
        self.writer.write(f"SUB {subject} {self._sids}\r\n".encode())

    def publish(self, subject: str, data: bytes) -> None:
        self.writer.write(f"PUB {subject} {len(data)}\r\n".encode() + data + b"\r\n")

    async def sync(self) -> None:
        """Return when the server has dealt with everything sent so far, or has ended the connection."""
        try:
            self.writer.write(b"PING\r\n")
            await self.writer.drain()
            while (line := await self.reader.readline()) != b"PONG\r\n":
                if not line:
                    self.ended = self.ended or "closed"
                    return
                await self._take(line)
        except ConnectionError:
            self.ended = self.ended or "closed"

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass  # the server closed first

    async def _take(self, line: bytes) -> None:
        words = line.split()
        if words[0] == b"MSG":
            data = await self.reader.readexactly(int(words[-1]) + 2)
            self.messages.append((words[1].decode(), data[:-2]))
        elif words[0] == b"PING":
            self.writer.write(b"PONG\r\n")
        elif words[0] == b"-ERR":
            said = line.decode()
            found = _REFUSED.search(said)
            if found is None:
                self.ended = said
            else:
                self.refused.add((found[1].split()[0].lower(), found[2]))
