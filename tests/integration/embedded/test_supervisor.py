"""The supervisor over real processes that are small scripts."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from libs.embedded.logs import Console
from libs.embedded.probe import get
from libs.embedded.programs import ROOT, Program
from libs.embedded.state import alive, free_ports
from libs.embedded.supervisor import BadConfiguration, Supervisor

# Answers 200 on a port; on SIGTERM notes its name and ends.
SERVER = """
import http.server, os, signal, sys
name, port, notes = sys.argv[1:4]
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_): pass
def end(*_):
    open(notes, "a").write(name + "\\n"); os._exit(0)
signal.signal(signal.SIGTERM, end)
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", int(port)), Door).serve_forever()
"""

# Answers 200, and 503 from when a file is there: as a broker whose disk was full goes on doing until its next start.
FROZEN = """
import http.server, os, pathlib, sys
port, full = int(sys.argv[1]), pathlib.Path(sys.argv[2])
frozen = False
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global frozen
        frozen = frozen or full.exists()
        self.send_response(503 if frozen else 200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", port), Door).serve_forever()
"""

# Answers each connection of the public socket with its pid.
EDGE = """
import os, socket
public = socket.socket(fileno=int(os.environ["NI_LISTEN_FD"]))
public.setblocking(True)
while True:
    peer, _ = public.accept()
    peer.recv(4096)
    peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + str(os.getpid()).encode())
    peer.close()
"""


class Watched:
    """A supervisor at work and what it shows."""

    def __init__(self, supervisor: Supervisor, read_fd: int) -> None:
        self.supervisor, self._read_fd = supervisor, read_fd
        self._shown = ""
        self.closed = False

    @property
    def shown(self) -> str:
        try:
            while not self.closed and (block := os.read(self._read_fd, 65536)):
                self._shown += block.decode()
        except BlockingIOError:
            pass
        return self._shown

    def pid(self, name: str) -> int:
        return self.supervisor.children[name].pid

    async def up(self, *names: str) -> None:
        async with asyncio.timeout(10):
            for name in names:
                await self.supervisor.children[name].up.wait()


@asynccontextmanager
async def supervised(tmp_path: Path, *programs: Program, listen_fd: int = -1) -> AsyncIterator[Watched]:
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    supervisor = Supervisor(programs, console=Console(write_fd, colour=False), logs=tmp_path, listen_fd=listen_fd)
    stop = asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop))
    watched = Watched(supervisor, read_fd)
    try:
        yield watched
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(running, return_exceptions=True)
        os.close(write_fd)
        _ = watched.shown
        watched.closed = True
        os.close(read_fd)
    if not isinstance(running.exception(), BadConfiguration | None):
        running.result()


def script(name: str, code: str, *args: str) -> Program:
    env = {"PATH": os.environ["PATH"]}
    return Program(name=name, argv=(sys.executable, "-c", code, *args), env=env, stop_s=5)


def server(name: str, port: int, notes: Path) -> Program:
    return replace(script(name, SERVER, name, str(port), str(notes)), ready_url=f"http://127.0.0.1:{port}/")


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


async def test_a_process_that_is_killed_comes_back_on_its_port_and_it_is_said(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with supervised(tmp_path, server("router", port, tmp_path / "notes")) as street:
        await street.up("router")
        first = street.pid("router")
        os.kill(first, signal.SIGKILL)
        await until(lambda: street.supervisor.children["router"].restarts == 1, "no restart")
        await until(lambda: street.supervisor.children["router"].ready, "not ready again")
        assert (await get(f"http://127.0.0.1:{port}/"))[1].decode() == str(street.pid("router"))
        assert street.pid("router") != first
        assert "router was ended by SIGKILL; starting it again in 0.2 s" in street.shown
        assert "router is ready again after" in street.shown


async def test_one_whose_disk_was_full_is_started_again_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,), full, free = free_ports(1), tmp_path / "full", [0]
    monkeypatch.setattr("libs.embedded.supervisor._LOOK_S", 0.05)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free[0]))
    broker = replace(
        script("nats", FROZEN, str(port), str(full)), ready_url=f"http://127.0.0.1:{port}/", writes=tmp_path
    )
    async with supervised(tmp_path, broker) as street:
        await street.up("nats")
        first = street.pid("nats")
        full.touch()
        await until(lambda: "nats cannot write: the disk of" in street.shown, "not said that the disk is full")
        full.unlink()
        await asyncio.sleep(0.5)
        assert street.pid("nats") == first  # what it may still do, it does
        free[0] = 1 << 30
        await until(lambda: "nats is ready again" in street.shown, "not started again")
        assert street.pid("nats") != first
        assert street.shown.count("cannot write: the disk") == 1


async def test_one_that_keeps_falling_is_started_less_and_less_often(tmp_path: Path) -> None:
    async with supervised(tmp_path, script("worker", "raise SystemExit(3)")) as street:
        await until(lambda: "again in 0.8 s" in street.shown, "no third pause")
    shown = [line.split("again in ")[1] for line in street.shown.splitlines() if "exit code 3" in line]
    assert shown[:3] == ["0.2 s", "0.4 s", "0.8 s"]


async def test_one_that_cannot_be_started_for_a_while_ends_no_other(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    binary = tmp_path / "nats-server"
    binary.symlink_to("/bin/sleep")
    broker = Program(name="nats", argv=(str(binary), "60"), stop_s=5)
    async with supervised(tmp_path, broker, server("router", port, tmp_path / "notes")) as street:
        await street.up("nats", "router")
        kept = street.pid("router")
        binary.unlink()  # as when it is being installed anew
        os.kill(street.pid("nats"), signal.SIGKILL)
        await until(lambda: "cannot be started (No such file or directory)" in street.shown, "no word of it")
        binary.symlink_to("/bin/sleep")
        await until(lambda: street.pid("nats") > 0, "not started again")
        assert street.pid("router") == kept


async def test_wrong_configuration_stops_everything_and_is_not_tried_again(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    bad = script("ingress", "import sys; print('configuration: NI_X: no', file=sys.stderr); sys.exit(78)")
    other = server("router", port, tmp_path / "notes")
    read_fd, write_fd = os.pipe()
    supervisor = Supervisor([bad, other], console=Console(write_fd, colour=False), logs=tmp_path)
    with pytest.raises(BadConfiguration, match="ingress cannot run"):
        await asyncio.wait_for(supervisor.run(asyncio.Event()), 15)
    shown = os.read(read_fd, 65536).decode()
    os.close(read_fd)
    os.close(write_fd)
    assert "configuration: NI_X: no" in shown
    assert not supervisor.children["router"].pid
    assert supervisor.children["ingress"].restarts == 0


async def test_the_stages_stop_from_the_highest_down(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    ports = free_ports(3)
    names = ("broker", "router", "edge")
    programs = [
        replace(server(name, port, notes), stage=stage)
        for stage, (name, port) in enumerate(zip(names, ports, strict=True))
    ]
    async with supervised(tmp_path, *programs) as street:
        await street.up(*names)
    assert notes.read_text().split() == ["edge", "router", "broker"]


async def test_one_that_does_not_stop_is_killed_and_it_is_said(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    program = replace(script("worker", deaf), stop_s=0.3)
    async with supervised(tmp_path, program) as street:
        await until(lambda: "deaf" in street.shown, "not started")
        pid = street.pid("worker")
    assert not alive(pid)
    assert "worker did not stop within 0.3 s and was killed" in street.shown


async def test_a_stop_that_takes_its_time_says_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.embedded.supervisor._WORDLESS_S", 0.2)
    slow = """
