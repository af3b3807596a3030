"""The two ends of a running request on one bus, and the clock they share."""

import asyncio
from dataclasses import dataclass

from libs.bus.base import Bus
from libs.bus.inflow import Inflow, Inflows
from libs.bus.outflow import Outflow, Outflows
from libs.contracts.northern.v1.frames_pb2 import End, Frame, Head
from libs.telemetry.metrics import Metrics

HEAD, END = Head(status=200), End()


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@dataclass(eq=False)
class Ends:
    """Both ends on one bus and one clock; `gone` counts how often the sender was told to stop."""

    bus: Bus
    clock: Clock
    metrics: Metrics
    inflows: Inflows
    outflows: Outflows
    gone: int = 0

    def left(self) -> None:
        self.gone += 1

    def open(self, body: bytes | None = None, attempt: int = 0) -> tuple[Inflow, Outflow]:
        inflow = self.inflows.open(body)
        return inflow, self.outflows.open(inflow.reply, attempt, self.left)

    async def taken(self) -> tuple[Inflow, Outflow]:
        inflow, outflow = self.open()
        await outflow.taken()
        assert (await soon(inflow)).HasField("taken")
        return inflow, outflow

    async def committed(self) -> tuple[Inflow, Outflow]:
        inflow, outflow = await self.taken()
        await outflow.send(head=HEAD)
        assert (await soon(inflow)).HasField("head")
        return inflow, outflow

    async def passes(self, seconds: int) -> None:
        """Time, a second at a turn, with room for both tickers and what they send."""
        for _ in range(seconds):
            self.clock.s += 1
            await asyncio.sleep(0.02)


async def soon(inflow: Inflow) -> Frame:
    return await asyncio.wait_for(inflow.next(), 2)


async def read_all(inflow: Inflow) -> bytes:
    """Everything up to the end, paid for as it comes."""
    found = bytearray()
    while True:
        frame = await soon(inflow)
        found += frame.data
        await inflow.consumed(len(frame.data))
        if frame.HasField("end"):
            return bytes(found)


def queued(inflow: Inflow) -> int:
    """Bytes that lie unread at the receiver."""
    return sum(len(frame.data) for frame in inflow._frames)
