"""The ClickHouse host of one machine: chDB behind ClickHouse's own HTTP interface, a process on loopback."""

import asyncio
import hmac
import os
import queue
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb
from aiohttp import web
from pydantic import Field, SecretStr

from libs.embedded import clickhouse_wire as wire
from libs.runtime.run import Checks, run
from libs.runtime.settings import Settings
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics

_SESSIONLESS = ("select", "with", "insert", "show", "describe", "desc", "exists", "explain")
_WAITING = 64  # requests that may wait for a connection; the next is refused as a busy server would


class HostSettings(Settings):
    clickhouse_port: int = Field(default=8123, ge=0, le=65535, description="HTTP port; 0: any free one, logged")
    clickhouse_dir: Path = Field(default=Path(".state/clickhouse"), description="where the tables lie")
    clickhouse_user: str = Field(default="northern", min_length=1, description="the one user")
    clickhouse_password: SecretStr = Field(min_length=1, description="and its password")
    clickhouse_queries: int = Field(default=4, ge=1, le=64, description="statements that may run at once")
    clickhouse_timeout_s: float = Field(default=30.0, gt=0, description="the longest a statement may run")
    clickhouse_max_body: int = Field(default=64 << 20, ge=1 << 20, description="bytes of one request, unpacked")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One request for the engine."""

    statement: wire.Statement
    database: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    output_format: str


class Connection:
    """One of chDB's connections with the settings and database it stands on. Blocking; one job at a time."""

    def __init__(self, folder: Path, base: Mapping[str, str]) -> None:
        # Two threads and small pools: the default sizes are for a machine that does nothing else.
        self._chdb = chdb.connect(f"{folder}?background_pool_size=2&log-level=none")
        self._base = dict(base)
        self._set: dict[str, str] = {}
        self._database = "default"

    def run(self, job: Job) -> bytes:
        """The answer in the job's format. After an error the connection is to be closed."""
        self._stand_on(job)
        said = job.statement
        if said.input_format:
            # Not the engine's streaming insert: at its end that says nothing of a part that could not be written, so
            # rows that met a full disk were acknowledged and gone.
            with _in_memory(said.rows) as path:
                self._chdb.query(said.from_file(path), "Null")
            return b""
        answer = self._chdb.query(said.sql, job.output_format, params=dict(job.parameters))
        return b"" if answer is None else bytes(answer.bytes())

    def close(self) -> None:
        self._chdb.close()

    def _stand_on(self, job: Job) -> None:
        if job.database != self._database:
            self._chdb.query(f"USE {wire.identifier(job.database)}", "Null")
            self._database = job.database
        wanted = {**self._base, **job.settings}
        changes = [f"{k} = {wire.literal(v)}" for k, v in wanted.items() if self._set.get(k) != v]
        changes += [f"{k} = DEFAULT" for k in self._set.keys() - wanted.keys()]
        if changes:
            self._chdb.query("SET " + ", ".join(changes), "Null")
            self._set = wanted


@contextmanager
def _in_memory(rows: bytes) -> Iterator[str]:
    """The path of a file that holds the rows and, where the system has such, needs no room on a disk."""
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("rows"), "wb") as file:
            file.write(rows)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as named:
            named.write(rows)
            named.flush()
            yield named.name


