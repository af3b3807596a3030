"""How many operations a second the ledger takes on one hot account, journal on disk: `python -m tests.load.ledger`."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from libs.bus.base import Bus, Message
from libs.bus.nats import connect
from libs.contracts.northern.v1.ledger_pb2 import Hold, LedgerReply, LedgerRequest, TopUp, Void
from libs.contracts.subjects import LEDGER, ledger
from tests.support.billing import Billing, credits_of, insist, open_account, open_key, request_id
from tests.support.broker import Broker, open_to_all

_INBOX = "_INBOX_test.load"


class Caller:
    """Keeps so many operations in flight: a hold, and as soon as it is granted its void, and so on."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ended: asyncio.Event = asyncio.Event()
        self._began: dict[str, float] = {}
        self._left = self._under_way = 0
        self._pressing = True
        self.took: list[float] = []
        self.refused = 0

    async def run(self, operations: int, in_flight: int) -> float:
        """Seconds until all were answered."""
        sub = await self._bus.subscribe(f"{_INBOX}.*", self._answered)
        self._left, self._under_way = operations, 0
        began = time.perf_counter()
        for _ in range(in_flight):
            await self._hold()
        await self._ended.wait()
        spent = time.perf_counter() - began
        await sub.stop()
        return spent

    async def run_at(self, rate: int, operations: int) -> float:
        """The same, asked at a rate whether or not there are answers yet."""
        sub = await self._bus.subscribe(f"{_INBOX}.*", self._answered)
        self._left, self._under_way, self._pressing = operations, 0, False
        began = time.perf_counter()
        sent = 0
        while sent < operations // 2:  # each hold is followed by its void
            due = int((time.perf_counter() - began) * rate / 2)
            while sent < min(due, operations // 2):
                await self._hold()
                sent += 1
            await asyncio.sleep(0.0005)
        await self._ended.wait()
        spent = time.perf_counter() - began
        await sub.stop()
        return spent

    async def _hold(self) -> None:
        request = request_id()
        hold = Hold(op_id=request, account="t_one", key_id="k_one", request_id=request, amount_nano=1000, tokens=10)
        await self._send(f"h{request}", LedgerRequest(hold=hold))

    async def _send(self, token: str, asked: LedgerRequest) -> None:
        if self._left == 0:
            return
        self._left -= 1
        self._under_way += 1
        self._began[token] = time.perf_counter()
        await self._bus.publish(ledger(0), asked.SerializeToString(), f"{_INBOX}.{token}")

    async def _answered(self, message: Message) -> None:
        token = message.subject.rpartition(".")[2]
        self.took.append(time.perf_counter() - self._began.pop(token))
        self.refused += bool(LedgerReply.FromString(message.data).code)
        self._under_way -= 1
        if token[0] == "h":
            void = Void(op_id=f"{token[1:]}:void", account="t_one", request_id=token[1:])
            await self._send(f"v{token[1:]}", LedgerRequest(void=void))
        elif self._pressing:
            await self._hold()
        if not self._under_way and not self._left:
            self._ended.set()


def spent_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def measure(broker: Broker, folder: Path, operations: int, in_flight: int, rate: int = 0) -> None:
    billing = Billing(broker.url, folder)
    billing.start()
    try:
        async with connect("test", broker.settings) as bus:
            await open_account(bus)
            await open_key(bus)
            await credits_of(bus)
            await insist(bus, TopUp(op_id="top", account="t_one", amount_nano=10**15, by="test"))
            await Caller(bus).run(2_000, max(in_flight, 8))
            assert billing.process is not None
            assert broker.process is not None
            pids = {"billing": billing.process.pid, "broker": broker.process.pid}
            before, messages = {name: spent_s(pid) for name, pid in pids.items()}, await bus.last_seq(LEDGER)
            caller = Caller(bus)
            took_s = await (caller.run_at(rate, operations) if rate else caller.run(operations, in_flight))
            used = {name: (spent_s(pid) - before[name]) / operations * 1e6 for name, pid in pids.items()}
            batches = await bus.last_seq(LEDGER) - messages
    finally:
        billing.close()
    cuts = statistics.quantiles(caller.took, n=100)
    asked = f"{rate} a second" if rate else f"{in_flight} in flight"
    sys.stdout.write(
        f"{asked:>15} {operations / took_s:>9,.0f} operations/s   p50 {cuts[49] * 1e3:6.2f} ms   "
        f"p99 {cuts[98] * 1e3:6.2f} ms   {operations / batches:5.1f} a batch   refused {caller.refused}   "
        f"CPU an operation: billing {used['billing']:.0f} us, broker {used['broker']:.0f} us\n"
    )


def main() -> None:
    """Print a line for each number in flight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=40_000)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1, 32, 256])
    parser.add_argument("--rates", type=int, nargs="*", default=[2_000], help="operations a second, come what may")
    options = parser.parse_args()
    rounds = [(n, 0, options.operations // (20 if n == 1 else 1)) for n in options.in_flight]
    rounds += [(0, rate, min(options.operations, 5 * rate)) for rate in options.rates]
    with tempfile.TemporaryDirectory() as folder:
        for in_flight, rate, operations in rounds:
            broker = Broker(Path(folder) / f"nats-{in_flight}-{rate}", open_to_all)
            broker.start()
            try:
                broker.provision()
                asyncio.run(measure(broker, Path(folder), operations, in_flight, rate))
            finally:
                broker.kill()


if __name__ == "__main__":
    main()
