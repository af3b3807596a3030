"""Which log and witnesses a verb believes: by --policy, --key, the environment, or the street on this machine."""

import argparse
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.custody.outcomes import Unusable
from libs.tlog.note import Algorithm, VerifierKey
from libs.tlog.policy import Policy
from libs.tlog.promise import KEY_NAME
from libs.tlog.refusals import Reason, Refused

# Below the state folder of a street on this machine.
_LOCAL: Final = "secrets/log.key"
_LOCAL_PROMISE: Final = "secrets/promise.key"
_LOCAL_WORKER: Final = "secrets/worker.key"
_WORKER_KEY: Final = re.compile(r"[0-9a-f]{64}")


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
    if args.key is not None:  # an empty one names nobody; it must not mean whoever is trusted otherwise
        return _by_key(args.key, "--key")
    if path := os.environ.get("NI_CUSTODY_POLICY"):
        return _policy(Path(path))
    if key := os.environ.get("NI_CUSTODY_KEY"):
        return _by_key(key, "NI_CUSTODY_KEY")
    local = _local(_LOCAL)
    if os.access(local, os.R_OK):
        return Policy(logs=[_own(local)]), f"the street on this machine ({local})"
    raise Unusable("say which log is trusted: --key VKEY or --policy FILE; its operator publishes the key")


def promise_key(args: argparse.Namespace) -> VerifierKey:
    """The key that promises are believed by. Raises Refused, Unusable and OSError."""
    said = os.environ.get("NI_PROMISE_KEY") or None if args.promise_key is None else args.promise_key
    if said is not None:
        return VerifierKey.read(said)
    if _about_itself(args) and os.access(_local(_LOCAL_PROMISE), os.R_OK):
        return VerifierKey(name=KEY_NAME, public_key=_public(_local(_LOCAL_PROMISE)))
    raise Unusable(
        "say which key promises are signed with: --promise-key VKEY; it is the second line of the street's key"
    )


def worker_keys(args: argparse.Namespace) -> Collection[bytes]:
    """The keys that workers' statements have to be by; none: nobody has said. Raises Unusable and OSError."""
    said = args.worker_key or os.environ.get("NI_WORKER_KEYS", "").split()
    if not all(map(_WORKER_KEY.fullmatch, said)):
        raise Unusable("a worker's key is 64 hex digits, as `signers` of a record has them")
    if not said and _about_itself(args) and os.access(_local(_LOCAL_WORKER), os.R_OK):
        return {_public(_local(_LOCAL_WORKER))}
    return {bytes.fromhex(each) for each in said}


def _about_itself(args: argparse.Namespace) -> bool:
    """Whether the street on this machine is what is believed."""
    if args.policy or args.key is not None:
        return False
    return not (os.environ.get("NI_CUSTODY_POLICY") or os.environ.get("NI_CUSTODY_KEY"))


def _local(name: str) -> Path:
    return Path(os.environ.get("NI_STATE") or ".state") / name


def _public(path: Path) -> bytes:
    """The public half of a key that lies as its seed, 32 raw bytes."""
    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes()).public_key().public_bytes_raw()
    except ValueError:
        raise Unusable(f"{path}: must hold 32 raw bytes, an Ed25519 seed") from None


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
