"""Whatever the order in which frames and credits arrive: nothing is reordered, nor is more under way than allowed."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.bus.base import Message
from libs.bus.inflow import WINDOW, Inflow, Inflows
from libs.bus.memory import MemoryBus
from libs.bus.outflow import PIECE, Outflow, Outflows
from libs.contracts.errors import StreamBroken
from libs.contracts.northern.v1.frames_pb2 import Control, End, Frame, Head
from libs.telemetry.metrics import Metrics

SIZES = st.lists(st.one_of(st.integers(1, 300), st.integers(PIECE - 2, 3 * PIECE)), min_size=1, max_size=12)
STEPS = st.lists(st.sampled_from("frame frame credit read send".split()), max_size=60)


class Post(MemoryBus):
    """Holds every message until it is delivered by hand; each direction keeps its own order, as the broker does."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: deque[bytes] = deque()
        self.control: deque[bytes] = deque()

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        (self.frames if subject.startswith("ni.reply.") else self.control).append(data)


class Street:
    """One request over the post; `read` is what the client has, `most` the most bytes that were ever under way."""

    def __init__(self) -> None:
        self.post = Post()
        self.inflows = Inflows(self.post, "ingress", "r", Metrics())
        self.outflows = Outflows(self.post, "worker", "r")
        self.inflow: Inflow = self.inflows.open()
        self.outflow: Outflow = self.outflows.open(self.inflow.reply, 0, lambda: None)
        self.read = bytearray()
        self.sent = self.paid = self.most = 0
        self.numbers: list[int] = []
        self.ended = False

    def frame_arrives(self) -> None:
        if self.post.frames:
            self.inflows._frame(Message(self.inflow.reply, self.post.frames.popleft()))

    def credit_arrives(self) -> None:
        if self.post.control:
            data = self.post.control.popleft()
            self.paid += Control.FromString(data).credit
            self.outflows._control(Message(f"x.{self.outflow.token}", data))

    async def client_reads(self) -> None:
        if self.inflow.waiting:
            frame = await self.inflow.next()
            self.numbers.append(frame.n)
            self.read += frame.data
            self.ended = self.ended or frame.HasField("end")
            await self.inflow.consumed(len(frame.data))

    def look(self) -> None:
        """What was sent and not yet paid for, as the wire shows it."""
        on_the_way = sum(len(Frame.FromString(data).data) for data in self.post.frames)
        unread = sum(len(frame.data) for frame in self.inflow._frames)
        self.most = max(self.most, on_the_way + unread)

    async def step(self, what: str) -> None:
        match what:
            case "frame":
                self.frame_arrives()
            case "credit":
                self.credit_arrives()
            case "read":
                await self.client_reads()
            case _:
                await asyncio.sleep(0)
        self.look()


async def _run(sizes: list[int], steps: list[str]) -> tuple[Street, bytes]:
    street = Street()
    data = [bytes([n % 251]) * size for n, size in enumerate(sizes)]

    async def send() -> None:
        await street.outflow.taken()
        await street.outflow.send(head=Head(status=200))
        for piece in data:
            await street.outflow.send(data=piece)
        await street.outflow.send(end=End())

    sending = asyncio.create_task(send())
    async for what in _then_all(steps):
        await street.step(what)
        if street.ended:
            break
    await asyncio.wait_for(sending, 1)
    return street, b"".join(data)


async def _then_all(steps: list[str]) -> AsyncIterator[str]:
    """The given order, and then everything in turn, often enough for any of the answers above to end."""
    for what in steps:
        yield what
    for _ in range(2000):
        for what in ("send", "frame", "read", "credit"):
            yield what
    raise AssertionError("the answer never ended: the ends wait for each other")


@given(sizes=SIZES, steps=STEPS)
@settings(max_examples=60)
def test_any_interleaving_stays_within_the_window_and_in_order(sizes: list[int], steps: list[str]) -> None:
    street, data = asyncio.run(_run(sizes, steps))
    assert bytes(street.read) == data
    assert street.numbers == list(range(len(street.numbers)))
    assert street.most <= WINDOW


@given(count=st.integers(2, 20), lost=st.integers(0, 19), beats=st.sets(st.integers(0, 20)))
@settings(max_examples=60)
def test_whichever_frame_is_lost_the_reader_has_all_before_it_and_then_an_error(
    count: int, lost: int, beats: set[int]
) -> None:
    lost %= count
    got, broken = asyncio.run(_lose(count, lost, beats))
    assert got == list(range(lost))
    assert broken


async def _lose(count: int, lost: int, beats: set[int]) -> tuple[list[int], bool]:
    street = Street()
    street.inflow._committed = True
    for n in range(count):
        if n in beats:
            await street.outflow.beat()
        await street.outflow.send(data=bytes([n]))
    await street.outflow.beat()  # the last frame's loss is told by what comes after it
    frames = [f for f in street.post.frames if (one := Frame.FromString(f)).beat or one.n != lost]
    street.post.frames = deque(frames)
    while street.post.frames:
        street.frame_arrives()
    got = []
    try:
        while True:
            got.append((await asyncio.wait_for(street.inflow.next(), 0.2)).n)
    except StreamBroken:
        return got, True
    except TimeoutError:
        return got, False
