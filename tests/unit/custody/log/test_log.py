"""What is shown of the log: only what is signed, is ours and can be proven here; and when nothing starts at all."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from libs.bus.base import Conflict
from libs.bus.memory import MemoryBus
from libs.contracts.errors import NotFound
from libs.contracts.northern.v1.custody_pb2 import Leaf, SealedBatch
from libs.contracts.northern.v1.query_pb2 import LogAsk, LogTold
from libs.contracts.subjects import TLOG
from libs.projection.tasks import stopped
from libs.tlog.checkpoint import open_checkpoint
from libs.tlog.merkle import EMPTY, extends, includes, leaf_hash
from libs.tlog.note import VerifierKey
from libs.tlog.refusals import Reason, Refused
from services.custody.log.answers import Answers
from services.custody.log.log import KEY
from services.custody.log.publisher import Publisher
from services.custody.log.signer import FileSigner, verifier_key
from tests.support.broker import until
from tests.unit.custody.log.rig import Machine, Process, ended, in_log, new_id


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
def machine(bus: MemoryBus, tmp_path: Path) -> Machine:
    return Machine(bus=bus, root=tmp_path / "log")


def key_of(process: Process) -> VerifierKey:
    assert process.log.key is not None
    return process.log.key


async def filled(machine: Machine, leaves: int) -> None:
    """A log with so many leaves, signed and shown."""
    async with machine.running() as process:
        await ended(machine.bus, *(new_id() for _ in range(leaves)))
        await process.head(leaves)


async def refusal(machine: Machine) -> Refused:
    with pytest.raises(Refused) as refused:
        async with machine.running():
            pass
    return refused.value


async def test_an_empty_log_is_signed_and_named_after_its_key(machine: Machine) -> None:
    async with machine.running() as process:
        await until(lambda: process.log.head() is not None)
        head = process.log.head()
        assert head is not None
        assert (head.checkpoint.size, head.checkpoint.root) == (0, EMPTY)
        assert head.checkpoint.origin.startswith("northern-inference.local/")


async def test_every_leaf_is_proven_under_the_head_and_every_head_continues_the_one_before(
    machine: Machine, bus: MemoryBus
) -> None:
    heads = []
    async with machine.running() as process:
        for size in (1, 2, 7, 300):
            before = len(await in_log(bus))
            await ended(bus, *(new_id() for _ in range(size - before)))
            heads.append((await process.head(size)).checkpoint)
        leaves = await in_log(bus)
        for index in (0, 1, 6, 128, 255, 256, 299):
            path = process.log.inclusion(index, 300)
            assert includes(index, 300, leaf_hash(leaves[index].commitment), path, heads[-1].root)
        for old in heads:
            path = process.log.consistency(old.size, 300)
            assert extends(old.size, 300, path, old.root, heads[-1].root)
        for index, size in ((300, 300), (0, 301)):
            with pytest.raises(ValueError, match=r"leaf|leaves"):
                process.log.inclusion(index, size)


async def test_tiles_are_shown_as_far_as_the_head_goes_and_under_no_other_name(
    machine: Machine, bus: MemoryBus
) -> None:
    await filled(machine, 300)
    async with machine.running(leader=False) as process:
        assert len(process.log.tile("tile/0/000")) == 256 * 32
        assert len(process.log.tile("tile/0/001.p/44")) == 44 * 32
        assert len(process.log.tile("tile/0/001.p/3")) == 3 * 32
        assert len(process.log.tile("tile/entries/000")) == 256 * 34
        for path in (
            "tile/0/001",
            "tile/0/001.p/45",
            "tile/0/002.p/1",
            "tile/1/001.p/1",
            "tile/0/../0/000",
            "tile/0/000.p/0",
            "checkpoint",
            "shown.json",
            "../reach.json",
            "tile/entries/000/../../../reach.json",
            "",
        ):
            with pytest.raises(NotFound):
                process.log.tile(path)


async def test_a_replica_shows_a_checkpoint_once_its_own_tiles_reach_it(machine: Machine, tmp_path: Path) -> None:
    await filled(machine, 20)
    replica = Machine(bus=machine.bus, root=tmp_path / "other").parts()
    await replica.growth.open()
    await replica.log.open()
    tasks = [asyncio.create_task(replica.log.run())]
    async with machine.running() as leader:
        await ended(machine.bus, new_id())
        shown = await leader.head(21)
        await asyncio.sleep(0.1)
        assert (await replica.head(20)).checkpoint.size == 20
        tasks.append(asyncio.create_task(replica.growth.run()))
        assert (await replica.head(21)).note == shown.note
        assert open_checkpoint(shown.note, key_of(replica))[0].size == 21
    await stopped(*tasks)


async def test_a_replica_without_tiles_builds_the_same_ones(machine: Machine, tmp_path: Path) -> None:
    await filled(machine, 600)
    other = Machine(bus=machine.bus, root=tmp_path / "other")
    async with other.running(leader=False) as replica:
        await replica.head(600)
    for tile in ("tile/0/000", "tile/0/002.p/88", "tile/entries/001", "tile/1/000.p/2"):
        assert (other.root / tile).read_bytes() == (machine.root / tile).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: (root / "tile/0/001.p/44").unlink(),
        lambda root: (root / "tile/0/001.p/44").write_bytes(b"x" * 44 * 32),
        lambda root: (root / "tile/1/000.p/1").write_bytes(b"short"),
        lambda root: (root / "reach.json").write_bytes(b"{"),
        lambda root: (root / "reach.json").unlink(),
    ],
)
async def test_damaged_tiles_are_made_anew_from_the_stream(machine: Machine, damage: Callable[[Path], None]) -> None:
    await filled(machine, 300)
    shown = (machine.root / "checkpoint").read_text()
    damage(machine.root)
    async with machine.running(leader=False) as process:
        head = await process.head(300)
        assert head.note == shown


@pytest.mark.parametrize("damage", [b"", b"cut", b"\0" * 8192])
@pytest.mark.parametrize("tile", ["tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001"])
async def test_damage_that_a_start_does_not_meet_is_found_and_made_good_by_the_next(
    machine: Machine, tile: str, damage: bytes
) -> None:
    await filled(machine, 600)
    path = machine.root / tile
    whole = path.read_bytes()
    path.write_bytes(damage)
    async with machine.running(leader=False) as process:
        with pytest.raises(Refused):
            await process.growth.check()
    async with machine.running(leader=False) as process:
        await process.head(600)
        assert path.read_bytes() == whole
        await process.growth.check()


@pytest.mark.parametrize("damage", [b"", b"cut", b"\0" * 1496])
async def test_a_bundle_that_is_not_full_is_not_gone_on_from_where_it_is_damaged(
    machine: Machine, damage: bytes
) -> None:
    await filled(machine, 300)
    path = machine.root / "tile/entries/001.p/44"
    whole = path.read_bytes()
    path.write_bytes(damage)
    async with machine.running(leader=False) as process:
        await process.head(300)
        assert path.read_bytes() == whole


async def test_a_stream_that_lost_its_tail_is_refused_by_the_tiles(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 5)
    stream = bus._streams[TLOG]
    del stream.messages[-1:]
    stream.last_by_subject["tlog"] -= 1
    assert (await refusal(machine)).reason is Reason.ROLLED_BACK


async def test_a_stream_that_lost_its_tail_is_refused_by_the_signed_checkpoint_alone(
    machine: Machine, bus: MemoryBus, tmp_path: Path
) -> None:
    await filled(machine, 5)
    bus._streams[TLOG].messages.clear()
    bus._streams[TLOG].last_by_subject.clear()
    fresh = Machine(bus=bus, root=tmp_path / "fresh")
    assert (await refusal(fresh)).reason is Reason.ROLLED_BACK


async def test_a_stream_that_tells_another_story_is_refused(machine: Machine, bus: MemoryBus, tmp_path: Path) -> None:
    await filled(machine, 5)
    stream = bus._streams[TLOG]
    for number, message in enumerate(stream.messages):
        batch = SealedBatch.FromString(message.data)
        for leaf in batch.leaves:
            leaf.commitment = b"\1" * 32
        stream.messages[number] = type(message)(message.subject, message.seq, batch.SerializeToString())
    assert (await refusal(machine)).reason is Reason.INCONSISTENT
    fresh = Machine(bus=bus, root=tmp_path / "fresh")
    assert (await refusal(fresh)).reason is Reason.INCONSISTENT


async def test_a_batch_that_does_not_follow_the_one_before_is_refused(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 5)
    stray = SealedBatch(first_index=9, leaves=[Leaf(commitment=b"c" * 32)])
    await bus.append("tlog", stray.SerializeToString())
    assert (await refusal(machine)).reason is Reason.INCONSISTENT


async def test_a_checkpoint_smaller_than_one_that_was_shown_is_refused(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 3)
    old = await bus.get("checkpoints", KEY)
    assert old is not None
    await filled(machine, 4)
    await bus.put("checkpoints", KEY, old.value)
    assert (await refusal(machine)).reason is Reason.ROLLED_BACK
    await bus.delete("checkpoints", KEY)
    assert (await refusal(machine)).reason is Reason.ROLLED_BACK


async def test_a_log_under_another_key_or_name_is_refused(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 3)
    process = machine.parts()
    for signer, origin in ((FileSigner(b"o" * 32), key_of(process).name), (FileSigner(b"k" * 32), "other.example/log")):
        process.log.key = verifier_key(signer, origin)
        await process.growth.open()
        with pytest.raises(Refused) as refused:
            await process.log.open()
        assert refused.value.reason is Reason.UNKNOWN_KEY


async def test_what_contradicts_the_signed_checkpoint_is_never_signed(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 5)
    publisher: Publisher = machine.parts().publisher
    await publisher.growth.open()
    signed, revision = await publisher._last()
    assert signed is not None
    for size, root in ((3, b"\1" * 32), (5, b"\1" * 32)):
        publisher.growth.size, publisher.growth.root = size, root
        with pytest.raises(Refused) as refused:
            await publisher._publish(signed.checkpoint, revision)
        assert refused.value.reason is (Reason.ROLLED_BACK if size == 3 else Reason.INCONSISTENT)
    entry = await bus.get("checkpoints", KEY)
    assert entry is not None
    assert entry.revision == revision


async def test_two_who_sign_do_not_overwrite_each_other(machine: Machine, bus: MemoryBus, tmp_path: Path) -> None:
    other = Machine(bus=bus, root=tmp_path / "other")
    async with machine.running() as first, other.running(leader=False) as second:
        await ended(bus, new_id())
        await first.head(1)
        signed, revision = await second.publisher._last()
        assert signed is not None
        await ended(bus, new_id())
        await first.head(2)
        await second.head(2)
        with pytest.raises(Conflict):
            await second.publisher._publish(signed.checkpoint, revision)
    entry = await bus.get("checkpoints", KEY)
    assert entry is not None
    assert b"\\n2\\n" in entry.value


async def test_what_is_asked_over_the_bus_is_answered(machine: Machine, bus: MemoryBus) -> None:
    async with machine.running() as process:
        answers = Answers(log=process.log, witnesses=())
        none = Answers(log=machine.parts().log, witnesses=())
        assert LogTold.FromString(await none.checkpoint(b"")).failure.code == "not_found"
        await ended(bus, new_id())
        head = await process.head(1)
        assert LogTold.FromString(await answers.checkpoint(b"")).data.decode() == head.note
        assert LogTold.FromString(await answers.key(b"")).data.decode() == f"{process.log.key}\n"
        tile = await answers.tile(LogAsk(path="tile/entries/000.p/1").SerializeToString())
        assert LogTold.FromString(tile).data == b"\0\x20" + (await in_log(bus))[0].commitment
        for path, code in (("tile/0/000", "not_found"), ("../x", "not_found")):
            told = LogTold.FromString(await answers.tile(LogAsk(path=path).SerializeToString()))
            assert (told.failure.code, told.data) == (code, b"")
        assert LogTold.FromString(await answers.tile(b"\xff")).failure.code == "invalid_request"


async def test_what_is_kept_says_when_it_was_signed(machine: Machine, bus: MemoryBus) -> None:
    await filled(machine, 1)
    entry = await bus.get("checkpoints", KEY)
    assert entry is not None
    said = orjson.loads(entry.value)
    assert (machine.root / "checkpoint").read_text() == said["note"]
    assert abs(machine.now_ms() - said["at_ms"]) < 60_000
