"""Reading migrations, refusing what does not fit, and dividing them into statements."""

from pathlib import Path

import pytest

from libs.store.migrations import Migration, MigrationsRefused, pending, read


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text("SELECT 1;\n")
    return folder


def test_files_are_read_in_order(tmp_path: Path) -> None:
    assert [m.name for m in read(write(tmp_path, "0002_b.sql", "0001_a.sql"))] == ["0001_a", "0002_b"]


@pytest.mark.parametrize(
    "names",
    [
        ("0001_a.sql", "0003_c.sql"),
        ("0001_a.sql", "0001_b.sql"),
        ("0002_b.sql",),
        ("0001_a.sql", "2_b.sql"),
        ("0001_A.sql",),
    ],
)
def test_a_gap_a_double_or_a_stray_name_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(MigrationsRefused):
        read(write(tmp_path, *names))


def test_only_what_is_not_recorded_is_due(tmp_path: Path) -> None:
    files = read(write(tmp_path, "0001_a.sql", "0002_b.sql"))
    assert pending(files, {}) == files
    assert pending(files, {1: ("a", files[0].sha256)}) == files[1:]


def test_a_changed_or_lost_file_is_refused(tmp_path: Path) -> None:
    files = read(write(tmp_path, "0001_a.sql"))
    with pytest.raises(MigrationsRefused, match="changed"):
        pending(files, {1: ("a", "0" * 64)})
    with pytest.raises(MigrationsRefused, match="0002_b"):
        pending(files, {1: ("a", files[0].sha256), 2: ("b", "0" * 64)})


def test_statements_end_at_line_ends_and_the_engine_is_named_by_one_macro() -> None:
    text = "-- first; comment\nCREATE TABLE a (s String DEFAULT ';x')\nENGINE = ${REPLICATED}MergeTree;\n\nSELECT 1;\n"
    migration = Migration(number=1, title="a", sha256="", text=text)
    assert migration.statements("MergeTree") == [
        "CREATE TABLE a (s String DEFAULT ';x')\nENGINE = MergeTree",
        "SELECT 1",
    ]
    assert "ENGINE = ReplicatedMergeTree" in migration.statements("ReplicatedMergeTree")[0]


def test_every_table_of_ours_is_named_through_the_macro() -> None:
    for migration in read(Path("infra/clickhouse/migrations")):
        for statement in migration.statements("ReplicatedMergeTree"):
            if "CREATE TABLE" in statement:
                assert "ENGINE = Replicated" in statement
                assert "IF NOT EXISTS" in statement
