"""Puts the router together: the only file here that names an adapter."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from libs.bus.aliases import Aliases
from libs.bus.beats import Heard, beating
from libs.bus.facts import FactPublisher
from libs.bus.nats import connect
from libs.bus.responder import answer
from libs.catalog import abilities
from libs.catalog.abilities import load_abilities
from libs.catalog.live import Following, Prepare, Swap
from libs.catalog.model import Catalog
from libs.contracts.subjects import ROUTE, nak, query
from libs.runtime.catalogue import followed
from libs.runtime.identity import Identity
from libs.runtime.run import Checks
from libs.runtime.settings import Settings, refuse
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.router.auto import Auto
from services.router.choice.decide import Chooser, Learnt
from services.router.classifier.classify import load as load_classifier
from services.router.explaining import Explaining
from services.router.feedback import Feedback
from services.router.handlers import Handlers
from services.router.legal import Legal

_EXPLAINED = 4  # dry runs at once: they are told in full, and requests come first


@asynccontextmanager
async def build(settings: Settings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Listens for beats first, so that the first request already finds its worker."""
    try:
        following = Following(settings.config_dir, also=(abilities.FILE,))
        live = following.live
        chooser = Chooser(load_classifier(), live.current, load_abilities(settings.config_dir))
    except (OSError, ValueError) as error:
        refuse(str(error))
    boot_id = secrets.token_hex(8)
    async with connect("router", settings) as bus:
        heard, facts = Heard(bus), FactPublisher(bus, metrics)
        await heard.start("worker")
        aliases = Aliases(bus, metrics)
        await aliases.start()
        feedback = Feedback(bus, metrics)
        await feedback.start()
        legal = Legal(catalog=live.current)
        handlers = Handlers(
            bus=bus,
            live=live,
            heard=heard,
            facts=facts,
            metrics=metrics,
            identity=Identity.of(settings, "router", boot_id),
            aliases=aliases.of,
            auto=Auto(legal=legal, chooser=chooser, feedback=feedback.counts),
        )
        refusals = await bus.subscribe(nak("router", boot_id, "*"), handlers.nobody)
        explaining = Explaining(handlers=handlers)
        questions = await answer(bus, query("router", "explain"), "router", explaining.explain, _EXPLAINED)
        requests = await bus.subscribe(ROUTE, handlers.route, "router")

        def checks() -> Mapping[str, bool]:
            return {"bus": bus.connected, "worker": bool(heard.alive("worker"))}

        prepare = _prepare(settings.config_dir, chooser, legal)
        async with followed(following, settings.config_dir, metrics, prepare), beating(bus, "router", boot_id):
            try:
                yield checks
            finally:
                await requests.stop()
        await questions.stop()
        await refusals.stop()
        await facts.close()
        await feedback.close()
        await aliases.close()
        await heard.close()


def _prepare(folder: Path, chooser: Chooser, legal: Legal) -> Prepare:
    """What choices rest on is worked out anew, beside the requests, and put in place with the catalogue."""

    def prepare(catalog: Catalog) -> Swap:
        learnt = Learnt.of(catalog, load_abilities(folder))

        def swap() -> None:
            before = chooser.version
            legal.swap(catalog)
            chooser.learn(learnt)
            if chooser.version != before:
                logger().info("abilities_changed", before=before, version=chooser.version)

        return swap

    return prepare
