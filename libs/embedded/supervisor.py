"""Starts the programs of a street, starts again what falls, stops them in order; knows processes, not services."""

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from libs.embedded.logs import Console, Pump
from libs.embedded.probe import OK, get, until_ready
from libs.embedded.programs import ROOT, Program
from libs.runtime.parent import die_with_parent
from libs.runtime.settings import EX_CONFIG

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STEADY_S = 0.2, 5.0, 30.0
_WORDLESS_S = 3.0  # a stop that takes longer says what it waits for
_LOOK_S = 3.0  # between looks at whether it can still write
_REFUSALS = 3  # in a row, after which it says so in earnest
_ROOM = 64 << 20  # bytes; with less free a new start would not heal it
_FILES = 65_536


class BadConfiguration(Exception):
    """A program ended with exit code 78: starting it again cannot help. It has said what is wrong."""


@dataclass(kw_only=True)
class Child:
    """A program and its present run."""

    program: Program
    pump: Pump
    process: subprocess.Popen[bytes] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    up: asyncio.Event = field(default_factory=asyncio.Event)  # was up once: what waits for it may start
    ready: bool = False
    restarts: int = 0
    started: float = 0.0  # Unix time of the present run

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self.process.pid if self.process is not None and self.process.returncode is None else 0


class Supervisor:
    """Runs `programs` until told to stop. `changed` is called whenever a process started, got ready or ended.

    `listen_fd` is the public socket, `lock_fd` the lock of the state folder; both are the caller's to close.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        console: Console,
        logs: Path,
        colour: bool = False,
        listen_fd: int = -1,
        lock_fd: int = -1,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._console, self._changed = console, changed
        self._listen_fd, self._lock_fd = listen_fd, lock_fd
        self.children: Mapping[str, Child] = {
            p.name: Child(program=p, pump=Pump(p.name, logs / f"{p.name}.log", console, colour=colour))
            for p in programs
        }
        self._stopping = False
        self._killed = False

    async def run(self, stop: asyncio.Event) -> None:
        """Keep everything up until `stop`; then stop in order. Raises BadConfiguration after having stopped."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for child in self.children.values():
            child.pump.start()
        keepers = [asyncio.create_task(self._keep(child)) for child in self.children.values()]
        stopped = asyncio.create_task(stop.wait())
        try:
            pending: set[asyncio.Task[object]] = {stopped, *keepers}
            while not stopped.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # BadConfiguration, or our own fault
        finally:
            self._stopping = True
            stopped.cancel()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await self._stop_in_order()
            loop.remove_signal_handler(signal.SIGCHLD)
            for child in self.children.values():
                child.pump.close()

    def kill(self) -> None:
        """End every process now; a second Ctrl-C."""
        self._killed = True
        for child in self.children.values():
            if child.pid:
                os.kill(child.pid, signal.SIGKILL)

    async def _keep(self, child: Child) -> None:
        program = child.program
        for name in program.after:
            await self.children[name].up.wait()
        pause = _FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                self._start(child)
            except OSError as error:  # no memory left, or its file is being replaced: the others go on
                became = f"cannot be started ({error.strerror})"
            else:
                code = await self._end(child)
                if program.once and code == 0:
                    child.up.set()
                    self._changed()
                    return
                if code == EX_CONFIG:
                    why = "cannot run with this configuration (its reason stands above)"
                    raise BadConfiguration(f"{program.name} {why}")
                became = described(code)
            if time.monotonic() - began > _STEADY_S:
                pause = _FIRST_PAUSE_S
            self._console.say(f"{program.name} {became}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            child.restarts += 1

    def _start(self, child: Child) -> None:
        program = child.program
        env, fds = dict(program.env), []
        if program.listens:
            env["NI_LISTEN_FD"] = str(self._listen_fd)
            fds.append(self._listen_fd)
        if program.holds_lock and self._lock_fd >= 0:
            fds.append(self._lock_fd)
        child.ended.clear()
        # Its own session: Ctrl-C in the terminal is for the supervisor, which then stops the others in order.
        child.process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            program.argv,
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=child.pump.write_fd,
            stderr=child.pump.write_fd,
            pass_fds=fds,
            start_new_session=True,
            preexec_fn=partial(_become, program.niceness),  # noqa: PLW1509 - this process has no threads
        )
        child.started = time.time()
        self._changed()

    async def _end(self, child: Child) -> int:
        """The exit code of its present run, once that is over."""
        probe = asyncio.create_task(self._probe(child))
        try:
            await child.ended.wait()
        finally:
            probe.cancel()
        return self._code(child)

    async def _probe(self, child: Child) -> None:
        """Find out when it is ready, and say so if that is news."""
        program = child.program
        if program.once:
            return
        began = time.monotonic()
        if program.ready_url:
            await until_ready(program.ready_url)
        child.ready = True
        child.up.set()
        if child.restarts:
            self._console.say(
                f"{program.name} is ready again after {time.monotonic() - began:.1f} s (restart {child.restarts})"
            )
        self._changed()
        if program.writes is not None:
            await self._until_it_cannot_write(program, program.writes)
            self._console.say(f"{program.name} cannot write, though the disk has room again; starting it again")
            assert child.process is not None
            child.process.send_signal(signal.SIGTERM)

    async def _until_it_cannot_write(self, program: Program, folder: Path) -> None:
        """Until it has refused for a while and the disk has room. No answer is no refusal: it may be busy."""
        refusals, full = 0, False
        while True:
            await asyncio.sleep(_LOOK_S)
            status, _ = await get(program.ready_url)
            refusals = refusals + 1 if status not in (0, OK) else 0
            if refusals < _REFUSALS:
                continue
            if shutil.disk_usage(folder).free >= _ROOM:
                return
            if not full:
                full = True
                self._console.say(
                    f"{program.name} cannot write: the disk of {folder} is full; it goes on with room there"
                )

    def _reap(self) -> None:
        for child in self.children.values():
            if child.process is not None and not child.ended.is_set() and child.process.poll() is not None:
                child.pump.drain()
                child.ready = False
                child.ended.set()
                self._changed()

    async def _stop_in_order(self) -> None:
        self._reap()
        for stage in sorted({c.program.stage for c in self.children.values()}, reverse=True):
            now = [c for c in self.children.values() if c.program.stage == stage and c.pid]
            late = asyncio.get_running_loop().call_later(_WORDLESS_S, self._say_who_is_late, now)
            await asyncio.gather(*(self._stop(child) for child in now))
            late.cancel()

    def _say_who_is_late(self, asked: Sequence[Child]) -> None:
        late = [child.program for child in asked if child.pid]
        if late:
            names, most_s = ", ".join(p.name for p in late), max(p.stop_s for p in late)
            self._console.say(
                f"waiting for {names}: running requests end, and facts are stored, first (at most {most_s:g} s)"
            )

    async def _stop(self, child: Child) -> None:
        assert child.process is not None
        child.process.send_signal(signal.SIGKILL if self._killed else signal.SIGTERM)
        try:
            await asyncio.wait_for(child.ended.wait(), child.program.stop_s)
        except TimeoutError:
            self._console.say(f"{child.program.name} did not stop within {child.program.stop_s:g} s and was killed")
            child.process.kill()
            await child.ended.wait()

    @staticmethod
    def _code(child: Child) -> int:
        assert child.process is not None
        assert child.process.returncode is not None
        return child.process.returncode


def _become(niceness: int) -> None:
    """In the child, before it is the program."""
    die_with_parent()
    if niceness:
        os.nice(niceness)


def allow_many_files() -> None:
    """Raise this process's limit of open files, which children inherit: each connection is one, and 1,024 is usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        return  # macOS refuses what it calls unlimited: as it was, then


def described(code: int) -> str:
    """How a process ended, in words; negative codes are signals, as subprocess has them."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
