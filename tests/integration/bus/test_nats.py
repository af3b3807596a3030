"""What only the real adapter can do wrong: brokers that are away, consumers that die, connections that end badly."""

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from libs.bus import nats as door
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable
from libs.embedded.state import free_ports
from libs.runtime.settings import EX_CONFIG, Settings
from tests.support.broker import Broker, until


async def test_where_no_broker_answers_in_time_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(door, "_CONNECT_S", 0.5)
    began = time.monotonic()
    with pytest.raises(BusUnavailable, match="no broker answers"):
        async with connect("router", Settings(nats_url=f"nats://127.0.0.1:{free_ports(1)[0]}")):
            pass
    assert time.monotonic() - began < 3
    assert capsys.readouterr().out.count("bus_error") <= 2


async def test_who_does_not_answer_is_named_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_CONNECT_S", 0.2)
    port = free_ports(1)[0]
    with pytest.raises(BusUnavailable) as raised:
        async with connect("router", Settings(nats_url=f"nats://ni:hunter2@127.0.0.1:{port}")):
            pass
    assert raised.value.message == f"no broker answers at 127.0.0.1:{port}"


@pytest.mark.parametrize("content", [b"", b"hunter2", b"SUANOTHINGOFTHEKIND", b"\xff\xfe", b"SU" + b"A" * 80])
async def test_a_seed_file_without_a_seed_is_refused_by_its_name_and_not_shown(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "router.nk").write_bytes(content)
    said = await _refused(Settings(nats_seed_file=tmp_path / "router.nk"), capsys)
    assert f"NI_NATS_SEED_FILE: {tmp_path / 'router.nk'} holds no nkey seed" in said
    assert not content or content.decode(errors="replace") not in said


@pytest.mark.parametrize(("name", "why"), [("missing.nk", "No such file"), (".", "Is a directory")])
async def test_a_seed_file_that_cannot_be_read_is_refused_by_its_name(
    name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = await _refused(Settings(nats_seed_file=tmp_path / name), capsys)
    assert f"NI_NATS_SEED_FILE: {tmp_path / name} cannot be read ({why}" in said


@pytest.mark.parametrize("url", ["nats://hunter2:many", "nats://hunter2:99999", "nats://[hunter2", "nats://"])
async def test_an_address_that_is_none_is_refused_and_not_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = await _refused(Settings(nats_url=url), capsys)
    assert said == "configuration: NI_NATS_URL: must be an address such as nats://127.0.0.1:4222\n"


async def _refused(settings: Settings, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        async with connect("router", settings):
            pass
    assert ended.value.code == EX_CONFIG
    return capsys.readouterr().err


async def test_a_broker_that_comes_a_moment_late_is_waited_for(nats: Broker) -> None:
    nats.kill()
    opening = asyncio.create_task(_ask_once(nats))
    await asyncio.sleep(0.3)
    nats.spawn()
    assert await asyncio.wait_for(opening, 5)


async def _ask_once(nats: Broker) -> bool:
    async with connect("operator", nats.settings) as bus:
        return bus.connected


async def test_leaving_while_the_broker_is_away_raises_nothing(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus:
        await bus.subscribe("t.leaving", lambda message: None)
        nats.kill()
        await until(lambda: not bus.connected)
    nats.start()


async def test_following_ends_when_its_consumer_was_removed(nats: Broker) -> None:
    """The server removes an ephemeral consumer nobody pulled from for 30 s: a reader whose store was away."""
    async with connect("operator", nats.settings) as bus:
        seq = await bus.append("dlq.removed", b"x")
        batches = bus.follow("DLQ", after=seq - 1)
        assert [m.seq for m in await anext(batches)] == [seq]
        named = orjson.loads(await bus.request("$JS.API.CONSUMER.NAMES.DLQ", b"", 2))["consumers"]
        for name in named:
            await bus.request(f"$JS.API.CONSUMER.DELETE.DLQ.{name}", b"", 2)
        async with asyncio.timeout(1):
            assert [batch async for batch in batches if batch] == []


async def test_following_ends_when_its_consumer_was_removed_between_two_pulls(nats: Broker) -> None:
    async with connect("operator", nats.settings) as bus:
        before = await bus.last_seq("DLQ")
        await asyncio.gather(*(bus.append("dlq.full", b"x") for _ in range(512)))  # one whole pull
        batches, count = bus.follow("DLQ", after=before), 0
        while count < 512:
            count += len(await anext(batches))
        named = orjson.loads(await bus.request("$JS.API.CONSUMER.NAMES.DLQ", b"", 2))["consumers"]
        for name in named:
            await bus.request(f"$JS.API.CONSUMER.DELETE.DLQ.{name}", b"", 2)
        async with asyncio.timeout(1):
            assert [batch async for batch in batches if batch] == []
