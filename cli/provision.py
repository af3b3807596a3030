"""`ni provision`: the broker's streams and buckets."""

import argparse
import asyncio
import sys
import time

from pydantic import Field

from libs.bus.provision import provision
from libs.contracts.errors import NorthernError
from libs.runtime.settings import Settings, read

NAME = "provision"
HELP = """\
Make the streams and key-value buckets of the broker what they must be. Creates and updates, never deletes; run it
again at any time. `ni up` does it by itself; a cluster needs it once after each upgrade.

environment:
  NI_NATS_URL            where the broker listens             (nats://127.0.0.1:4222)
  NI_NATS_SEED_FILE      the operator's nkey seed             (none: no authentication)
  NI_REPLICAS            copies of everything: 3 in a cluster (1)
  NI_NATS_STORE_BYTES    scale all sizes to a store this big  (none: the sizes of the catalogue)

example:
  NI_NATS_URL=nats://nats-0:4222 NI_NATS_SEED_FILE=/run/secrets/operator.nk NI_REPLICAS=3 ni provision
"""


class ProvisionSettings(Settings):
    replicas: int = Field(default=1, ge=1, le=5, description="copies of every stream and bucket")
    nats_store_bytes: int | None = Field(
        default=None, ge=1, description="the broker's max_file_store, where it is small"
    )


def configure(parser: argparse.ArgumentParser) -> None:
    """No options: the environment says where."""


def run(_: argparse.Namespace) -> int:
    """0: everything is as it must be."""
    settings = read(ProvisionSettings)
    began = time.monotonic()
    try:
        done = asyncio.run(
            provision(
                settings.nats_url,
                settings.nats_seed_file,
                replicas=settings.replicas,
                store_bytes=settings.nats_store_bytes,
            )
        )
    except NorthernError as error:
        print(f"provision: {error.message}", file=sys.stderr)
        return 1
    made = sum(one.created for one in done)
    print(f"provision: {len(done)} streams and buckets stand, {made} of them new ({time.monotonic() - began:.1f} s)")
    return 0
