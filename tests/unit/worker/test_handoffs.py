"""Handing on: who listens has it, and where nobody does that is known within moments."""

import asyncio

import pytest

from libs.bus.base import Message
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.subjects import work
from services.worker import handoffs
from services.worker.handoffs import Handoffs

ENVELOPE = Envelope(request_id="0" * 16, attempt=1)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handoffs, "_ON_ITS_WAY_S", 0.1)


async def test_who_listens_gets_it_as_it_stands_and_answers_nobody() -> None:
    bus, heard = MemoryBus(), list[Message]()
    await bus.subscribe(work("openai"), heard.append)
    handing = Handoffs(bus, "w1")
    await handing.start()
    assert await handing.hand_on(ENVELOPE, "openai")
    (message,) = heard
    assert Envelope.FromString(message.data) == ENVELOPE
    assert message.reply.startswith("ni.nak.worker.w1.")
    await bus.publish(message.reply, b"not the broker's")


async def test_where_nobody_listens_that_is_known_at_once_and_of_the_one_request_alone() -> None:
    bus = MemoryBus()
    await bus.subscribe(work("openai"), lambda _: None)
    handing = Handoffs(bus, "w1")
    await handing.start()
    taken, refused = await asyncio.gather(handing.hand_on(ENVELOPE, "openai"), handing.hand_on(ENVELOPE, "azure-ca"))
    assert (taken, refused) == (True, False)
    await handing.close()


async def test_without_a_broker_it_went_nowhere() -> None:
    bus = MemoryBus()
    handing = Handoffs(bus, "w1")
    await handing.start()
    bus.fail()
    assert not await handing.hand_on(ENVELOPE, "openai")
