"""What every libs.bus.base.Bus promises, asked of the fake and of a real nats-server alike."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from libs.bus.base import Bus, Conflict, Message, Stored
from libs.contracts.errors import BusUnavailable, NorthernError, Overloaded
from tests.contract.bus.conftest import Backend
from tests.support.broker import Broker, until

KV = "tenants"
STREAM = "DLQ"


def fresh() -> str:
    """A token no test before this one used: the real broker is shared."""
    return secrets.token_hex(6)


class Kept:
    """A handler that keeps what it was given."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def data(self) -> list[bytes]:
        return [message.data for message in self.messages]


async def read(batches: AsyncIterator[list[Stored]], count: int) -> list[Stored]:
    found: list[Stored] = []
    async with asyncio.timeout(5):
        async for batch in batches:
            found += batch
            if len(found) >= count:
                return found
    return found


async def gathered(bus: Bus, after: int, count: int) -> list[list[Stored]]:
    """The batches of a busy time of `count` messages, of the quiet after it, and of one message more."""
    batches: list[list[Stored]] = []

    async def gather() -> None:
        async for batch in bus.follow(STREAM, after=after, gather_s=0.03):
            batches.append(batch)  # noqa: PERF401 - looked at while it grows

    reading, subject = asyncio.create_task(gather()), f"dlq.{fresh()}"
    for n in range(count):
        await bus.append(subject, b"%d" % n)
        await asyncio.sleep(0.001)
    await until(lambda: sum(map(len, batches)) == count)
    await until(lambda: batches[-1] == [], 2.5)
    await bus.append(subject, b"last")
    await until(lambda: [m.data for m in batches[-1]] == [b"last"], 1)
    reading.cancel()
    return batches


class TestCore:
    async def test_a_message_reaches_every_subscription_that_matches(self, bus: Bus) -> None:
        here, wide, other = Kept(), Kept(), Kept()
        name = fresh()
        await bus.subscribe(f"t.{name}.a", here)
        await bus.subscribe(f"t.{name}.*", wide)
        await bus.subscribe(f"t.{name}.b", other)
        await bus.publish(f"t.{name}.a", b"1")
        await until(lambda: bool(here.messages and wide.messages))
        assert here.messages == wide.messages == [Message(f"t.{name}.a", b"1")]
        assert other.messages == []

    async def test_messages_arrive_in_order_and_an_async_handler_is_awaited_before_the_next(self, bus: Bus) -> None:
        running, most, seen = 0, 0, []

        async def slow(message: Message) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            seen.append(int(message.data))
            running -= 1

        name = fresh()
        await bus.subscribe(f"t.{name}", slow)
        for n in range(50):
            await bus.publish(f"t.{name}", b"%d" % n)
        await until(lambda: len(seen) == 50)
        assert seen == list(range(50))
        assert most == 1

    async def test_a_handler_that_falls_gets_the_next_message_all_the_same(
        self, bus: Bus, capsys: pytest.CaptureFixture[str]
    ) -> None:
        seen: list[bytes] = []

        def falls(message: Message) -> None:
            seen.append(message.data)
            if message.data == b"hunter2":
                raise ValueError(message.data.decode())

        name = fresh()
        await bus.subscribe(f"t.{name}", falls)
        await bus.publish(f"t.{name}", b"hunter2")
        await bus.publish(f"t.{name}", b"next")
        await until(lambda: len(seen) == 2)
        said = capsys.readouterr()
        assert "handler_failed" in said.out
        assert "hunter2" not in said.out + said.err

    async def test_members_of_a_queue_group_share_the_messages(self, bus: Bus) -> None:
        members, alone = [Kept(), Kept(), Kept()], Kept()
        name = fresh()
        for member in members:
            await bus.subscribe(f"t.{name}", member, "group")
        await bus.subscribe(f"t.{name}", alone)
        for n in range(60):
            await bus.publish(f"t.{name}", b"%d" % n)
        await until(lambda: sum(len(m.messages) for m in members) == 60 and len(alone.messages) == 60)
        assert sorted(int(d) for member in members for d in member.data) == list(range(60))
        assert all(member.messages for member in members)

    async def test_a_stopped_subscription_handles_what_was_delivered_and_nothing_more(self, bus: Bus) -> None:
        seen: list[bytes] = []

        async def slow(message: Message) -> None:
            await asyncio.sleep(0.002)
            seen.append(message.data)

        name = fresh()
        sub = await bus.subscribe(f"t.{name}", slow)
        await bus.subscribe(f"t.{name}", flag := Kept())
        for n in range(20):
            await bus.publish(f"t.{name}", b"%d" % n)
        await until(lambda: len(flag.messages) == 20)
        await sub.stop()
        handled = list(seen)
        await bus.publish(f"t.{name}", b"late")
        await until(lambda: len(flag.messages) == 21)
        assert handled == [b"%d" % n for n in range(20)]
        assert seen == [b"%d" % n for n in range(20)]

    async def test_nobody_listens_is_told_to_the_reply_subject(self, bus: Bus) -> None:
        name, told = fresh(), Kept()
        await bus.subscribe(f"nak.{name}.*", told)
        await bus.publish(f"t.{name}", b"hello", f"nak.{name}.7")
        await until(lambda: bool(told.messages))
        assert told.messages == [Message(f"nak.{name}.7", b"", no_responders=True)]

    async def test_where_somebody_listens_the_reply_subject_hears_nothing_by_itself(self, bus: Bus) -> None:
        name, told, taken = fresh(), Kept(), Kept()
        await bus.subscribe(f"nak.{name}.*", told)
        await bus.subscribe(f"t.{name}", taken, "group")
        await bus.publish(f"t.{name}", b"hello", f"nak.{name}.7")
        await until(lambda: bool(taken.messages))
        assert taken.messages[0].reply == f"nak.{name}.7"
        await asyncio.sleep(0.02)
        assert told.messages == []

    async def test_a_subscription_outlives_a_reconnect(self, backend: Backend) -> None:
        name, seen = fresh(), Kept()
        await backend.bus.subscribe(f"t.{name}", seen)
        before = backend.bus.connects
        await backend.leave()
        await backend.come_back()
        assert backend.bus.connects == before + 1
        assert backend.bus.connected
        await backend.bus.publish(f"t.{name}", b"after")
        await until(lambda: seen.data == [b"after"])

    async def test_a_message_over_max_payload_is_refused_and_harms_nothing(self, bus: Bus) -> None:
        name, seen = fresh(), Kept()
        await bus.subscribe(f"t.{name}", seen)
        with pytest.raises(BusUnavailable):
            await bus.publish(f"t.{name}", bytes((1 << 20) + 1))
        await bus.publish(f"t.{name}", bytes(1 << 20))
        await until(lambda: [len(d) for d in seen.data] == [1 << 20])


