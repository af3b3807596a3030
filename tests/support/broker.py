"""nats-server for tests: a real one on a free port of loopback, which a test may kill -9 and start again."""

import asyncio
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.bus.provision import provision
from libs.contracts.subjects import SERVICES
from libs.embedded import keyring
from libs.embedded.nats_config import render
from libs.embedded.state import free_ports
from libs.embedded.street import nats_server
from libs.runtime.settings import Settings

STORE_BYTES = 600 << 20


@dataclass
class Broker:
    """One server. `config` gives its configuration for a port, a monitor port and a folder of its own."""

    folder: Path
    config: Callable[[int, int, Path], str]
    port: int = 0
    monitor: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.monitor = free_ports(2)
        self._file = self.folder / "nats-server.conf"
        self._file.write_text(self.config(self.port, self.monitor, self.folder / "store"))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """Of a connection without a key."""
        return Settings(nats_url=self.url)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def spawn(self) -> None:
        """Begin to start; on the same port and store as before, if there was a before."""
        with (self.folder / "nats.log").open("ab") as log:
            self.process = subprocess.Popen([nats_server(), "-c", str(self._file)], stdout=log, stderr=log)

    def start(self, deadline_s: float = 10.0) -> None:
        self.spawn()
        until = time.monotonic() + deadline_s
        while not self._healthy():
            assert time.monotonic() < until, (self.folder / "nats.log").read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def provision(self, seed_file: Path | None = None) -> None:
        apart(provision(self.url, seed_file, store_bytes=STORE_BYTES))

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def open_to_all(port: int, monitor: int, store: Path) -> str:
    """Durable like the street's own, but without keys: for tests of what the bus does, not of who may."""
    return f"""\
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{store}", sync_interval: always, max_file_store: {STORE_BYTES} }}
max_payload: 1MB
"""


@contextmanager
def locked_broker(folder: Path) -> Iterator[Broker]:
    """With the configuration of `ni up`: keys, lists of who may what, streams and buckets; seeds in `secrets`."""
    secrets = folder / "secrets"
    secrets.mkdir()
    keyring.fill_seeds(secrets, SERVICES)
    keys = keyring.public_keys(secrets)

    def config(port: int, monitor: int, store: Path) -> str:
        return render(port=port, monitor_port=monitor, store=store, store_bytes=STORE_BYTES, public_keys=keys)

    broker = Broker(folder, config)
    broker.start()
    try:
        broker.provision(keyring.seed_file(secrets, "operator"))
        yield broker
    finally:
        broker.kill()


def apart(work: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine to its end on a loop of its own, in a thread: fixtures share no loop with the tests."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again below, where the test sees it
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - anything may be asked, not only what has an event
            await asyncio.sleep(0.005)
