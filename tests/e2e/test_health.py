"""Is a model ready? What callers read follows what providers do, and what requests meet follows what callers read."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.edge import Edge, edge_of
from tests.support.street import Street

pytestmark = pytest.mark.street

SMALL, LARGE = "Qwen/Qwen3-14B", "Qwen/Qwen3-32B"
HI = [{"role": "user", "content": "hi"}]


async def health(edge: Edge, model: str) -> str:
    reply = await edge.send("GET", f"/api/v1/inference/models/{model}/health", key="")
    assert reply.status == 200
    assert (set(reply.json), reply.json["model"]) == ({"model", "status"}, model)
    return str(reply.json["status"])


async def until_health(edge: Edge, model: str, wanted: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while (found := await health(edge, model)) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


class Faults:
    """Orders of the sandbox."""

    def __init__(self, street: Street) -> None:
        self._url = f"http://127.0.0.1:{street.ports()['sandbox']}/_sandbox/faults"

    async def order(self, **order: Any) -> None:
        async with aiohttp.ClientSession() as session, session.post(self._url, json=order) as answer:
            assert answer.ok, await answer.text()

    async def forget(self) -> None:
        async with aiohttp.ClientSession() as session, session.delete(self._url) as answer:
            assert answer.ok


@pytest.fixture
async def faults(street: Street) -> AsyncIterator[Faults]:
    made = Faults(street)
    yield made
    await made.forget()


async def test_a_deployment_that_fails_is_unavailable_then_loading_and_after_one_good_answer_ready(
    edge: Edge, faults: Faults
) -> None:
    assert await health(edge, LARGE) == "ready"
    await faults.order(model=LARGE, directive="status=500")
    for _ in range(20):  # of those who call the shared street before this test some may have been answered
        failed = await asyncio.gather(*(edge.chat({"model": LARGE, "messages": HI}) for _ in range(6)))
        assert {reply.status for reply in failed} == {502}
        await asyncio.sleep(0.3)
        if await health(edge, LARGE) == "unavailable":
            break
    await until_health(edge, LARGE, "unavailable", 2)
    opened = time.monotonic()
    assert await health(edge, SMALL) == "ready"  # of the same machine, and not failing
    # It is the only one that the id stands for: it is tried all the same, and its own answer comes back.
    assert (await edge.chat({"model": LARGE, "messages": HI})).status == 502
    await faults.forget()
    await until_health(edge, LARGE, "loading", 20)
    assert time.monotonic() - opened > 10
    assert (await edge.chat({"model": LARGE, "messages": HI})).status == 200
    await until_health(edge, LARGE, "ready", 2)


async def test_a_makers_id_has_a_health_too_and_what_is_no_model_has_none(edge: Edge) -> None:
    assert await health(edge, "gpt-4.1-mini") == "ready"
    reply = await edge.send("GET", "/api/v1/inference/models/no/such/health", key="")
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")


async def test_a_machine_of_the_operators_that_takes_no_connections_yet_is_loading(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"NI_SANDBOX": "0", "NI_SELF_HOSTED_BASE_URL": f"http://127.0.0.1:{port}/v1"}
    async with Street(tmp_path / "state", **own) as street, edge_of(street) as edge:
        await until_health(edge, SMALL, "loading", 5)
        await until_health(edge, "openai/gpt-5-us", "unavailable", 5)
        reply = await edge.chat({"model": SMALL, "messages": HI})
        assert (reply.status, reply.error["code"]) == (502, "upstream_error")
