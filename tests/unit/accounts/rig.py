"""The accounts service on a bus in memory: its handlers, its buckets, and a clock that a test turns."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from argon2 import PasswordHasher

from libs.auth.envelopes import new_ring, write_ring
from libs.auth.keys import digest, last4, mint, prefix_of
from libs.auth.passwords import Passwords
from libs.auth.records import KeyRecord, Role, TenantRecord, UserRecord, new_id, user_key
from libs.auth.rights import Right
from libs.auth.sessions import read_keys
from libs.bus.base import Bus
from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.catalog.live import Live
from libs.catalog.load import load
from libs.catalog.model import Catalog
from libs.contracts.failures import from_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold, Actor
from libs.telemetry.metrics import Metrics
from services.accounts.api.asking import Desk
from services.accounts.api.endpoints import responders
from services.accounts.buckets import Buckets
from services.accounts.handlers import Accounts
from services.accounts.sessions import Sessions

NOW_S = 1_772_323_200
PEPPER = b"p" * 32
ALERTS = b"a" * 32
SESSION_KEYS = read_keys(bytes(range(32)))
EVERY_TIER = ("managed_canadian_cloud", "self_hosted", "provider_api")


@cache
def catalog() -> Catalog:
    return load(Path("infra/config"))


@cache
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@dataclass
class Rig:
    """`t_a` and `t_b` are accounts; `raw` are the secrets of the keys that `key` made."""

    bus: Bus
    buckets: Buckets
    desk: Desk
    accounts: Accounts
    verbs: Mapping[str, Any]
    kek_file: Path
    now_s: float = NOW_S
    raw: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s, UTC)

    async def tenant(self, tenant_id: str, **more: Any) -> TenantRecord:
        record = TenantRecord(id=tenant_id, name=tenant_id, created=self.now(), **more)
        await self.bus.put("tenants", tenant_id, record.to_bytes())
        return record

    async def key(self, tenant: str = "t_a", **more: Any) -> Actor:
        """A key with every tier unless said otherwise, as who asks."""
        secret = mint("ni_live_", os.urandom)
        fields: dict[str, Any] = {"name": "k", "allowed_tiers": EVERY_TIER, **more}
        record = KeyRecord(
            id=new_id("k", os.urandom),
            tenant=tenant,
            digest=digest(PEPPER, secret),
            prefix=prefix_of(secret),
            last4=last4(secret),
            created=self.now(),
            **fields,
        )
        await self.bus.put("keys", record.digest, record.to_bytes())
        self.raw[record.id] = secret
        return Actor(tenant=tenant, key_digest=record.digest)

    async def user(self, role: Role, tenant: str = "t_a", **more: Any) -> Actor:
        user_id = new_id("u", os.urandom)
        fields: dict[str, Any] = {"email": f"{user_id}@x.y", "password_hash": "x", **more}
        record = UserRecord(id=user_id, role=role, tenant=tenant, created=self.now(), **fields)
        await self.bus.put("users", user_key(record.email), record.to_bytes())
        return Actor(tenant=tenant, user_id=user_id, role=role.value)

    def session(self, role: Role = Role.OWNER, tenant: str = "t_a") -> Actor:
        return Actor(tenant=tenant, user_id="u_me", role=role.value)

    async def ask(self, right: Right, actor: Actor, body: Any = None, **more: Any) -> Any:
        """The answer's JSON; a refusal is raised as what it is."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        ask = AccountAsk(actor=actor, body=raw, **more)
        told = AccountTold.FromString(await self.verbs[right.value](ask.SerializeToString()))
        if told.HasField("failure"):
            raise from_query_failure(told.failure)
        return orjson.loads(told.json)

    def stored(self) -> bytes:
        """Every byte that any bucket ever held."""
        assert isinstance(self.bus, MemoryBus)
        return b"\n".join(m.subject.encode() + m.data for s in self.bus._streams.values() for m in s.messages)


@asynccontextmanager
async def rig(folder: Path, bus: Bus | None = None) -> AsyncIterator[Rig]:
    bus, metrics = bus or MemoryBus(), Metrics()
    kek_file = folder / "kek"
    kek_file.write_bytes(write_ring(new_ring(os.urandom)))
    made: Rig
    async with AsyncExitStack() as stack:
        buckets = Buckets.on(bus, metrics)
        await buckets.start(stack)
        facts = FactPublisher(bus, metrics)
        stack.push_async_callback(facts.close)
        desk = Desk(
            keys=buckets.keys,
            tenants=buckets.tenants,
            users=buckets.users,
            byok=buckets.byok,
            aliases=buckets.aliases,
            shown=buckets.shown,
            live=Live(catalog()),
            metrics=metrics,
            pepper=PEPPER,
            alerts_key=ALERTS,
            base_url="http://ni.example",
            facts=facts,
            now=lambda: made.now(),  # noqa: PLW0108 - there is no `made` yet
            random_bytes=os.urandom,
        )
        sessions = Sessions(buckets=buckets, keys=SESSION_KEYS, now_s=lambda: made.now_s, random_bytes=os.urandom)
        accounts = Accounts(sessions=sessions, passwords=passwords(), metrics=metrics)
        verbs = responders(desk, kek_file)
        made = Rig(bus=bus, buckets=buckets, desk=desk, accounts=accounts, verbs=verbs, kek_file=kek_file)
        await made.tenant("t_a")
        await made.tenant("t_b")
        yield made
