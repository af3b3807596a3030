"""Billing's settings."""

from pathlib import Path

from pydantic import Field

from libs.runtime.settings import Settings as Common
from libs.store.base import StoreSettings


class Settings(StoreSettings, Common):
    """What billing reads from the environment beside what every service does."""

    alerts_key_file: Path | None = Field(default=None, description="32 random bytes: alerts are signed under them")
    alerts_allow_private: bool = Field(default=False, description="alerts may go to private addresses; for tests alone")
    platform_webhook: str | None = Field(
        default=None, pattern=r"^https://[^\s@#]+$", description="where the operator is told that books differ"
    )
    shard: int = Field(default=0, ge=0, description="the shard of the ledger that this process may own")
