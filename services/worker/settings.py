"""What a worker reads from its environment; providers' addresses and credentials are read in ways_out.py."""

from pathlib import Path

from pydantic import Field

from libs.runtime.settings import Settings


class WorkerSettings(Settings):
    """One worker process."""

    egresses: tuple[str, ...] = Field(min_length=1, description="the ways out this process serves, and no other")
    sandbox_url: str | None = Field(default=None, description="origin of the sandbox that stands in for every provider")
    kek_file: Path | None = Field(default=None, description="key-encryption keys of accounts' own credentials (BYOK)")
    worker_key_file: Path | None = Field(
        default=None, description="the key that signs statements: 32 raw bytes; none: one of this process alone"
    )
    in_flight: int = Field(default=4096, gt=0, description="requests at once; one more is refused")
