"""The first account: its credentials in a file, then its records in the buckets, whatever dies in between."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.auth.keys import GATEWAY, checksum_ok, digest, mint
from libs.auth.passwords import Passwords
from libs.auth.records import UserRecord, new_id, user_key
from libs.bus.base import Bus, Conflict
from libs.telemetry.log import logger
from services.accounts.domain import ADMIN_EMAIL, FIRST_TENANT, first_key, first_tenant, first_user


class Credentials(BaseModel):
    """The file: how to reach the deployment as its first account."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    base_url: str
    api_key: str = Field(repr=False)
    admin_email: str
    admin_password: str = Field(repr=False)

    @classmethod
    def fresh(cls, base_url: str, random_bytes: Callable[[int], bytes]) -> Self:
        """A new key and a password of 20 letters and digits."""
        password = mint("", random_bytes)[:20]
        key = mint(GATEWAY, random_bytes)
        return cls(base_url=base_url, api_key=key, admin_email=ADMIN_EMAIL, admin_password=password)


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Sees to it that there is a first account and that `path` opens it.

    The file comes first and the records follow from it, so a start that died anywhere is completed by the next.
    Of replicas that start together, the one that creates the user's record has made the account: the others'
    files open nothing and are removed.
    """

    bus: Bus
    path: Path
    base_url: str
    pepper: bytes
    passwords: Passwords
    random_bytes: Callable[[int], bytes]
    now: Callable[[], datetime]

    async def __call__(self) -> None:
        """Raises ValueError when file or record is none of ours, BusUnavailable when nothing can be looked up."""
        held = await asyncio.to_thread(read, self.path)
        if held is None:
            if await self.bus.get("users", user_key(ADMIN_EMAIL)) is not None:
                logger().info("bootstrap_done_before", path=str(self.path))
                return
            fresh = Credentials.fresh(self.base_url, self.random_bytes)
            held = await asyncio.to_thread(write_first, self.path, fresh)
        if not await self._opened(held):
            logger().warning("bootstrap_lost", path=str(self.path), reason="another replica made the first account")
            await asyncio.to_thread(self.path.unlink, missing_ok=True)
        elif held.base_url != self.base_url:
            moved = held.model_copy(update={"base_url": self.base_url})
            await asyncio.to_thread(overwrite, self.path, moved)

    async def _opened(self, held: Credentials) -> bool:
        """Create what is missing: account, user, key. False where the user is another's, and so the account.

        The key comes last: where it stands nothing is missing, whatever became of password and key since.
        """
        place = digest(self.pepper, held.api_key)
        if await self.bus.get("keys", place) is not None:
            return True
        now = self.now()
        await self._create("tenants", FIRST_TENANT, first_tenant(now).to_bytes())
        if not await self._claim(held, now):
            return False
        key = first_key(new_id("k", self.random_bytes), held.api_key, place, now)
        await self._create("keys", place, key.to_bytes())
        logger().info("bootstrap_completed", path=str(self.path), tenant=FIRST_TENANT, key_id=key.id)
        return True

    async def _claim(self, held: Credentials, now: datetime) -> bool:
        """Whether the first user is the one whose password this file holds."""
        place = user_key(held.admin_email)
        hashed = await asyncio.to_thread(self.passwords.hash, held.admin_password)
        user = first_user(new_id("u", self.random_bytes), hashed, now)
        if await self._create("users", place, user.to_bytes()):
            return True
        entry = await self.bus.get("users", place)
        stored = UserRecord.from_bytes(entry.value).password_hash if entry else None
        return (await asyncio.to_thread(self.passwords.verify, stored, held.admin_password)).right

    async def _create(self, bucket: str, key: str, value: bytes) -> bool:
        try:
            await self.bus.put(bucket, key, value, revision=0)
        except Conflict:
            return False
        return True


def read(path: Path) -> Credentials | None:
    """The credentials, None where there is no file. Raises ValueError on a file that is not ours."""
    try:
        held = Credentials.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise ValueError(f"{path} holds no credentials of a first account; move it away") from None
    if held.admin_email != ADMIN_EMAIL or not checksum_ok(held.api_key):
        raise ValueError(f"{path} was changed by hand; move it away, or put the written values back")
    return held


def write_first(path: Path, credentials: Credentials) -> Credentials:
    """Write the file unless it exists by now; what it holds then, of whoever was first."""
    temporary = _temporary(path, credentials)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return read(path) or credentials
    finally:
        temporary.unlink()
    _sync(path.parent)
    return credentials


def overwrite(path: Path, credentials: Credentials) -> None:
    """Put the file in place of the old one, at once and for good."""
    _temporary(path, credentials).replace(path)
    _sync(path.parent)


def _temporary(path: Path, credentials: Credentials) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600, and stays so
    with os.fdopen(number, "wb") as file:
        file.write(orjson.dumps(credentials.model_dump(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
