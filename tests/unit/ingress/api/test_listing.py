"""What the edge lists, what it says of a route's health, and what it answers where something is not served yet."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from libs.auth import keys
from libs.auth.records import KeyRecord, TenantRecord
from libs.bus.beats import Heard, beating
from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.contracts.northern.v1.street_pb2 import EgressState
from libs.telemetry.metrics import Metrics
from services.ingress.auth.callers import Callers
from services.ingress.auth.principals import Principals
from services.ingress.auth.sessions import Sessions
from services.ingress.domain import TIERS
from services.ingress.handlers import Handlers
from services.ingress.http.origins import Origins
from services.ingress.http.proxies import Proxies
from services.ingress.http.server import EdgeServer
from services.ingress.inference.request import Inference
from tests.support.broker import until

CATALOG = load(Path("infra/config"))
PEPPER = b"p" * 32
KEY = keys.mint(keys.GATEWAY, os.urandom)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
GEMINI, OPENAI, QWEN = "vertex_ai/gemini-2.5-pro-ca", "openai/gpt-4.1-mini-us", "Qwen/Qwen3-14B"


async def with_a_key(bus: MemoryBus) -> None:
    digest = keys.digest(PEPPER, KEY)
    key = KeyRecord(
        id="k_1",
        tenant="t_1",
        name="",
        digest=digest,
        prefix=keys.GATEWAY,
        last4=keys.last4(KEY),
        allowed_tiers=TIERS,
        created=NOW,
    )
    await bus.put("tenants", "t_1", TenantRecord(id="t_1", name="", created=NOW).to_bytes())
    await bus.put("keys", digest, key.to_bytes())


@asynccontextmanager
async def edge(*states: EgressState, live: Live | None = None) -> AsyncIterator[str]:
    """The origin of an edge that has heard one worker say this of its ways out."""
    bus = MemoryBus()
    await with_a_key(bus)
    heard, principals = Heard(bus), Principals(bus, PEPPER, Metrics())
    await heard.start()
    await principals.start()
    sessions = Sessions(bus=bus, principals=principals, secure=False, proxies=Proxies())
    handlers = Handlers(
        bus=bus,
        live=live or Live(CATALOG),
        callers=Callers(principals=principals, sessions=sessions),
        sessions=sessions,
        heard=heard,
        inference=cast(Inference, None),  # no request here is one for inference
        metrics=Metrics(),
        ready=lambda: (True, {}),
    )
    server = EdgeServer(
        handlers, max_body=1 << 20, header_s=10.0, write_idle_s=60.0, origins=Origins(), metrics=Metrics()
    )
    listener = socket.create_server(("127.0.0.1", 0))
    await server.listen(listener)
    try:
        async with beating(bus, "worker", "boot-1", lambda: states):
            await until(lambda: bool(heard.alive("worker")))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await server.close(1.0)
        await principals.close()
        await heard.close()


async def get(origin: str, path: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession() as session, session.get(origin + path, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_route_is_listed_where_its_credential_is_and_healthy_where_it_can_be_called() -> None:
    states = (
        EgressState(name="openai", available=True, has_credential=True),
        EgressState(name="vertex-ca", reason="Vertex's wire format is not spoken here yet", has_credential=True),
        EgressState(name="self-hosted", reason="set NI_SELF_HOSTED_BASE_URL"),
    )
    async with edge(*states) as origin:
        _, body = await get(origin, "/v1/models")
        listed = {model["id"] for model in body["data"]}
        health = {
            name: (await get(origin, f"/api/v1/inference/models/{name}/health"))[1]["status"]
            for name in (OPENAI, GEMINI, QWEN, "azure/gpt-4.1-mini-ca")
        }
    assert {OPENAI, GEMINI} <= listed
    assert QWEN not in listed
    assert "azure/gpt-4.1-mini-ca" in listed  # no worker has said anything of it yet
    assert health == {
        OPENAI: "ready",
        GEMINI: "unavailable",
        QWEN: "unavailable",
        "azure/gpt-4.1-mini-ca": "loading",
    }


@pytest.mark.parametrize("name", ["gpt-4.1-mini", "gpt-4.1-mini[1m]"])
async def test_a_makers_own_id_is_looked_up_as_the_route_that_it_is_tried_on_first(name: str) -> None:
    """Clients look a model up before they ask; what may be asked for must be found."""
    states = (EgressState(name="azure-ca", reason="no key"), EgressState(name="openai", has_credential=True))
    async with edge(*states) as origin:
        (status, entry), (_, listed) = await get(origin, f"/v1/models/{name}"), await get(origin, "/v1/models")
        unknown, _ = await get(origin, "/v1/models/gpt-nothing")
    assert (status, entry["id"]) == (200, OPENAI)
    assert entry in listed["data"]
    assert unknown == 404


async def test_what_is_listed_priced_and_healthy_follows_an_edit_of_the_catalogue() -> None:
    live = Live(CATALOG)
    async with edge(EgressState(name="openai", available=True, has_credential=True), live=live) as origin:

        async def known() -> set[str]:
            listed, priced = [(await get(origin, path))[1] for path in ("/v1/models", "/api/billing/models")]
            health, _ = await get(origin, f"/api/v1/inference/models/{OPENAI}/health")
            one, _ = await get(origin, f"/v1/models/{OPENAI}")
            found = {"listed": any(model["id"] == OPENAI for model in listed["data"])}
            found |= {"priced": OPENAI in str(priced), "healthy": health == 200, "shown": one == 200}
            return {name for name, true in found.items() if true}

        assert await known() == {"listed", "priced", "healthy", "shown"}
        routes = {name: route for name, route in CATALOG.routes.items() if name != OPENAI}
        live.swap(replace(CATALOG, routes=routes, digest="e" * 64))
        assert await known() == set()
        live.swap(CATALOG)
        assert await known() == {"listed", "priced", "healthy", "shown"}


@pytest.mark.parametrize("place", ["none", "none/receipt", "0000000000000000/receipt/receipt", ""])
async def test_what_is_no_id_is_no_record_whoever_answers(place: str) -> None:
    async with edge() as origin:
        status, body = await get(origin, f"/api/usage/custody/{place}")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_a_receipt_waits_for_somebody_to_answer() -> None:
    async with edge() as origin:
        status, body = await get(origin, "/api/usage/custody/0000000000000000/receipt")
    assert (status, body["error"]["code"]) == (503, "record_unavailable")
    assert "custody does not answer" in body["error"]["message"]
