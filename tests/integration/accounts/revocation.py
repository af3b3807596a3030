"""How soon a revoked key is refused after the broker was killed: `python -m tests.integration.accounts.revocation`."""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from libs.auth.rights import Right
from libs.bus.nats import connect
from libs.contracts.errors import BusUnavailable, InvalidApiKey, KeyRevoked, Overloaded
from libs.telemetry.metrics import Metrics
from services.ingress.auth.principals import Principals
from tests.support.broker import Broker, open_to_all, until
from tests.unit.accounts.rig import PEPPER, Rig, rig

ALLOWED_S: Final = 1.0


async def one_run(folder: Path) -> float:
    """Seconds from the revocation's acknowledgement to the first refusal, the broker killed and restarted just before.

    Two edges watch, each on a connection of its own; the later one counts.
    """
    broker = Broker(folder / "broker", open_to_all)
    await asyncio.to_thread(broker.start)
    try:
        await asyncio.to_thread(broker.provision)
        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(connect("accounts", broker.settings))
            scene = await stack.enter_async_context(rig(folder, bus))
            scene.now_s = time.time()
            edges = [await _edge(stack, broker) for _ in range(2)]
            made = await scene.ask(Right.KEY_CREATE, scene.session(), {"name": "soon gone"})
            headers = {"Authorization": f"Bearer {made['key']}"}
            await until(lambda: all(_accepts(edge, headers) for edge in edges))
            broker.kill()
            await asyncio.to_thread(broker.start)
            await _revoked(scene, made["id"])
            acknowledged = time.monotonic()
            await until(lambda: not any(_accepts(edge, headers) for edge in edges), 10)
            return time.monotonic() - acknowledged
    finally:
        broker.kill()


async def _edge(stack: AsyncExitStack, broker: Broker) -> Principals:
    bus = await stack.enter_async_context(connect("ingress", broker.settings))
    principals = Principals(bus, PEPPER, Metrics())
    await principals.start()
    stack.push_async_callback(principals.close)
    return principals


async def _revoked(scene: Rig, key_id: str) -> None:
    """As a client does it: again, until it is acknowledged."""
    async with asyncio.timeout(10):
        while True:
            try:
                await scene.ask(Right.KEY_REVOKE, scene.session(), id=key_id)
            except (BusUnavailable, Overloaded):
                await asyncio.sleep(0.02)
            else:
                return


def _accepts(edge: Principals, headers: dict[str, str]) -> bool:
    try:
        edge.of_key(headers)
    except (KeyRevoked, InvalidApiKey):  # the latter: it has not heard of the key yet
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    taken: list[float] = []
    for n in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory() as folder:
            taken.append(asyncio.run(one_run(Path(folder))))
        print(f"run {n + 1:2}: refused {taken[-1] * 1000:6.1f} ms after the acknowledgement", flush=True)  # noqa: T201
    middle = sorted(taken)[len(taken) // 2]
    print(f"p50 {middle * 1000:.1f} ms, worst {max(taken) * 1000:.1f} ms, allowed {ALLOWED_S * 1000:.0f} ms")  # noqa: T201
    sys.exit(max(taken) > ALLOWED_S)


if __name__ == "__main__":
    main()
