"""A whole street for a test: `ni up` as a process of its own, with its own state folder and ports."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson

from libs.embedded.programs import PROVIDER_VARIABLES, ROOT
from libs.embedded.state import State, read_json

DEADLINE_S = 60.0
_OK = 200


class Street:
    """Started, ready and stoppable. Holds nothing of an event loop, so that one street serves many tests.

    `env` adds to a clean environment: no provider's variable of the developer's shell reaches it.
    """

    def __init__(self, root: Path, **env: str) -> None:
        self.state = State(root=root)
        hidden = {*PROVIDER_VARIABLES, "NI_SANDBOX"}
        inherited = {name: value for name, value in os.environ.items() if name not in hidden}
        self.env = {**inherited, "NI_PORT": "0", **env, "NI_STATE": str(root)}
        self.console = root / "console.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, deadline_s: float = DEADLINE_S) -> None:
        """Run `ni up` until all of it is up and the edge is ready; AssertionError with the console's end otherwise."""
        self._process = self._spawn()
        deadline = time.monotonic() + deadline_s
        while not (self.whole() and self.state.bootstrap.exists() and await self.ready()):
            assert self._process.poll() is None, f"`ni up` ended with {self._process.returncode}\n{self.tail()}"
            if time.monotonic() > deadline:
                await self.stop()
                raise AssertionError(f"the street is not ready after {deadline_s:.0f} s\n{self.tail()}")
            await asyncio.sleep(0.1)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.state.root.mkdir(parents=True, exist_ok=True)
        with self.console.open("ab") as console:
            return subprocess.Popen(
                [sys.executable, "-m", "cli", "up"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    async def stop(self, number: int = signal.SIGTERM, deadline_s: float = 60.0) -> int:
        """Signal the supervisor and wait until everything has ended; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return await asyncio.to_thread(self._process.wait, deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            raise AssertionError(f"the street did not stop\n{self.tail()}") from None

    def ports(self) -> dict[str, Any]:
        """`ports.json` as it stands."""
        return read_json(self.state.running)

    def whole(self) -> bool:
        """Whether every program was up once: the edge may be ready before the first account is made."""
        programs = self.ports().get("programs", {})
        return bool(programs) and all(one["up"] for one in programs.values())

    def pids(self) -> dict[str, int]:
        """Process ids by program name, of those that run now."""
        found: dict[str, int] = self.ports().get("pids", {})
        return found

    @property
    def supervisor_pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def base_url(self) -> str:
        """The public origin, without a path."""
        return str(self.ports()["url"])

    @property
    def api_key(self) -> str:
        """The first account's key."""
        return str(read_json(self.state.bootstrap)["api_key"])

    async def credit(self, amount: int) -> None:
        """Give the first account more: what it opens with is little for load, or for very large prompts at once."""
        verb = (sys.executable, "-m", "cli", "credits", "add", "t_first", str(amount), "--note", "for a test")
        await asyncio.to_thread(subprocess.run, verb, cwd=ROOT, env=self.env, check=True, stdout=subprocess.DEVNULL)

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Signal a program; the process id it had."""
        pid = self.pids()[name]
        os.kill(pid, number)
        return pid

    async def wait_restarted(self, name: str, old_pid: int, deadline_s: float = 20.0) -> None:
        """Until the program runs again under another pid and says it is ready."""
        deadline = time.monotonic() + deadline_s
        while True:
            one = self.ports().get("programs", {}).get(name, {})
            if one.get("pid") not in {0, None, old_pid} and (await _get(one["ready_url"]))[0] == _OK:
                return
            assert time.monotonic() < deadline, f"{name} did not come back\n{self.tail()}"
            await asyncio.sleep(0.05)

    async def ready(self) -> bool:
        url = self.ports().get("url")
        return url is not None and (await _get(f"{url}/readyz"))[0] == _OK

    async def sandbox_log(self) -> list[dict[str, Any]]:
        """Every request the sandbox has received, oldest first."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            log = f"http://127.0.0.1:{self.ports()['sandbox']}/_sandbox/log?after={after}&limit=1000"
            status, body = await _get(log)
            assert status == _OK, body[:200]
            page = orjson.loads(body)
            if not page["requests"]:
                return found
            found += page["requests"]
            after = page["next"]

    def log(self, name: str) -> str:
        """What one program has written."""
        path = self.state.logs / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def tail(self, lines: int = 60) -> str:
        """The end of what the console showed."""
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


@asynccontextmanager
async def street(root: Path, **env: str) -> AsyncIterator[Street]:
    """A street of its own for one test."""
    async with Street(root, **env) as started:
        yield started


async def _get(url: str) -> tuple[int, bytes]:
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        return 0, b""
