"""Decisions about keys and users: what a change makes of them, who may make it, which records are one key."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from libs.auth.records import KeyRecord, KeyStatus, RateLimits, Role, UserRecord
from libs.auth.rights import manages
from libs.contracts.errors import InvalidRequest, NotPermitted

MOST_OVERLAPS: Final = 16  # secrets of one key before the present one that are still accepted


def heads(records: Mapping[str, KeyRecord]) -> list[KeyRecord]:
    """Each key once: the record of its present secret. A rotation that died halfway left a record nobody points at."""
    return [record for record in records.values() if record.superseded_by is None and _pointed_at(record, records)]


def predecessors(records: Mapping[str, KeyRecord], head: KeyRecord, now: datetime) -> list[KeyRecord]:
    """The secrets before the present one that are still accepted, latest first."""
    found: list[KeyRecord] = []
    record: KeyRecord | None = head
    while record is not None and record.rotated_from is not None:
        record = records.get(record.rotated_from)
        if record is not None and _accepted(record, now):
            found.append(record)
    return found


def changed_key(
    key: KeyRecord, changes: Mapping[str, Any], limits: Mapping[str, int | None], now: datetime
) -> KeyRecord:
    """The key with what was sent. Raises InvalidRequest: revoked, or it would have ended already."""
    if key.status is not KeyStatus.ACTIVE:
        raise InvalidRequest("This key is revoked, for good. Create a new one.")
    expires = changes.get("expires_at")
    if expires is not None and expires <= now:
        raise InvalidRequest("`expires_at` must lie in the future; to end a key now, delete it", param="expires_at")
    rate_limits = RateLimits.model_validate({**key.rate_limits.model_dump(), **limits})
    return key.model_copy(update={**changes, "rate_limits": rate_limits})


def check_not_wider(key: KeyRecord, asker: KeyRecord) -> None:
    """A key makes and changes only keys that may do no more than itself. Raises NotPermitted naming the member."""
    tiers = set(key.allowed_tiers) <= set(asker.allowed_tiers)
    places = not asker.residency or (bool(key.residency) and set(key.residency) <= set(asker.residency))
    cap, own_cap = key.max_spend_per_day, asker.max_spend_per_day
    spend = own_cap is None or (cap is not None and _number(cap) <= _number(own_cap))
    ends, own_end = key.expires_at, asker.expires_at
    expiry = own_end is None or (ends is not None and ends <= own_end)
    within = {
        "allowed_tiers": tiers,
        "residency": places,
        "byok": asker.byok or not key.byok,
        "max_spend_per_day": spend,
        "expires_at": expiry,
        **{
            f"rate_limits.{name}": _not_more(getattr(key.rate_limits, name), getattr(asker.rate_limits, name))
            for name in RateLimits.model_fields
        },
    }
    for param, good in within.items():
        if not good:
            raise NotPermitted(
                f"`{param}`: a key may make and change only keys that may do no more than itself; "
                "use a key that may do more, or sign in",
                param=param,
            )


def check_counts_itself(asker: KeyRecord, key_id: str = "") -> None:
    """Spending and rates are counted by key: one that is limited in them and had others would have each limit again.

    So it manages itself alone; `key_id` is empty for a key to be made. Raises NotPermitted naming the limit.
    """
    limited = {
        "max_spend_per_day": asker.max_spend_per_day is not None,
        "rate_limits": asker.rate_limits != RateLimits(),
    }
    for param, counted in limited.items():
        if counted and key_id != asker.id:
            raise NotPermitted(
                f"`{param}`: a key that is limited in it neither makes nor changes other keys, for each would count "
                "by itself; use a key without such a limit, or sign in",
                param=param,
            )


def check_may_manage(manager: Role, manager_id: str, user: UserRecord, changes: Mapping[str, Any]) -> None:
    """Who changes whom, and into what. Raises NotPermitted and InvalidRequest naming the member."""
    if not manages(manager, user.role):
        raise NotPermitted(f"The role {manager.value} may not change users in the role {user.role.value}.")
    check_may_give(manager, changes.get("role", user.role))
    if user.id == manager_id:
        for name in ("role", "status"):
            if changes.get(name, getattr(user, name)) != getattr(user, name):
                raise InvalidRequest(f"`{name}` of your own user is for somebody else to change", param=name)


def check_may_give(manager: Role, role: Role) -> None:
    """Raises NotPermitted: nobody gives a role beyond their own."""
    if not manages(manager, role):
        raise NotPermitted(f"The role {manager.value} may not give the role {role.value}.", param="role")


def sorted_by_age(records: Iterable[KeyRecord]) -> list[KeyRecord]:
    return sorted(records, key=lambda record: (record.created, record.id))


def _pointed_at(record: KeyRecord, records: Mapping[str, KeyRecord]) -> bool:
    if record.rotated_from is None:
        return True
    before = records.get(record.rotated_from)
    return before is not None and before.superseded_by == record.digest


def _accepted(record: KeyRecord, now: datetime) -> bool:
    until = record.superseded_until
    return record.status is KeyStatus.ACTIVE and until is not None and until > now


def _number(amount: str) -> tuple[int, str]:
    """Decimal strings of records in their order, without rounding."""
    whole, _, part = amount.partition(".")
    return int(whole), part.ljust(9, "0")


def _not_more(limit: int | None, most: int | None) -> bool:
    return most is None or (limit is not None and limit <= most)
