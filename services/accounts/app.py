"""Puts the accounts service together: the broker, the secrets, the first account, the queries."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from libs.auth.keys import read_pepper
from libs.auth.passwords import Passwords
from libs.auth.sessions import SessionKeys, read_keys
from libs.bus.base import Bus
from libs.bus.beats import beating
from libs.bus.facts import FactPublisher
from libs.bus.nats import connect
from libs.bus.responder import Respond, answer
from libs.catalog.live import Following, Live
from libs.contracts.errors import BusUnavailable, Overloaded
from libs.contracts.subjects import query
from libs.runtime.catalogue import followed
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.accounts.api.asking import Desk
from services.accounts.api.endpoints import responders
from services.accounts.bootstrap import Bootstrap
from services.accounts.buckets import Buckets
from services.accounts.handlers import Accounts
from services.accounts.sessions import Sessions
from services.accounts.settings import AccountsSettings

T = TypeVar("T")

_QUEUE: Final = "accounts"
_SIGN_INS: Final = 32  # waiting for a hash at once: more would wait longer than the asker does
_QUERIES: Final = 256
_BOOTSTRAP_S: Final = 20.0  # a street that starts together: the buckets may be a moment late


@asynccontextmanager
async def build(settings: AccountsSettings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Everything opened, the first account made, the queries answered; closed in the opposite order."""
    pepper = await asyncio.to_thread(_secret, settings.pepper_file, read_pepper)
    session_keys = await asyncio.to_thread(_secret, settings.session_key_file, read_keys)
    alerts = settings.alerts_key_file
    alerts_key = await asyncio.to_thread(_secret, alerts, read_pepper) if alerts else None
    following = await asyncio.to_thread(_catalog, settings.config_dir)
    passwords = await asyncio.to_thread(Passwords)
    async with connect("accounts", settings) as bus, AsyncExitStack() as stack:
        await _bootstrapped(settings, bus, pepper, passwords)
        buckets = Buckets.on(bus, metrics)
        await buckets.start(stack)
        facts = FactPublisher(bus, metrics)
        stack.push_async_callback(facts.close)
        desk = _desk(settings, buckets, following.live, metrics, facts, pepper, alerts_key)
        accounts = _accounts(buckets, session_keys, passwords, metrics)
        respond: dict[str, Respond] = {**_sessions(accounts), **responders(desk, settings.kek_file)}
        for verb, one in respond.items():
            limit = _SIGN_INS if verb in ("sign_in", "password") else _QUERIES
            answering = await answer(bus, query("accounts", verb), _QUEUE, one, limit)
            stack.push_async_callback(answering.stop)
        followed_ = followed(following, settings.config_dir, metrics)
        async with followed_, beating(bus, "accounts", secrets.token_hex(8)):
            yield lambda: {"bus": bus.connected, "buckets": buckets.fresh}


def _accounts(buckets: Buckets, keys: SessionKeys, passwords: Passwords, metrics: Metrics) -> Accounts:
    sessions = Sessions(buckets=buckets, keys=keys, now_s=time.time, random_bytes=os.urandom)
    return Accounts(sessions=sessions, passwords=passwords, metrics=metrics)


def _sessions(accounts: Accounts) -> Mapping[str, Respond]:
    return {
        "sign_in": accounts.sign_in,
        "session": accounts.session,
        "refresh": accounts.refresh,
        "sign_out": accounts.sign_out,
        "password": accounts.password,
    }


def _desk(
    settings: AccountsSettings,
    buckets: Buckets,
    live: Live,
    metrics: Metrics,
    facts: FactPublisher,
    pepper: bytes,
    alerts_key: bytes | None,
) -> Desk:
    return Desk(
        keys=buckets.keys,
        tenants=buckets.tenants,
        users=buckets.users,
        byok=buckets.byok,
        aliases=buckets.aliases,
        shown=buckets.shown,
        live=live,
        metrics=metrics,
        pepper=pepper,
        alerts_key=alerts_key,
        base_url=settings.base_url,
        facts=facts,
        now=lambda: datetime.now(UTC),
        random_bytes=os.urandom,
    )


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


def _catalog(folder: Path) -> Following:
    try:
        return Following(folder)
    except ValueError as error:
        refuse(str(error))


def _secret(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError) as error:
        refuse(f"{path}: no secret of the right form can be read there ({type(error).__name__})")
