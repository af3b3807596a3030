"""`ni alerts`: what the deployment's own alerts are signed with."""

import argparse
import sys
from pathlib import Path

from cli.status import state_option
from libs.auth.keys import read_pepper
from libs.auth.webhooks import signing_secret
from libs.embedded.keyring import ALERTS_KEY
from libs.embedded.state import State
from services.billing.alerts.notices import PLATFORM

NAME = "alerts"
HELP = """\
Print the secret that alerts to NI_PLATFORM_WEBHOOK are signed with (docs/alerts.md). It is derived from the alerts key
of the state folder, or of --key-file; another key makes another secret. An account's own secret is shown when its
webhook is set, and never again.
Exit code 0: done; 1: no key can be read.

examples:
  ni alerts secret
  ni alerts secret --key-file /etc/northern/keys/alerts.key
"""


def configure(parser: argparse.ArgumentParser) -> None:
    secret = parser.add_subparsers(dest="what", required=True, metavar="WHAT").add_parser(
        "secret", help="of the deployment's own alerts"
    )
    state_option(secret)
    secret.add_argument("--key-file", type=Path, metavar="FILE", help="the key (default: secrets/alerts.key there)")


def run(args: argparse.Namespace) -> int:
    path: Path = args.key_file or State(root=args.state).secrets / ALERTS_KEY
    try:
        key = read_pepper(path.read_bytes())
    except (OSError, ValueError):
        instead = "`ni up` makes one there, or give --key-file"
        print(f"ni alerts: there is no key of the right form at {path}; {instead}", file=sys.stderr)
        return 1
    print(signing_secret(key, PLATFORM, 1))
    return 0
