"""What the street is compared with: a reverse proxy of one process, aiohttp in and aiohttp out, that keeps nothing."""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web

_HOP = {"host", "content-length", "transfer-encoding", "connection"}


class Proxy:
    """Every request goes to `upstream`, its answer comes back piece by piece."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession) -> None:
        self._upstream, self._session = upstream, session

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        url = self._upstream + request.path_qs
        async with self._session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            if answer.content_length is not None:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response


async def serve(port: int, upstream: str) -> None:
    """Until cancelled."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        runner = web.ServerRunner(web.Server(Proxy(upstream, session)), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
