"""`ni nats-users`: nkeys and the broker's list of users, for a cluster."""

import argparse
import sys
from pathlib import Path

from libs.contracts.subjects import SERVICES
from libs.embedded.keyring import SeedUnreadable, fill_seeds, public_keys
from libs.embedded.nats_config import users

NAME = "nats-users"
HELP = """\
Make one nkey seed per service in a folder (those that are there are kept) and print the list of users that
infra/nats/cluster.conf includes: public keys and rights only, nothing secret. Run it again after each upgrade: the
rights may have changed, the keys do not.

Exit code 0: printed; 1: the folder cannot be used.

example:
  ni nats-users --seeds ./seeds > users.conf     # users.conf to every broker, seeds/<service>.nk to that service alone
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seeds", type=Path, required=True, metavar="DIR", help="folder of the seeds (secret; mode 0400)"
    )


def run(args: argparse.Namespace) -> int:
    """The list goes to standard output, once every seed is there."""
    folder: Path = args.seeds
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fill_seeds(folder, SERVICES)
        listed = users(public_keys(folder))
    except SeedUnreadable as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or folder} cannot be used: {error.strerror}")
    print(listed)
    return 0


def _refuse(sentence: str) -> int:
    print(f"ni nats-users: {sentence}", file=sys.stderr)
    return 1
