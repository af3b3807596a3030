"""How fast the ledger's core is and what it remembers, without bus and disk: `python -m tests.load.ledger_core`."""

import sys
import time
import tracemalloc
from collections.abc import Callable

from libs.contracts.northern.v1.ledger_pb2 import Expire, Hold, OpenAccount, Settle, TopUp
from libs.ledger.apply import Operation, apply
from libs.ledger.chain import Writing, replay
from libs.ledger.snapshot import from_bytes, to_bytes
from libs.ledger.state import State

_REQUESTS = 50_000
_BATCH = 16
_NOW_MS = 1_800_000_000_000


def opened() -> State:
    state = State()
    apply(state, Expire(now_ms=_NOW_MS))
    apply(state, OpenAccount(op_id="open", account="t_abcdefghijklmnop", currency="CAD"))
    apply(state, TopUp(op_id="top", account="t_abcdefghijklmnop", amount_nano=10**17))
    return state


def traffic() -> list[Operation]:
    """A hold and a settlement a request, all on one account and one key."""
    ops: list[Operation] = []
    for n in range(_REQUESTS):
        ops.append(
            Hold(
                op_id=f"hold-{n:016x}",
                account="t_abcdefghijklmnop",
                key_id="k_abcdefghijklmnop",
                request_id=f"{n:016x}",
                amount_nano=1_000_000,
                tokens=500,
                at_ms=_NOW_MS,
                expires_at_ms=_NOW_MS + 900_000,
                day="2027-01-15",
                cap_nano=10**16,
                month="2027-01",
                budget_nano=10**17,
            )
        )
        ops.append(
            Settle(
                request_id=f"{n:016x}",
                account="t_abcdefghijklmnop",
                key_id="k_abcdefghijklmnop",
                amount_nano=900_000,
                stream_seq=n + 1,
                at_ms=_NOW_MS,
            )
        )
    return ops


def rate(what: str, count: int, work: Callable[[], object]) -> None:
    """Processor time, so that a neighbour on the same machine does not count."""
    before = time.process_time()
    work()
    spent = time.process_time() - before
    sys.stdout.write(f"{what:<34}{count / spent:>12,.0f} /s {spent / count * 1e6:>8.2f} us\n")


def main() -> None:
    """Print one line for each thing the shard does with the core."""
    ops = traffic()
    state = opened()
    rate("apply", len(ops), lambda: [apply(state, op) for op in ops])
    writer, reader = opened(), opened()
    journal: list[bytes] = []

    def write() -> None:
        for start in range(0, len(ops), _BATCH):
            batch = Writing(writer, epoch=1, at_ms=_NOW_MS)
            for op in ops[start : start + _BATCH]:
                batch.apply(op)
            journal.append(batch.seal(writer.stream_seq + _BATCH))

    rate(f"apply and seal, {_BATCH} a batch", len(ops), write)
    rate("replay", len(ops), lambda: [replay(reader, raw) for raw in journal])
    raw = to_bytes(writer)
    rate("snapshot written, per request", _REQUESTS, lambda: to_bytes(writer))
    rate("snapshot read, per request", _REQUESTS, lambda: from_bytes(raw))
    tracemalloc.start()
    kept = from_bytes(raw)
    size = tracemalloc.get_traced_memory()[0] / len(kept.requests)
    tracemalloc.stop()
    sys.stdout.write(f"remembered of a closed request: {size:,.0f} B; in a snapshot {len(raw) / _REQUESTS:,.0f} B\n")
    sys.stdout.write(f"journal: {sum(map(len, journal)) / len(ops):,.0f} B an operation\n")


if __name__ == "__main__":
    main()
