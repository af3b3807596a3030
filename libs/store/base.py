"""The seam to the store: what the house asks of ClickHouse, as a Protocol, its failures and its settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel, Field, SecretStr


class StoreRefused(Exception):
    """The store understood the statement and says it is wrong: our fault, trying again changes nothing.

    `code` is ClickHouse's own, 0 where the client refused before anything was sent. The text never quotes rows.
    """

    def __init__(self, sentence: str, *, code: int = 0) -> None:
        super().__init__(sentence)
        self.code = code


class StoreSettings(BaseModel):
    """What a service that uses the store reads, inherited beside `libs.runtime.settings.Settings`."""

    store_url: str = Field(
        default="http://127.0.0.1:8123",
        pattern=r"^https?://[^\s/]+/?$",
        description="ClickHouse's HTTP interface, such as http://127.0.0.1:8123",
    )
    store_user: str = Field(default="northern", description="its user")
    store_password: SecretStr = Field(default=SecretStr(""), description="and password")
    store_database: str = Field(
        default="northern", pattern=r"^\w{1,64}$", description="the database of our tables: letters, digits and _"
    )
    store_timeout_s: float = Field(default=10.0, gt=0, description="the longest a call may take")


class Store(Protocol):
    """ClickHouse. Every call has a deadline and raises StoreUnavailable (it may work later) or StoreRefused (never)."""

    async def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, token: str = ""
    ) -> None:
        """One block, durable on return. A `token` the table has seen before: nothing is stored, whatever the rows."""

    async def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a SELECT by column name; `{name:Type}` in it stands for a parameter."""

    async def command(self, sql: str) -> None:
        """A statement without rows, such as DDL."""

    async def create_database(self) -> None:
        """Make the database of our tables where it is missing."""

    async def ping(self) -> bool:
        """Whether the store answers now; never raises."""

    async def close(self) -> None:
        """Let go of every connection."""
