"""What the pii service reads from its environment."""

from pathlib import Path

from pydantic import Field

from libs.runtime.settings import Settings
from libs.store.base import StoreSettings


class PiiSettings(StoreSettings, Settings):
    """One process. Times in seconds, sizes in bytes."""

    pii_key_file: Path = Field(description="32 random bytes that every account's substitutes are derived from")
    in_flight: int = Field(default=512, ge=1, description="requests whose answers are restored at once")
    max_body: int = Field(default=16 << 20, gt=0, description="the largest body that is substituted in")
    mask_s: float = Field(default=60.0, gt=0, description="the longest that substituting in one request may take")
    cached_texts: int = Field(default=8192, ge=0, description="texts whose entities' places are remembered")
    projection_rows: int = Field(default=5000, ge=1, le=100_000, description="facts of one block of the audit table")
    projection_linger_ms: int = Field(default=300, ge=1, le=60_000, description="how long a block waits to be full")
