"""Accounts' own credentials, the log of administrators and alerts of budgets, through a whole street and the SDKs."""

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import certifi
import orjson
import pytest
import pytest_asyncio
from anthropic import AsyncAnthropic
from anthropic import PermissionDeniedError as AnthropicDenied
from openai import AsyncOpenAI, PermissionDeniedError

from libs.embedded.programs import ROOT
from tests.e2e.money import Account, Bank, bank_of
from tests.integration.worker.own import EMAIL, service_account
from tests.support.hooks import Receiver, certificate, receiving
from tests.support.street import Street

pytestmark = pytest.mark.street

THEIRS = "sk-their-canary-81c5f02b77"
UNIT = 10**9
AWS = {"region": "ca-central-1", "access_key_id": "AKIATHEIRCANARY0", "secret_access_key": "their-canary-secret-key"}
# What is put, a route that it opens, and what the provider can recognise it by.
CREDENTIALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("openai", {"api_key": THEIRS}, "openai/gpt-4.1-mini-us", THEIRS),
    ("azure", {"api_key": THEIRS, "resource": "maple-east"}, "azure/gpt-4.1-mini-ca", THEIRS),
    ("anthropic", {"api_key": THEIRS}, "anthropic/claude-haiku-4-5-20251001-us", THEIRS),
    ("bedrock", AWS, "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global", AWS["access_key_id"]),
    ("bedrock", AWS, "bedrock/mistral.mistral-large-2402-v1:0-ca", AWS["access_key_id"]),
    ("bedrock", {"region": "ca-central-1", "api_key": THEIRS}, "bedrock/mistral.mistral-large-2402-v1:0-ca", THEIRS),
    (
        "vertex",
        {"region": "northamerica-northeast1", "service_account": service_account()},
        "vertex_ai/gemini-2.5-flash-ca",
        f"{EMAIL} ab12cd34",
    ),
]


def seen_as(credential: str) -> str:
    """As the sandbox's log shows it."""
    return f"sha256:{hashlib.sha256(credential.encode()).hexdigest()[:12]}"


