"""The fake store: rows by table, deduplicated by token; it knows no SQL and says so."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from libs.contracts.errors import StoreUnavailable
from libs.store.base import StoreRefused

_WINDOW = 1000  # tokens a table remembers: `non_replicated_deduplication_window` of the migrations


class MemoryStore:
    """libs.store.base.Store in memory. `fail()` takes the store away, `heal()` brings it back with its rows."""

    def __init__(self) -> None:
        self.up = True
        self.blocks = 0  # stored, without the repeated ones
        self._rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._tokens: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_WINDOW))

    def fail(self) -> None:
        self.up = False

    def heal(self) -> None:
        self.up = True

    def rows(self, table: str, **equal: Any) -> list[dict[str, Any]]:
        """The rows of a table in the order they came, those whose columns equal what is given."""
        return [row for row in self._rows[table] if all(row[k] == v for k, v in equal.items())]

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, token: str = ""
    ) -> None:
        self._reach()
        if any(len(row) != len(columns) for row in rows):
            raise StoreRefused("a row has more or fewer values than there are columns")
        if not rows or (token and token in self._tokens[table]):
            return
        if token:
            self._tokens[table].append(token)
        self._rows[table] += [dict(zip(columns, row, strict=True)) for row in rows]
        self.blocks += 1

    async def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        del sql, parameters
        self._no_sql()

    async def command(self, sql: str) -> None:
        del sql
        self._no_sql()

    async def create_database(self) -> None:
        self._reach()

    async def ping(self) -> bool:
        return self.up

    async def close(self) -> None:
        """Nothing is open."""

    def _reach(self) -> None:
        if not self.up:
            raise StoreUnavailable("the store cannot be reached")

    def _no_sql(self) -> NoReturn:
        self._reach()
        raise NotImplementedError("the fake store knows no SQL: use rows(), or the real host")
