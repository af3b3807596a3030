"""What the endpoints' handlers share: buckets, clock and chance; who asks, what they may; the way in and out."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.auth.acts import administered
from libs.auth.principal import in_force, principal
from libs.auth.records import AliasesRecord, ByokRecord, KeyRecord, Role, ShownRecord, TenantRecord, UserRecord
from libs.auth.rights import Right, Standing, permit, standing_of
from libs.bus.facts import FactPublisher
from libs.catalog.live import Live
from libs.contracts.errors import AccountDeactivated, InvalidRequest, NorthernError, RecordUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold, Actor
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.accounts.bodies.keys import CATALOG
from services.accounts.held import Held

_RECORD_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every handler of the account API needs. `alerts_key` derives the secrets of webhooks, where it is set."""

    keys: Held[KeyRecord]
    tenants: Held[TenantRecord]
    users: Held[UserRecord]
    byok: Held[ByokRecord]
    aliases: Held[AliasesRecord]
    shown: Held[ShownRecord]
    live: Live
    metrics: Metrics
    pepper: bytes
    alerts_key: bytes | None
    base_url: str
    facts: FactPublisher
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    @property
    def context(self) -> dict[str, Any]:
        """What bodies are read with."""
        return {CATALOG: self.live.current}


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, as accounts knows them now. `key` is the one they asked with; None: by session."""

    tenant: TenantRecord
    standing: Standing
    key: KeyRecord | None
    user_id: str

    @property
    def role(self) -> Role:
        """Of a user; `permit` lets no key come here."""
        return Role(self.standing.value)

    @property
    def name(self) -> str:
        """Who it was, for the record and the log."""
        return self.key.id if self.key else self.user_id


Answer = Callable[[Asker, AccountAsk], Awaitable[Mapping[str, Any]]]


def responder(desk: Desk, right: Right, answer: Answer) -> Callable[[bytes], Awaitable[bytes]]:
    """Bytes of an AccountAsk in, of an AccountTold out; whoever lacks the right gets no further than that."""

    async def respond(data: bytes) -> bytes:
        try:
            ask = AccountAsk.FromString(data)
            await desk.keys.current()
            await desk.tenants.current()
            asker = _asker(desk, ask.actor)
            permit(asker.standing, right)
            found = await answer(asker, ask)
            told = AccountTold(json=orjson.dumps(found))
        except DecodeError:
            told = AccountTold(failure=to_query_failure(InvalidRequest("This is no AccountAsk message.")))
        except NorthernError as error:
            told = AccountTold(failure=to_query_failure(error))
        else:
            await _on_record(desk, right, asker, ask, found)
        return told.SerializeToString()

    return respond


def _asker(desk: Desk, actor: Actor) -> Asker:
    """Raises what `principal` raises: between the edge's look and this one a key may have been revoked."""
    if actor.key_digest:
        found = in_force(desk.keys.get(actor.key_digest), desk.keys.get)
        tenant = desk.tenants.get(found.key.tenant) if found else None
        principal(found, tenant, round(desk.now().timestamp() * 1000))
        assert found is not None
        assert tenant is not None
        return Asker(tenant=tenant, standing=Standing.KEY, key=found.key, user_id="")
    tenant = desk.tenants.get(actor.tenant)
    if tenant is None or not actor.user_id:
        raise AccountDeactivated("This account is gone. Sign in again.")
    standing = standing_of(actor.role or "nobody")
    return Asker(tenant=tenant, standing=standing, key=None, user_id=actor.user_id)


async def _on_record(desk: Desk, right: Right, asker: Asker, ask: AccountAsk, found: Mapping[str, Any]) -> None:
    """What was done is a fact, durable before it is answered; where the broker is late, soon after."""
    if right.value.endswith(("_list", "_get")):
        return
    target = ask.id or str(found.get("id", ""))
    desk.metrics.count("account_changes_total", right.value)
    logger().info("account_changed", verb=right.value, tenant=asker.tenant.id, actor=asker.name, target=target)
    fact = administered(
        act_id=desk.random_bytes(12).hex(),
        at_ms=round(desk.now().timestamp() * 1000),
        verb=right.value,
        tenant=_concerned(desk, right, asker, target, found),
        actor=asker.name,
        standing=asker.standing.value,
        actor_tenant=asker.tenant.id,
        target=target,
        members=_members(ask.body),
        answer=found,
    )
    try:
        await asyncio.wait([desk.facts.publish("admin", fact)], timeout=_RECORD_S)
    except RecordUnavailable:
        logger().error("admin_fact_lost", verb=right.value, tenant=fact.tenant, actor=asker.name, target=target)


def _concerned(desk: Desk, right: Right, asker: Asker, target: str, found: Mapping[str, Any]) -> str:
    """The account that was changed: an admin of the platform may change another's."""
    if right in (Right.TENANT_CREATE, Right.TENANT_CHANGE):
        return target
    if right in (Right.USER_CREATE, Right.USER_CHANGE):
        return str(found["tenant"])
    if right is Right.USER_INVITE:
        return next((user.tenant for user in desk.users.everything().values() if user.id == target), asker.tenant.id)
    return asker.tenant.id


def _members(body: bytes) -> Iterable[str]:
    """Names of what was sent; it was read before, so they are known ones."""
    try:
        sent = orjson.loads(body)
    except ValueError:
        return ()
    return sent if isinstance(sent, dict) else ()
