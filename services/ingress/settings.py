"""What the edge reads from its environment."""

from pathlib import Path

from pydantic import Field, IPvAnyNetwork, field_validator

from libs.runtime.settings import Settings
from services.ingress.http.origins import ANY, ORIGIN


class IngressSettings(Settings):
    """One edge process. Times in seconds, sizes in bytes."""

    listen_fd: int | None = Field(default=None, description="an inherited listening socket; none: host and port below")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535)
    pepper_file: Path = Field(description="32 random bytes that key digests are made with")
    promise_key_file: Path | None = Field(
        default=None, description="the key that signs promises of a record: 32 raw bytes; none: nothing is promised"
    )
    max_body: int = Field(default=32 << 20, gt=0, description="largest body after decompression")
    header_s: float = Field(default=10.0, gt=0, description="time for a client to send its headers")
    body_idle_s: float = Field(default=30.0, gt=0, description="time between two pieces of a body")
    write_idle_s: float = Field(default=60.0, gt=0, description="time in which a reader must take something")
    keep_alive_s: float = Field(default=15.0, gt=0, description="silence after which a stream gets a comment")
    secure_cookies: bool = Field(default=False, description="mark cookies Secure: set behind TLS")
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        default=(), description="addresses or networks of proxies whose X-Forwarded-For is believed, as 10.0.0.0/8"
    )
    cors_origins: tuple[str, ...] = Field(
        default=(), description="pages that may call from a browser, as https://app.example.ca, or *; none: no page"
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if each != ANY and not ORIGIN.fullmatch(each):
                raise ValueError(f"{each!r} is no origin: scheme, host in small letters and port, nothing more")
        return value
