"""The watched copy of every account's policies, compiled when first needed; what is stale for too long refuses."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.contracts.errors import InvalidRequest, PiiUnavailable
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.record import AccountPolicies, UnreadablePolicies
from services.pii.policies import Policy
from services.pii.recognizers.rules import Rules, compile_rules

BUCKET: Final = "policies"
_COMPILED: Final = 256  # accounts whose policies are kept ready
_NOTHING: Final = AccountPolicies()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What holds for one request."""

    policy: Policy
    rules: Rules
    fingerprint: bytes  # of what the rules find: the same bytes, the same rules
    audit_days: int


class Policies:
    """Accounts' policies by account."""

    def __init__(self, bus: Bus, metrics: Metrics) -> None:
        self._accounts: dict[str, AccountPolicies | None] = {}  # None: what stands there cannot be read
        self._ready: OrderedDict[str, dict[str, Chosen]] = OrderedDict()  # by account and the policy's id
        self.watch = Watch(bus, BUCKET, self._keep, metrics)

    async def start(self) -> None:
        await self.watch.start()

    async def close(self) -> None:
        await self.watch.close()

    def of_account(self, tenant: str) -> AccountPolicies:
        """Raises PiiUnavailable: nobody knows what the account wants."""
        found = self._accounts.get(tenant, _NOTHING)
        if found is None or self.watch.blind:
            raise PiiUnavailable(
                "the account's policies cannot be read right now, so nothing was sent; try again in a moment",
                retry_after_ms=1000,
            )
        return found

    def choose(self, tenant: str, key_id: str, name: str) -> Chosen:
        """The policy a request names, else its key's, else its account's. Raises InvalidRequest and PiiUnavailable."""
        account = self.of_account(tenant)
        try:
            policy = account.named(name) if name else account.of_key(key_id)
        except UnreadablePolicies:
            logger().error("policies_unreadable", tenant=tenant)
            raise PiiUnavailable("the account's policies name one that is not there; correct them") from None
        if policy is None:
            raise InvalidRequest(
                "`pii_policy` names a policy that this account does not have; GET /api/policy lists them",
                param="pii_policy",
            )
        ready = self._ready.setdefault(tenant, {})
        self._ready.move_to_end(tenant)
        if len(self._ready) > _COMPILED:
            self._ready.popitem(last=False)
        chosen = ready.get(policy.id)
        if chosen is None:
            chosen = ready[policy.id] = Chosen(
                policy=policy,
                rules=compile_rules(policy),
                fingerprint=hashlib.blake2b(policy.model_dump_json().encode(), digest_size=16).digest(),
                audit_days=account.audit_days,
            )
        return chosen

    def _keep(self, tenant: str, value: bytes | None) -> None:
        self._accounts.pop(tenant, None)
        self._ready.pop(tenant, None)
        if value is None:
            return
        try:
            self._accounts[tenant] = AccountPolicies.from_bytes(value)
        except UnreadablePolicies:
            self._accounts[tenant] = None
            logger().error("record_unreadable", bucket=BUCKET, tenant=tenant)
