"""An account's policies as they are asked for and changed: `ni.query.pii.policy_get` and `policy_put`."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError

from libs.auth.acts import administered
from libs.bus.base import Bus, Conflict
from libs.bus.facts import FactPublisher
from libs.contracts.errors import InvalidRequest, NorthernError, Overloaded, PiiUnavailable, RecordUnavailable
from libs.contracts.failures import to_query_failure
from libs.contracts.northern.v1.query_pb2 import PiiPolicyAsk, PiiTold
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.record import AccountPolicies, UnreadablePolicies, read
from services.pii.account_policies.watched import BUCKET, Policies

_SEEN_S: Final = 3.0
_LOOK_S: Final = 0.005
_ATTEMPTS: Final = 8
_RECORD_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class PolicyDesk:
    """Who may ask, and for which account, has been decided at the edge."""

    bus: Bus
    policies: Policies
    facts: FactPublisher
    metrics: Metrics

    async def get(self, data: bytes) -> bytes:
        """PiiPolicyAsk in, PiiTold out."""
        return await self._answered(data, put=False)

    async def put(self, data: bytes) -> bytes:
        """The same; what is sent replaces what stood there. It holds for this process when it is answered."""
        return await self._answered(data, put=True)

    async def _answered(self, data: bytes, *, put: bool) -> bytes:
        try:
            ask = PiiPolicyAsk.FromString(data)
            if not ask.tenant:
                raise InvalidRequest("the question names no account")
            found = await (self._put(ask) if put else self._get(ask))
            told = PiiTold(json=orjson.dumps(_shown(found)))
        except DecodeError:
            told = PiiTold(failure=to_query_failure(InvalidRequest("the question cannot be read")))
        except NorthernError as error:
            told = PiiTold(failure=to_query_failure(error))
        return told.SerializeToString()

    async def _get(self, ask: PiiPolicyAsk) -> AccountPolicies:
        entry = await self.bus.get(BUCKET, ask.tenant)
        try:
            return AccountPolicies.from_bytes(entry.value) if entry else AccountPolicies()
        except UnreadablePolicies:
            raise PiiUnavailable("the account's policies cannot be read; PUT them anew") from None

    async def _put(self, ask: PiiPolicyAsk) -> AccountPolicies:
        wanted = read(ask.body)
        for _ in range(_ATTEMPTS):
            entry = await self.bus.get(BUCKET, ask.tenant)
            try:
                revision = await self.bus.put(
                    BUCKET, ask.tenant, wanted.to_bytes(), revision=entry.revision if entry else 0
                )
            except Conflict:
                continue
            self.metrics.count("account_changes_total", "policy_put")
            logger().info("account_changed", verb="policy_put", tenant=ask.tenant, actor=ask.actor)
            await self._on_record(ask)
            await self._seen(revision)
            return wanted
        raise Overloaded("Others are changing the same thing. Try again.", retry_after_ms=200)

    async def _on_record(self, ask: PiiPolicyAsk) -> None:
        """Like every administrative act: that it was done, by whom, and nothing of what lists and patterns hold."""
        fact = administered(
            act_id=secrets.token_hex(12),
            at_ms=time.time_ns() // 1_000_000,
            verb="policy_put",
            tenant=ask.tenant,
            actor=ask.actor,
            standing=ask.standing,
            actor_tenant=ask.tenant,
            members=("pii",),
        )
        try:
            await asyncio.wait([self.facts.publish("admin", fact)], timeout=_RECORD_S)
        except RecordUnavailable:
            logger().error("admin_fact_lost", verb="policy_put", tenant=ask.tenant, actor=ask.actor)

    async def _seen(self, revision: int) -> None:
        """Other processes of this service hear of it at the same moment, give or take a millisecond."""
        try:
            async with asyncio.timeout(_SEEN_S):
                while self.policies.watch.seq < revision:  # noqa: ASYNC110 - a copy is behind for a moment, if at all
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return  # it is written, and will be seen


def _shown(found: AccountPolicies) -> dict[str, Any]:
    return found.model_dump(mode="json")
