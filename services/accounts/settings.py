"""What accounts reads from the environment."""

from pathlib import Path

from pydantic import Field

from libs.runtime.settings import Settings


class AccountsSettings(Settings):
    """Settings of the accounts service; the files are secrets and belong to its user alone."""

    pepper_file: Path = Field(description="32 random bytes or more: keys are stored as HMACs under them")
    session_key_file: Path = Field(description="Ed25519 key that signs sessions: 32 raw bytes, their hex, or a PEM")
    bootstrap_file: Path = Field(description="where the first account's credentials are written, once")
    kek_file: Path | None = Field(default=None, description="key-encryption keys of accounts' own credentials (BYOK)")
    alerts_key_file: Path | None = Field(default=None, description="32 random bytes: alerts are signed under them")
    base_url: str = Field(
        default="http://127.0.0.1:8080",
        pattern=r"^https?://[^/?#]+$",
        description="the public origin without a path, such as https://ni.example",
    )
