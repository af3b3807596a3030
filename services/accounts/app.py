"""Puts the accounts service together: the broker, the secrets, the first account, the queries."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from libs.auth.keys import read_pepper
from libs.auth.passwords import Passwords
from libs.auth.sessions import read_keys
from libs.bus.base import Bus
from libs.bus.beats import beating
from libs.bus.nats import connect
from libs.bus.responder import answer
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import query
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.accounts.bootstrap import Bootstrap
from services.accounts.handlers import Accounts
from services.accounts.settings import AccountsSettings

T = TypeVar("T")

_QUEUE: Final = "accounts"
_SIGN_INS: Final = 32  # waiting for a hash at once: more would wait longer than the asker does
_BOOTSTRAP_S: Final = 20.0  # a street that starts together: the buckets may be a moment late


@asynccontextmanager
async def build(settings: AccountsSettings, metrics: Metrics) -> AsyncIterator[Checks]:  # noqa: ARG001 - as run() calls
    """Everything opened, the first account made, the queries answered; closed in the opposite order."""
    pepper = await asyncio.to_thread(_secret, settings.pepper_file, read_pepper)
    session_keys = await asyncio.to_thread(_secret, settings.session_key_file, read_keys)
    passwords = await asyncio.to_thread(Passwords)
    async with connect("accounts", settings) as bus, AsyncExitStack() as stack:
        await _bootstrapped(settings, bus, pepper, passwords)
        accounts = Accounts(
            bus=bus,
            passwords=passwords,
            session_keys=session_keys,
            now_s=time.time,
            new_session_id=lambda: secrets.token_hex(16),
        )
        for verb, respond, limit in (("sign_in", accounts.sign_in, _SIGN_INS), ("session", accounts.session, 256)):
            answering = await answer(bus, query("accounts", verb), _QUEUE, respond, limit)
            stack.push_async_callback(answering.stop)
        async with beating(bus, "accounts", secrets.token_hex(8)):
            yield lambda: {"bus": bus.connected}


async def _bootstrapped(settings: AccountsSettings, bus: Bus, pepper: bytes, passwords: Passwords) -> None:
    bootstrap = Bootstrap(
        bus=bus,
        path=settings.bootstrap_file,
        base_url=settings.base_url,
        pepper=pepper,
        passwords=passwords,
        random_bytes=os.urandom,
        now=lambda: datetime.now(UTC),
    )
    deadline = time.monotonic() + _BOOTSTRAP_S
    while True:
        try:
            return await bootstrap()
        except ValueError as error:
            refuse(f"NI_BOOTSTRAP_FILE: {error}")
        except (BusUnavailable, Overloaded) as error:
            if time.monotonic() > deadline:
                raise
            logger().info("bootstrap_waits", code=error.code)
            await asyncio.sleep(0.5)


def _secret(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError) as error:
        refuse(f"{path}: no secret of the right form can be read there ({type(error).__name__})")
