"""What the shard must know of accounts and keys: a watched copy of their records, and the accounts they open."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from libs.auth.records import KeyRecord, KeyStatus, TenantRecord, TenantStatus, UnreadableRecord
from libs.bus.base import Bus
from libs.bus.watch import Watch
from libs.catalog.billing.terms import ACCOUNT_CURRENCY
from libs.contracts.errors import AccountDeactivated, BillingUnavailable, InvalidApiKey, KeyRevoked
from libs.contracts.money import nano_of
from libs.contracts.northern.v1.ledger_pb2 import OpenAccount, TopUp
from libs.ledger.limits import Limits
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

NO_LIMITS: Final = Limits()
_QUARTER_MS: Final = 15 * 60_000  # every zone's offset is a multiple of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Alerting:
    """Where an account is told of its budget, and at which percentages of it."""

    url: str
    version: int
    thresholds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A tenant's. `budget_nano`: for a month; None: none. `alerts` only where there is a budget to be told of."""

    active: bool
    zone: str
    budget_nano: int | None
    deposit_nano: int
    alerts: Alerting | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """`cap_nano`: for a day; None: none."""

    tenant: str
    active: bool
    cap_nano: int | None
    limits: Limits


class Rules:
    """Accounts by id and keys by id, as the buckets have them. A copy that is stale too long decides nothing."""

    def __init__(self, bus: Bus, metrics: Metrics, on_account: Callable[[str], None] = lambda _: None) -> None:
        self.accounts: dict[str, Account] = {}
        self.alerted: set[str] = set()  # those with `alerts`
        self._keys: dict[str, Key] = {}
        self._records: dict[str, KeyRecord] = {}  # by digest
        self._rotated: dict[str, set[str]] = {}  # digests by the key's id: a rotated key keeps it
        self.on_account = on_account
        self._watches = (
            Watch(bus, "tenants", self._tenant_said, metrics),
            Watch(bus, "keys", self._key_said, metrics),
        )

    async def start(self) -> None:
        for watch in self._watches:
            await watch.start()

    async def close(self) -> None:
        for watch in self._watches:
            await watch.close()

    @property
    def fresh(self) -> bool:
        return not any(watch.stale for watch in self._watches)

    def knows(self, tenant: str, key_id: str) -> bool:
        """Whether there are records to decide by; a session has no key."""
        return tenant in self.accounts and (not key_id or key_id in self._keys)

    def account(self, tenant: str) -> Account:
        """Raises BillingUnavailable, InvalidApiKey (there is none), AccountDeactivated."""
        if any(watch.blind for watch in self._watches):
            raise BillingUnavailable(
                "the account's limits cannot be checked right now; try again in a moment", retry_after_ms=1000
            )
        account = self.accounts.get(tenant)
        if account is None:
            raise InvalidApiKey("This account is not known. Check the API key, or create a new one.")
        if not account.active:
            raise AccountDeactivated("This account is deactivated. Ask your administrator to activate it.")
        return account

    def key(self, tenant: str, key_id: str) -> Key | None:
        """None for a session, which has no limits of its own. Raises InvalidApiKey, KeyRevoked."""
        if not key_id:
            return None
        key = self._keys.get(key_id)
        if key is None or key.tenant != tenant:
            raise InvalidApiKey("Invalid API key. Check that it was copied whole, or create a new one.")
        if not key.active:
            raise KeyRevoked("This API key was revoked. Create a new one and use that.")
        return key

    def zone(self, tenant: str) -> str:
        account = self.accounts.get(tenant)
        return account.zone if account else "UTC"

    def _tenant_said(self, tenant: str, value: bytes | None) -> None:
        try:
            record = None if value is None else TenantRecord.from_bytes(value)
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket="tenants", error_type=type(error).__name__)
            record = None
        if record is None or record.id != tenant:
            self.accounts.pop(tenant, None)
            self.alerted.discard(tenant)
            return
        budget = record.budget_per_month
        self.accounts[tenant] = Account(
            active=record.status is TenantStatus.ACTIVE,
            zone=record.time_zone,
            budget_nano=None if budget is None else nano_of(budget),
            deposit_nano=nano_of(record.opening_deposit),
            alerts=_alerting(record),
        )
        if self.accounts[tenant].alerts is None:
            self.alerted.discard(tenant)
        else:
            self.alerted.add(tenant)
        self.on_account(tenant)

    def _key_said(self, digest: str, value: bytes | None) -> None:
        try:
            record = None if value is None else KeyRecord.from_bytes(value)
        except UnreadableRecord as error:
            logger().error("record_unreadable", bucket="keys", error_type=type(error).__name__)
            record = None
        before = self._records.pop(digest, None)
        if before is not None:
            self._rotated[before.id].discard(digest)
        if record is not None:
            self._records[digest] = record
            self._rotated.setdefault(record.id, set()).add(digest)
        for key_id in {one.id for one in (before, record) if one is not None}:
            self._decide(key_id)

    def _decide(self, key_id: str) -> None:
        """The key's settings are those of the record at the end of its rotations."""
        records = [self._records[digest] for digest in self._rotated[key_id]]
        head = next((record for record in records if record.superseded_by is None and self._in_place(record)), None)
        if head is not None:
            self._keys[key_id] = _key(head)
        else:
            self._keys.pop(key_id, None)
        if not records:
            del self._rotated[key_id]

    def _in_place(self, record: KeyRecord) -> bool:
        """A record made for a rotation is nobody's until the one before names it."""
        if record.rotated_from is None:
            return True
        before = self._records.get(record.rotated_from)
        return before is not None and before.superseded_by == record.digest


def _alerting(record: TenantRecord) -> Alerting | None:
    webhook = record.alert_webhook
    if webhook is None or record.budget_per_month is None:
        return None
    return Alerting(url=webhook.url, version=webhook.version, thresholds=record.alert_thresholds)


def _key(record: KeyRecord) -> Key:
    cap, rates = record.max_spend_per_day, record.rate_limits
    return Key(
        tenant=record.tenant,
        active=record.status is KeyStatus.ACTIVE,
        cap_nano=None if cap is None else nano_of(cap),
        limits=Limits(requests=rates.rpm, tokens=rates.tpm, concurrency=rates.concurrency),
    )


def counted_as(tenant: str, key_id: str) -> str:
    """Under which name spending and open holds are counted: the key's, or, for sessions, one for the account's."""
    return key_id or f"session:{tenant}"


def opening(tenant: str, account: Account | None) -> list[OpenAccount | TopUp]:
    """What opens a ledger account: in one batch, so that the deposit comes once, with the account it is for."""
    ops: list[OpenAccount | TopUp] = [
        OpenAccount(op_id=f"open:{tenant}", account=tenant, currency=ACCOUNT_CURRENCY),
    ]
    if account is not None and account.deposit_nano > 0:
        ops.append(
            TopUp(
                op_id=f"opening:{tenant}",
                account=tenant,
                amount_nano=account.deposit_nano,
                note="Opening deposit",
                by="northern",
            )
        )
    return ops


def day_and_month(zone: str, at_ms: int) -> tuple[str, str]:
    """The day and the month in a time zone; in UTC where there is no such zone."""
    return _day_and_month(zone, at_ms // _QUARTER_MS)


@lru_cache(maxsize=4096)
def _day_and_month(zone: str, quarter: int) -> tuple[str, str]:
    day = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, _zone(zone)).date().isoformat()
    return day, day[:7]


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return UTC