import signal, sys, time
def end(*_):
    time.sleep(0.6); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
    (port,) = free_ports(1)
    quick = server("router", port, tmp_path / "notes")
    async with supervised(tmp_path, script("worker", slow), quick) as street:
        await until(lambda: "up" in street.shown, "not started")
        await street.up("router")
    assert "waiting for worker: running requests end, and facts are stored, first (at most 5 s)" in street.shown
    assert "killed" not in street.shown


async def test_a_second_request_to_stop_kills_at_once(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    async with supervised(tmp_path, replace(script("worker", deaf), stop_s=60)) as street:
        await until(lambda: "deaf" in street.shown, "not started")
        asyncio.get_running_loop().call_later(0.3, street.supervisor.kill)
    assert time.monotonic() - began < 15


async def test_what_waits_for_another_starts_when_that_has_done_its_work(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    note = "import sys, time; time.sleep(float(sys.argv[2])); open(sys.argv[3], 'a').write(sys.argv[1])"
    first = replace(script("provision", note, "1", "0.3", str(notes)), once=True)
    second = replace(script("custody", note, "2", "0", str(notes)), once=True, after=("provision",))
    async with supervised(tmp_path, second, first) as street:
        await street.up("custody")
        assert notes.read_text() == "12"
        assert street.supervisor.children["provision"].restarts == 0


async def test_no_connection_is_refused_while_the_edge_restarts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as public:
        url = f"http://127.0.0.1:{public.getsockname()[1]}/"
        edge = replace(script("ingress-0", EDGE), listens=True)
        async with supervised(tmp_path, edge, listen_fd=public.fileno()) as street:
            await until(lambda: street.pid("ingress-0") > 0, "not started")
            answered: list[int] = []
            for n in range(30):
                if n == 10:
                    os.kill(street.pid("ingress-0"), signal.SIGKILL)
                status, _ = await get(url, timeout_s=10)
                answered.append(status)
        assert answered.count(200) >= 29  # the one in its hands when it was killed may be cut
        assert answered[-1] == 200


async def test_the_limit_of_open_files_is_raised_for_all_as_far_as_it_may_be() -> None:
    code = """
import resource
from libs.embedded.supervisor import allow_many_files
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048))
allow_many_files()
allow_many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE, cwd=ROOT)
    said, _ = await process.communicate()
    assert said.split() == [b"2048", b"2048"]


async def test_children_die_with_the_supervisor_however_that_ends(tmp_path: Path) -> None:
    code = f"""
import asyncio, pathlib, sys
from libs.embedded.logs import Console
from libs.embedded.programs import Program
from libs.embedded.supervisor import Supervisor
sleeper = Program(name="sleeper", argv=(sys.executable, "-c", "import time; time.sleep(60)"))
def changed():
    print("pid", supervisor.children["sleeper"].pid, flush=True)
logs = pathlib.Path({str(tmp_path)!r})
supervisor = Supervisor([sleeper], console=Console(2, colour=False), logs=logs, changed=changed)
asyncio.run(supervisor.run(asyncio.Event()))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    pid = int((await process.stdout.readline()).split()[1])
    assert alive(pid)
    process.kill()
    await process.wait()
    await until(lambda: not alive(pid), "the child outlived its supervisor")
