"""Custody's settings."""

from pathlib import Path

from pydantic import Field

from libs.runtime.settings import Settings as Common
from libs.store.base import StoreSettings


class Settings(StoreSettings, Common):
    """What custody reads from the environment beside what every service does."""

    # Measured: with blocks of 1,000 the store merges three times as long per fact as with 5,000.
    projection_rows: int = Field(default=5000, ge=1, le=100_000, description="facts a block of the table holds at most")
    projection_linger_ms: int = Field(default=300, ge=1, le=60_000, description="how long a block waits to be full")
    projection_busy_linger_ms: int = Field(
        default=1500, ge=1, le=60_000, description="the same where many facts come: fewer and larger blocks"
    )
    log_dir: Path | None = Field(default=None, description="where the log's tiles lie; none: made anew at each start")
    log_key_file: Path | None = Field(
        default=None, description="the key that signs checkpoints: 32 raw bytes; none: nothing is signed or shown here"
    )
    log_origin: str = Field(
        default="",
        pattern=r"^[!-*,-~]{0,200}$",
        description="the log's name, without spaces or plus signs, as example.com/log; none: named after its key",
    )
    seal_every_ms: int = Field(default=1000, ge=10, le=60_000, description="the pause between two batches of leaves")
    witnesses: tuple[str, ...] = Field(
        default=(), description="who cosigns: <verifier key> <address>, with commas between"
    )
    witness_quorum: int = Field(default=0, ge=0, le=100, description="cosignatures without which nothing is published")
    witness_deadline_ms: int = Field(default=1000, ge=10, le=60_000, description="how long witnesses are waited for")
