"""Settings: one frozen pydantic model a service, read from the environment once, refused in a plain sentence."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

EX_CONFIG = 78  # sysexits.h


class Settings(BaseModel):
    """What every service reads. A field `nats_url` is the variable `NI_NATS_URL`; lists are separated by commas."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")

    nats_url: str = Field(default="nats://127.0.0.1:4222", description="where the broker listens")
    nats_seed_file: Path | None = Field(default=None, description="this service's nkey seed; none: no authentication")
    admin_host: str = Field(default="127.0.0.1", description="address of /healthz, /readyz and /metrics")
    admin_port: int = Field(default=0, ge=0, le=65535, description="its port; 0: any free one")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="less is left out")
    drain_s: float = Field(default=30.0, gt=0, description="how long running work may take after SIGTERM")
    config_dir: Path = Field(default=Path("infra/config"), description="routes, egresses, prices")
    build: str = Field(
        default="",
        pattern=r"^[!-~]{0,100}$",
        description="what runs here, such as an image's digest; none: of the source",
    )
    place: str = Field(
        default="",
        pattern=r"^([A-Z]{2}(/[a-z0-9-]{1,40})?)?$",
        description="where this process stands, as CA/ca-central-1",
    )


S = TypeVar("S", bound=Settings)


def read(kind: type[S], environ: Mapping[str, str] | None = None) -> S:
    """The settings of a service from `NI_…` variables; ends the process with exit code 78 where one is wrong."""
    env = os.environ if environ is None else environ
    given: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        value = env.get(f"NI_{name.upper()}")
        if value is None or value == "":
            continue
        listed = str(field.annotation).startswith(("tuple", "list", "frozenset"))
        given[name] = [part.strip() for part in value.split(",") if part.strip()] if listed else value
    try:
        return kind(**given)
    except ValidationError as error:
        refuse(*sentences(error, kind))


def sentences(error: ValidationError, kind: type[BaseModel]) -> Iterator[str]:
    """What is wrong with each setting, what is allowed, and never a value."""
    for one in error.errors(include_input=False, include_url=False):
        if not one["loc"]:  # a rule over several settings has no place of its own
            yield one["msg"]
            continue
        name = str(one["loc"][0])
        about = kind.model_fields[name].description or ""
        if one["type"] == "string_pattern_mismatch":  # pydantic would show the pattern
            yield f"NI_{name.upper()}: must be {about}"
        else:
            yield f"NI_{name.upper()}: {one['msg']}" + (f" ({about})" if about else "")


def refuse(*sentences: str) -> NoReturn:
    """Say what is wrong with the configuration and end the process."""
    for sentence in sentences:
        sys.stderr.write(f"configuration: {sentence}\n")
    raise SystemExit(EX_CONFIG)
