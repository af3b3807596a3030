"""Two accounts for a test: one with everything an account can have, and what the other sends to get at it."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from libs.contracts.ids import issued_at_ms
from libs.contracts.money import NANO
from tests.e2e.money import Account, bank_of
from tests.e2e.people import Doorman, Person, doorman_of
from tests.support.street import Street

ROUTE: Final = "Qwen/Qwen3-14B"
CHAT: Final[Mapping[str, Any]] = {"model": ROUTE, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
SUBSTITUTED: Final[Mapping[str, Any]] = {
    **CHAT,
    "messages": [{"role": "user", "content": "zq-somebody@example.com, 416-555-0100: write to them"}],
    "pii_substitution": True,
}
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, read to its end."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Side:
    """An account, one of its keys, and its owner signed in."""

    door: Doorman
    account: Account
    owner: Person

    @property
    def as_key(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self.account.key}"}

    @property
    def as_owner(self) -> Mapping[str, str]:
        return self.owner.headers

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """By the owner, unless `headers` say otherwise."""
        data = None if body is None else orjson.dumps(body)
        sent = {**(self.as_owner if headers is None else headers)}
        if data is not None:
            sent["Content-Type"] = "application/json"
        url = self.door.street.base_url + path
        async with self.door.http.request(method, url, data=data, params=params, headers=sent) as answer:
            return Reply(status=answer.status, body=await answer.read())

    async def must(self, method: str, path: str, **more: Any) -> Any:
        reply = await self.ask(method, path, **more)
        assert reply.status in (200, 201), (method, path, reply.status, reply.body)
        return reply.json


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """What the first account has, by the name of the parameter or member that would name it."""

    things: Mapping[str, str]
    cursors: Mapping[str, str]  # by path
    marks: frozenset[str]  # what nobody else may ever be shown


def invented(name: str, thing: str) -> str:
    """Of the same form and, where an id tells its time, of the same millisecond; nobody has it."""
    if name in ("request_id", "first_request_id"):
        return f"{int(thing, 16) ^ 0x5A5:016x}"
    head, _, tail = thing.rpartition("_")
    return f"{head}_{''.join(secrets.choice(_LETTERS) for _ in tail)}"


async def side_of(street: Street, door: Doorman, admin: Person) -> Side:
    async with bank_of(street) as bank:
        account = await bank.account(5 * NANO)
    owner = await door.invited(admin, account.id, "owner")
    return Side(door=door, account=account, owner=owner)


async def settle(side: Side) -> Belongings:
    """Use everything an account can use, and remember what came of it."""
    key = await side.must("POST", "/api/keys", body={"name": "zq-the-first-account-s-key"})
    await side.must("POST", "/api/keys", body={"name": "zq-another-of-them"})
    user = await side.must("POST", "/api/admin/users", body={"email": "zq-member@example.com", "name": "zq-member"})
    await side.must("PUT", "/api/byok/anthropic", body={"api_key": "zq-credential-of-the-first-ZQZQ"})
    policy = {"default": None, "policies": [{"id": "zq-policy_of_theirs", "deny": ["zq-denied"]}]}
    await side.must("PUT", "/api/policy", body={"pii": policy})
    once = f"zq-once-{secrets.token_hex(4)}"
    asked = {**side.as_key, "Idempotency-Key": once}
    ids = [await _request(side, asked), await _request(side, side.as_key, SUBSTITUTED)]
    rows = await _eventually(side, "/api/usage", 2)
    moves = await _eventually(side, "/api/credits/transactions", 3)
    await _eventually(side, "/api/admin/pii-audit", 2)
    acts = await _eventually(side, "/api/admin/log", 4)
    cursors = {}
    for path in ("/keys", "/usage", "/credits/transactions"):
        for prefix in ("/api", "/api/v1/inference"):
            cursors[prefix + path] = (await side.must("GET", prefix + path, params={"limit": "1"}))["next"]
    for path in ("/api/admin/users", "/api/admin/pii-audit", "/api/admin/log"):
        cursors[path] = (await side.must("GET", path, params={"limit": "1"}))["next"]
    cursors["/api/admin/custody/holds"] = ids[0]  # a page ends with a request, and is longer than a test makes it
    assert all(cursors.values())
    keys = (await side.must("GET", "/api/keys"))["data"]
    return Belongings(
        things={
            "key_id": key["id"],
            "key": keys[0]["id"],
            "user_id": user["id"],
            "tenant_id": side.account.id,
            "tenant": side.account.id,
            "request_id": ids[0],
            "Idempotency-Key": once,
            "email": side.owner.email,
            "pii_policy": "zq-policy_of_theirs",
            "actor": side.owner.id,
            "target": key["id"],
        },
        cursors=cursors,
        marks=frozenset(
            {
                side.account.id,
                side.account.key,
                side.owner.email,
                side.owner.id,
                "zq-",
                "ZQZQ",
                *ids,
                *(each["id"] for each in keys),
                *(each["request_id"] for each in rows),
                *(each["id"] for each in moves),
                *(each["id"] for each in acts),
            }
        ),
    )


async def standing(side: Side) -> dict[str, Any]:
    """All that an account's owner sees of it."""
    paths = ("/api/keys?status=all", "/api/admin/users", "/api/byok", "/api/credits", "/api/credits/transactions")
    found = {path: await side.must("GET", path) for path in (*paths, "/api/usage", "/api/policy")}
    return found | {"key": (await side.ask("GET", "/v1/models", headers=side.as_key)).status}


async def aged(request_id: str, seconds: float) -> None:
    """Until an id is so old."""
    left = issued_at_ms(request_id) / 1000 + seconds - time.time()
    await asyncio.sleep(max(0.0, left))


@asynccontextmanager
async def two_sides(street: Street) -> AsyncIterator[tuple[Side, Side]]:
    async with doorman_of(street) as door:
        admin = await door.admin()
        yield await side_of(street, door, admin), await side_of(street, door, admin)


async def _request(side: Side, headers: Mapping[str, str], body: Mapping[str, Any] = CHAT) -> str:
    url = f"{side.door.street.base_url}/v1/chat/completions"
    async with side.door.http.post(url, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return str(answer.headers["x-ni-request-id"])


async def _eventually(side: Side, path: str, entries: int) -> list[dict[str, Any]]:
    for _ in range(100):
        try:
            found: list[dict[str, Any]] = (await side.must("GET", path))["data"]
        except aiohttp.ClientError:
            found = []
        if len(found) >= entries:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path} has fewer than {entries} entries")
