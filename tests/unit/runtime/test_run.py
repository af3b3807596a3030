"""How a service starts, says how it is, drains on SIGTERM and ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.embedded.probe import get
from libs.embedded.programs import ROOT
from libs.embedded.state import free_ports
from libs.runtime.health import HealthServer
from libs.runtime.run import Checks, _serve
from libs.runtime.settings import Settings
from libs.telemetry.metrics import Metrics
from tests.support.broker import until


@dataclass
class Service:
    """A service that can be looked at: what happened to it, in order, and what its checks say."""

    port: int
    happened: list[str] = field(default_factory=list)
    checks: dict[str, bool] = field(default_factory=lambda: {"bus": True})
    may_close: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def build(self, settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
        metrics.count("facts_published_total", "egress")
        self.happened.append("opened")

        def checks() -> Mapping[str, bool]:
            return self.checks

        yield checks
        self.happened.append("draining")
        await self.may_close.wait()
        self.happened.append("closed")

    async def ask(self, path: str) -> tuple[int, bytes]:
        return await get(f"http://127.0.0.1:{self.port}{path}")

    async def ready(self) -> tuple[int, object]:
        status, body = await self.ask("/readyz")
        return status, json.loads(body)


@pytest.fixture
def service() -> Service:
    return Service(free_ports(1)[0])


async def started(service: Service, settings: Settings | None = None) -> "asyncio.Task[None]":
    serving = asyncio.create_task(_serve(service.build, settings or Settings(admin_port=service.port)))
    async with asyncio.timeout(20):  # it takes milliseconds, on a machine that does not stand still
        while (await service.ask("/readyz"))[0] == 0 or not service.happened:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.01)
    return serving


async def test_sigterm_drains_and_while_it_drains_it_is_alive_and_not_ready(service: Service) -> None:
    serving = await started(service)
    assert await service.ready() == (200, {"ready": True, "checks": {"bus": True}})
    os.kill(os.getpid(), signal.SIGTERM)
    await until(lambda: "draining" in service.happened)
    status, body = await service.ready()
    assert status == 503
    assert body == {"ready": False, "checks": {"draining": True, "started": True}}
    assert (await service.ask("/healthz"))[0] == 200
    assert not serving.done()
    service.may_close.set()
    await asyncio.wait_for(serving, 2)
    assert service.happened == ["opened", "draining", "closed"]
    assert await service.ask("/healthz") == (0, b"")


async def test_sigint_ends_it_the_same_way(service: Service) -> None:
    serving = await started(service)
    service.may_close.set()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(serving, 2)
    assert service.happened[-1] == "closed"


async def test_one_failing_check_is_not_ready_and_is_named(service: Service) -> None:
    serving = await started(service)
    service.checks |= {"watches": False}
    assert await service.ready() == (503, {"ready": False, "checks": {"bus": True, "watches": False}})
    assert (await service.ask("/healthz"))[0] == 200
    service.may_close.set()
    os.kill(os.getpid(), signal.SIGTERM)
    await serving


async def test_metrics_are_served_as_prometheus_reads_them(service: Service) -> None:
    serving = await started(service)
    status, body = await service.ask("/metrics")
    assert status == 200
    assert b'ni_facts_published_total{kind="egress"} 1.0' in body
    service.may_close.set()
    os.kill(os.getpid(), signal.SIGTERM)
    await serving


async def test_a_drain_that_runs_out_of_time_ends_all_the_same(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    short = Settings(admin_port=service.port).model_copy(update={"drain_s": -4.9})  # 5 s are added for the rest
    serving = await started(service, short)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(serving, 2)
    assert service.happened == ["opened", "draining"]
    assert "service_stopped_late" in capsys.readouterr().out


async def test_a_service_that_cannot_be_built_falls_and_frees_its_port(service: Service) -> None:
    @asynccontextmanager
    async def broken(settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
        raise OSError("no")
        yield dict

    with pytest.raises(OSError, match="no"):
        await _serve(broken, Settings(admin_port=service.port))
    assert await service.ask("/healthz") == (0, b"")


SAMPLE = """\
from contextlib import asynccontextmanager
from libs.runtime.run import run
from libs.runtime.settings import Settings

@asynccontextmanager
async def build(settings, metrics):
    yield lambda: {"sample": True}

run("sample", build, Settings)
"""


@pytest.fixture
def sample(tmp_path: Path) -> list[str]:
    (tmp_path / "sample.py").write_text(SAMPLE)
    return [sys.executable, str(tmp_path / "sample.py")]


def test_a_process_logs_json_and_ends_with_zero_on_sigterm(sample: list[str]) -> None:
    with subprocess.Popen(sample, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        events = [json.loads(line)["event"] for line in process.stdout]
        assert process.wait(5) == 0
    assert (first["event"], first["service"]) == ("service_started", "sample")
    assert first["port"]
    assert events == ["service_stopping", "service_stopped"]


def test_a_process_with_wrong_settings_ends_with_78_and_one_sentence(sample: list[str]) -> None:
    env = {"PYTHONPATH": str(ROOT), "NI_ADMIN_PORT": "hunter2"}
    ended = subprocess.run(sample, env=env, capture_output=True, text=True, timeout=10, check=False)
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.startswith("configuration: NI_ADMIN_PORT: ")
    assert "hunter2" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def ended(sample: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(ROOT), **env}
    return subprocess.run(sample, env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("host", ["203.0.113.1", "a..b", "fe80::1", "fe80::1%no-such-link"])
def test_an_admin_address_that_nobody_can_listen_on_ends_with_78_and_one_sentence(host: str, sample: list[str]) -> None:
    end = ended(sample, NI_ADMIN_HOST=host)
    assert end.returncode == 78, end.stderr
    assert end.stderr.startswith(f"configuration: NI_ADMIN_HOST: nobody can listen on {host} (")
    assert len(end.stderr.splitlines()) == 1


def test_a_port_in_use_is_no_matter_of_configuration_for_it_may_become_free(sample: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        end = ended(sample, NI_ADMIN_PORT=str(taken.getsockname()[1]))
    assert end.returncode == 1
    assert "address already in use" in end.stderr


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::1", "[::1]"])
async def test_the_probes_are_served_over_ipv6_too(host: str) -> None:
    async with HealthServer(host, 0, Metrics()) as health:
        assert (await get(f"http://[::1]:{health.port}/healthz"))[0] == 200
