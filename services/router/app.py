"""Puts the router together: the only file here that names an adapter."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.bus.aliases import Aliases
from libs.bus.beats import Heard, beating
from libs.bus.facts import FactPublisher
from libs.bus.nats import connect
from libs.catalog.load import load
from libs.contracts.subjects import ROUTE, nak
from libs.runtime.identity import Identity
from libs.runtime.run import Checks
from libs.runtime.settings import Settings, refuse
from libs.telemetry.metrics import Metrics
from services.router.handlers import Handlers


@asynccontextmanager
async def build(settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Listens for beats first, so that the first request already finds its worker."""
    try:
        catalog = load(settings.config_dir)
    except (OSError, ValueError) as error:
        refuse(str(error))
    boot_id = secrets.token_hex(8)
    async with connect("router", settings) as bus:
        heard, facts = Heard(bus), FactPublisher(bus, metrics)
        await heard.start("worker")
        aliases = Aliases(bus, metrics)
        await aliases.start()
        identity = Identity.of(settings, "router", boot_id)
        handlers = Handlers(
            bus=bus, catalog=catalog, heard=heard, facts=facts, metrics=metrics, identity=identity, aliases=aliases.of
        )
        refusals = await bus.subscribe(nak("router", boot_id, "*"), handlers.nobody)
        requests = await bus.subscribe(ROUTE, handlers.route, "router")

        def checks() -> Mapping[str, bool]:
            return {"bus": bus.connected, "worker": bool(heard.alive("worker"))}

        async with beating(bus, "router", boot_id):
            try:
                yield checks
            finally:
                await requests.stop()
        await refusals.stop()
        await facts.close()
        await aliases.close()
        await heard.close()
