"""What the endpoints' handlers share: buckets, clock and chance; who asks, what they may; the way in and out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from libs.auth.principal import in_force, principal
from libs.auth.records import ByokRecord, KeyRecord, Role, TenantRecord, UserRecord
from libs.auth.rights import Right, Standing, permit, standing_of
from libs.catalog.model import Catalog
from libs.contracts.errors import AccountDeactivated, InvalidRequest, NorthernError
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.account_pb2 import AccountAsk, AccountTold, Actor
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.accounts.bodies.keys import CATALOG
from services.accounts.held import Held


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What every handler of the account API needs. `alerts_key` derives the secrets of webhooks, where it is set."""

    keys: Held[KeyRecord]
    tenants: Held[TenantRecord]
    users: Held[UserRecord]
    byok: Held[ByokRecord]
    catalog: Catalog
    metrics: Metrics
    pepper: bytes
    alerts_key: bytes | None
    base_url: str
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    @property
    def context(self) -> dict[str, Any]:
        """What bodies are read with."""
        return {CATALOG: self.catalog}


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
            told = AccountTold(json=orjson.dumps(await answer(asker, ask)))
        except DecodeError:
            told = AccountTold(failure=to_query_failure(InvalidRequest("This is no AccountAsk message.")))
        except NorthernError as error:
            told = AccountTold(failure=to_query_failure(error))
        else:
            _noted(desk, right, asker, ask)
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


def _noted(desk: Desk, right: Right, asker: Asker, ask: AccountAsk) -> None:
    if right.value.endswith(("_list", "_get")):
        return
    desk.metrics.count("account_changes_total", right.value)
    logger().info("account_changed", verb=right.value, tenant=asker.tenant.id, actor=asker.name, target=ask.id)
