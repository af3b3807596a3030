"""The real broker with the configuration of one machine: provisioned, locked, durable."""

import asyncio
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.bus.nats import connect
from libs.bus.provision import provision
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.ledger_pb2 import Hold, LedgerReply, LedgerRequest
from libs.contracts.subjects import BUCKETS, SERVICES, STREAMS, fact
from libs.embedded import keyring
from libs.embedded.nats_config import render, users
from libs.embedded.probe import until_ready
from libs.embedded.programs import ROOT
from libs.embedded.state import State, free_ports
from libs.embedded.street import nats_server
from libs.runtime.settings import Settings
from services.worker.money.asking import Ledger
from tests.support.broker import until

STORE_BYTES = 300 << 20


@dataclass
class Broker:
    """nats-server as the street starts it."""

    state: State
    port: int
    monitor: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def settings(self, service: str) -> Settings:
        return Settings(nats_url=self.url, nats_seed_file=keyring.seed_file(self.state.secrets, service))

    def spawn(self) -> None:
        command = [nats_server(), "-c", str(self.state.nats / "nats-server.conf")]
        with (self.state.logs / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    async def start(self) -> None:
        self.spawn()
        async with asyncio.timeout(10):
            await until_ready(f"http://127.0.0.1:{self.monitor}/healthz")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    state = State(root=tmp_path)
    state.prepare()
    keyring.fill(state.secrets)
    port, monitor = free_ports(2)
    keys = keyring.public_keys(state.secrets)
    config = render(port=port, monitor_port=monitor, store=state.nats, store_bytes=STORE_BYTES, public_keys=keys)
    (state.nats / "nats-server.conf").write_text(config)
    broker = Broker(state, port, monitor)
    await broker.start()
    yield broker
    broker.kill()


async def provisioned(broker: Broker) -> list[str]:
    seed = keyring.seed_file(broker.state.secrets, "operator")
    done = await provision(broker.url, seed, store_bytes=STORE_BYTES)
    assert sum(one.max_bytes for one in done) <= STORE_BYTES
    return [one.name for one in done if one.created]


async def test_every_stream_and_bucket_is_made_once_and_fits_a_small_store(broker: Broker) -> None:
    made = await provisioned(broker)
    assert set(made) == {spec.name for spec in STREAMS} | {f"KV_{bucket}" for bucket in BUCKETS}
    assert await provisioned(broker) == []


async def test_a_changed_size_is_updated_in_place(broker: Broker) -> None:
    await provisioned(broker)
    seed = keyring.seed_file(broker.state.secrets, "operator")
    async with connect("worker", broker.settings("worker")) as bus:
        await bus.append(fact("egress", 0), b"kept")
    smaller = await provision(broker.url, seed, store_bytes=STORE_BYTES // 2)
    assert not any(one.created for one in smaller)
    assert sum(one.max_bytes for one in smaller) <= STORE_BYTES // 2
    async with connect("custody", broker.settings("custody")) as bus:
        assert await bus.last_seq("EVENTS") == 1


async def test_a_fact_outlives_kill_9_of_the_broker_on_the_same_port(broker: Broker) -> None:
    await provisioned(broker)
    async with connect("worker", broker.settings("worker")) as bus:
        assert await bus.append(fact("egress", 0), b"intent") == 1
        broker.kill()
        await broker.start()
        deadline = time.monotonic() + 10
        while not bus.connected:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert await bus.append(fact("egress", 0), b"second") == 2


async def test_a_service_may_not_publish_what_is_anothers(broker: Broker) -> None:
    await provisioned(broker)
    async with connect("router", broker.settings("router")) as bus:
        with pytest.raises(BusUnavailable):  # a refused subject is a time-out to the one who tried
            await bus.append(fact("egress", 0), b"forged", timeout_s=0.5)
    async with connect("custody", broker.settings("custody")) as bus:
        assert await bus.last_seq("EVENTS") == 0


async def test_without_a_seed_that_the_broker_knows_nobody_gets_in_and_that_is_said(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.nats._CONNECT_S", 2)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    keyring.fill_seeds(stranger, ["router"])
    seed = stranger / "router.nk"
    for settings, said in (
        (Settings(nats_url=broker.url), "lets nobody in without a key; name its file in NI_NATS_SEED_FILE"),
        (Settings(nats_url=broker.url, nats_seed_file=seed), f"does not know the key in {seed}; name another"),
    ):
        with pytest.raises(BusUnavailable, match=re.escape(said)):
            async with connect("router", settings):
                pass


async def test_a_connection_outlives_the_file_of_its_seed(broker: Broker) -> None:
    settings = broker.settings("router")
    async with connect("router", settings) as bus:
        assert settings.nats_seed_file is not None
        settings.nats_seed_file.unlink()
        broker.kill()
        await broker.start()
        await until(lambda: bus.connects == 2)


def test_the_template_of_a_cluster_is_one_the_server_accepts(tmp_path: Path) -> None:
    keyring.fill_seeds(tmp_path, SERVICES)
    (tmp_path / "users.conf").write_text(users(keyring.public_keys(tmp_path)))
    (tmp_path / "cluster.conf").write_text((ROOT / "infra" / "nats" / "cluster.conf").read_text())
    pem = tmp_path / "node.pem"
    key = tmp_path / "node.key"
    make = f"openssl req -x509 -newkey ed25519 -nodes -keyout {key} -out {pem} -days 1 -subj /CN=nats-0"
    subprocess.run(make.split(), check=True, capture_output=True)
    env = {
        **os.environ,
        "NATS_NODE": "nats-0",
        "NATS_AZ": "az:a",
        "NATS_STORE": str(tmp_path / "js"),
        "NATS_MAX": "100GB",
        "NATS_TLS_CA": str(pem),
        "NATS_TLS_CERT": str(pem),
        "NATS_TLS_KEY": str(key),
        **{f"NATS_ROUTE_{n}": f"tls://nats-{n}:6222" for n in range(3)},
    }
    command = [nats_server(), "-t", "-c", str(tmp_path / "cluster.conf")]
    tested = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr


async def test_a_ledger_that_takes_longer_than_the_first_question_is_heard_all_the_same(broker: Broker) -> None:
    """Under the permissions of the street: an answer is let through once for each inbox."""
    async with (
        connect("worker", broker.settings("worker")) as asker,
        connect("billing", broker.settings("billing")) as billing,
    ):
        ours = Ledger(asker, "w1")
        await ours.start()
        replies: list[str] = []
        await billing.subscribe("ni.ledger.*", lambda message: replies.append(message.reply))
        answer = await ours.ask("t_one", LedgerRequest(hold=Hold(op_id="op", account="t_one")))
        async with asyncio.timeout(3):
            while len(replies) < 2:  # noqa: ASYNC110 - nothing says when it is asked again
                await asyncio.sleep(0.02)
        for reply in replies:
            await billing.publish(reply, LedgerReply(balance_nano=7).SerializeToString())
        assert (await answer).balance_nano == 7
        await ours.close()
