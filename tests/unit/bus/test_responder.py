"""The responder answers, bounds and drains; a failing answer harms no other."""

import asyncio
from dataclasses import dataclass, field

import pytest

from libs.bus.base import Handler, Message
from libs.bus.responder import Answering


@dataclass
class Wire:
    """Only what the responder asks of a bus: a place where answers are published."""

    answers: list[tuple[str, bytes]] = field(default_factory=list)
    handler: Handler | None = None
    stopped: bool = False

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        self.answers.append((subject, data))

    async def stop(self) -> None:
        self.stopped = True


def answering(wire: Wire, respond: object, limit: int = 2) -> Answering:
    made = Answering(wire, "ni.query.a.b", respond, limit)  # type: ignore[arg-type]  # a wire is a part of a bus
    made.subscription = wire
    return made


async def echo(data: bytes) -> bytes:
    await asyncio.sleep(0)
    return b"re:" + data


async def test_a_question_is_answered_where_it_says() -> None:
    wire = Wire()
    responder = answering(wire, echo)
    responder.take(Message("ni.query.a.b", b"x", reply="_INBOX_i.1"))
    await responder.stop()
    assert wire.answers == [("_INBOX_i.1", b"re:x")]
    assert wire.stopped


async def test_a_question_nobody_waits_for_is_not_worked_on() -> None:
    asked = []

    async def respond(data: bytes) -> bytes:
        asked.append(data)
        return data

    responder = answering(Wire(), respond)
    responder.take(Message("ni.query.a.b", b"x"))
    await responder.stop()
    assert asked == []


async def test_beyond_the_limit_nothing_is_begun() -> None:
    wire = Wire()
    responder = answering(wire, echo, limit=2)
    for n in range(5):
        responder.take(Message("ni.query.a.b", b"%d" % n, reply=f"r.{n}"))
    await responder.stop()
    assert [subject for subject, _ in wire.answers] == ["r.0", "r.1"]


async def test_a_failing_answer_stays_unanswered_and_its_text_out_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def respond(data: bytes) -> bytes:
        if data == b"bad":
            raise ValueError("hunter2")
        return data

    wire = Wire()
    responder = answering(wire, respond)
    responder.take(Message("ni.query.a.b", b"bad", reply="r.0"))
    responder.take(Message("ni.query.a.b", b"good", reply="r.1"))
    await responder.stop()
    assert wire.answers == [("r.1", b"good")]
    assert "hunter2" not in capsys.readouterr().out


async def test_stopping_cancels_what_does_not_end_in_time() -> None:
    cancelled = asyncio.Event()

    async def respond(data: bytes) -> bytes:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return data

    wire = Wire()
    responder = answering(wire, respond)
    responder.take(Message("ni.query.a.b", b"x", reply="r.0"))
    await responder.stop(drain_s=0.01)
    assert cancelled.is_set()
    assert wire.answers == []


async def test_a_stop_that_is_cancelled_leaves_no_answer_running() -> None:
    ended = []

    async def respond(data: bytes) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(data)
        return data

    responder = answering(Wire(), respond)
    responder.take(Message("ni.query.a.b", b"x", reply="r.0"))
    stopping = asyncio.create_task(responder.stop())
    await asyncio.sleep(0.01)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert ended == [b"x"]