class TestRequest:
    async def test_the_answer_comes_back(self, bus: Bus) -> None:
        async def answer(message: Message) -> None:
            await bus.publish(message.reply, b"re:" + message.data)

        name = fresh()
        await bus.subscribe(f"q.{name}", answer)
        assert await asyncio.gather(*(bus.request(f"q.{name}", b"%d" % n, 2) for n in range(20))) == [
            b"re:%d" % n for n in range(20)
        ]

    async def test_nobody_there_is_overloaded_at_once(self, bus: Bus) -> None:
        async with asyncio.timeout(1):
            with pytest.raises(Overloaded):
                await bus.request(f"q.{fresh()}", b"", 30)

    async def test_silence_is_unavailable_in_time(self, bus: Bus) -> None:
        name = fresh()
        await bus.subscribe(f"q.{name}", Kept())
        with pytest.raises(BusUnavailable):
            await bus.request(f"q.{name}", b"", 0.05)


class TestStream:
    async def test_sequences_grow_by_one_and_last_seq_is_the_last(self, bus: Bus) -> None:
        name, before = fresh(), await bus.last_seq(STREAM)
        assert [await bus.append(f"dlq.{name}", b"x") for _ in range(3)] == [before + 1, before + 2, before + 3]
        assert await bus.last_seq(STREAM) == before + 3

    async def test_a_message_id_seen_before_stores_nothing_and_answers_its_first_sequence(self, bus: Bus) -> None:
        name, before = fresh(), await bus.last_seq(STREAM)
        first = await bus.append(f"dlq.{name}", b"x", msg_id=name)
        assert await bus.append(f"dlq.{name}", b"y", msg_id=name) == first
        assert await bus.last_seq(STREAM) == before + 1

    async def test_the_wrong_expected_sequence_is_a_conflict_and_stores_nothing(self, bus: Bus) -> None:
        name = fresh()
        first = await bus.append(f"dlq.{name}", b"1", expected=0)
        for wrong in (0, first + 1):
            with pytest.raises(Conflict):
                await bus.append(f"dlq.{name}", b"2", expected=wrong)
        await bus.append(f"dlq.{fresh()}", b"other")
        assert await bus.append(f"dlq.{name}", b"2", expected=first) == first + 2

    async def test_the_last_message_of_a_subject_is_told_whatever_other_subjects_hold(self, bus: Bus) -> None:
        name = fresh()
        assert await bus.last(STREAM, f"dlq.{name}") is None
        await bus.append(f"dlq.{name}", b"1")
        seq = await bus.append(f"dlq.{name}", bytes(range(256)))
        await bus.append(f"dlq.{fresh()}", b"other")
        assert await bus.last(STREAM, f"dlq.{name}") == Stored(f"dlq.{name}", seq, bytes(range(256)))
        with pytest.raises(BusUnavailable):
            await bus.last("NONE", f"dlq.{name}")

    async def test_what_was_dropped_is_gone_and_what_follows_keeps_its_sequence(self, bus: Bus) -> None:
        name = fresh()
        first, second, third = [await bus.append(f"dlq.{name}", bytes(5_000)) for _ in range(3)]
        full = await bus.held(STREAM)
        await bus.drop(STREAM, before=third)
        left = await bus.held(STREAM)
        assert (left.first, left.last) == (third, third)
        assert full.size - left.size >= 10_000
        assert [m.seq for m in await read(bus.follow(STREAM, after=first - 1), 1)] == [third]
        assert await bus.append(f"dlq.{name}", b"x") == third + 1
        assert second < third
        with pytest.raises(BusUnavailable):
            await bus.drop("NONE", before=1)

    async def test_what_no_stream_keeps_is_refused(self, bus: Bus) -> None:
        with pytest.raises(NorthernError) as refused:
            await bus.append(f"nowhere.{fresh()}", b"x", timeout_s=0.5)
        assert isinstance(refused.value, Overloaded | BusUnavailable)

    async def test_a_stream_that_does_not_exist_is_unavailable(self, bus: Bus) -> None:
        with pytest.raises(BusUnavailable):
            await bus.last_seq("NONE")
        with pytest.raises(BusUnavailable):
            await anext(bus.follow("NONE"))

    async def test_following_gives_what_is_there_and_then_what_comes_in_order(self, bus: Bus) -> None:
        name, before = fresh(), await bus.last_seq(STREAM)
        for n in range(3):
            await bus.append(f"dlq.{name}", b"%d" % n)
        reading = asyncio.create_task(read(bus.follow(STREAM, after=before), 6))
        await asyncio.sleep(0.05)
        for n in range(3, 6):
            await bus.append(f"dlq.{name}", b"%d" % n)
        assert await reading == [Stored(f"dlq.{name}", before + 1 + n, b"%d" % n) for n in range(6)]

    async def test_following_begins_after_the_sequence_it_is_told(self, bus: Bus) -> None:
        name = fresh()
        seqs = [await bus.append(f"dlq.{name}", b"%d" % n) for n in range(4)]
        assert [m.data for m in await read(bus.follow(STREAM, after=seqs[1]), 2)] == [b"2", b"3"]

    async def test_more_than_one_pull_can_carry_arrives_whole(self, bus: Bus) -> None:
        name, before = fresh(), await bus.last_seq(STREAM)
        large = bytes(900_000)
        for n in range(12):
            await bus.append(f"dlq.{name}", b"%02d" % n + large)
        await asyncio.gather(*(bus.append(f"dlq.{name}", b"small") for _ in range(1100)))
        found = await read(bus.follow(STREAM, after=before), 1112)
        assert [m.seq for m in found] == list(range(before + 1, before + 1113))
        assert [m.data[:2] for m in found[:12]] == [b"%02d" % n for n in range(12)]

    async def test_a_reader_that_lets_messages_gather_misses_none(self, bus: Bus) -> None:
        before = await bus.last_seq(STREAM)
        batches = await gathered(bus, before, 150)
        assert [m.seq for batch in batches for m in batch] == list(range(before + 1, before + 152))

    async def test_a_reader_that_lets_messages_gather_is_woken_less_often(
        self, bus: Bus, backend_of: Broker | None, request: pytest.FixtureRequest
    ) -> None:
        if backend_of is None:
            request.applymarker(pytest.mark.xfail(strict=True, reason="the fake has no round trips to save"))
        assert len(await gathered(bus, await bus.last_seq(STREAM), 150)) < 50

    async def test_where_nothing_comes_an_empty_batch_is_the_sign_of_life(self, bus: Bus) -> None:
        batches = bus.follow(STREAM, after=await bus.last_seq(STREAM))
        async with asyncio.timeout(2.5):
            assert await anext(batches) == []

    async def test_following_ends_with_the_connection_it_was_opened_on(self, backend: Backend) -> None:
        bus = backend.bus
        seq = await bus.append(f"dlq.{fresh()}", b"x")
        batches = bus.follow(STREAM, after=seq - 1)
        assert [m.seq for m in await anext(batches)] == [seq]
        ended = asyncio.create_task(read(batches, 1))
        await asyncio.sleep(0)
        await backend.leave()
        await backend.come_back()
        assert await asyncio.wait_for(ended, 1) == []


