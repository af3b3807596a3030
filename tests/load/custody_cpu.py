"""`python -m tests.load.custody_cpu`: the CPU that custody takes of one request, step by step; bodies' hashes aside."""

import secrets
import sys
import time
from collections.abc import Callable

from libs.runtime.identity import Identity
from libs.tlog.receipt import commitment
from libs.tlog.signing import SigningKey
from services.custody.sealing.leaves import sealed
from services.custody.sealing.requests import Complete, Kept
from services.ingress.inference.promises import Promises
from services.worker.requests.testimony import Intent, Witness
from tests.unit.custody.conftest import AT, make

_TURNS = 4_000
_ROUNDS = 7


def microseconds(step: Callable[[], object]) -> float:
    """Of CPU, the best of several rounds: what else the machine does is no part of it."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_TURNS):
            step()
        best = min(best, time.process_time() - began)
    return best / _TURNS * 1e6


def main() -> None:
    identity = Identity(role="worker", node="w" * 16, build="source:" + "0" * 40, place="CA/ca-central-1")
    witness, promises = Witness.read(identity, None), Promises(SigningKey(b"p" * 32))
    egress = make("egress", hops=[identity.hop(), identity.hop()], catalogue="0" * 64)
    finished, delivered = make("finished"), make("delivered", hop=identity.hop())
    finished.finished.ClearField("route")
    witness.testify(egress.request_id, Intent.of(egress.egress, egress.egress.route), finished.finished)
    facts = tuple(Kept(n, 0, each.SerializeToString()) for n, each in enumerate((egress, finished, delivered), 1))
    whole = Complete(tenant="t_one", request_id="0" * 16, facts=facts, overdue=False)
    one = sealed(whole, AT, secrets.token_bytes)

    def sign() -> None:
        witness.testify(egress.request_id, Intent.of(egress.egress, egress.egress.route), finished.finished)

    steps: dict[str, Callable[[], object]] = {
        "edge: promise signed": lambda: promises.headers("0" * 16, b"h" * 32),
        "edge, router, edge: three hops stated": lambda: [identity.hop() for _ in range(3)],
        "worker: statement made and signed": sign,
        "custody: record made, canonical": lambda: sealed(whole, AT, secrets.token_bytes),
        "custody: commitment": lambda: commitment(one.salt, one.record),
    }
    bare = microseconds(lambda: witness.key.sign(one.record[:1024]))
    scale = "for scale: one bare Ed25519 signature over 1 kB; two are in what follows"
    sys.stdout.write(f"{bare:8.1f} us  {scale}\n")
    total = 0.0
    for name, step in steps.items():
        took = microseconds(step)
        total += took
        sys.stdout.write(f"{took:8.1f} us  {name}\n")
    sys.stdout.write(f"{total:8.1f} us  together; a record has {len(one.record)} bytes\n")


if __name__ == "__main__":
    main()
