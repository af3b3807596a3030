"""The host's door over HTTP with the engine behind it: who is let in, what is refused, what does not leak."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import FormData, encode_basic_auth, web
from aiohttp.test_utils import TestClient, TestServer

from libs.embedded.clickhouse_host import Door, Engine

Client = TestClient[web.Request, web.Application]
RIGHT = {"Authorization": encode_basic_auth("northern", "pw")}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(tmp_path_factory.mktemp("tables"), queries=1, timeout_s=2)


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[Client]:
    door = Door(engine=engine, user="northern", password="pw")
    app = web.Application(client_max_size=1 << 20)
    app.router.add_get("/ping", door.ping)
    app.router.add_post("/", door.query)
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(client: Client, sql: str | bytes, **params: str) -> tuple[int, str]:
    async with client.post("/", data=sql, params=params, headers=RIGHT) as answer:
        return answer.status, (await answer.text()).strip()


async def test_a_ping_needs_no_password(client: Client) -> None:
    async with client.get("/ping") as answer:
        assert (answer.status, await answer.text()) == (200, "Ok.\n")


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {"user": "northern", "password": "pw"}),
        ({"X-ClickHouse-User": "northern", "X-ClickHouse-Key": "pw"}, {}),
        (RIGHT, {}),
    ],
)
async def test_each_way_to_name_oneself_is_let_in(
    client: Client, headers: dict[str, str], params: dict[str, str]
) -> None:
    async with client.post("/", data="SELECT 1", headers=headers, params=params) as answer:
        assert (answer.status, await answer.text()) == (200, "1\n")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-ClickHouse-User": "northern"},
        {"X-ClickHouse-User": "northern", "X-ClickHouse-Key": "pwpw"},
        {"X-ClickHouse-User": "other", "X-ClickHouse-Key": "pw"},
    ],
)
async def test_nobody_else_is(client: Client, headers: dict[str, str]) -> None:
    async with client.post("/", data="SELECT 1", headers=headers) as answer:
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


async def test_an_error_has_clickhouses_code_status_and_words(client: Client) -> None:
    async with client.post("/", data="SELECT nope", headers=RIGHT) as answer:
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "47")
        assert "UNKNOWN_IDENTIFIER" in await answer.text()


async def test_a_database_is_a_name_and_never_sql(client: Client) -> None:
    status, said = await ask(client, "SELECT 1", database="default`; DROP TABLE t; --")
    assert status == 404
    assert said.startswith("Code: 81.")


async def test_nothing_of_one_request_reaches_the_next(client: Client) -> None:
    shown = "SELECT getSetting('max_block_size'), currentDatabase()"
    before = await ask(client, shown)
    await ask(client, "CREATE DATABASE IF NOT EXISTS other")
    for sql, params in (
        ("SELECT 1", {"max_block_size": "77", "database": "other"}),
        ("SELECT nope", {"max_block_size": "77", "database": "other"}),
        ("SELECT 1", {"max_block_size": "77", "no_such_setting": "1"}),
        ("SET max_block_size = 77", {}),
        ("USE other", {}),
        ("CREATE TEMPORARY TABLE leak (a UInt8)", {}),
    ):
        await ask(client, sql, **params)
        assert await ask(client, shown) == before
    assert (await ask(client, "SELECT * FROM leak"))[0] == 404


async def test_a_statements_time_can_be_shortened_and_not_lengthened(client: Client) -> None:
    for asked, stands in (("1", "1"), ("0", "2"), ("100", "2"), ("1; DROP", "2")):
        assert await ask(client, "SELECT getSetting('max_execution_time')", max_execution_time=asked) == (200, stands)


async def test_rows_may_come_packed_but_a_bomb_is_refused(client: Client) -> None:
    await ask(client, "CREATE TABLE IF NOT EXISTS packed (a String) ENGINE = MergeTree ORDER BY a")
    rows = b"INSERT INTO packed FORMAT CSV\nx\ny\n"
    for body, status in ((rows, 200), (rows + b"z" * (4 << 20), 413)):
        headers = RIGHT | {"Content-Encoding": "gzip"}
        async with client.post("/", data=gzip.compress(body), headers=headers) as answer:
            assert answer.status == status
    async with client.post("/", data=rows, headers=RIGHT | {"Content-Encoding": "lz4"}) as answer:
        assert answer.status == 501
    assert await ask(client, "SELECT count() FROM packed") == (200, "2")


async def test_a_form_of_fields_is_read_and_external_data_is_not(client: Client) -> None:
    form = FormData()
    form.add_field("query", "SELECT {v:String}", content_type="text/plain")
    form.add_field("param_v", "x" * 9000, content_type="text/plain")
    async with client.post("/", data=form, headers=RIGHT) as answer:
        assert await answer.text() == "x" * 9000 + "\n"
    form = FormData()
    form.add_field("t", b"1", filename="t.tsv")
    async with client.post("/", data=form, params={"query": "SELECT * FROM t"}, headers=RIGHT) as answer:
        assert answer.status == 501


async def test_rows_cut_short_are_refused_whole(client: Client, tmp_path: Path) -> None:
    await ask(client, "CREATE TABLE IF NOT EXISTS cut (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    async with client.post(
        "/", data="SELECT number AS a, toString(a) AS s FROM numbers(100) FORMAT Native", headers=RIGHT
    ) as answer:
        block = await answer.read()
    assert (await ask(client, b"INSERT INTO cut FORMAT Native\n" + block[:-3]))[0] >= 400
    assert await ask(client, "SELECT count() FROM cut") == (200, "0")
    assert (await ask(client, b"INSERT INTO cut FORMAT Native\n" + block))[0] == 200
    assert await ask(client, "SELECT count(), sum(a) FROM cut") == (200, "100\t4950")


async def test_rows_for_which_the_disk_has_no_room_are_not_said_to_be_written(client: Client) -> None:
    """The setting refuses where a full disk does: when the rows were taken and their part is to be written."""
    await ask(
        client,
        "CREATE TABLE IF NOT EXISTS roomless (a UInt64) ENGINE = MergeTree ORDER BY a"
        " SETTINGS min_free_disk_bytes_to_perform_insert = 1000000000000000",
    )
    status, said = await ask(client, b"INSERT INTO roomless FORMAT CSV\n1\n")
    assert (status, "NOT_ENOUGH_SPACE" in said) == (500, True)
    assert await ask(client, "SELECT count() FROM roomless") == (200, "0")