class TestBucket:
    async def test_a_key_is_there_once_put_with_the_revision_it_was_given(self, bus: Bus) -> None:
        key = fresh()
        assert await bus.get(KV, key) is None
        first = await bus.put(KV, key, b"1")
        second = await bus.put(KV, key, b"2")
        assert second > first
        entry = await bus.get(KV, key)
        assert entry is not None
        assert (entry.key, entry.value, entry.revision) == (key, b"2", second)

    async def test_a_stale_revision_is_a_conflict_and_changes_nothing(self, bus: Bus) -> None:
        key = fresh()
        first = await bus.put(KV, key, b"1", revision=0)
        await bus.put(KV, key, b"2", revision=first)
        for stale in (0, first):
            with pytest.raises(Conflict):
                await bus.put(KV, key, b"3", revision=stale)
            with pytest.raises(Conflict):
                await bus.delete(KV, key, revision=stale or 1)
        entry = await bus.get(KV, key)
        assert entry is not None
        assert entry.value == b"2"

    async def test_of_many_who_create_one_wins(self, bus: Bus) -> None:
        key = fresh()
        tried = await asyncio.gather(
            *(bus.put(KV, key, b"%d" % n, revision=0) for n in range(10)), return_exceptions=True
        )
        assert sum(isinstance(one, int) for one in tried) == 1
        assert sum(isinstance(one, Conflict) for one in tried) == 9

    async def test_a_deleted_key_is_gone_and_may_be_created_again_once(self, bus: Bus) -> None:
        key = fresh()
        first = await bus.put(KV, key, b"1")
        await bus.delete(KV, key, revision=first)
        assert await bus.get(KV, key) is None
        again = await bus.put(KV, key, b"2", revision=0)
        entry = await bus.get(KV, key)
        assert entry is not None
        assert (entry.value, entry.revision) == (b"2", again)
        with pytest.raises(Conflict):
            await bus.put(KV, key, b"3", revision=0)

    async def test_a_watcher_is_told_the_last_of_each_key_and_then_every_change(self, bus: Bus) -> None:
        gone, kept = fresh(), fresh()
        for key in (gone, kept):
            await bus.put(KV, key, b"old")
            await bus.put(KV, key, b"1")
        await bus.delete(KV, gone)
        batches = bus.follow(f"KV_{KV}", latest=True)
        ours = [m for m in await read(batches, 2) if m.subject.endswith((gone, kept))]
        assert [(m.data, m.deleted) for m in ours] == [(b"1", False), (b"", True)]
        await bus.put(KV, kept, b"2")
        assert [m.data for m in await read(batches, 1)] == [b"2"]


class TestAway:
    async def test_without_a_broker_every_call_says_so_and_nothing_is_sent_later(self, backend: Backend) -> None:
        bus, seen, name = backend.bus, Kept(), fresh()
        await bus.subscribe(f"t.{name}", seen)
        await backend.leave()
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: bus.publish(f"t.{name}", b"never"),
            lambda: bus.subscribe(f"t.{name}", seen),
            lambda: bus.request("q", b"", 0.2),
            lambda: bus.append(f"dlq.{name}", b"never", timeout_s=0.2),
            lambda: bus.last_seq(STREAM, 0.2),
            lambda: bus.get(KV, name),
            lambda: bus.put(KV, name, b"never"),
            lambda: bus.delete(KV, name),
            lambda: anext(bus.follow(STREAM)),
        ]
        for call in calls:
            with pytest.raises(BusUnavailable):
                await call()
        assert not bus.connected
        await backend.come_back()
        await bus.publish(f"t.{name}", b"now")
        await until(lambda: bool(seen.messages))
        assert seen.data == [b"now"]
        assert await bus.get(KV, name) is None
