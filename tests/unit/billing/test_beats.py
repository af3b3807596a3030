"""Billing is heard while its ledger answers: an edge does not send to one that cannot take its shard."""

import asyncio
from typing import cast

import pytest

from libs.bus.base import Message
from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.street_pb2 import Beat
from libs.contracts.subjects import beat as beat_subject
from services.billing import app
from services.billing.ledger.owner import Ownership
from tests.support.broker import until


class Owning:
    """As much of an owner as its beats ask for."""

    shard = 0
    ready = False


async def test_a_ledger_that_nobody_owns_is_not_heard_until_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_READY_S", 0.01)
    monkeypatch.setattr(app, "_LOOK_S", 0.01)
    bus, owning, heard = MemoryBus(), Owning(), list[bool]()

    def beat(message: Message) -> None:
        heard.append(Beat.FromString(message.data).leaving)

    listening = await bus.subscribe(beat_subject("billing"), beat)
    beats = asyncio.create_task(app._beat_while_ready(bus, "b1", cast(Ownership, owning)))
    try:
        await asyncio.sleep(0.05)
        assert heard == []
        owning.ready = True
        await until(lambda: heard == [False])
        owning.ready = False
        await asyncio.sleep(0.03)
        assert heard == [False]  # a short pause is how one owner follows another
        await until(lambda: heard == [False, True])
        owning.ready = True
        await until(lambda: heard == [False, True, False])
    finally:
        beats.cancel()
        await asyncio.gather(beats, return_exceptions=True)
        await listening.stop()
