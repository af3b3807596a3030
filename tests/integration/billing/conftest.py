"""One store for the tests of a file, emptied before each."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.store.clickhouse import ClickHouseStore
from libs.store.migrations import migrate
from tests.contract.store.conftest import Host
from tests.integration.billing.kept import Kept

TABLES = ("usage", "ledger", "ledger_journal", "facts", "admin_log", "feedback")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One store for all of them: each test empties the tables."""
    started = Host(tmp_path_factory.mktemp("clickhouse"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
async def kept(host: Host) -> AsyncIterator[Kept]:
    store = ClickHouseStore(host.settings)
    await migrate(store, Path("infra/clickhouse/migrations"))
    for table in TABLES:
        await store.command(f"TRUNCATE TABLE {table}")
    yield Kept(store)
    await store.close()
