"""Finds out whether the operator's own machines take connections while nobody calls them: never a paid call."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from libs.catalog.model import Catalog, Tier
from libs.contracts.northern.v1.street_pb2 import Reach
from libs.telemetry.log import logger
from services.worker.upstream.signals import Signals
from services.worker.upstream.ways_out import WayOut

EVERY_S = 30.0
_IDLE_S = 60.0  # what answered within it needs no probe
_CONNECT_S = 5.0
_STARTING_S = 600.0  # a model that loads takes no connections for minutes


@dataclass(kw_only=True)
class Probing:
    """Connects, with TLS where the address has it, and hangs up: not a byte of HTTP is sent, so nothing leaves.

    What does not answer is `loading` for ten minutes, counted from this worker's start or from when it was last there,
    and `none` after that. `proxied`: addresses behind the corporate proxy are not asked, as the proxy would answer.
    """

    catalog: Catalog
    ways: Mapping[str, WayOut]
    signals: Signals
    proxied: Callable[[WayOut], bool] = lambda _: False
    now: Callable[[], float] = time.monotonic
    last_there: dict[str, float] = field(default_factory=dict)
    found: dict[str, Reach] = field(default_factory=dict)

    async def forever(self) -> None:
        """One round each half minute."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_S)

    async def once(self) -> None:
        """Each of the operator's own ways out that is idle, at the same time."""
        own: dict[str, list[str]] = {}
        for route in self.catalog.routes.values():
            if route.tier is Tier.SELF_HOSTED and route.egress in self.ways:
                own.setdefault(route.egress, []).append(route.route_id)
        await asyncio.gather(*(self._probe(self.ways[name], route_ids) for name, route_ids in own.items()))

    async def _probe(self, way: WayOut, route_ids: list[str]) -> None:
        since = self.last_there.setdefault(way.egress.name, self.now())
        if way.reason or self.proxied(way):
            return
        if not self.signals.idle(route_ids, _IDLE_S) or await takes_connections(way.base_url):
            self.last_there[way.egress.name] = self.now()
            found = Reach.REACH_READY
        else:
            found = Reach.REACH_LOADING if self.now() - since < _STARTING_S else Reach.REACH_NONE
        if self.found.get(way.egress.name) != found:
            self.found[way.egress.name] = found
            logger().info("deployment_probed", egress=way.egress.name, outcome=Reach.Name(found)[6:].lower())
        self.signals.reached(route_ids, found)


async def takes_connections(address: str) -> bool:
    """Whether a URL's host answers on its port, and proves who it is where the URL says https."""
    parts = urlsplit(address)
    secure = _trust() if parts.scheme == "https" else None
    if not parts.hostname:
        return False
    try:
        port = parts.port or (443 if secure else 80)
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    except (OSError, ValueError):  # TimeoutError and ssl.SSLError are OSErrors
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
