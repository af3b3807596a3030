"""Which keys may be used, and what is said of the others."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.auth.principal import InForce, Principal, in_force, narrowed_residency
from libs.auth.principal import principal as judged
from libs.auth.records import KeyRecord, KeyStatus, TenantRecord, TenantStatus
from libs.contracts.errors import AccountDeactivated, InvalidApiKey, KeyRevoked, NorthernError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
TENANT = TenantRecord(id="t_a", name="A", created=NOW)
KEY = KeyRecord(
    id="k_a",
    tenant="t_a",
    name="one",
    digest="0f" * 32,
    prefix="ni_live_",
    last4="abcd",
    allowed_tiers=("provider_api",),
    residency=("CA",),
    created=NOW,
)


def principal(key: KeyRecord | None, tenant: TenantRecord | None, now_ms: int) -> Principal:
    return judged(InForce(key=key) if key else None, tenant, now_ms)


def test_a_good_key_gives_what_it_allows() -> None:
    caller = principal(KEY, TENANT, NOW_MS)
    assert (caller.tenant, caller.key_id) == ("t_a", "k_a")
    assert caller.allowed_tiers == ("provider_api",)
    assert caller.residency == ("CA",)
    assert caller.optimize_mode == "balanced"


REVOKED = KEY.model_copy(update={"status": KeyStatus.REVOKED})
CLOSED = TENANT.model_copy(update={"status": TenantStatus.DEACTIVATED})


@pytest.mark.parametrize(
    ("key", "tenant", "error", "says"),
    [
        (None, TENANT, InvalidApiKey, "Invalid API key"),
        (KEY, None, InvalidApiKey, "Invalid API key"),
        (KEY, TENANT.model_copy(update={"id": "t_b"}), InvalidApiKey, "Invalid API key"),
        (REVOKED, TENANT, KeyRevoked, "Create a new one"),
        (REVOKED, CLOSED, KeyRevoked, "revoked"),
        (KEY, CLOSED, AccountDeactivated, "administrator"),
    ],
)
def test_a_key_that_may_not_be_used_says_what_to_do(
    key: KeyRecord | None, tenant: TenantRecord | None, error: type[NorthernError], says: str
) -> None:
    with pytest.raises(error, match=says):
        principal(key, tenant, NOW_MS)


def test_a_key_ends_at_the_moment_it_expires() -> None:
    expiring = KEY.model_copy(update={"expires_at": NOW + timedelta(seconds=1)})
    assert principal(expiring, TENANT, NOW_MS + 999).key_id == "k_a"
    with pytest.raises(KeyRevoked, match="expired"):
        principal(expiring, TENANT, NOW_MS + 1000)


def test_an_account_narrows_its_keys_and_two_residencies_that_exclude_each_other_leave_nothing() -> None:
    strict = TENANT.model_copy(update={"allowed_tiers": ("self_hosted",), "residency": ("US", "CA")})
    caller = principal(KEY, strict, NOW_MS)
    assert (caller.allowed_tiers, caller.residency) == ((), ("CA",))
    wide = KEY.model_copy(update={"residency": ()})
    assert principal(wide, strict, NOW_MS).residency == ("US", "CA")
    assert narrowed_residency(("FR",), strict) == ("none",)


OLD = KEY.model_copy(
    update={"digest": "0a" * 32, "superseded_by": KEY.digest, "superseded_until": NOW + timedelta(seconds=5)}
)


def rotated(given: KeyRecord, *held: KeyRecord) -> InForce | None:
    return in_force(given, {key.digest: key for key in held}.get)


def test_a_rotated_secret_has_what_its_successor_has_until_the_overlap_is_over() -> None:
    fresh = KEY.model_copy(update={"residency": ("US",)})
    found = rotated(OLD, OLD, fresh)
    assert judged(found, TENANT, NOW_MS + 4999).residency == ("US",)
    with pytest.raises(KeyRevoked, match="rotation"):
        judged(found, TENANT, NOW_MS + 5000)
    assert judged(rotated(fresh, OLD, fresh), TENANT, NOW_MS + 9000).key_id == "k_a"


def test_revoking_the_successor_or_the_old_secret_itself_ends_the_old_one() -> None:
    with pytest.raises(KeyRevoked, match="revoked"):
        judged(rotated(OLD, OLD, REVOKED), TENANT, NOW_MS)
    gone = OLD.model_copy(update={"status": KeyStatus.REVOKED})
    with pytest.raises(KeyRevoked, match="revoked"):
        judged(rotated(gone, gone, KEY), TENANT, NOW_MS)


def test_the_earliest_end_on_the_way_counts_and_a_way_that_leads_nowhere_lets_nobody_in() -> None:
    oldest = OLD.model_copy(
        update={"digest": "0b" * 32, "superseded_by": OLD.digest, "superseded_until": NOW + timedelta(hours=1)}
    )
    found = rotated(oldest, oldest, OLD, KEY)
    assert found is not None
    assert found.until == OLD.superseded_until
    assert rotated(OLD, OLD) is None
    ring = OLD.model_copy(update={"superseded_by": OLD.digest})
    assert rotated(ring, ring) is None
