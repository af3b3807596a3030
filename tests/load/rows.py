"""The rows of the bench: what load each one makes, what it counts, and the budget it stands beside."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.load.client import MESSAGES, Taken, percentile
from tests.load.processes import STREET_CPU, busy
from tests.load.report import Line, Row
from tests.load.scene import Place, Scene

_STORE = "clickhouse"
_CPU_US = 320.0
_BURST_MS = 1.8
_STEADY_MS = 6.5
_ADDED_MS = (3.0, 12.0)
_REST_MB = 900.0
_IDLE_KB = 40.0
_TRANSLATED_US = 150.0
_TRANSLATED_MS = 1.5
_WORKER_MB = 120.0
_FOREIGN = 0.05  # share of the street's processor that others may use before it is said


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much load; a count is cut short by its seconds where the machine is slow."""

    whole: int = 20_000
    whole_s: float = 20.0
    half_s: float = 6.0
    burst: int = 3000
    burst_s: float = 12.0
    steady_s: float = 10.0
    sweep: int = 4000
    sweep_s: float = 6.0
    idle: int = 2000


QUICK = Sizes(whole=3000, whole_s=4, half_s=2, burst=500, burst_s=2, steady_s=2, sweep=500, sweep_s=1, idle=500)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run at one place, facts included. `cpu` in seconds by process; `foreign`: the processor's share of others."""

    taken: Taken
    seconds: float
    cpu: Mapping[str, float]
    foreign: float

    def each_us(self) -> dict[str, float]:
        return {name: seconds / self.taken.count * 1e6 for name, seconds in self.cpu.items()}

    @property
    def total_us(self) -> float:
        return sum(self.each_us().values())

    def latency_ms(self, share: float) -> float:
        return percentile(self.taken.latencies, share) * 1e3

    def remarks(self) -> tuple[str, ...]:
        if self.foreign < _FOREIGN:
            return ()
        return (f"others used {self.foreign:.0%} of processor {STREET_CPU} meanwhile: do not trust the latencies",)


async def measure(place: Place, load: Awaitable[Taken]) -> Measured:
    """Run the load; CPU is read before it and when its last facts are written."""
    before, busy_before, began = place.tree.cpu(), busy(STREET_CPU), time.perf_counter()
    taken = await load
    await place.settled()
    after = place.tree.cpu()
    cpu = {name: after[name] - before[name] for name in after}
    seconds = time.perf_counter() - began
    others = (busy(STREET_CPU) - busy_before - sum(cpu.values())) / seconds if cpu else 0.0
    return Measured(taken=taken, seconds=seconds, cpu=cpu, foreign=others)


