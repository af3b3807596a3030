"""Which log and witnesses a verb believes: by --policy, --key, the environment, or the street on this machine."""

import argparse
import os
from pathlib import Path
from typing import Final

from cli.custody_outcomes import Unusable
from libs.tlog.note import Algorithm, VerifierKey
from libs.tlog.policy import Policy
from libs.tlog.refusals import Reason, Refused

_LOCAL: Final = "secrets/log.key"  # below the state folder of a street on this machine


def options(parser: argparse.ArgumentParser) -> None:
    """Without any of them, a street on this machine is believed about itself."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--key", metavar="VKEY", help="the log's public key, <name>+<id>+<base64> (NI_CUSTODY_KEY)")
    which.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="logs, witnesses and quorum, c2sp.org/tlog-policy (NI_CUSTODY_POLICY)",
    )


def trusted(args: argparse.Namespace) -> tuple[Policy, str]:
    """The policy, and where it is from in words. Raises Refused, Unusable and OSError."""
    if args.policy:
        return _policy(args.policy)
    if args.key:
        return _by_key(args.key, "--key")
    if path := os.environ.get("NI_CUSTODY_POLICY"):
        return _policy(Path(path))
    if key := os.environ.get("NI_CUSTODY_KEY"):
        return _by_key(key, "NI_CUSTODY_KEY")
    local = Path(os.environ.get("NI_STATE") or ".state") / _LOCAL
    if os.access(local, os.R_OK):
        return Policy(logs=[_own(local)]), f"the street on this machine ({local})"
    raise Unusable("say which log is trusted: --key VKEY or --policy FILE; its operator publishes the key")


def _own(path: Path) -> VerifierKey:
    """The public half of the key that the street signs with."""
    from services.custody.log.signer import FileSigner, verifier_key  # noqa: PLC0415 - only where there is a street

    try:
        return verifier_key(FileSigner.read(path), os.environ.get("NI_LOG_ORIGIN", ""))
    except ValueError as error:
        raise Unusable(str(error)) from None


def _policy(path: Path) -> tuple[Policy, str]:
    # Octets beyond ASCII are opaque in names, and UTF-8 in the keys' own.
    try:
        return Policy.read(path.read_bytes().decode()), str(path)
    except UnicodeDecodeError:
        raise Unusable(f"{path}: a policy is text in UTF-8") from None


def _by_key(text: str, source: str) -> tuple[Policy, str]:
    key = VerifierKey.read(text)
    if key.algorithm is not Algorithm.ED25519:
        raise Refused(Reason.MALFORMED_KEY, "the key is a witness's, not a log's")
    return Policy(logs=[key]), source
