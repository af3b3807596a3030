"""What a worker reads from its environment; providers' addresses and credentials are read in ways_out.py."""

from pydantic import Field

from libs.runtime.settings import Settings


class WorkerSettings(Settings):
    """One worker process."""

    egresses: tuple[str, ...] = Field(min_length=1, description="the ways out this process serves, and no other")
    sandbox_url: str | None = Field(default=None, description="origin of the sandbox that stands in for every provider")
    in_flight: int = Field(default=4096, gt=0, description="requests at once; one more is refused")
