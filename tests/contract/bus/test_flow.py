"""A running request between its two ends: order, attempts and credit, on the fake and on a real broker."""

import asyncio
import secrets

import pytest

from libs.bus.inflow import WINDOW
from libs.bus.outflow import PIECE
from libs.contracts.errors import StreamBroken, WorkerLost
from libs.contracts.northern.v1.frames_pb2 import Frame
from tests.contract.bus.ends import END, HEAD, Ends, queued, read_all, soon
from tests.support.broker import until


class TestOrder:
    async def test_every_frame_arrives_once_in_order_and_small_answers_are_one(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        await outflow.taken()
        await outflow.send(head=HEAD, data=b"all", output_bytes=3, end=END)
        taken, whole = await soon(inflow), await soon(inflow)
        assert (taken.n, whole.n) == (0, 1)
        assert taken.taken.ctl == inflow.ctl
        assert (whole.head, whole.data, whole.output_bytes, whole.end) == (HEAD, b"all", 3, END)

    async def test_2000_pieces_arrive_whole(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        pieces = [secrets.token_bytes(1 + n % 700) for n in range(2000)]

        async def send() -> None:
            for piece in pieces:
                await outflow.send(data=piece)
            await outflow.send(end=END)

        _, got = await asyncio.gather(send(), read_all(inflow))
        assert got == b"".join(pieces)

    async def test_large_data_travels_in_frames_of_64_kib(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        data = secrets.token_bytes(3 * PIECE + 1)
        await outflow.taken()
        await outflow.send(head=HEAD, data=data, end=END)
        frames = [await soon(inflow) for _ in range(5)]
        assert [len(f.data) for f in frames] == [0, PIECE, PIECE, PIECE, 1]
        assert [f.HasField("head") for f in frames] == [False, True, False, False, False]
        assert [f.HasField("end") for f in frames] == [False, False, False, False, True]
        assert b"".join(f.data for f in frames) == data

    async def test_a_lost_frame_before_the_head_is_a_lost_worker(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        await outflow.taken()
        outflow._n += 1  # one frame that never arrives
        await outflow.send(head=HEAD)
        await soon(inflow)
        with pytest.raises(WorkerLost):
            await soon(inflow)
        assert b"ni_frames_gap_total 1.0" in ends.metrics.text()

    async def test_a_lost_frame_after_the_head_breaks_the_stream_after_what_came_before_it(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        await outflow.send(data=b"one")
        outflow._n += 1
        await outflow.send(data=b"three")
        await outflow.send(end=END)
        assert (await soon(inflow)).data == b"one"
        for _ in range(2):
            with pytest.raises(StreamBroken):
                await soon(inflow)

    async def test_the_loss_of_the_last_frame_before_a_pause_is_told_by_the_beat(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        outflow._n += 1
        await outflow.beat()
        with pytest.raises(StreamBroken):
            await soon(inflow)

    async def test_a_frame_that_comes_twice_counts_once(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        await outflow.send(data=b"one")
        outflow._n -= 1
        await outflow.send(data=b"one")
        await outflow.send(data=b"two", end=END)
        assert await read_all(inflow) == b"onetwo"

    async def test_what_is_no_frame_is_ignored(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        await ends.bus.publish(inflow.reply, b"\xff\xff\xff")
        await ends.bus.publish(inflow.reply[:-16] + "0" * 16, Frame(n=9).SerializeToString())
        await outflow.send(data=b"one", end=END)
        assert await read_all(inflow) == b"one"


class TestAttempts:
    async def test_frames_of_an_older_attempt_are_dropped(self, ends: Ends) -> None:
        inflow, old = await ends.taken()
        new = ends.outflows.open(inflow.reply, 1, ends.left)
        await new.taken()
        await old.send(head=HEAD, data=b"old")
        await new.send(head=HEAD, data=b"new", end=END)
        assert (await soon(inflow)).attempt == 1
        assert await read_all(inflow) == b"new"

    async def test_an_attempt_that_comes_after_the_head_does_not_count(self, ends: Ends) -> None:
        inflow, first = await ends.committed()
        late = ends.outflows.open(inflow.reply, 1, ends.left)
        await late.taken()
        await late.send(head=HEAD, data=b"late", end=END)
        await first.send(data=b"first", end=END)
        assert await read_all(inflow) == b"first"

    async def test_control_goes_to_the_attempt_that_counts(self, ends: Ends) -> None:
        inflow, old = await ends.taken()
        new = ends.outflows.open(inflow.reply, 1, ends.left)
        await new.taken()
        await soon(inflow)
        await inflow.cancel()
        await until(lambda: new.gone)
        assert not old.gone


class TestCredit:
    async def test_a_slow_reader_stops_the_sender_at_the_window_and_credit_returns_at_half(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        data = secrets.token_bytes(8 * WINDOW)
        task = asyncio.create_task(outflow.send(data=data, end=END))
        await until(lambda: queued(inflow) == WINDOW)
        await asyncio.sleep(0.03)
        assert queued(inflow) == WINDOW
        first, second = await soon(inflow), await soon(inflow)
        await inflow.consumed(len(first.data))
        await asyncio.sleep(0.03)
        assert queued(inflow) == WINDOW - 2 * PIECE  # a quarter was paid for: nothing yet
        await inflow.consumed(len(second.data))
        await until(lambda: queued(inflow) == WINDOW)
        assert not task.done()
        assert first.data + second.data + await read_all(inflow) == data
        await task

    async def test_what_lies_unread_is_bounded_whatever_the_size_of_the_pieces(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        sizes = [1, PIECE, 7, PIECE - 1, 4096, 3 * PIECE, 12_345] * 6

        async def send() -> None:
            for size in sizes:
                await outflow.send(data=bytes(size))
            await outflow.send(end=END)

        task, most, got = asyncio.create_task(send()), 0, 0
        ended = False
        while not ended:
            await asyncio.sleep(0)
            most = max(most, queued(inflow))
            frame = await soon(inflow)
            got += len(frame.data)
            ended = frame.HasField("end")
            await inflow.consumed(len(frame.data))
        await task
        assert got == sum(sizes)
        assert most <= WINDOW

    async def test_what_carries_no_data_needs_no_credit(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        await outflow.send(data=bytes(WINDOW))
        await asyncio.wait_for(outflow.send(end=END), 1)
        assert len(await read_all(inflow)) == WINDOW
