"""The secrets of a one-machine street: made once, kept as files that only their owner can read."""

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import nkeys

from libs.auth.envelopes import new_ring, write_ring
from libs.contracts.subjects import SERVICES

RandomBytes = Callable[[int], bytes]

PEPPER = "pepper"  # 64 hex digits: the HMAC key of API keys
SESSION_KEY = "session.key"  # 32 raw bytes: an Ed25519 seed that signs session tokens
KEK = "kek"  # lines of text: the keys that accounts' own credentials are sealed under, the current one first
ALERTS_KEY = "alerts.key"  # 32 raw bytes: alerts are signed under keys derived from it
PII_KEY = "pii.key"  # 32 raw bytes: accounts' substitutes are chosen under keys derived from it
LOG_KEY = "log.key"  # 32 raw bytes: an Ed25519 seed that signs the transparency log's checkpoints
PROMISE_KEY = "promise.key"  # 32 raw bytes: an Ed25519 seed that signs the edge's promises of a record
WORKER_KEY = "worker.key"  # 32 raw bytes: an Ed25519 seed that signs workers' statements
STORE_PASSWORD = "clickhouse-password"  # noqa: S105 - a file name; ASCII text in it


class SeedUnreadable(Exception):
    """A file of the folder is not what was put there; a sentence."""


def fill(folder: Path, random_bytes: RandomBytes = secrets.token_bytes) -> None:
    """Make what is missing; what is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    fill_seeds(folder, SERVICES, random_bytes)
    _keep(folder / PEPPER, lambda: random_bytes(32).hex().encode())
    _keep(folder / SESSION_KEY, lambda: random_bytes(32))
    _keep(folder / KEK, lambda: write_ring(new_ring(random_bytes)))
    _keep(folder / ALERTS_KEY, lambda: random_bytes(32))
    _keep(folder / PII_KEY, lambda: random_bytes(32))
    _keep(folder / LOG_KEY, lambda: random_bytes(32))
    _keep(folder / PROMISE_KEY, lambda: random_bytes(32))
    _keep(folder / WORKER_KEY, lambda: random_bytes(32))
    _keep(folder / STORE_PASSWORD, lambda: random_bytes(24).hex().encode())


def fill_seeds(folder: Path, services: Iterable[str], random_bytes: RandomBytes = secrets.token_bytes) -> None:
    """One nkey seed per service, in NATS's own text form, which nats-py reads from the file."""
    for service in services:
        _keep(seed_file(folder, service), lambda: nkeys.encode_seed(random_bytes(32), nkeys.PREFIX_BYTE_USER))


def seed_file(folder: Path, service: str) -> Path:
    return folder / f"{service}.nk"


def public_keys(folder: Path, services: Iterable[str] = SERVICES) -> Mapping[str, str]:
    """The public nkey (`U…`) of each service. Raises SeedUnreadable."""
    return {name: _public_key(seed_file(folder, name)) for name in services}


def _public_key(file: Path) -> str:
    try:
        return str(nkeys.from_seed(file.read_bytes()).public_key.decode())
    except (nkeys.NkeysError, ValueError):  # its text may quote the seed
        raise SeedUnreadable(f"{file} holds no nkey seed; remove it, and a new one is made") from None


def store_password(folder: Path) -> str:
    return (folder / STORE_PASSWORD).read_text()


def _keep(path: Path, make: Callable[[], bytes]) -> None:
    """Whole or not there: a secret cut short by a crash must not become the secret for ever."""
    if path.exists():
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        os.write(fd, make())
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
