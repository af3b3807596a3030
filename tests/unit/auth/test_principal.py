"""Which keys may be used, and what is said of the others."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.auth.principal import principal
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
    with pytest.raises(InvalidApiKey, match="expired"):
        principal(expiring, TENANT, NOW_MS + 1000)
