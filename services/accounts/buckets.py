"""The buckets of accounts, opened together: those with a watched copy, and those that are only looked up."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from libs.auth.records import AliasesRecord, ByokRecord, KeyRecord, SessionRecord, ShownRecord, TenantRecord, UserRecord
from libs.bus.base import Bus
from libs.telemetry.metrics import Metrics
from services.accounts.held import Held


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Every record that accounts writes."""

    tenants: Held[TenantRecord]
    users: Held[UserRecord]
    sessions: Held[SessionRecord]
    keys: Held[KeyRecord]
    byok: Held[ByokRecord]
    aliases: Held[AliasesRecord]
    shown: Held[ShownRecord]  # in the bucket `aliases` too

    @classmethod
    def on(cls, bus: Bus, metrics: Metrics) -> Self:
        return cls(
            tenants=Held(bus, "tenants", TenantRecord, lambda one: one.id, metrics),
            users=Held(bus, "users", UserRecord, lambda one: one.tenant, metrics),
            sessions=Held(bus, "sessions", SessionRecord, lambda one: one.user, metrics),
            keys=Held(bus, "keys", KeyRecord, lambda one: one.tenant, metrics),
            byok=Held(bus, "byok", ByokRecord, lambda one: one.tenant, metrics),
            aliases=Held(bus, "aliases", AliasesRecord, lambda one: one.tenant, metrics),
            shown=Held(bus, "aliases", ShownRecord, lambda one: one.tenant, metrics),
        )

    async def start(self, stack: AsyncExitStack) -> None:
        """Open the watches; the stack closes them. Raises BusUnavailable when there is no whole copy in time."""
        for held in (self.tenants, self.users, self.keys, self.byok):
            stack.push_async_callback(held.watch.close)
            await held.watch.start()

    @property
    def fresh(self) -> bool:
        return not any(held.watch.stale for held in (self.tenants, self.users, self.keys, self.byok))
