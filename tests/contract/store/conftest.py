"""Starts the real store for the contract suite: the ClickHouse host as its own process on a free port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from libs.store.base import StoreSettings

PASSWORD = "sample-password"


@dataclass
class Host:
    folder: Path
    port: int = 0
    timeout_s: float = 2
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """On the port it had before, if any: a client finds it again."""
        env = os.environ | {
            "NI_CLICKHOUSE_PORT": str(self.port),
            "NI_CLICKHOUSE_DIR": str(self.folder),
            "NI_CLICKHOUSE_PASSWORD": PASSWORD,
            "NI_CLICKHOUSE_TIMEOUT_S": str(self.timeout_s),
            "NI_CLICKHOUSE_MAX_BODY": str(8 << 20),
            "TZ": "America/Toronto",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "libs.embedded.clickhouse_host"], env=env, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == "clickhouse_listening":
                self.port = said["port"]
            if said["event"] == "service_started":
                return
        raise AssertionError("the host ended before it listened")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    @property
    def settings(self) -> StoreSettings:
        return StoreSettings(
            store_url=f"http://127.0.0.1:{self.port}", store_password=SecretStr(PASSWORD), store_timeout_s=5
        )


@pytest.fixture(scope="session")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One for every test that leaves it running."""
    host = Host(tmp_path_factory.mktemp("clickhouse"))
    host.start()
    yield host
    host.stop()


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    """One that the test may kill."""
    host = Host(tmp_path / "clickhouse")
    host.start()
    yield host
    host.stop()
