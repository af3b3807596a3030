"""Custody's settings."""

from pydantic import Field

from libs.runtime.settings import Settings as Common
from libs.store.base import StoreSettings


class Settings(StoreSettings, Common):
    """What custody reads from the environment beside what every service does."""

    # Measured: with blocks of 1,000 the store merges three times as long per fact as with 5,000.
    projection_rows: int = Field(default=5000, ge=1, le=100_000, description="facts a block of the table holds at most")
    projection_linger_ms: int = Field(default=300, ge=1, le=60_000, description="how long a block waits to be full")
