"""Puts the pii service together: the only file here that names an adapter."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from libs.bus.base import Bus
from libs.bus.beats import beating
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflows
from libs.bus.nats import connect
from libs.bus.outflow import Outflows
from libs.bus.responder import Respond, answer
from libs.contracts.subjects import PII, query
from libs.projection.leased import while_leased
from libs.projection.loop import Projection
from libs.projection.tasks import running
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.store.clickhouse import ClickHouseStore
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.pii.account_policies.desk import PolicyDesk
from services.pii.account_policies.watched import Policies
from services.pii.audit.desk import AuditDesk
from services.pii.audit.table import AuditLog, facts_in
from services.pii.domain import read_key
from services.pii.handlers import Handlers
from services.pii.hop.finding import Finder
from services.pii.hop.masking import Masker
from services.pii.hop.preview import PreviewDesk
from services.pii.hop.room import Room
from services.pii.hop.spans import Spans
from services.pii.recognizers.detector import load_detector
from services.pii.settings import PiiSettings

_QUEUE: Final = "pii"
_AT_ONCE: Final = {"preview": 8, "audit": 32, "policy_get": 64, "policy_put": 8}
_PREVIEW_S: Final = 8.0  # the edge waits for ten
_AGAIN_S: Final = 5.0


@asynccontextmanager
async def build(settings: PiiSettings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Model and policies first, then the questions, then requests; closed the other way round."""
    try:
        master = read_key(settings.pii_key_file.read_bytes())
    except (OSError, ValueError) as error:
        refuse(f"NI_PII_KEY_FILE: no secret of the right form can be read there ({type(error).__name__})")
    detector = await asyncio.to_thread(load_detector)
    boot_id = secrets.token_hex(8)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(connect("pii", settings))
        store = ClickHouseStore(settings)
        stack.push_async_callback(store.close)
        facts = FactPublisher(bus, metrics)
        stack.push_async_callback(facts.close)
        policies = Policies(bus, metrics)
        stack.push_async_callback(policies.close)
        await policies.start()
        inflows, outflows = Inflows(bus, "pii", boot_id, metrics), Outflows(bus, "pii", boot_id)
        stack.push_async_callback(inflows.close)
        await inflows.start()
        stack.push_async_callback(outflows.close)
        await outflows.start()
        finder = Finder(detector=detector, spans=Spans(settings.cached_texts))
        masker = Masker(policies=policies, finder=finder, master=master)
        room = Room(
            bus=bus,
            inflows=inflows,
            outflows=outflows,
            facts=facts,
            masking=masker,
            metrics=metrics,
            max_body=settings.max_body,
            mask_s=settings.mask_s,
        )
        desk = PolicyDesk(bus=bus, policies=policies, facts=facts, metrics=metrics)
        questions: dict[str, Respond] = {
            "preview": PreviewDesk(masker=masker, mask_s=_PREVIEW_S).preview,
            "audit": AuditDesk(store=store).audit,
            "policy_get": desk.get,
            "policy_put": desk.put,
        }
        for verb, respond in questions.items():
            answering = await answer(bus, query("pii", verb), _QUEUE, respond, _AT_ONCE[verb])
            stack.push_async_callback(answering.stop)
        await stack.enter_async_context(running(_kept(bus, store, metrics, boot_id, settings)))
        handlers = Handlers(room=room, in_flight=settings.in_flight)
        await stack.enter_async_context(running(handlers.watch()))
        requests = await bus.subscribe(PII, handlers.take, _QUEUE)

        def checks() -> Mapping[str, bool]:
            return {"bus": bus.connected, "policies": not policies.watch.stale}

        async with beating(bus, "pii", boot_id):
            try:
                yield checks
            finally:
                await requests.stop()
                await handlers.drain(settings.drain_s)


async def _kept(bus: Bus, store: ClickHouseStore, metrics: Metrics, boot_id: str, settings: PiiSettings) -> None:
    """The audit table, where the lease is held. Running requests must not end with it: what falls starts anew."""
    while True:
        projection = Projection(
            bus=bus,
            sink=AuditLog(store),
            metrics=metrics,
            purpose="pii-audit",
            read=facts_in,
            rows=settings.projection_rows,
            linger_s=settings.projection_linger_ms / 1000,
        )
        try:
            await while_leased(bus, "reader.pii", boot_id, lambda: time.time_ns() // 1_000_000, projection.run)
        except Exception as error:  # noqa: BLE001 - a row can be written later, an answer cannot
            logger().error("audit_fell", error_type=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)
