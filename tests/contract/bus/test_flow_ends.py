"""How a running request ends: silence, cancel, a broker that left, and the body that is pulled before it begins."""

import asyncio
import hashlib
import secrets
import time

import pytest

from libs.bus import ticks
from libs.bus.base import Message
from libs.bus.inflow import WINDOW
from libs.bus.outflow import Gone
from libs.contracts import subjects
from libs.contracts.errors import NorthernError, Overloaded, PiiUnavailable, StreamBroken, WorkerLost
from libs.contracts.northern.v1.frames_pb2 import BodyPiece
from tests.contract.bus.conftest import Backend
from tests.contract.bus.ends import END, HEAD, Ends, queued, read_all, soon
from tests.support.broker import until


class TestSilence:
    async def test_nothing_for_a_second_before_taken_is_a_lost_worker(self, ends: Ends) -> None:
        inflow = ends.inflows.open()
        ends.clock.s += 0.9
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(inflow.next())
        await asyncio.sleep(0.02)
        assert not waiting.done()
        ends.clock.s += 0.2
        with pytest.raises(WorkerLost) as lost:
            await asyncio.wait_for(waiting, 1)
        assert lost.value.retryable

    async def test_nothing_for_a_second_where_only_one_could_take_it_means_that_it_is_away(self, ends: Ends) -> None:
        inflow = ends.inflows.open()
        inflow.nobody = PiiUnavailable("nobody")
        ends.clock.s += 1.1
        with pytest.raises(PiiUnavailable):
            await soon(inflow)

    async def test_silence_after_it_was_taken_is_a_lost_worker_whoever_could_take_it(self, ends: Ends) -> None:
        inflow, _ = await ends.taken()
        inflow.nobody = PiiUnavailable("nobody")
        await ends.outflows.close()
        ends.clock.s += 6.1
        with pytest.raises(WorkerLost):
            await soon(inflow)

    @pytest.mark.parametrize(("head", "error"), [(False, WorkerLost), (True, StreamBroken)])
    async def test_nothing_for_6_s_after_taken_is_an_error(
        self, ends: Ends, head: bool, error: type[NorthernError]
    ) -> None:
        inflow, _ = await (ends.committed() if head else ends.taken())
        await ends.outflows.close()
        ends.clock.s += 5.9
        waiting = asyncio.create_task(inflow.next())
        await asyncio.sleep(0.02)
        assert not waiting.done()
        ends.clock.s += 0.2
        with pytest.raises(error):
            await asyncio.wait_for(waiting, 1)

    async def test_beats_flow_both_ways_and_keep_a_silent_answer_alive(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        inflow.idle_s = 1e9
        waiting = asyncio.create_task(inflow.next())
        await ends.passes(20)
        assert not waiting.done()
        assert not outflow.gone
        await outflow.send(data=b"at last", end=END)
        assert (await waiting).data == b"at last"

    async def test_a_sender_that_hears_nothing_for_6_s_is_told_once_to_stop(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        blocked = asyncio.create_task(outflow.send(data=bytes(2 * WINDOW)))
        await until(lambda: queued(inflow) == WINDOW)
        await ends.inflows.close()
        ends.clock.s += 5.9
        await asyncio.sleep(0.02)
        assert not blocked.done()
        ends.clock.s += 0.2
        with pytest.raises(Gone):
            await asyncio.wait_for(blocked, 1)
        await asyncio.sleep(0.02)
        assert ends.gone == 1

    async def test_who_has_paused_himself_reads_what_lies_there_before_he_speaks_of_silence(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ticks, "_LATE_S", 0.05)
        monkeypatch.setattr(ticks, "_UNSURE", 1_000)
        inflow, outflow = await ends.committed()
        inflow.idle_s = 1e9
        ends.clock.s += 60
        time.sleep(0.1)  # noqa: ASYNC251 - the pause
        await asyncio.sleep(0.05)
        assert not outflow.gone
        await outflow.send(data=b"here", end=END)
        assert (await soon(inflow)).data == b"here"

    async def test_an_answer_that_pauses_gives_an_idle_mark_each_time_that_many_seconds_pass(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        inflow.idle_s = 5
        await ends.passes(4)
        assert not inflow.waiting
        await ends.passes(2)
        assert (await soon(inflow)).beat
        assert not inflow.waiting
        await ends.passes(6)
        assert (await soon(inflow)).beat
        await outflow.send(data=b"x", end=END)
        assert await read_all(inflow) == b"x"

    async def test_before_the_head_a_pause_gives_no_idle_mark(self, ends: Ends) -> None:
        inflow, _ = await ends.taken()
        inflow.idle_s = 2
        await ends.passes(8)
        assert not inflow.waiting


class TestCancel:
    async def test_cancel_reaches_the_sender_and_wakes_it(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        blocked = asyncio.create_task(outflow.send(data=bytes(2 * WINDOW)))
        await until(lambda: queued(inflow) == WINDOW)
        await inflow.cancel()
        with pytest.raises(Gone):
            await asyncio.wait_for(blocked, 1)
        await inflow.cancel()
        await asyncio.sleep(0.02)
        assert ends.gone == 1
        with pytest.raises(Gone):
            await outflow.send(end=END)

    async def test_a_worker_that_takes_it_after_the_client_is_gone_is_told_at_once(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        await inflow.cancel()
        inflow.close()
        await outflow.taken()
        await until(lambda: ends.gone == 1)

    @pytest.mark.parametrize("known", [True, False])
    async def test_a_worker_that_was_handed_it_when_the_client_left_is_told_too(self, ends: Ends, known: bool) -> None:
        """The first one has passed it on: what it is told helps nobody."""
        inflow, first = ends.open()
        await first.taken()
        if known:
            await until(lambda: bool(inflow.ctl))
        await inflow.cancel()
        inflow.close()
        gone: list[int] = []
        second = ends.outflows.open(inflow.reply, 1, lambda: gone.append(1))
        await second.taken()
        await until(lambda: gone == [1] and ends.gone == 1)
        await ends.passes(11)
        assert len(ends.inflows) == 0

    async def test_a_cancelled_request_that_nobody_takes_is_forgotten_after_a_while(self, ends: Ends) -> None:
        inflow = ends.inflows.open()
        await inflow.cancel()
        inflow.close()
        await ends.passes(11)
        assert len(ends.inflows) == 0

    async def test_a_worker_that_takes_what_nobody_remembers_is_told_to_stop(self, ends: Ends) -> None:
        inflow = ends.inflows.open()
        await inflow.cancel()
        inflow.close()
        await ends.passes(11)
        assert len(ends.inflows) == 0
        await ends.outflows.open(inflow.reply, 3, ends.left).taken()
        await until(lambda: ends.gone == 1)

    async def test_what_is_closed_on_both_sides_is_forgotten(self, ends: Ends) -> None:
        inflow, outflow = await ends.committed()
        inflow.close()
        outflow.close()
        assert (len(ends.inflows), len(ends.outflows)) == (0, 0)
        ends.clock.s += 60
        await asyncio.sleep(0.02)
        assert not ends.gone

    async def test_nobody_there_to_take_it_is_overloaded_at_once(self, ends: Ends) -> None:
        inflow = ends.inflows.open()
        await ends.bus.publish(f"t.{inflow.token}", b"work", inflow.nak)
        with pytest.raises(Overloaded):
            await soon(inflow)
        assert b"ni_handoffs_refused_total 1.0" in ends.metrics.text()

    async def test_only_the_brokers_own_word_refuses_a_hand_off(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        await ends.bus.publish(inflow.nak, b"forged")
        await outflow.taken()
        assert (await soon(inflow)).HasField("taken")

    async def test_without_a_broker_the_sender_is_told_to_stop(self, ends: Ends, backend: Backend) -> None:
        _, outflow = await ends.committed()
        await backend.leave()
        with pytest.raises(Gone):
            await outflow.send(data=b"x")
        await backend.come_back()


class TestWanted:
    """A sender that cannot know how long the request lay somewhere asks before it begins."""

    async def test_it_is_answered_at_once_where_somebody_waits(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        await asyncio.wait_for(outflow.wanted(), 1)
        assert (await soon(inflow)).HasField("taken")
        await outflow.send(head=HEAD, data=b"x", end=END)
        assert await read_all(inflow) == b"x"

    async def test_it_is_gone_where_the_request_was_given_up(self, ends: Ends) -> None:
        inflow, outflow = ends.open()
        ends.clock.s += 1.1
        with pytest.raises(WorkerLost):
            await soon(inflow)
        await inflow.cancel()
        inflow.close()
        with pytest.raises(Gone):
            await asyncio.wait_for(outflow.wanted(), 1)

    async def test_it_is_gone_where_nobody_answers(self, ends: Ends) -> None:
        _, outflow = ends.open()
        await ends.inflows.close()
        asking = asyncio.create_task(outflow.wanted())
        await ends.passes(7)
        with pytest.raises(Gone):
            await asyncio.wait_for(asking, 1)


class TestBody:
    async def test_8_mib_are_pulled_whole_in_pieces_of_256_kib_four_at_a_time(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = secrets.token_bytes(8 << 20)
        inflow, outflow = ends.open(body)
        asked: list[BodyPiece] = []
        running, most, request = 0, 0, ends.bus.request

        async def counted(subject: str, data: bytes, timeout_s: float) -> bytes:
            nonlocal running, most
            asked.append(BodyPiece.FromString(data))
            running += 1
            most = max(most, running)
            answer = await request(subject, data, timeout_s)
            running -= 1
            return answer

        monkeypatch.setattr(ends.bus, "request", counted)
        got = await outflow.pull(inflow.body_subject, len(body))
        assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()
        assert {piece.length for piece in asked} == {256 << 10}
        assert sorted(piece.offset for piece in asked) == list(range(0, 8 << 20, 256 << 10))
        assert most == 4

    async def test_a_body_that_fills_no_piece_is_pulled_whole(self, ends: Ends) -> None:
        for size in (0, 1, (256 << 10) + 1):
            body = secrets.token_bytes(size)
            inflow, outflow = ends.open(body)
            assert await outflow.pull(inflow.body_subject, size) == body

    async def test_pulling_is_a_sign_of_life_both_ways(self, ends: Ends) -> None:
        inflow, outflow = ends.open(bytes(1 << 20))
        for _ in range(8):
            ends.clock.s += 0.9
            await outflow.pull(inflow.body_subject, 1 << 20)
            await asyncio.sleep(0.01)
        assert not ends.gone
        await outflow.taken()
        assert (await soon(inflow)).HasField("taken")

    async def test_a_holder_that_is_not_there_or_has_another_body_is_gone(self, ends: Ends) -> None:
        inflow, outflow = ends.open(bytes(1000))
        nobody = subjects.body("ingress", secrets.token_hex(8), secrets.token_hex(8))
        with pytest.raises(Gone):
            await outflow.pull(nobody, 1000)
        with pytest.raises(Gone):
            await outflow.pull(inflow.body_subject, 2000)
        inflow.close()
        with pytest.raises(Gone):
            await outflow.pull(inflow.body_subject, 1000, deadline_s=0.1)

    async def test_a_holder_that_talks_nonsense_is_gone(self, ends: Ends) -> None:
        async def nonsense(message: Message) -> None:
            await ends.bus.publish(message.reply, b"\xff\xff\xff")

        subject = subjects.body("ingress", secrets.token_hex(8), secrets.token_hex(8))
        await ends.bus.subscribe(subject, nonsense)
        _, outflow = ends.open()
        with pytest.raises(Gone):
            await outflow.pull(subject, 1000)

    async def test_the_body_is_kept_until_the_head_and_no_longer(self, ends: Ends) -> None:
        inflow, outflow = ends.open(bytes(1000))
        await outflow.taken()
        await soon(inflow)
        assert inflow.body is not None
        await outflow.send(head=HEAD)
        await soon(inflow)
        assert inflow.body is None
