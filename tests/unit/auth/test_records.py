"""Records: there and back, from newer writers, and from garbage."""

from datetime import UTC, datetime

import orjson
import pytest
from pydantic import ValidationError

from libs.auth.records import (
    KeyRecord,
    RateLimits,
    Role,
    TenantRecord,
    UnreadableRecord,
    UserRecord,
    new_id,
    user_key,
)
from libs.contracts.subjects import token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = TenantRecord(id="t_a", name="A", opening_deposit="100.00", created=NOW)
USER = UserRecord(id="u_a", email="a@b.c", role=Role.OWNER, tenant="t_a", password_hash="$argon2id$x", created=NOW)
KEY = KeyRecord(
    id="k_a",
    tenant="t_a",
    name="one",
    digest="0f" * 32,
    prefix="ni_live_",
    last4="abcd",
    allowed_tiers=("provider_api",),
    residency=("CA",),
    max_spend_per_day="12.50",
    rate_limits=RateLimits(rpm=60),
    expires_at=NOW,
    created=NOW,
)


@pytest.mark.parametrize("record", [TENANT, USER, KEY], ids=lambda r: type(r).__name__)
def test_a_record_comes_back_as_it_was(record: TenantRecord | UserRecord | KeyRecord) -> None:
    assert type(record).from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize("record", [TENANT, USER, KEY], ids=lambda r: type(r).__name__)
def test_a_newer_writers_members_are_ignored(record: TenantRecord | UserRecord | KeyRecord) -> None:
    newer = orjson.loads(record.to_bytes()) | {"from_the_future": {"a": 1}}
    assert type(record).from_bytes(orjson.dumps(newer)) == record


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'{"id":"secret-text"}', b"\xff"])
def test_garbage_is_refused_and_not_quoted(data: bytes) -> None:
    with pytest.raises(UnreadableRecord) as caught:
        UserRecord.from_bytes(data)
    assert "secret-text" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_unknown_status_fails_closed() -> None:
    newer = orjson.loads(KEY.to_bytes()) | {"status": "suspended"}
    with pytest.raises(UnreadableRecord, match="status"):
        KeyRecord.from_bytes(orjson.dumps(newer))


@pytest.mark.parametrize("amount", ["-1", "1e3", "1.0000000001", "", "1,00", "NaN", "1\n"])
def test_an_amount_is_a_plain_decimal(amount: str) -> None:
    with pytest.raises(ValidationError):
        TenantRecord(id="t_a", name="A", opening_deposit=amount, created=NOW)


def test_a_password_hash_is_in_no_repr() -> None:
    assert "argon2" not in repr(USER)


def test_a_user_is_found_however_the_address_is_written() -> None:
    assert user_key(" Admin@Northern.LOCAL ") == user_key("admin@northern.local")
    assert user_key("b@northern.local") != user_key("admin@northern.local")


def test_an_id_may_stand_in_a_subject() -> None:
    identifier = new_id("t", lambda n: bytes(range(n)))
    assert token(identifier) == identifier
    assert identifier == "t_aaaqeayeaudaocaj"
