"""What the sandbox reads from the environment."""

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from libs.runtime.settings import Settings


class SandboxSettings(Settings):
    """The sandbox listens on loopback and nowhere else: its answers must not be reachable as a provider's."""

    sandbox_host: str = Field(default="127.0.0.1", description="a loopback address")
    sandbox_port: int = Field(default=0, ge=0, le=65535, description="0: any free one")
    sandbox_keep_bodies: bool = Field(default=True, description="keep the first 64 KiB of each body in the log")
    sandbox_log_file: Path | None = Field(default=None, description="append one line for each request received")
    sandbox_aws_secret: SecretStr | None = Field(default=None, description="verify SigV4 signatures with this secret")

    @field_validator("sandbox_host")
    @classmethod
    def _loopback(cls, value: str) -> str:
        if not ipaddress.ip_address(value).is_loopback:
            raise ValueError("the sandbox listens on loopback only")
        return value
