"""Forward-only migrations: numbered SQL files, each applied once and recorded with its hash."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from libs.store.base import Store

Engine = Literal["MergeTree", "ReplicatedMergeTree"]

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32,
    title  String,
    sha256 String,
    at     DateTime64(3, 'UTC')
)
ENGINE = ${REPLICATED}MergeTree
ORDER BY number
"""
_COLUMNS = ("number", "title", "sha256", "at")


class MigrationsRefused(Exception):
    """The folder and the record do not fit together; nothing was applied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file. Its statements end with `;` at the end of a line, and may be run again after half of them ran."""

    number: int
    title: str
    sha256: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.number:04}_{self.title}"

    def statements(self, engine: Engine) -> list[str]:
        """What is to be run, with the macro `${REPLICATED}` as this engine wants it."""
        lines = [line for line in self.text.splitlines() if not line.lstrip().startswith("--")]
        parts = re.split(r";[ \t]*(?:\n|$)", "\n".join(lines))
        return [expanded(part.strip(), engine) for part in parts if part.strip()]


def expanded(sql: str, engine: Engine) -> str:
    """`${REPLICATED}MergeTree` as the engine of one server or of a cluster; the whole family is named through it."""
    return sql.replace("${REPLICATED}", engine.removesuffix("MergeTree"))


def read(folder: Path) -> list[Migration]:
    """The files of a folder in order. Raises MigrationsRefused for a stray name, a gap, or two of one number."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise MigrationsRefused(f"{path.name} is not named NNNN_title.sql")
        text = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(number=int(match[1]), title=match[2], sha256=digest, text=text))
    for place, migration in enumerate(found, start=1):
        if migration.number != place:
            raise MigrationsRefused(f"{migration.name} stands where {place:04} is due: a gap, or two of one number")
    return found


def pending(files: Iterable[Migration], recorded: dict[int, tuple[str, str]]) -> list[Migration]:
    """Those not recorded (number → title, hash). Raises MigrationsRefused where an applied file was changed or lost."""
    files = list(files)
    known = {m.number: m for m in files}
    for number, (title, sha256) in sorted(recorded.items()):
        if number not in known:
            raise MigrationsRefused(f"{number:04}_{title} was applied to this store, but is not among the files")
        if known[number].sha256 != sha256:
            raise MigrationsRefused(f"{known[number].name} was changed after it was applied: write a new migration")
    return [m for m in files if m.number > max(recorded, default=0)]


async def migrate(store: Store, folder: Path, engine: Engine = "MergeTree") -> list[str]:
    """Apply what is missing, in order; returns the names applied. Raises MigrationsRefused or what the store raises."""
    files = read(folder)
    await store.create_database()
    await store.command(expanded(_RECORD, engine))
    rows = await store.query("SELECT number, title, sha256 FROM schema_migrations")
    due = pending(files, {row["number"]: (row["title"], row["sha256"]) for row in rows})
    for migration in due:
        for statement in migration.statements(engine):
            await store.command(statement)
        row = (migration.number, migration.title, migration.sha256, datetime.now(UTC))
        await store.insert("schema_migrations", _COLUMNS, [row], token=migration.name)
    return [m.name for m in due]
