"""The state folder of one street: its paths, the lock that makes it one, and what runs in it (`ports.json`)."""

import fcntl
import os
import random
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import orjson

# Below Linux's ephemeral range (32768-60999): an outgoing connection cannot take a port while its service restarts.
_PORTS = (20_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class State:
    """Where things lie below `root`, an absolute path."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def running(self) -> Path:
        return self.root / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def nats(self) -> Path:
        return self.root / "nats"

    @property
    def clickhouse(self) -> Path:
        return self.root / "clickhouse"

    @property
    def custody(self) -> Path:
        return self.root / "custody"

    @property
    def bootstrap(self) -> Path:
        return self.root / "bootstrap.json"

    @property
    def sandbox_log(self) -> Path:
        return self.root / "sandbox-requests.jsonl"

    def prepare(self) -> None:
        """Make the folders, readable by nobody else."""
        for folder in (self.root, self.secrets, self.logs, self.nats, self.clickhouse):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Every port of a street; `admin` by program name."""

    public: int
    nats: int
    nats_monitor: int
    clickhouse: int
    sandbox: int
    admin: Mapping[str, int] = field(default_factory=dict)


class AlreadyRuns(Exception):
    """Another supervisor holds this state folder."""

    def __init__(self, pid: int, url: str) -> None:
        super().__init__(f"a street already runs here: {url} (pid {pid})")
        self.pid, self.url = pid, url


def take_lock(state: State, url: str, patience_s: float = 5.0) -> int:
    """Lock the folder for this process; the file descriptor is the lock, and those it is passed to hold it too.

    Raises AlreadyRuns. Where the holder has just been killed, its broker and store get `patience_s` to be gone.
    """
    fd = os.open(state.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock_holder(state) or {}
            pid = int(holder.get("pid", 0))
            if (pid and alive(pid)) or time.monotonic() > deadline:
                os.close(fd)
                raise AlreadyRuns(pid, str(holder.get("url", "unknown address"))) from None
            time.sleep(0.05)
        else:
            os.truncate(fd, 0)
            os.pwrite(fd, orjson.dumps({"pid": os.getpid(), "url": url}), 0)
            return fd


def lock_holder(state: State) -> dict[str, Any] | None:
    """`{pid, url}` of the supervisor that holds the folder now; None where nobody does."""
    try:
        fd = os.open(state.lock, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, 4096, 0)
        return cast(dict[str, Any], orjson.loads(text)) if text else {}
    else:
        return None
    finally:
        os.close(fd)


def alive(pid: int) -> bool:
    """Whether a process of that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def free_ports(count: int) -> list[int]:
    """Different ports on loopback that nobody listens on now."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randint(*_PORTS)  # noqa: S311 - two streets should differ, nobody must guess
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
    return list(found)


def pick_ports(public: int, names: tuple[str, ...]) -> Ports:
    """Free ports for the parts and an admin port for each of `names`."""
    nats, monitor, clickhouse, sandbox, *admin = free_ports(4 + len(names))
    return Ports(
        public=public,
        nats=nats,
        nats_monitor=monitor,
        clickhouse=clickhouse,
        sandbox=sandbox,
        admin=dict(zip(names, admin, strict=True)),
    )


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file so that a reader sees the old or the new one, never half. Where it cannot, the old one stays."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object; empty where there is none."""
    try:
        return cast(dict[str, Any], orjson.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError):
        return {}