@dataclass
class Scene:
    street: Street
    bank: Bank
    clients: list[AsyncOpenAI | AsyncAnthropic] = field(default_factory=list)

    async def ours(self) -> set[str]:
        """The platform's own credentials, as the sandbox knows them."""
        return {seen_as("sandbox"), seen_as("AKIDSANDBOX")}

    async def put(self, provider: str, body: dict[str, Any]) -> None:
        path = f"{self.street.base_url}/api/byok/{provider}"
        async with self.bank.session.put(path, json=body, headers=self.bank.headers) as answer:
            assert answer.ok, await answer.text()

    async def delete(self, provider: str) -> None:
        path = f"{self.street.base_url}/api/byok/{provider}"
        async with self.bank.session.delete(path, headers=self.bank.headers) as answer:
            assert answer.status in (200, 404)

    async def patch(self, tenant: str, body: dict[str, Any]) -> Any:
        path = f"{self.street.base_url}/api/admin/tenants/{tenant}"
        async with self.bank.session.patch(path, json=body, headers=self.bank.headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def read(self, path: str) -> Any:
        """By the administrator's session."""
        async with self.bank.session.get(self.street.base_url + path) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def key(self) -> str:
        made = await self.bank.post("/api/keys", {"name": "own", "byok": True})
        return str(made["key"])

    async def sent(self) -> list[dict[str, Any]]:
        return await self.street.sandbox_log()

    def openai(self, key: str) -> AsyncOpenAI:
        client = AsyncOpenAI(base_url=f"{self.street.base_url}/v1", api_key=key, max_retries=0)
        self.clients.append(client)
        return client

    def anthropic(self, key: str) -> AsyncAnthropic:
        client = AsyncAnthropic(base_url=self.street.base_url, api_key=key, max_retries=0)
        self.clients.append(client)
        return client


def roots(folder: Path) -> str:
    """The usual ones, and the receiver's own."""
    bundle = folder / "roots.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + certificate()[0])
    return str(bundle)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """It trusts the receiver's certificate, and may send alerts to this machine."""
    folder = tmp_path_factory.mktemp("byok")
    async with Street(folder / "state", SSL_CERT_FILE=roots(folder), NI_ALERTS_ALLOW_PRIVATE="1") as started:
        yield started


@pytest.fixture
async def scene(street: Street) -> AsyncIterator[Scene]:
    async with bank_of(street) as bank:
        scene = Scene(street, bank)
        yield scene
        for client in scene.clients:
            await client.close()


MESSAGES: Any = [{"role": "user", "content": "Repeat this line exactly: one two three"}]


async def until_known(scene: Scene, client: AsyncOpenAI, model: str) -> None:
    """A credential is known to the workers a moment after it was put."""
    for _ in range(100):
        try:
            await client.chat.completions.create(model=model, messages=MESSAGES)
        except PermissionDeniedError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("the credential is not known")


async def until_missing(scene: Scene, client: AsyncOpenAI, provider: str, model: str) -> int:
    """Until the deletion is known everywhere; how many requests had been sent by then."""
    for _ in range(100):
        before = len(await scene.sent())
        with contextlib.suppress(PermissionDeniedError):
            await client.chat.completions.create(model=model, messages=MESSAGES)
            continue
        with pytest.raises(PermissionDeniedError, match=f"/api/byok/{provider}") as told:
            await client.chat.completions.create(model=model, messages=MESSAGES)
        assert told.value.code == "byok_credential_missing"
        return before
    raise AssertionError("the credential is not gone")


@pytest.mark.parametrize(("provider", "body", "model", "shown"), CREDENTIALS)
async def test_every_wire_is_called_with_the_accounts_credential_and_never_with_ours(
    scene: Scene, provider: str, body: dict[str, Any], model: str, shown: str
) -> None:
    key = await scene.key()
    await scene.delete(provider)
    client, claude = scene.openai(key), scene.anthropic(key)
    before = await until_missing(scene, client, provider, model)
    with pytest.raises(AnthropicDenied, match="Nothing was sent"):
        await claude.messages.create(model=model, max_tokens=50, messages=MESSAGES)
    assert len(await scene.sent()) == before

    await scene.put(provider, body)
    await until_known(scene, client, model)
    raw = await client.chat.completions.with_raw_response.create(model=model, messages=MESSAGES)
    assert raw.headers["x-ni-credential-source"] == "byok"
    assert "one two three" in (raw.parse().choices[0].message.content or "")
    stream = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
    assert "one two" in "".join([part.choices[0].delta.content or "" async for part in stream if part.choices])
    answer = await claude.messages.create(model=model, max_tokens=50, messages=MESSAGES)
    assert answer.content
    calls = (await scene.sent())[before:]
    assert {call["credential"] for call in calls} == {seen_as(shown)}
    assert not {call["credential"] for call in calls} & await scene.ours()

    request_id = raw.headers["x-ni-request-id"]
    record = await until_sealed(scene, request_id)
    assert record["credential-source"] == "byok"
    usage = await row(scene, request_id)
    assert 0 < float(usage["cost"]) < float(usage["provider_cost"])


async def until_sealed(scene: Scene, request_id: str) -> dict[str, Any]:
    for _ in range(100):
        found: dict[str, Any] = await scene.bank.get(f"/api/usage/custody/{request_id}", scene.street.api_key)
        if found["status"] == "sealed":
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("not sealed")


async def row(scene: Scene, request_id: str) -> dict[str, Any]:
    for _ in range(100):
        found = (await scene.bank.get(f"/api/usage?request_id={request_id}", scene.street.api_key))["data"]
        if found:
            return dict(found[0])
        await asyncio.sleep(0.05)
    raise AssertionError("no row")


async def test_a_provider_that_refuses_their_credential_is_told_as_that(scene: Scene) -> None:
    key = await scene.key()
    await scene.put("openai", {"api_key": THEIRS})
    client = scene.openai(key)
    await until_known(scene, client, "openai/gpt-4.1-mini-us")
    order = {"path_contains": "/openai/", "times": 2, "directive": "status=401"}
    sandbox = f"http://127.0.0.1:{scene.street.ports()['sandbox']}/_sandbox/faults"
    async with scene.bank.session.post(sandbox, json=order) as answer:
        assert answer.status == 201, await answer.text()
    before = len(await scene.sent())
    with pytest.raises(PermissionDeniedError, match="your account's own credential") as told:
        await client.chat.completions.create(model="openai/gpt-4.1-mini-us", messages=MESSAGES)
    assert told.value.code == "byok_credential_refused"
    assert told.value.response.headers["x-should-retry"] == "false"
    assert THEIRS not in str(told.value)
    with pytest.raises(AnthropicDenied, match="your account's own credential"):
        await scene.anthropic(key).messages.create(model="openai/gpt-4.1-mini-us", max_tokens=9, messages=MESSAGES)
    assert len(await scene.sent()) == before + 2


async def test_a_residency_holds_for_their_resource_too(scene: Scene) -> None:
    key = await scene.key()
    await scene.put("azure", {"api_key": THEIRS, "resource": "maple-east"})
    client = scene.openai(key)
    await until_known(scene, client, "azure/gpt-4.1-mini-ca")
    before = len(await scene.sent())
    with pytest.raises(PermissionDeniedError) as told:
        await client.chat.completions.create(
            model="azure/gpt-4.1-mini-ca", messages=MESSAGES, extra_body={"residency": ["CA"]}
        )
    assert told.value.code == "residency_refused"
    assert len(await scene.sent()) == before


async def test_a_key_of_its_own_sees_the_routes_that_own_credentials_open(scene: Scene) -> None:
    key = await scene.key()
    listed = {model.id async for model in scene.openai(key).models.list()}
    assert "openai/gpt-4.1-mini-us" in listed
    assert not any(name.startswith("Qwen/") for name in listed)


async def test_what_administrators_did_stands_in_the_log_and_no_secret_does(scene: Scene) -> None:
    await scene.put("anthropic", {"api_key": THEIRS})
    account = await scene.bank.account(5 * UNIT)
    seen: set[tuple[str, str]] = set()
    async with asyncio.timeout(15):
        while not {("tenant_create", account.id), ("credit", account.id)} <= seen:
            await asyncio.sleep(0.1)
            found = await scene.read("/api/admin/log?limit=200")
            seen = {(one["verb"], one["target"]) for one in found["data"]}
    assert {"byok_put", "key_create"} <= {verb for verb, _ in seen}
    times = [one["at"] for one in found["data"]]
    assert times == sorted(times, reverse=True)
    (given,) = [one for one in found["data"] if one["verb"] == "credit" and one["target"] == account.id]
    assert (given["tenant"], given["detail"]) == (account.id, {"amount": "5.00"})
    own = await scene.read(f"/api/admin/log?tenant={account.id}")
    assert {one["tenant"] for one in own["data"]} == {account.id}
    only = await scene.read("/api/admin/log?verb=byok_put&limit=1")
    assert [one["verb"] for one in only["data"]] == ["byok_put"]
    for word in (THEIRS, "canary", account.key):
        assert word not in str(found)
    headers = {"Authorization": f"Bearer {scene.street.api_key}"}
    async with scene.bank.session.get(f"{scene.street.base_url}/api/admin/log", headers=headers) as refused:
        assert refused.status == 403


def verified(secret: str, receiver: Receiver) -> bool:
    """By the page's own lines."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "alerts.md").read_text(), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(snippet, scope)
    check = scope["verified"]
    hook = receiver.hooks[-1]
    assert not check(secret, hook.headers, hook.body + b" ")
    assert not check(secret, {**hook.headers, "webhook-id": "msg_other"}, hook.body)
    assert not check(secret, {**hook.headers, "webhook-timestamp": "1"}, hook.body)
    return bool(check(secret, hook.headers, hook.body))


async def spend(scene: Scene, account: Account) -> None:
    client = scene.openai(account.key)
    await client.chat.completions.create(model="openai/gpt-4.1-mini-us", messages=MESSAGES, max_tokens=20)
    await account.settled()


async def test_a_budget_that_is_nearly_spent_is_told_once_even_when_billing_dies(scene: Scene) -> None:
    account = await scene.bank.account(5 * UNIT)
    await spend(scene, account)
    spent = 5 - (await account.money())[0]
    async with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        set_ = {"budget_per_month": f"{spent * 100:f}", "alert_webhook": {"url": url}, "alert_thresholds": [1, 90]}
        told = await scene.patch(account.id, set_)
        assert told["alert_thresholds"] == [1, 90]
        await receiver.until(1, seconds=20)
        assert verified(told["alert_webhook"]["secret"], receiver)
        said = orjson.loads(receiver.hooks[0].body)
        assert (said["type"], said["data"]["tenant"]) == ("budget.threshold", account.id)
        assert said["data"]["threshold_percent"] == 1
        await asyncio.sleep(1)  # what was said is put on record after it was taken
        pid = scene.street.kill("billing")
        await scene.street.wait_restarted("billing", pid, 30)
        await asyncio.sleep(5)
        assert len(receiver.hooks) == 1
        await scene.patch(account.id, {"budget_per_month": f"{spent:f}"})
        await receiver.until(2, seconds=20)
        assert orjson.loads(receiver.hooks[1].body)["data"]["threshold_percent"] == 90
    assert "receiver-canary" not in scene.street.log("billing")


async def test_no_log_of_the_street_holds_a_credential(scene: Scene) -> None:
    names = os.listdir(scene.street.state.logs)  # noqa: PTH208 - names are what is wanted
    assert names
    for name in names:
        text = scene.street.log(name.removesuffix(".log"))
        for canary in (THEIRS, AWS["secret_access_key"], "PRIVATE KEY"):
            assert canary not in text, name