class Engine:
    """chDB for many: a bounded number of connections, each used by one thread at a time."""

    def __init__(self, folder: Path, queries: int, timeout_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._timeout_s = timeout_s
        self._base = {
            "max_threads": "2",
            "max_insert_threads": "1",
            "session_timezone": "UTC",  # whatever the machine's is
            "async_insert": "0",  # 1 is the default of this version; our blocks are batches already
            "max_execution_time": str(timeout_s),
            "max_memory_usage": str(1 << 30),
            "max_result_bytes": str(256 << 20),
        }
        self._idle: queue.SimpleQueue[Connection | None] = queue.SimpleQueue()  # None: to be opened
        self._keeper = Connection(folder, self._base)  # the engine stops with its last connection
        for _ in range(queries):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(queries, thread_name_prefix="chdb")
        self._queries = queries
        self._taken = 0

    async def run(self, job: Job) -> bytes:
        """The engine's answer. Raises WireError."""
        if self._taken >= self._queries + _WAITING:
            raise wire.WireError(
                wire.TOO_MANY_QUERIES, "Too many simultaneous queries. (TOO_MANY_SIMULTANEOUS_QUERIES)"
            )
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)
        finally:
            self._taken -= 1

    def bounded(self, settings: Mapping[str, str]) -> dict[str, str]:
        """A request's settings, its time no longer than ours."""
        asked = settings.get("max_execution_time", "")
        shorter = asked.replace(".", "", 1).isdecimal() and 0 < float(asked) < self._timeout_s
        return {k: v for k, v in settings.items() if k != "max_execution_time" or shorter}

    def close(self) -> None:
        """Wait for what runs, then close every connection."""
        self._threads.shutdown(wait=True)
        while not self._idle.empty():
            if (connection := self._idle.get()) is not None:
                connection.close()
        self._keeper.close()

    def _run(self, job: Job) -> bytes:
        # A request has no session: what a statement did to its connection, or left half done, must not reach
        # the next one, so that connection is closed and its place opened anew (about a millisecond).
        connection = self._idle.get()
        kept = None
        try:
            connection = connection or Connection(self._folder, self._base)
            answer = connection.run(job)
            if job.statement.verb in _SESSIONLESS:
                kept = connection
            return answer
        except (RuntimeError, chdb.ChdbError) as error:
            raise wire.EngineError(str(error)) from None
        except OSError:
            raise wire.WireError(wire.NOT_ENOUGH_SPACE, "There is no room for the rows. (NOT_ENOUGH_SPACE)") from None
        finally:
            if connection is not None and kept is None:
                connection.close()
            self._idle.put(kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """The HTTP interface: authenticate, read, run, answer."""

    engine: Engine
    user: str
    password: str

    async def ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def query(self, request: web.Request) -> web.Response:
        try:
            self._authenticate(request)
            job = await self._job(request)
            body = await self.engine.run(job)
        except wire.WireError as error:
            headers = {"X-ClickHouse-Exception-Code": str(error.code)}
            return web.Response(status=error.status, text=f"{error}\n", headers=headers)
        return web.Response(
            body=body,
            headers={
                "X-ClickHouse-Format": job.statement.output_format or job.output_format,
                "X-ClickHouse-Timezone": "UTC",
            },
        )

    def _authenticate(self, request: web.Request) -> None:
        user, password = wire.credentials(request.headers, request.query)
        known = hmac.compare_digest(user.encode(errors="replace"), self.user.encode())
        right = hmac.compare_digest(password.encode(errors="replace"), self.password.encode())
        if not (known and right):
            text = (
                "Authentication failed: password is incorrect, or there is no user with such name."
                " (AUTHENTICATION_FAILED)"
            )
            raise wire.WireError(wire.AUTHENTICATION_FAILED, text)

    async def _job(self, request: web.Request) -> Job:
        query = dict(request.query)
        if request.content_type.startswith("multipart/"):
            query |= await _form(request)
            text = b""
        else:
            text = await _body(request)
        if "session_id" in query or {query.get("compress"), query.get("decompress")} & {"1", "true"}:
            raise wire.WireError(wire.NOT_IMPLEMENTED, "Neither sessions nor block compression. (NOT_IMPLEMENTED)")
        head = query.get("query", "").encode()
        database = query.get("database", "default")
        return Job(
            statement=wire.divide(head + b"\n" + text if head and text else head or text),
            database="default" if database == "__default__" else database,
            settings=self.engine.bounded(wire.settings(query)),
            parameters=wire.parameters(query),
            output_format=wire.format_name(query.get("default_format", "TabSeparated")),
        )


async def _body(request: web.Request) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding not in ("identity", "gzip", "deflate"):  # those two aiohttp unpacks, within the body's bound
        raise wire.WireError(wire.NOT_IMPLEMENTED, "Rows come plain or as gzip here. (NOT_IMPLEMENTED)")
    return await request.read()


async def _form(request: web.Request) -> dict[str, str]:
    """The statement and its values as form fields, which is how the client sends long ones."""
    fields: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            raise wire.WireError(wire.NOT_IMPLEMENTED, "No external data here. (NOT_IMPLEMENTED)")
        fields[name] = value
    return fields


@asynccontextmanager
async def build(settings: HostSettings, _: Metrics) -> AsyncIterator[Checks]:
    """Open the tables, then the port; left, close the port, let what runs end, and close the tables."""
    engine = Engine(settings.clickhouse_dir.resolve(), settings.clickhouse_queries, settings.clickhouse_timeout_s)
    door = Door(
        engine=engine,
        user=settings.clickhouse_user,
        password=settings.clickhouse_password.get_secret_value(),
    )
    app = web.Application(client_max_size=settings.clickhouse_max_body)
    app.router.add_get("/ping", door.ping)
    app.router.add_get("/", door.ping)
    app.router.add_post("/", door.query)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=settings.drain_s)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", settings.clickhouse_port).start()
        addresses: list[Any] = runner.addresses
        logger().info("clickhouse_listening", port=addresses[0][1], path=str(settings.clickhouse_dir))
        yield lambda: {"clickhouse": True}
    finally:
        await runner.cleanup()
        await asyncio.to_thread(engine.close)


if __name__ == "__main__":
    run("clickhouse", build, HostSettings)
