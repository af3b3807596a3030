"""Sandboxes of a test's own, at providers' addresses, so that one upstream's work does not slow another."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from libs.embedded.programs import ROOT
from tests.support.street import Street

_DEADLINE_S = 10.0


@asynccontextmanager
async def sandbox() -> AsyncIterator[str]:
    """A sandbox process; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.sandbox"),
        cwd=ROOT,
        env={**os.environ, "NI_SANDBOX_PORT": str(port), "NI_ADMIN_PORT": "0"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not await _listens(port):
                assert process.returncode is None, f"the sandbox ended with {process.returncode}"
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def street_with_two_upstreams(root: Path) -> AsyncIterator[Street]:
    """A street whose OpenAI egress dials one upstream, Azure's and Bedrock's another."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(sandbox())
        other = await stack.enter_async_context(sandbox())
        street = Street(
            root,
            OPENAI_API_KEY="unused",
            OPENAI_BASE_URL=f"{one}/openai/v1",
            AZURE_OPENAI_API_KEY="unused",
            AZURE_OPENAI_ENDPOINT=f"{other}/azure/openai/v1",
            AWS_ACCESS_KEY_ID="AKIDUNUSED",
            AWS_SECRET_ACCESS_KEY="unused",
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=f"{other}/bedrock/ca-central-1",
        )
        await stack.enter_async_context(street)
        await street.credit(10_000)  # a prompt of 8 MiB is held for by its bytes
        yield street


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
