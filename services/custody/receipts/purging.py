"""Taking out of the tables what was erased or is older than its account keeps records; the tree stays as it is."""

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.contracts.errors import StoreUnavailable
from libs.contracts.ids import EPOCH_MS, REQUEST_ID
from libs.store.base import Store
from libs.telemetry.log import logger
from services.custody.receipts.erasures import Erasure, ErasureTable, Rule
from services.custody.receipts.table import Gone

_LOOK_S: Final = 5.0
_EXPIRE_S: Final = 3600.0
_MOST: Final = 500  # erasures of one mutation
_MOST_HELD: Final = 10_000  # requests of an account that are held one by one; with more, all of it is kept
_DAY_MS: Final = 86_400_000
_TENANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

# A mutation rewrites the parts that hold such rows, and the parts before it are deleted from the disk minutes later.
_RECORDS: Final = "ALTER TABLE custody_records UPDATE salt = '', record = '', gone = '{gone}' WHERE {which}"
_FACTS: Final = """
    ALTER TABLE facts UPDATE fact = concat('{{"erased":true,"kind":"', kind, '"}}')
    WHERE {which} AND NOT startsWith(fact, '{{"erased"')
"""
_RUNNING: Final = """
    SELECT count() AS n FROM system.mutations
    WHERE database = currentDatabase() AND table IN ('custody_records', 'facts') AND NOT is_done
"""
_OLD: Final = """
    SELECT (SELECT count() FROM custody_records WHERE {which} AND record != '')
         + (SELECT count() FROM facts WHERE {which} AND NOT startsWith(fact, '{{"erased"')) AS n
"""


@dataclass(kw_only=True)
class Purging:
    """Run by one process at a time. `now_ms` is Unix time."""

    store: Store
    erasures: ErasureTable
    now_ms: Callable[[], int]
    look_s: float = _LOOK_S
    expire_s: float = _EXPIRE_S
    _begun: Sequence[Erasure] = field(default=(), init=False)  # those that the running mutations are about

    async def run(self) -> None:
        """For ever. What a killed process began is begun again."""
        self._begun = ()
        loop = asyncio.get_running_loop()
        expired_at = -self.expire_s + loop.time()
        while True:
            try:
                if await self.purge() and loop.time() - expired_at >= self.expire_s:
                    await self.expire()
                    expired_at = loop.time()
            except StoreUnavailable as error:
                logger().warning("purging_waits", error_type=type(error).__name__)
            await asyncio.sleep(self.look_s)

    async def purge(self) -> bool:
        """A step: begin, or note what is done. Whether nothing is left to do. Raises StoreUnavailable."""
        if (await self.store.query(_RUNNING))[0]["n"]:
            return False
        if self._begun:
            await self.erasures.purged(self._begun)
            logger().info("records_purged", count=len(self._begun))
            self._begun = ()
        due = [e for e in await self.erasures.due(_MOST) if _TENANT.fullmatch(e.tenant)]
        if not due:
            return True
        which = f"(tenant, request_id) IN ({', '.join(_pair(each) for each in due)})"
        await self.store.command(_RECORDS.format(which=which, gone=Gone.ERASED.value))
        await self.store.command(_FACTS.format(which=which))
        self._begun = due
        return False

    async def expire(self) -> None:
        """Begin to take out what is too old, but for what is held. Raises StoreUnavailable."""
        for rule in await self.erasures.retentions():
            held = {hold.target for hold in await self.erasures.holds(rule.tenant)}
            which = too_old(rule, held, self.now_ms())
            if which is None or not (await self.store.query(_OLD.format(which=which)))[0]["n"]:
                continue
            logger().info("records_expire", tenant=rule.tenant)
            await self.store.command(_RECORDS.format(which=f"{which} AND record != ''", gone=Gone.EXPIRED.value))
            await self.store.command(_FACTS.format(which=which))


def too_old(rule: Rule, held: Collection[str], now_ms: int) -> str | None:
    """Which requests of an account go, as SQL; None: none do."""
    if "" in held or len(held) > _MOST_HELD or not _TENANT.fullmatch(rule.tenant) or not rule.value:
        return None
    oldest_ms = now_ms - rule.value * _DAY_MS
    if oldest_ms <= EPOCH_MS:
        return None
    which = f"tenant = '{rule.tenant}' AND request_id < '{first_id(oldest_ms)}'"
    kept = ", ".join(f"'{each}'" for each in sorted(held) if REQUEST_ID.fullmatch(each))
    return f"{which} AND request_id NOT IN ({kept})" if kept else which


def first_id(at_ms: int) -> str:
    """The least id that could be issued at that time or later: ids are ordered by time."""
    return f"{max(0, at_ms - EPOCH_MS) << 23:016x}"


def _pair(erasure: Erasure) -> str:
    return f"('{erasure.tenant}', '{erasure.request_id}')"
