"""The real store: ClickHouse (or the embedded host) over HTTP; the one door to clickhouse_connect."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver import options
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.insert import InsertContext

from libs.contracts.errors import StoreUnavailable
from libs.store.base import StoreRefused, StoreSettings

# ClickHouse's codes (src/Common/ErrorCodes.cpp) that say nothing about the statement: too slow, too busy, out of memory
# or disk, read-only for now, replicas or Keeper away, stopping, wrong password, not migrated yet (81: no database).
_PASSING = frozenset(
    int(code)
    for code in """
    74 75 76 81 95 159 192 193 198 202 203 209 210 225 236 241 242 243 252 279 285 286 289 319 364 394 415 425 439
    492 516 573 999 1000 1001 1002
    """.split()
)
_PING_S = 2.0


class ClickHouseStore:
    """libs.store.base.Store on a ClickHouse server. Connects at the first call and again after a failure to."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._contexts: dict[tuple[str, tuple[str, ...]], InsertContext] = {}
        # Rows are lists of Python's own values. What else the client can take, it would look for at its first rows:
        # pandas and pyarrow, where they are installed, are 80 MB and a second in which a service's loop stands still.
        for name in ("np", "pd", "pd_time_test", "arrow", "pl"):
            setattr(options, name, None)

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, token: str = ""
    ) -> None:
        key = (table, tuple(columns))
        # One block whatever its size, so that the token stands for all of it; async_insert would merge it with others.
        settings: dict[str, str | int] = {"async_insert": 0, "max_insert_block_size": max(len(rows), 1)}
        if token:
            settings["insert_deduplication_token"] = token
        async with self._call() as client:
            # Lent out to one insert at a time, and lost where that fails: the table may have changed, so it asks again.
            # A new one for each insert would keep the rows of all of them until the collector comes.
            context = self._contexts.pop(key, None) or await client.create_insert_context(table, list(columns))
            context.settings = settings
            await client.insert(data=rows, context=context)
            self._contexts[key] = context

    async def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        async with self._call() as client:
            result = await client.query(sql, parameters=dict(parameters or {}))
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    async def command(self, sql: str) -> None:
        async with self._call() as client:
            await client.command(sql)

    async def create_database(self) -> None:
        async with self._call() as client:
            await client.command(f"CREATE DATABASE IF NOT EXISTS {self._settings.store_database}", use_database=False)

    async def ping(self) -> bool:
        try:
            async with asyncio.timeout(_PING_S):
                return await (await self._connected()).ping(_PING_S)
        except (ClickHouseError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[AsyncClient]:
        """The client under the deadline, and its errors in our words; theirs may quote statements and rows."""
        try:
            async with asyncio.timeout(self._settings.store_timeout_s):
                yield await self._connected()
        except TimeoutError:
            raise StoreUnavailable("the store did not answer in time") from None
        except ClickHouseError as error:
            raise _translated(error) from None
        except OSError:
            raise StoreUnavailable("the store cannot be reached") from None

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                given = self._settings
                url = urlsplit(given.store_url)
                client = await clickhouse_connect.get_async_client(
                    host=url.hostname,
                    port=url.port or (8443 if url.scheme == "https" else 8123),
                    interface=url.scheme,
                    username=given.store_user,
                    password=given.store_password.get_secret_value(),
                    compress=False,  # measured: on loopback it only costs CPU, and the host takes rows plain
                    connect_timeout=given.store_timeout_s,
                    send_receive_timeout=given.store_timeout_s,
                    tz_mode="aware",  # otherwise a time in UTC comes back without its zone
                    autogenerate_session_id=False,  # a session would put its calls one after another
                )
                # Named only now: before the first migration it does not exist, and connecting asks for settings in it.
                client.database = given.store_database
                self._client = client
            return self._client


def _translated(error: ClickHouseError) -> StoreUnavailable | StoreRefused:
    code = getattr(error, "code", None) or 0
    name = getattr(error, "name", None) or type(error).__name__
    if code in _PASSING:
        return StoreUnavailable(f"the store cannot do it now: {name} ({code})")
    if code == 0 and isinstance(error, OperationalError):
        return StoreUnavailable("the store cannot be reached")
    return StoreRefused(f"the store refuses the statement: {name} ({code})", code=code)
