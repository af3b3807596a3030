"""Billing's settings."""

from pydantic import Field

from libs.runtime.settings import Settings as Common
from libs.store.base import StoreSettings


class Settings(StoreSettings, Common):
    """What billing reads from the environment beside what every service does."""

    shard: int = Field(default=0, ge=0, description="the shard of the ledger that this process may own")
