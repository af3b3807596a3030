"""The catalogue is edited while requests run: nothing leaves by what it said before, and nothing stops for it."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

import pytest
import pytest_asyncio

from libs.catalog.model import Catalog
from libs.catalog.residency import may_serve
from libs.contracts.money import NANO
from tests.e2e.edited import (
    AZURE,
    FAILING,
    LAST,
    LEGAL,
    MINI,
    OWN,
    STATES,
    WORKER_OF,
    Edited,
    State,
    edited_street,
    routes,
)
from tests.e2e.money import bank_of

pytestmark = pytest.mark.street

CLIENTS: Final = 6
PAUSE_S: Final = 0.08
CA: Final = ["CA"]
POOL: Final = {"model_pool": [AZURE, OWN, LAST]}
ASKS: Final[tuple[dict[str, Any], ...]] = (
    {"model": MINI},
    {"model": AZURE},
    {"model": OWN},
    {"model": "auto", "routing": POOL},
    *({"model": model} for model in FAILING),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edited]:
    async with edited_street(tmp_path_factory.mktemp("edited")) as opened:
        yield opened


class Clients:
    """Ask under residency CA, by the key's, the account's and the request's own policy, until they are told to stop."""

    def __init__(self, edited: Edited, keys: Mapping[str, str]) -> None:
        self.edited, self.keys = edited, keys
        self.asked: dict[str, str] = {}  # request id -> key
        self.ends: Counter[tuple[str, int, str]] = Counter()
        self.strange: list[str] = []
        self._stop = asyncio.Event()

    async def run(self, turns: "itertools.cycle[tuple[dict[str, Any], str]]") -> None:
        while not self._stop.is_set():
            await self._ask(*next(turns))
            await asyncio.sleep(PAUSE_S)

    def stop(self) -> None:
        self._stop.set()

    async def _ask(self, what: dict[str, Any], by: str) -> None:
        body = {"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5, **what}
        if by == "request":
            body["residency"] = CA
        headers = {"Authorization": f"Bearer {self.keys[by]}"}
        url = f"{self.edited.street.base_url}/v1/chat/completions"
        async with self.edited.http.post(url, json=body, headers=headers) as answer:
            told = await answer.json()
        code = "" if answer.status == 200 else told["error"]["code"]
        self.ends[what["model"], answer.status, code] += 1
        self.asked[answer.headers["x-ni-request-id"]] = self.keys[by]
        if (answer.status, code) not in ((200, ""), (403, "residency_refused")):
            self.strange.append(f"{by} {what['model']}: {answer.status} {told}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keys(edited: Edited) -> dict[str, str]:
    """One key for each way of asking for Canada."""
    async with bank_of(edited.street) as bank:
        free, ruled = await bank.account(500 * NANO), await bank.account(500 * NANO)
        url = f"{edited.street.base_url}/api/admin/tenants/{ruled.id}"
        async with bank.session.patch(url, json={"residency": CA}, headers=bank.headers) as done:
            assert done.ok, await done.text()
        found = {"key": await free.new_key(residency=CA), "tenant": await ruled.new_key(), "request": free.key}
    await asyncio.sleep(1.0)  # keys and rules are known at the edge a moment later
    return found


async def record_of(edited: Edited, request_id: str, key: str) -> Any:
    """What is on record of a request, once it is sealed."""
    url = f"{edited.street.base_url}/api/usage/custody/{request_id}"
    for _ in range(200):
        async with edited.http.get(url, headers={"Authorization": f"Bearer {key}"}) as answer:
            record = await answer.json()
        if answer.status == 200 and record["status"] == "sealed":
            return record
        await asyncio.sleep(0.1)
    raise AssertionError(f"not sealed: {record}")


def legal(catalog: Catalog, route_id: str) -> bool:
    route = catalog.route(route_id)
    return route is not None and may_serve(CA, route.processing) is None


@pytest.mark.asyncio(loop_scope="module")
async def test_i4_nothing_leaves_by_what_an_edit_forbids_from_the_moment_it_took(
    edited: Edited, keys: dict[str, str]
) -> None:
    await edited.failing()
    clients = Clients(edited, keys)
    turns = itertools.cycle([(what, by) for what in ASKS for by in keys])
    running = [asyncio.create_task(clients.run(turns)) for _ in range(CLIENTS)]
    for state in STATES:
        await edited.edit(state)
        await asyncio.sleep(1.0)
    clients.stop()
    await asyncio.gather(*running)
    assert not clients.strange, "\n".join(clients.strange[:10])
    assert {code for _, _, code in clients.ends} == {"", "residency_refused"}, clients.ends
    for model in (MINI, AZURE, OWN):
        assert {status for name, status, _ in clients.ends if name == model} == {200, 403}, clients.ends
    for model in ("auto", *FAILING):
        ended = {status: count for (name, status, _), count in clients.ends.items() if name == model}
        # Refused is who was being handed to a route in the moment in which its worker took the edit: none goes back.
        assert ended.keys() <= {200, 403}, clients.ends
        assert ended[200] > ended.get(403, 0), clients.ends

    await _against_the_records(edited, clients)
    for event in ("settlement_unpriced", "cost_differs"):
        assert edited.said("billing", event) == []


async def _against_the_records(edited: Edited, clients: Clients) -> None:
    """Every call in the sandbox's log was legal by the catalogue on its record, and by its worker's at that moment."""
    log: dict[str, list[dict[str, Any]]] = {}
    for entry in await edited.street.sandbox_log():
        log.setdefault(entry["egress_id"], []).append(entry)
    taken, again, under = edited.taken(), 0, Counter[str]()
    for request_id, key in clients.asked.items():
        record, calls = await record_of(edited, request_id, key), log.get(request_id, [])
        intents = [datetime.fromisoformat(fact["at"]) for fact in record["facts"] if fact["kind"] == "egress"]
        if record["error_code"] == "residency_refused":
            assert len(calls) == 0, record
            continue
        assert len(calls) == len(intents) > 0, (calls, record)
        again += len(calls) > 1
        for at, entry in zip(intents, calls, strict=True):
            route = edited.called(entry)
            moment = at.timestamp() * 1000
            before = [catalog for since, catalog in taken[WORKER_OF[route.egress]] if since < moment]
            assert not before or legal(before[-1], route.route_id), (route.route_id, record)
        under[record["versions"]["catalogue"]] += 1
        assert legal(edited.catalogs[record["versions"]["catalogue"]], record["route"]), record
    assert again > len(FAILING) / 2  # fallbacks, too
    assert under.keys() == edited.catalogs.keys()  # and some went by each


@pytest.mark.asyncio(loop_scope="module")
async def test_a_route_that_an_edit_adds_is_callable_within_seconds_and_gone_when_it_is_taken_out(
    edited: Edited, keys: dict[str, str]
) -> None:
    pids = edited.street.pids()
    base = f"{edited.street.base_url}/v1"
    headers = {"Authorization": f"Bearer {keys['key']}", "X-NI-Strict": "true"}  # errors, not lists of names
    body = {"model": "edited/added", "messages": [{"role": "user", "content": "hi"}]}

    async def status() -> int:
        async with edited.http.post(f"{base}/chat/completions", json=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def listed() -> bool:
        async with edited.http.get(f"{base}/models", headers=headers) as answer:
            return any(one["id"] == "edited/added" for one in (await answer.json())["data"])

    assert (await status(), await listed()) == (404, False)
    began = time.monotonic()
    edited.write(routes(State(added=True)))
    while await status() != 200:
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.05)
    await edited.edit(State(added=True))
    assert await listed()
    await edited.edit(LEGAL)
    assert (await status(), await listed()) == (404, False)
    assert edited.said("billing", "settlement_unpriced") == []  # its first call came before billing knew of it
    assert edited.street.pids() == pids


@pytest.mark.asyncio(loop_scope="module")
async def test_a_broken_edit_changes_nothing_and_is_said(edited: Edited, keys: dict[str, str]) -> None:
    whole = await edited.edit(LEGAL)
    edited.write(routes(State(own='["US"]'))[:-80])
    await edited.say("catalogue_refused", 1)
    await edited.say("catalogue_version", int(whole.digest[:12], 16))
    for name in ("router", "worker-self-hosted"):
        (line,) = edited.said(name, "catalogue_refused")
        assert line["reason"].startswith("routes/edited.toml: ")
        assert line["level"] == "error"
    body = {"model": OWN, "messages": [{"role": "user", "content": "hi"}]}
    url, headers = f"{edited.street.base_url}/v1/chat/completions", {"Authorization": f"Bearer {keys['key']}"}
    async with edited.http.post(url, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    await edited.edit(LEGAL)
    await edited.say("catalogue_refused", 0)
