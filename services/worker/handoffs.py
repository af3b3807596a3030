"""Handing a request on to the workers of another way out, and hearing whether there are any."""

import asyncio

from libs.bus.base import Bus, Message, Subscription
from libs.contracts import subjects
from libs.contracts.errors import BusUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Envelope

_ON_ITS_WAY_S = 2.0  # "no responders" comes at once or never


class Handoffs:
    """One inbox of this process for the broker's "nobody listens"."""

    def __init__(self, bus: Bus, boot_id: str) -> None:
        self._bus, self._boot_id = bus, boot_id
        self._open: dict[str, asyncio.Event] = {}
        self._sub: Subscription | None = None

    async def start(self) -> None:
        self._sub = await self._bus.subscribe(subjects.nak("worker", self._boot_id, "*"), self._nobody)

    async def close(self) -> None:
        if self._sub is not None:
            await self._sub.stop()

    async def hand_on(self, envelope: Envelope, egress: str) -> bool:
        """Whether somebody has it. It is theirs from when it is published; that it is not comes back within moments."""
        token, nobody = subjects.random_token(), asyncio.Event()
        self._open[token] = nobody
        try:
            reply = subjects.nak("worker", self._boot_id, token)
            await self._bus.publish(subjects.work(egress), envelope.SerializeToString(), reply)
            async with asyncio.timeout(_ON_ITS_WAY_S):
                await nobody.wait()
        except TimeoutError:
            return True
        except BusUnavailable:
            return False
        finally:
            del self._open[token]
        return False

    def _nobody(self, message: Message) -> None:
        waiting = self._open.get(message.subject.rpartition(".")[2])
        if waiting is not None and message.no_responders:
            waiting.set()
