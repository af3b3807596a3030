"""The first account is made once, survives dying anywhere, and several replicas agree on one."""

import asyncio
import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.auth.keys import checksum_ok, digest
from libs.auth.passwords import Passwords
from libs.auth.records import KeyRecord, KeyStatus, TenantRecord, UserRecord, user_key
from libs.bus.memory import MemoryBus
from libs.contracts.errors import BusUnavailable
from services.accounts.bootstrap import Bootstrap, Credentials, read, write_first
from services.accounts.domain import ADMIN_EMAIL, FIRST_TENANT

PEPPER = b"p" * 32
URL = "http://127.0.0.1:8080"
PASSWORDS = Passwords()


def bootstrap(bus: MemoryBus, path: Path, base_url: str = URL) -> Bootstrap:
    return Bootstrap(
        bus=bus,
        path=path,
        base_url=base_url,
        pepper=PEPPER,
        passwords=PASSWORDS,
        random_bytes=os.urandom,
        now=lambda: datetime.now(UTC),
    )


def stored(bus: MemoryBus, bucket: str) -> list[bytes]:
    """The values of a bucket, in the order in which they were written."""
    return [m.data for m in bus._streams[f"KV_{bucket}"].messages]


async def works(bus: MemoryBus, held: Credentials) -> bool:
    """Whether key and password of a file open the account."""
    key = await bus.get("keys", digest(PEPPER, held.api_key))
    user = await bus.get("users", user_key(held.admin_email))
    assert await bus.get("tenants", FIRST_TENANT) is not None
    if key is None or user is None:
        return False
    assert KeyRecord.from_bytes(key.value).digest == digest(PEPPER, held.api_key)
    return PASSWORDS.verify(UserRecord.from_bytes(user.value).password_hash, held.admin_password).right


async def test_a_first_start_leaves_a_file_that_opens_the_account(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "state" / "bootstrap.json"
    await bootstrap(bus, path)()
    written = json.loads(path.read_text())
    assert sorted(written) == ["admin_email", "admin_password", "api_key", "base_url"]
    assert written["base_url"] == URL
    assert written["admin_email"] == ADMIN_EMAIL == "admin@northern.local"
    assert len(written["admin_password"]) == 20
    assert written["api_key"].startswith("ni_live_")
    assert checksum_ok(written["api_key"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert await works(bus, Credentials(**written))
    tenant = TenantRecord.from_bytes(stored(bus, "tenants")[0])
    assert (tenant.id, tenant.opening_deposit) == (FIRST_TENANT, "100.00")


async def test_no_secret_is_in_a_bucket_or_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await bootstrap(bus, path)()
    held = read(path)
    assert held is not None
    everything = b"".join(stored(bus, "tenants") + stored(bus, "users") + stored(bus, "keys")).decode()
    everything += capsys.readouterr().out + repr(held)
    assert "bootstrap_completed" in everything
    for secret in (held.api_key, held.admin_password):
        assert secret not in everything


async def test_another_start_changes_nothing_but_a_moved_address(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await bootstrap(bus, path)()
    before, records = path.read_bytes(), [stored(bus, b) for b in ("tenants", "users", "keys")]
    await bootstrap(bus, path)()
    assert path.read_bytes() == before
    await bootstrap(bus, path, "http://127.0.0.1:9090")()
    assert json.loads(path.read_text()) == json.loads(before) | {"base_url": "http://127.0.0.1:9090"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [stored(bus, b) for b in ("tenants", "users", "keys")] == records


class Dying(MemoryBus):
    """A broker that goes away after so many writes, as a process that dies does."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    async def put(self, bucket: str, key: str, value: bytes, *, revision: int | None = None) -> int:
        if self.left == 0:
            self.fail()
        self.left -= 1
        return await super().put(bucket, key, value, revision=revision)


@pytest.mark.parametrize("writes", [0, 1, 2])
async def test_a_start_that_died_after_any_write_is_completed_by_the_next(tmp_path: Path, writes: int) -> None:
    bus, path = Dying(writes), tmp_path / "bootstrap.json"
    with pytest.raises(BusUnavailable):
        await bootstrap(bus, path)()
    bus.heal()
    bus.left = 99
    await bootstrap(bus, path)()
    held = read(path)
    assert held is not None
    assert await works(bus, held)
    assert [len(stored(bus, b)) for b in ("tenants", "users", "keys")] == [1, 1, 1]


async def test_a_lost_store_is_filled_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bootstrap.json"
    await bootstrap(MemoryBus(), path)()
    held, empty = read(path), MemoryBus()
    await bootstrap(empty, path)()
    assert held is not None
    assert read(path) == held
    assert await works(empty, held)


async def test_a_file_taken_away_is_not_made_again(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await bootstrap(bus, path)()
    path.unlink()
    await bootstrap(bus, path)()
    assert not path.exists()
    assert len(stored(bus, "keys")) == 1


async def test_a_revoked_key_and_a_changed_password_stay_as_they_are(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await bootstrap(bus, path)()
    held = read(path)
    assert held is not None
    place = digest(PEPPER, held.api_key)
    entry = await bus.get("keys", place)
    assert entry is not None
    revoked = KeyRecord.from_bytes(entry.value).model_copy(update={"status": KeyStatus.REVOKED})
    await bus.put("keys", place, revoked.to_bytes())
    user = UserRecord.from_bytes(stored(bus, "users")[0]).model_copy(update={"password_hash": "changed"})
    await bus.put("users", user_key(ADMIN_EMAIL), user.to_bytes())
    await bootstrap(bus, path)()
    assert KeyRecord.from_bytes(stored(bus, "keys")[-1]).status is KeyStatus.REVOKED
    assert stored(bus, "users")[-1] == user.to_bytes()
    assert path.exists()


async def test_replicas_on_one_machine_share_one_file(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await asyncio.gather(*(bootstrap(bus, path)() for _ in range(4)))
    held = read(path)
    assert held is not None
    assert await works(bus, held)
    assert [len(stored(bus, b)) for b in ("tenants", "users", "keys")] == [1, 1, 1]


async def test_of_replicas_on_several_machines_one_makes_the_account_and_no_file_lies(tmp_path: Path) -> None:
    bus = MemoryBus()
    paths = [tmp_path / name / "bootstrap.json" for name in "abcd"]
    await asyncio.gather(*(bootstrap(bus, path)() for path in paths))
    left = [held for path in paths if (held := read(path)) is not None]
    assert len(left) == 1
    assert await works(bus, left[0])
    assert len(stored(bus, "keys")) == 1


async def test_the_loser_that_died_before_it_knew_makes_no_second_key(tmp_path: Path) -> None:
    bus, winner, loser = MemoryBus(), tmp_path / "w" / "b.json", tmp_path / "l" / "b.json"
    await bootstrap(bus, winner)()
    write_first(loser, Credentials.fresh(URL, os.urandom))
    await bootstrap(bus, loser, "http://127.0.0.1:9090")()
    assert not loser.exists()
    assert len(stored(bus, "keys")) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"base_url": 1}'])
async def test_a_file_that_is_none_of_ours_is_left_alone_and_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bootstrap.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="move it away"):
        await bootstrap(MemoryBus(), path)()
    assert path.read_text() == text


async def test_a_key_changed_by_hand_is_refused_and_not_quoted(tmp_path: Path) -> None:
    bus, path = MemoryBus(), tmp_path / "bootstrap.json"
    await bootstrap(bus, path)()
    changed = json.loads(path.read_text()) | {"api_key": "ni_live_of_my_own"}
    path.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="by hand") as caught:
        await bootstrap(bus, path)()
    assert "of_my_own" not in str(caught.value)