async def whole(scene: Scene, sizes: Sizes) -> Row:
    """Row 1: answers that are not streamed, as many as go through and at half that rate."""
    full = [
        await measure(place, place.client.closed("whole", 32, count=count, most_s=sizes.whole_s))
        for place, count in ((scene.street, sizes.whole), (scene.proxy, sizes.whole // 2), (scene.direct, 2000))
    ]
    street, proxy, _ = full
    rate = street.taken.rate / 2
    half = [
        await measure(place, place.client.paced(rate, sizes.half_s))
        for place in (scene.street, scene.proxy, scene.direct)
    ]
    lines = [
        Line(what="CPU per request", measured=street.total_us, unit="µs", budget=_CPU_US, beside=proxy.total_us),
        Line(what="requests a second", measured=street.taken.rate, unit="/s", beside=proxy.taken.rate),
        *_latencies("at full load", full, (None, None)),
        *_latencies(f"at half load, {rate:,.0f}/s", half, _ADDED_MS),
    ]
    return Row(
        title=f"1  not streamed, 32 in flight, {street.taken.count:,} requests",
        lines=lines,
        parts=street.each_us(),
        unit="µs a request",
        remarks=street.remarks(),
    )


def _latencies(when: str, runs: Sequence[Measured], budgets: Sequence[float | None]) -> Iterator[Line]:
    """Of street, proxy and upstream alone: what the first two take, and what of it they add to the third."""
    for share, budget in zip((0.5, 0.99), budgets, strict=True):
        street, proxy, upstream = (run.latency_ms(share) for run in runs)
        of = f"p{share * 100:.0f}"
        yield Line(what=f"latency {of} {when}", measured=street, unit="ms", beside=proxy)
        yield Line(
            what=f"  added to the upstream's {upstream:.1f} ms",
            measured=street - upstream,
            unit="ms",
            budget=budget,
            beside=proxy - upstream,
        )


async def burst(scene: Scene, sizes: Sizes) -> Row:
    """Row 2: streams of 100 chunks, written in bursts of ten."""
    street, proxy = [
        await measure(place, place.client.closed("burst", 32, count=sizes.burst, most_s=sizes.burst_s))
        for place in (scene.street, scene.proxy)
    ]
    return _streams(
        f"2  100-chunk streams in bursts of 10, 32 in flight, {street.taken.count:,}", _BURST_MS, street, proxy
    )


async def steady(scene: Scene, sizes: Sizes) -> Row:
    """Row 3: streams of 100 chunks, one each 20 ms."""
    count = round(sizes.steady_s / 2) * 200
    street, proxy = [
        await measure(place, place.client.closed("steady", 200, count=count, most_s=2 * sizes.steady_s))
        for place in (scene.street, scene.proxy)
    ]
    return _streams(f"3  100-chunk streams, one chunk each 20 ms, 200 in flight, {count:,}", _STEADY_MS, street, proxy)


def _streams(title: str, budget: float, street: Measured, proxy: Measured) -> Row:
    gaps = [percentile(each.taken.gaps, 0.99) * 1e3 for each in (street, proxy)]
    return Row(
        title=title,
        lines=(
            Line(
                what="CPU per stream",
                measured=street.total_us / 1e3,
                unit="ms",
                budget=budget,
                beside=proxy.total_us / 1e3,
            ),
            Line(what="streams a second", measured=street.taken.rate, unit="/s", beside=proxy.taken.rate),
            Line(what="p99 between chunks", measured=gaps[0], unit="ms", beside=gaps[1]),
        ),
        parts=street.each_us(),
        unit="µs a stream",
        remarks=street.remarks(),
    )


async def sweep(scene: Scene, sizes: Sizes) -> Row:
    """Row 4: the cost of a request as load grows. What the street uses at rest falls on few requests or on many."""
    at_rest, lines, runs = await _at_rest(scene.street), [], []
    for in_flight in (1, 8, 32, 128, 512):
        count = max(sizes.sweep, 4 * in_flight)
        street, proxy = [
            await measure(place, place.client.closed("whole", in_flight, count=count, most_s=sizes.sweep_s))
            for place in (scene.street, scene.proxy)
        ]
        runs.append(street)
        idle_us = at_rest * street.seconds / street.taken.count * 1e3
        what = f"{in_flight} in flight: {street.taken.rate:,.0f}/s, p99 {street.latency_ms(0.99):,.0f} ms"
        lines.append(
            Line(
                what=f"{what}; without {idle_us:,.0f} µs at rest",
                measured=street.total_us - idle_us,
                unit="µs",
                beside=proxy.total_us,
            )
        )
    return Row(
        title="4  CPU per request as load grows",
        lines=lines,
        parts=runs[0].each_us(),
        unit="µs a request at 1 in flight",
        remarks=(
            f"at rest the street uses {at_rest:.1f} ms of CPU a second",
            *max(runs, key=lambda run: run.foreign).remarks(),
        ),
    )


async def _at_rest(place: Place, seconds: float = 3.0) -> float:
    """Milliseconds of CPU a second while nothing is asked."""
    before = sum(place.tree.cpu().values())
    await asyncio.sleep(seconds)
    return (sum(place.tree.cpu().values()) - before) / seconds * 1e3


async def translated(scene: Scene, sizes: Sizes) -> Row:
    """Row 7: the same upstream asked in Anthropic's dialect, so that every byte is read and written anew.

    What is more is counted where a dialect is seen at all, at edge and worker: the others' work is the same, and what
    they take differs by more from one run to the next.
    """
    place, lines, parts = scene.street, [], {}
    for mode, count, unit, scale, budget in (
        ("whole", 2 * sizes.sweep, "µs", 1.0, _TRANSLATED_US),
        ("burst", sizes.burst // 2, "ms", 1e3, _TRANSLATED_MS),
    ):
        # In this order, so that what grows dearer as the tables fill falls on both alike.
        first, second, third, fourth = [
            await measure(place, place.client.closed(mode, 32, count=count, most_s=sizes.burst_s, **speech))
            for speech in ({}, {"speech": MESSAGES}, {"speech": MESSAGES}, {})
        ]
        # The less disturbed run of either.
        more_us = min(map(_speaking_us, (second, third))) - min(map(_speaking_us, (first, fourth)))
        what = "request" if mode == "whole" else "stream of 100 chunks"
        lines += [
            Line(
                what=f"CPU per {what}, passed through",
                measured=(first.total_us + fourth.total_us) / 2 / scale,
                unit=unit,
            ),
            Line(
                what=f"CPU per {what}, translated", measured=(second.total_us + third.total_us) / 2 / scale, unit=unit
            ),
            Line(what="  more of it at edge and worker", measured=more_us / scale, unit=unit, budget=budget),
        ]
        parts = third.each_us()
    return Row(
        title="7  translated: Anthropic's dialect to OpenAI's wire format, 32 in flight",
        lines=lines,
        parts=parts,
        unit="µs a translated stream",
    )


def _speaking_us(run: Measured) -> float:
    """What the processes take that read or write a caller's dialect."""
    return sum(us for name, us in run.each_us().items() if name.startswith(("ingress", "worker")))


async def idle(scene: Scene, sizes: Sizes) -> Row:
    """Row 5: streams that are open and silent."""
    place = scene.street
    before = place.tree.pss()
    async with place.client.open_streams(sizes.idle):
        await asyncio.sleep(2.0)
        during = place.tree.pss()
    await place.settled()
    # Without the ClickHouse host: its caches come and go by megabytes, whatever the streams do.
    each = {name: (during[name] - before[name]) / sizes.idle for name in during if name != _STORE}
    what = "PSS per stream, without the ClickHouse host"
    line = Line(what=what, measured=sum(each.values()), unit="kB", budget=_IDLE_KB)
    return Row(title=f"5  {sizes.idle:,} idle open streams", lines=(line,), parts=each, unit="kB a stream")


async def memory(scene: Scene, _: Sizes) -> Row:
    """Row 6: what the street holds when nothing runs."""
    pss, rss = scene.street.tree.pss(), scene.street.tree.rss()
    ours = sum(kb for name, kb in pss.items() if name != _STORE)
    return Row(
        title="6  memory of the street at rest",
        lines=(
            Line(what="PSS without the ClickHouse host", measured=ours / 1024, unit="MB", budget=_REST_MB),
            Line(what="PSS of the ClickHouse host", measured=pss[_STORE] / 1024, unit="MB"),
            Line(
                what="RSS of the largest worker",
                measured=max(kb for name, kb in rss.items() if name.startswith("worker")) / 1024,
                unit="MB",
                budget=_WORKER_MB,
            ),
            Line(what="RSS, all (shared pages counted each time)", measured=sum(rss.values()) / 1024, unit="MB"),
        ),
        parts={name: kb / 1024 for name, kb in rss.items()},
        unit="MB RSS",
    )


# In the order in which they run: memory first, for what load leaves behind in the heap would hide what streams take.
ROWS: Mapping[str, Callable[[Scene, Sizes], Awaitable[Row]]] = {
    "6": memory,
    "5": idle,
    "1": whole,
    "2": burst,
    "3": steady,
    "4": sweep,
    "7": translated,
}
