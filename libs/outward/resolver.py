"""Look-ups for connections that somebody else asks for: once each, and only to addresses that may be dialled."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

# Threads of our own: a name server that does not answer holds up nothing else. Each such name takes one for as long as
# the system waits for it, whoever asked; so there are many more than one request may take.
_LOOK_UPS = 64

Resolve = Callable[[str, int, ThreadPoolExecutor], Awaitable[list[str]]]


async def look_up(host: str, port: int, threads: ThreadPoolExecutor) -> list[str]:
    """The numeric addresses of a host."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Forbidden(OSError):
    """The name leads to an address that may not be dialled."""


class Checked(AbstractResolver):
    """Looks a name up once, and gives only addresses that were checked: no second look-up can lead elsewhere.

    aiohttp asks no resolver for a numeric host: whoever takes one must check it by itself (`is_numeric`).
    """

    def __init__(self, permitted: Callable[[str], bool], resolve: Resolve = look_up) -> None:
        self._permitted, self._resolve = permitted, resolve
        self._threads = ThreadPoolExecutor(_LOOK_UPS, "look-up")

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp's seam: both are looked up
    ) -> list[ResolveResult]:
        addresses = await self._resolve(host, port, self._threads)
        # One forbidden address is enough: a name with both kinds has no honest reason to be here.
        if not addresses or not all(self._permitted(address) for address in addresses):
            raise Forbidden
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in dict.fromkeys(addresses)
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_numeric(host: str) -> bool:
    """What looks like a number is connected to without a look-up, `127.1` and `2130706433` included."""
    return ":" in host or host.replace(".", "").isdigit()
