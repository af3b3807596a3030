"""Residency through the public port: account, key and request only narrow, whatever is asked for by whatever name."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.catalog.load import load
from libs.catalog.model import Route
from libs.contracts.money import NANO
from libs.embedded.keyring import PROMISE_KEY
from libs.tlog.note import VerifierKey
from libs.tlog.promise import KEY_NAME, Promise
from tests.e2e.edge import edge_of
from tests.e2e.money import bank_of
from tests.support.street import Street

pytestmark = pytest.mark.street

CATALOG: Final = load(Path("infra/config"))
POLICIES: Final[tuple[tuple[str, ...], ...]] = ((), ("CA",), ("US",))
ACCOUNTS: Final = (*POLICIES, ("CA", "US"))
AT_ONCE: Final = 8
HAIKU, QWEN = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global", "Qwen/Qwen3-14B"


@dataclass
class Matrix:
    """Keys under every pair of account's and key's rule, and what came of their requests."""

    street: Street
    http: aiohttp.ClientSession
    keys: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)  # request id -> route
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def ask(self, rules: tuple[tuple[str, ...], ...], model: str, legal: Collection[str], *, sure: bool) -> None:
        """`legal`: the routes that may serve; `sure`: if there is one, then it does."""
        account, key, asked = rules
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": "hi"}],
            "max_completion_tokens": 5,
            **({"residency": list(asked)} if asked else {}),
        }
        headers = {"Authorization": f"Bearer {self.keys[account, key]}"}
        url = f"{self.street.base_url}/v1/chat/completions"
        async with self.http.post(url, json=body, headers=headers) as answer:
            told, request_id = await answer.json(), answer.headers["x-ni-request-id"]
            status = answer.status
        if status == 200:
            record_of = told["model"] if told["model"] in CATALOG.routes else ""
            self.served[request_id] = record_of
        elif status == 403 and told["error"]["code"] == "residency_refused":
            self.refused.append(request_id)
        strayed = (status == 200) != bool(legal) if sure else status == 200 and not legal
        if strayed or status not in (200, 403):
            self.wrong.append(f"{rules} {model}: {status} {told}")

    async def told(self, rules: tuple[tuple[str, ...], ...], model: str, said: str) -> tuple[int, str, str]:
        """Status, id, and what `auto` chose."""
        account, key, asked = rules
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": said}]}
        headers = {"Authorization": f"Bearer {self.keys[account, key]}"}
        url = f"{self.street.base_url}/v1/chat/completions"
        async with self.http.post(url, json=body | ({"residency": asked} if asked else {}), headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers["x-ni-request-id"], answer.headers.get("x-ni-route-model", "")


def may(rules: tuple[tuple[str, ...], ...], route: Route) -> bool:
    """By the definition: every rule that there is holds for every place where it may be processed."""
    places = set(route.processing.jurisdictions)
    return all(places and "*" not in places and places <= set(rule) for rule in rules if rule)


@asynccontextmanager
async def matrix_of(street: Street) -> AsyncIterator[Matrix]:
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with (
        bank_of(street) as bank,
        aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
    ):
        made = Matrix(street, http)
        for account_rule in ACCOUNTS:
            account = await bank.account(20 * NANO)
            if account_rule:
                url = f"{street.base_url}/api/admin/tenants/{account.id}"
                async with bank.session.patch(
                    url, json={"residency": list(account_rule)}, headers=bank.headers
                ) as done:
                    assert done.ok, await done.text()
            for key_rule in POLICIES:
                rule = {"residency": list(key_rule)} if key_rule else {}
                made.keys[account_rule, key_rule] = await account.new_key(**rule)
        await asyncio.sleep(1.0)  # keys and rules are known at the edge a moment later
        yield made


@pytest.fixture
async def matrix(street: Street) -> AsyncIterator[Matrix]:
    async with matrix_of(street) as made:
        yield made


async def test_i4_nothing_leaves_outside_the_policy_of_account_key_and_request(matrix: Matrix) -> None:
    natives = sorted(CATALOG.native)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(rules: tuple[tuple[str, ...], ...], model: str, routes: Collection[Route], *, sure: bool) -> None:
        legal = [route.route_id for route in routes if may(rules, route)]
        async with turns:
            await matrix.ask(rules, model, legal, sure=sure)

    asking = []
    for rules in itertools.product(ACCOUNTS, POLICIES, POLICIES):
        asking += [one(rules, route.route_id, [route], sure=True) for route in CATALOG.routes.values()]
        asking += [one(rules, name, CATALOG.by_native_id(name), sure=False) for name in natives]
    await asyncio.gather(*asking)
    assert not matrix.wrong, "\n".join(matrix.wrong[:10])
    log = {entry["egress_id"] for entry in await matrix.street.sandbox_log()}
    assert set(matrix.served) <= log
    assert not log & set(matrix.refused)
    assert len(matrix.served) + len(matrix.refused) > 0.9 * len(asking)


async def test_i4_neither_auto_nor_any_fallback_leaves_the_policy(failing_street: Street) -> None:
    """Every provider fails: what is tried next, and next, shows in the sandbox's log, and all of it had to be legal."""
    several = [name for name in sorted(CATALOG.native) if len(CATALOG.by_native_id(name)) > 1]
    every = list(itertools.product(ACCOUNTS, POLICIES, POLICIES))
    turns = asyncio.Semaphore(AT_ONCE)
    rules_of: dict[str, tuple[tuple[str, ...], ...]] = {}
    statuses: Counter[tuple[str, int]] = Counter()

    async with matrix_of(failing_street) as matrix:

        async def one(rules: tuple[tuple[str, ...], ...], model: str, said: str) -> None:
            async with turns:
                status, request_id, chosen = await matrix.told(rules, model, said)
            rules_of[request_id] = rules
            statuses[model, status] += 1
            assert not chosen or may(rules, CATALOG.routes[chosen]), (rules, chosen)

        await asyncio.gather(*(one(rules, "auto", "hi") for rules in every))
        answered = [rules for rules in every if any(may(rules, route) for route in CATALOG.routes.values())]
        assert statuses["auto", 200] == len(answered)
        names = [*several, HAIKU, "auto"]
        await asyncio.gather(*(one(rules, name, "[[sandbox status=500]] hi") for name in names for rules in every))
    tried: dict[str, list[str]] = {}
    for entry in await failing_street.sandbox_log():
        if (rules := rules_of.get(entry["egress_id"])) is not None:
            routes = [route for route in CATALOG.routes.values() if received(entry, route)]
            assert routes, entry["path"]
            assert all(may(rules, route) for route in routes), (rules, entry["path"], entry["model"])
            tried.setdefault(entry["egress_id"], []).append(routes[0].route_id)
    again = [rules_of[request_id] for request_id, routes in tried.items() if len(routes) > 1]
    assert len(again) > len(every) / 2
    assert any(any(rules) for rules in again)  # under rules, too
    assert {status for _, status in statuses} <= {200, 400, 403, 502, 503}, statuses
    assert {name for name, status in statuses if status == 400} == {"auto"}  # no model is left: the filter is named


