"""One suite for the fake store and for the real one behind the ClickHouse host."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from libs.contracts.errors import StoreUnavailable
from libs.store.base import Store, StoreRefused
from libs.store.clickhouse import ClickHouseStore
from libs.store.memory import MemoryStore
from libs.store.migrations import MigrationsRefused, migrate, read
from tests.contract.store.conftest import Host

MIGRATIONS = Path("infra/clickhouse/migrations")
COLUMNS = ("tenant", "request_id", "kind", "stream_seq", "idx", "at", "fact")
AT = datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)


def fact(tenant: str, seq: int, idx: int = 0, kind: str = "egress") -> tuple[Any, ...]:
    return (tenant, f"{seq:016x}", kind, seq, idx, AT, '{"quote":"\'\\\\ é\\n"}')


async def rows_of(store: Store, tenant: str) -> list[dict[str, Any]]:
    if isinstance(store, MemoryStore):
        return store.rows("facts", tenant=tenant)
    sql = f"SELECT {', '.join(COLUMNS)} FROM facts WHERE tenant = {{tenant:String}} ORDER BY stream_seq, idx"
    return await store.query(sql, {"tenant": tenant})


@pytest.fixture(params=["memory", "host"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    real = ClickHouseStore(request.getfixturevalue("shared_host").settings)
    await migrate(real, MIGRATIONS)
    yield real
    await real.close()


@pytest.fixture
async def real(shared_host: Host) -> AsyncIterator[ClickHouseStore]:
    store = ClickHouseStore(shared_host.settings)
    await migrate(store, MIGRATIONS)
    yield store
    await store.close()


class TestEveryStore:
    async def test_what_is_inserted_is_there_value_for_value(self, store: Store) -> None:
        await store.insert("facts", COLUMNS, [fact("values", 7, 3)])
        assert await rows_of(store, "values") == [dict(zip(COLUMNS, fact("values", 7, 3), strict=True))]

    async def test_a_block_with_a_token_seen_before_is_stored_once(self, store: Store) -> None:
        for _ in range(3):
            await store.insert("facts", COLUMNS, [fact("once", 1), fact("once", 2)], token="EVENTS:once:1-2")
        assert len(await rows_of(store, "once")) == 2

    async def test_the_token_counts_and_not_the_rows(self, store: Store) -> None:
        await store.insert("facts", COLUMNS, [fact("token", 1)], token="EVENTS:token:1")
        await store.insert("facts", COLUMNS, [fact("token", 1), fact("token", 2)], token="EVENTS:token:1")
        await store.insert("facts", COLUMNS, [fact("token", 1)], token="EVENTS:token:other")
        assert [row["stream_seq"] for row in await rows_of(store, "token")] == [1, 1]

    async def test_blocks_without_a_token_are_all_stored(self, store: Store) -> None:
        for seq in range(2):
            await store.insert("facts", COLUMNS, [fact("free", seq)])
        assert len(await rows_of(store, "free")) == 2

    async def test_an_empty_block_is_nothing(self, store: Store) -> None:
        await store.insert("facts", COLUMNS, [], token="EVENTS:empty")
        await store.insert("facts", COLUMNS, [fact("empty", 1)], token="EVENTS:empty")
        assert len(await rows_of(store, "empty")) == 1

    async def test_a_row_of_another_width_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreRefused):
            await store.insert("facts", COLUMNS, [fact("width", 1)[:-1]])

    async def test_it_answers_a_ping(self, store: Store) -> None:
        assert await store.ping()

    async def test_sql_is_answered(self, store: Store, request: pytest.FixtureRequest) -> None:
        if isinstance(store, MemoryStore):
            reason = "the fake knows no SQL and does not pretend to"
            request.node.add_marker(pytest.mark.xfail(strict=True, raises=NotImplementedError, reason=reason))
        assert await store.query("SELECT {n:UInt64} + 1 AS more", {"n": 41}) == [{"more": 42}]


class TestTheRealStore:
    async def test_a_value_is_never_part_of_the_statement(self, real: ClickHouseStore) -> None:
        hostile = "'; DROP TABLE facts; -- \\ {x:String} \n\t é"
        assert await real.query("SELECT {v:String} AS v", {"v": hostile}) == [{"v": hostile}]

    async def test_values_too_long_for_an_address_arrive_whole(self, real: ClickHouseStore) -> None:
        many = [f"{n:016x}" for n in range(5000)]
        found = await real.query("SELECT length({ids:Array(String)}) AS n", {"ids": many})
        assert found == [{"n": 5000}]

    async def test_no_rows_are_an_empty_list(self, real: ClickHouseStore) -> None:
        assert await rows_of(real, "nobody") == []

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT nothing_of_the_kind FROM facts",
            "SELECT * FROM no_such_table",
            "SELEKT 1",
            "SELECT 1; SELECT 2",
            "SELECT * FROM facts INTO OUTFILE '/tmp/never'",
        ],
    )
    async def test_a_wrong_statement_is_refused_with_its_code(self, real: ClickHouseStore, sql: str) -> None:
        with pytest.raises(StoreRefused) as refused:
            await real.query(sql)
        assert refused.value.code

    async def test_an_insert_into_nowhere_is_refused(self, real: ClickHouseStore) -> None:
        with pytest.raises(StoreRefused):
            await real.insert("no_such_table", ("a",), [(1,)])

    async def test_an_error_quotes_no_row(self, real: ClickHouseStore) -> None:
        with pytest.raises(StoreRefused) as refused:
            await real.query("SELECT throwIf(1, 'a secret of a tenant')")
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None

    async def test_a_statement_that_runs_too_long_is_ended(self, real: ClickHouseStore) -> None:
        with pytest.raises(StoreUnavailable):
            await real.query("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1")
        assert await real.query("SELECT 1 AS one") == [{"one": 1}]

    async def test_a_body_over_the_bound_is_refused_and_the_next_is_served(self, real: ClickHouseStore) -> None:
        with pytest.raises((StoreRefused, StoreUnavailable)):
            await real.insert("facts", COLUMNS, [(*fact("big", 1)[:-1], "x" * (9 << 20))])
        assert await rows_of(real, "big") == []

    async def test_many_calls_at_once_are_all_answered(self, real: ClickHouseStore) -> None:
        found = await asyncio.gather(*(real.query("SELECT {n:UInt32} AS n", {"n": n}) for n in range(40)))
        assert [rows[0]["n"] for rows in found] == list(range(40))

    async def test_a_wrong_password_is_not_let_in(self, shared_host: Host) -> None:
        settings = shared_host.settings.model_copy(update={"store_password": SecretStr("wrong")})
        store = ClickHouseStore(settings)
        with pytest.raises(StoreUnavailable) as refused:
            await store.query("SELECT 1")
        assert "wrong" not in str(refused.value)
        await store.close()

    async def test_times_come_back_aware_and_in_utc(self, real: ClickHouseStore) -> None:
        found = await real.query("SELECT toDateTime64('2026-11-20 12:00:00.123', 3, 'UTC') AS at, timezone() AS zone")
        assert found == [{"at": AT, "zone": "UTC"}]


class TestMigrations:
    async def test_a_second_run_applies_nothing(self, real: ClickHouseStore) -> None:
        assert await migrate(real, MIGRATIONS) == []

    async def test_a_changed_migration_is_refused(self, real: ClickHouseStore, tmp_path: Path) -> None:
        for migration in read(MIGRATIONS):
            (tmp_path / f"{migration.name}.sql").write_text(migration.text + "\n-- changed\n")
        with pytest.raises(MigrationsRefused, match="was changed"):
            await migrate(real, tmp_path)

    async def test_half_a_migration_is_finished_by_the_next_run(self, own_host: Host, tmp_path: Path) -> None:
        folder = tmp_path / "migrations"
        folder.mkdir()
        good = "CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = ${REPLICATED}MergeTree ORDER BY n;\n"
        (folder / "0001_a.sql").write_text(good + "CREATE TABEL b;\n")
        store = ClickHouseStore(own_host.settings)
        with pytest.raises(StoreRefused):
            await migrate(store, folder)
        (folder / "0001_a.sql").write_text(good + good.replace(" a (", " b ("))
        assert await migrate(store, folder) == ["0001_a"]
        assert await store.query("SELECT count() AS n FROM b") == [{"n": 0}]
        await store.close()


class TestTheHostAsAProcess:
    async def test_kill_9_loses_no_acknowledged_block(self, own_host: Host) -> None:
        store = ClickHouseStore(own_host.settings)
        await migrate(store, MIGRATIONS)
        acknowledged: list[int] = []
        enough = asyncio.Event()

        async def insert_until_it_breaks() -> None:
            for seq in range(1, 10_000):
                await store.insert("facts", COLUMNS, [fact("killed", seq, idx) for idx in range(50)], token=str(seq))
                acknowledged.append(seq)
                if seq == 20:
                    enough.set()

        task = asyncio.create_task(insert_until_it_breaks())
        await asyncio.wait_for(enough.wait(), 10)
        own_host.stop(signal.SIGKILL)
        with pytest.raises(StoreUnavailable):
            await task
        assert not await store.ping()

        own_host.start()
        last = acknowledged[-1]
        await store.insert("facts", COLUMNS, [fact("killed", last, i) for i in range(50)], token=str(last))
        found = await store.query("SELECT stream_seq, count() AS n FROM facts GROUP BY stream_seq ORDER BY stream_seq")
        assert {row["n"] for row in found} == {50}
        assert [row["stream_seq"] for row in found][: len(acknowledged)] == acknowledged
        assert len(found) <= len(acknowledged) + 1  # the block under way may be there, whole
        await store.close()

    async def test_sigterm_ends_it_cleanly_and_the_rows_stay(self, own_host: Host) -> None:
        store = ClickHouseStore(own_host.settings)
        await migrate(store, MIGRATIONS)
        await store.insert("facts", COLUMNS, [fact("kept", 1)])
        assert await asyncio.to_thread(own_host.stop) == 0
        own_host.start()
        assert len(await rows_of(store, "kept")) == 1
        await store.close()

    async def test_a_store_that_starts_later_is_found(self, own_host: Host) -> None:
        own_host.stop()
        store = ClickHouseStore(own_host.settings)
        with pytest.raises(StoreUnavailable):
            await store.insert("facts", COLUMNS, [fact("late", 1)])
        assert not await store.ping()
        own_host.start()
        assert await store.ping()
        await migrate(store, MIGRATIONS)
        await store.insert("facts", COLUMNS, [fact("late", 1)])
        assert len(await rows_of(store, "late")) == 1
        await store.close()


_IN_A_PROCESS_OF_ITS_OWN = """
import asyncio, sys
from libs.store.base import StoreSettings
from libs.store.clickhouse import ClickHouseStore

