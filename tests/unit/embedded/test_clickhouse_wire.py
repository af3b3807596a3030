"""The host's wire: dividing statements, credentials, settings and errors, without an engine."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.embedded.clickhouse_wire import EngineError, WireError, credentials, divide, format_name, settings


def test_an_insert_divides_into_statement_format_and_rows() -> None:
    said = divide(b"INSERT INTO t (`a FORMAT b`, c) SETTINGS x = 'FORMAT CSV'  FORMAT Native\n\n\x00; DROP\xff")
    assert said.sql.rstrip() == "INSERT INTO t (`a FORMAT b`, c) SETTINGS x = 'FORMAT CSV'"
    expected = "INSERT INTO t (`a FORMAT b`, c) FROM INFILE '/f' SETTINGS x = 'FORMAT CSV' FORMAT Native"
    assert " ".join(said.from_file("/f").split()) == expected
    assert said.input_format == "Native"
    assert said.rows == b"\n\x00; DROP\xff"


@given(st.binary())
def test_the_rows_of_an_insert_are_never_read_as_sql(rows: bytes) -> None:
    said = divide(b"INSERT INTO t (a) FORMAT Native\n" + rows)
    assert (said.verb, said.rows, said.sql.strip()) == ("insert", rows, "INSERT INTO t (a)")


@pytest.mark.parametrize("table", ["settings", "db.settings", "`settings`", "TABLE settings"])
def test_a_table_called_settings_is_a_table(table: str) -> None:
    said = divide(f"INSERT INTO {table} (settings) FORMAT CSV\n1".encode())
    assert said.from_file("/f") == f"INSERT INTO {table} (settings)  FROM INFILE '/f'  FORMAT CSV"


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t SELECT 1 FORMAT Null",
        b"INSERT INTO t VALUES (1), ('FORMAT Native\n')",
        b"SELECT ';' AS \";\", `;` -- ;\n /* ; */ FROM t;  \n",
        b"SELECT 'a\\'; b', $$ ; $$, $x$ ; $$ $x$",
        b"SELECT 'it''s; fine'",
    ],
)
def test_what_is_one_statement_stays_whole(text: bytes) -> None:
    said = divide(text)
    assert said.sql == text.decode()
    assert said.input_format == ""


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1; SELECT 2",
        b"SELECT 1;;",
        b"SELECT ';'; DROP TABLE t",
        b"",
        b" -- only a comment",
        b"SELECT 1 INTO OUTFILE '/etc/x'",
        b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
        b"INSERT INTO t FORMAT arrowtable\n",
        b"SELECT '\xff'",
        b"SELECT " + b"1," * (1 << 20),
    ],
)
def test_what_is_not_one_plain_statement_is_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        divide(text)


def test_the_format_a_statement_names_is_known() -> None:
    assert divide(b"SELECT 1 FORMAT JSON").output_format == "JSON"


def test_credentials_come_by_header_basic_or_address() -> None:
    basic = "Basic " + base64.b64encode(b"u:p:w").decode()
    assert credentials({"X-ClickHouse-User": "u", "X-ClickHouse-Key": "k", "Authorization": basic}, {}) == ("u", "k")
    assert credentials({"Authorization": basic}, {"user": "x", "password": "y"}) == ("u", "p:w")
    assert credentials({}, {"user": "x", "password": "y"}) == ("x", "y")


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic /w==", "Bearer x", ""])
def test_credentials_that_say_nothing_are_empty(header: str) -> None:
    assert credentials({"Authorization": header} if header else {}, {}) == ("", "")


def test_settings_are_what_is_not_the_interfaces_own() -> None:
    query = {"query": "SELECT 1", "database": "d", "param_x": "1", "max_threads": "1", "query_id": "q"}
    assert settings(query) == {"max_threads": "1"}


@pytest.mark.parametrize("name", ["a = 1, b", "a'", "", "ä", "a;b"])
def test_a_settings_name_that_could_be_sql_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        settings({name: "1"})


@pytest.mark.parametrize("name", ["CSV; DROP TABLE t", "DataFrame", "", "Native\n"])
def test_a_format_that_is_not_a_plain_name_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        format_name(name)


def test_the_engines_words_keep_its_code() -> None:
    error = EngineError("Streaming insert finish failed: Code: 33. DB::Exception: Code: 27. Cannot read")
    assert (error.code, str(error)) == (33, "Code: 33. DB::Exception: Code: 27. Cannot read")
    assert EngineError("Code: 60. DB::Exception: x").status == 404
    assert (EngineError("odd").code, EngineError("odd").status) == (1002, 500)
