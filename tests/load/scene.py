"""What a run of the bench stands on: upstream, proxy and street as processes, each on its processor, and their keys."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from libs.embedded.keyring import STORE_PASSWORD
from libs.embedded.probe import OK, get
from libs.embedded.programs import ROOT, STORE_USER
from libs.embedded.state import free_ports
from libs.store.base import StoreSettings
from libs.store.clickhouse import ClickHouseStore
from tests.load.client import Client, Target, client
from tests.load.processes import LOAD_CPU, STREET_CPU, Tree, on_cpu
from tests.support.street import Street

_WARM = 600  # requests before anything is counted
_SETTLED_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Somewhere to send load, and the processes that are counted there (none for the upstream itself)."""

    client: Client
    tree: Tree
    street: Street | None = None

    def fallen(self) -> list[str]:
        """Programs that run no longer, or again: their CPU time is not all counted."""
        running = self.street.pids() if self.street else {}
        return [name for name, pid in running.items() if pid != self.tree.roots.get(name, 0)]

    async def settled(self) -> None:
        """Until the last facts are in the table: what they cost belongs to the requests."""
        if self.street is None:
            return
        await asyncio.sleep(1.0)
        deadline = time.monotonic() + _SETTLED_S
        while await _open_requests(self.street) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.5)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything up and warm."""

    direct: Place
    proxy: Place
    street: Place


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Requests of the whole run by the facts that ClickHouse has of them; `ignored`: Finished beyond the first."""

    egress: int
    finished: int
    delivered: int
    ignored: int
    unfinished: int


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Start all, warm up, and stop all again; the street's state lives in a folder of its own and goes with it."""
    with ExitStack() as processes:
        upstream, proxy = free_ports(2)
        upstream_url, proxy_url = f"http://127.0.0.1:{upstream}", f"http://127.0.0.1:{proxy}"
        root = Path(processes.enter_context(tempfile.TemporaryDirectory(prefix="ni-bench-")))
        processes.enter_context(_python("tests.load.upstream", str(upstream), cpu=LOAD_CPU))
        proxy_pid = processes.enter_context(_python("tests.load.proxy", str(proxy), upstream_url, cpu=STREET_CPU))
        street = Street(root, NI_SANDBOX="0", OPENAI_BASE_URL=f"{upstream_url}/v1", OPENAI_API_KEY="bench")
        async with AsyncExitStack() as stack:
            with on_cpu(STREET_CPU):
                await stack.enter_async_context(street)
            async with asyncio.timeout(30):
                await listening(upstream)
                await listening(proxy)
                await _everything(street)
            await street.credit(1_000_000)
            nothing, proxied = Tree(roots={}), Tree(roots={"proxy": proxy_pid})
            running = {name: pid for name, pid in street.pids().items() if pid}
            counted = Tree(roots={"supervisor": street.supervisor_pid, **running})
            if strays := counted.strays(STREET_CPU):
                raise RuntimeError(f"not on processor {STREET_CPU}: {', '.join(strays)}")
            found = Scene(
                direct=await _place(stack, Target(name="upstream", url=upstream_url), nothing),
                proxy=await _place(stack, Target(name="proxy", url=proxy_url), proxied),
                street=await _place(
                    stack, Target(name="street", url=street.base_url, key=street.api_key), counted, street
                ),
            )
            yield found


async def recorded(place: Place, deadline_s: float = _SETTLED_S) -> Recorded:
    """What is on record, once the projection has caught up with what the client saw accepted (or has not in time)."""
    street = place.street
    assert street is not None
    password = (street.state.secrets / STORE_PASSWORD).read_text().strip()
    store = ClickHouseStore(
        StoreSettings(
            store_url=f"http://127.0.0.1:{street.ports()['clickhouse']}",
            store_user=STORE_USER,
            store_password=SecretStr(password),
        )
    )
    try:
        for _ in range(int(deadline_s)):
            found = Recorded(**(await store.query(_RECORDED))[0])
            if min(found.finished, found.delivered) >= place.client.accepted and not found.unfinished:
                break
            await asyncio.sleep(1.0)
        return found
    finally:
        await store.close()


_RECORDED = """
    SELECT countIf(e > 0) AS egress, countIf(f > 0) AS finished, countIf(d > 0) AS delivered,
           sumIf(f - 1, f > 1) AS ignored, countIf(e > 0 AND f = 0) AS unfinished
    FROM (SELECT countIf(kind = 'egress') AS e, countIf(kind = 'finished') AS f, countIf(kind = 'delivered') AS d
          FROM facts GROUP BY tenant, request_id)
"""


async def _place(stack: AsyncExitStack, target: Target, tree: Tree, street: Street | None = None) -> Place:
    place = Place(client=await stack.enter_async_context(client(target)), tree=tree, street=street)
    for mode, count in (("whole", _WARM), ("burst", 64)):
        await place.client.closed(mode, 32, count=count)
    await place.settled()
    return place


async def listening(port: int) -> None:
    """Until somebody accepts connections there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return


async def _everything(street: Street) -> None:
    """The edge is ready before the rest is: what starts late would be counted as a request's cost."""
    while not street.state.bootstrap.exists():  # noqa: ASYNC110 - a file says nothing when it appears
        await asyncio.sleep(0.1)
    while not all(one["up"] for one in street.ports()["programs"].values()):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.1)


async def _open_requests(street: Street) -> int:
    status, body = await get(f"http://127.0.0.1:{street.ports()['admin']['custody']}/metrics")
    values = [line.split()[-1] for line in body.decode().splitlines() if line.startswith("ni_requests_open")]
    return int(float(values[0])) if status == OK and values else 0


@contextmanager
def _python(module: str, *arguments: str, cpu: int) -> Iterator[int]:
    with on_cpu(cpu):
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