async def ask(settings):
    store = ClickHouseStore(settings)
    rows = await store.query("SELECT tenant, at, fact FROM facts LIMIT 1")
    await store.insert("facts", list(rows[0]), [list(rows[0].values())])
    await store.close()

url, user, password, database = sys.argv[1:]
asyncio.run(ask(StoreSettings(store_url=url, store_user=user, store_password=password, store_database=database)))
print(sorted({"numpy", "pandas", "pyarrow"} & set(sys.modules)))
"""


async def test_asking_the_store_loads_no_libraries_for_tables(shared_host: Host, real: ClickHouseStore) -> None:
    await real.insert("facts", COLUMNS, [fact("light", 1)])
    at = shared_host.settings
    where = (at.store_url, at.store_user, at.store_password.get_secret_value(), at.store_database)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _IN_A_PROCESS_OF_ITS_OWN, *where), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode() == "[]\n"


async def test_the_fake_can_be_taken_away_and_keeps_its_rows() -> None:
    store = MemoryStore()
    await store.insert("facts", COLUMNS, [fact("fake", 1)], token="1")
    store.fail()
    calls: Sequence[Callable[[], Awaitable[object]]] = (
        lambda: store.insert("facts", COLUMNS, [fact("fake", 2)]),
        lambda: store.query("SELECT 1"),
        lambda: store.command("SELECT 1"),
        store.create_database,
    )
    for call in calls:
        with pytest.raises(StoreUnavailable):
            await call()
    assert not await store.ping()
    store.heal()
    assert len(store.rows("facts")) == 1