def received(entry: Mapping[str, Any], route: Route) -> bool:
    """Whether that is what the sandbox gets of a call by this route."""
    path: str = entry["path"]
    return path.startswith(CATALOG.egress_of(route).sandbox_path) and entry["model"] == route.model


async def test_a_refusal_is_on_record_with_rule_nearest_route_and_a_promise_that_holds(street: Street) -> None:
    seed = (street.state.secrets / PROMISE_KEY).read_bytes()
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    key = VerifierKey(name=KEY_NAME, public_key=public)
    ask = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "residency": ["CA"]}
    async with edge_of(street) as edge:
        refused = await edge.chat({"model": HAIKU, **ask})
        assert (refused.status, refused.error["code"]) == (403, "residency_refused")
        served = await edge.chat({"model": QWEN, **ask})
        assert served.status == 200
        for reply in (refused, served):
            request_id = reply.headers["x-ni-request-id"]
            promise = Promise.read(reply.headers["x-ni-custody-promise"])
            promise.verify(request_id, key)
            record = await edge.custody(request_id)
            assert record["hashes"]["request_received"] == promise.request_hash.hex()
            assert [hop["role"] for hop in record["hops"]][:2] == ["ingress", "router"]
            assert record["verdict"]["required"] == ["CA"]
            if reply is refused:
                assert record["outcome"] == "refused"
                assert record["verdict"]["rule"] == "processing_anywhere"
                assert record["verdict"]["nearest"] in refused.error["message"]
                assert record["hops"][-1]["did"] == "refused"
            else:
                assert record["verdict"]["state"] == "allowed"
                assert [hop["role"] for hop in record["hops"]] == ["ingress", "router", "worker", "provider", "ingress"]
        unread = await edge.chat(b"{")
        assert "x-ni-custody-promise" not in unread.headers
