"""Snapshots: the same ledger again, as it was at the moment, the one before them never spoilt."""

import asyncio

import pytest

from libs.contracts.northern.v1.ledger_pb2 import Expire, OpenAccount, TopUp
from libs.ledger.apply import apply
from libs.ledger.snapshot import to_bytes
from libs.ledger.state import State
from services.billing.ledger import shard
from services.billing.ledger import snapshots as under_test
from services.billing.ledger.snapshots import Snapshots, packed
from tests.support.billing import request_id
from tests.unit.billing.ledger.rig import FaultyBus, hold, rig, top_up


def ledger(requests: int) -> State:
    state = State()
    apply(state, Expire(now_ms=1_795_219_200_000))
    apply(state, OpenAccount(op_id="open", account="t_one", currency="CAD"))
    apply(state, TopUp(op_id="top", account="t_one", amount_nano=10**9))
    for _ in range(requests):
        apply(state, hold(request_id(), 1, at_ms=1_795_219_200_000, expires_at_ms=1_795_219_900_000))
    return state


async def test_what_is_saved_is_what_is_loaded() -> None:
    bus, state = FaultyBus(), ledger(100)
    await Snapshots(bus, 0).save(await packed(state), 17)
    loaded, seq = await Snapshots(bus, 0).load()
    assert (to_bytes(loaded), seq) == (to_bytes(state), 17)


async def test_nothing_saved_is_an_empty_ledger() -> None:
    loaded, seq = await Snapshots(FaultyBus(), 0).load()
    assert (to_bytes(loaded), seq) == (to_bytes(State()), 0)


@pytest.mark.parametrize("small", [True, False])
async def test_a_snapshot_is_of_the_moment_it_was_asked_for(small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_SMALL", 10**6 if small else 10)
    bus, state = FaultyBus(), ledger(200)
    before = to_bytes(state)
    packing = packed(state)
    apply(state, hold(request_id(), 1))
    await Snapshots(bus, 0).save(await packing, 1)
    loaded, _ = await Snapshots(bus, 0).load()
    assert to_bytes(loaded) == before


async def test_a_large_one_travels_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_CHUNK", 100)
    bus, state = FaultyBus(), ledger(200)
    await Snapshots(bus, 0).save(await packed(state), 1)
    assert len(bus._streams["KV_snapshots"].messages) > 10
    loaded, _ = await Snapshots(bus, 0).load()
    assert to_bytes(loaded) == to_bytes(state)


async def test_one_that_is_cut_short_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_CHUNK", 100)
    bus, first, second = FaultyBus(), ledger(50), ledger(60)
    saving = Snapshots(bus, 0)
    await saving.save(await packed(first), 1)
    stream = bus._streams["KV_snapshots"]
    kept = len(stream.messages)
    await saving.save(await packed(second), 2)
    manifest = stream.messages[kept - 1]
    await bus.put("snapshots", "ledger.0", manifest.data)  # the second's own never came
    loaded, seq = await Snapshots(bus, 0).load()
    assert (to_bytes(loaded), seq) == (to_bytes(first), 1)


@pytest.mark.parametrize("spoilt", [b"", b"{}", b"nonsense", b'{"generation":0,"chunks":"x","seq":1}'])
async def test_a_spoilt_one_is_as_good_as_none(spoilt: bytes) -> None:
    bus = FaultyBus()
    await Snapshots(bus, 0).save(await packed(ledger(5)), 1)
    await bus.put("snapshots", "ledger.0", spoilt)
    loaded, seq = await Snapshots(bus, 0).load()
    assert (to_bytes(loaded), seq) == (to_bytes(State()), 0)


async def test_the_reader_s_mark_comes_back_and_a_spoilt_one_is_the_beginning() -> None:
    bus = FaultyBus()
    snapshots = Snapshots(bus, 0)
    assert await snapshots.mark() == 0
    await snapshots.save_mark(12)
    assert await snapshots.mark() == 12
    await bus.put("snapshots", "reader.0", b"twelve")
    assert await snapshots.mark() == 0


async def test_a_shard_saves_by_itself_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "_SNAPSHOT_OPS", 20)
    async with rig() as at, at.owned():
        await at.ask(top_up(1000))
        for _ in range(30):
            await at.ask(hold(request_id(), 1))
        async with asyncio.timeout(5):
            while await at.bus.get("snapshots", "ledger.0") is None:  # noqa: ASYNC110 - a bucket has no event
                await asyncio.sleep(0.01)
