"""Puts a worker together: the only file here that names an adapter."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from libs.bus.beats import beating
from libs.bus.facts import FactPublisher
from libs.bus.nats import connect
from libs.bus.outflow import Outflows
from libs.catalog.live import Following, Swap
from libs.catalog.model import Catalog, Wire
from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals
from libs.contracts.subjects import work
from libs.runtime.catalogue import followed
from libs.runtime.identity import Identity
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from services.worker.byok.clients import Clients
from services.worker.byok.kept import Kept
from services.worker.byok.ring import Ring
from services.worker.handlers import Handlers
from services.worker.handoffs import Handoffs
from services.worker.images.fetcher import Fetcher
from services.worker.money.asking import Ledger
from services.worker.providers.anthropic.wire import AnthropicProvider
from services.worker.providers.base import Provider
from services.worker.providers.bedrock.signing import CredentialChain, GivenCredentials
from services.worker.providers.bedrock.wire import BedrockProvider
from services.worker.providers.openai.wire import OpenAIProvider
from services.worker.providers.vertex.credentials import GivenToken, OwnTokens, Tokens, application_default, self_signed
from services.worker.providers.vertex.wire import VertexProvider
from services.worker.requests.testimony import Witness
from services.worker.settings import WorkerSettings
from services.worker.street import Street
from services.worker.upstream.dialling import connector
from services.worker.upstream.endpoint import WitnessedResponse
from services.worker.upstream.probing import Probing
from services.worker.upstream.signals import Signals
from services.worker.upstream.ways_out import WayOut, find, vendors


@asynccontextmanager
async def build(settings: WorkerSettings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Ways out and HTTP sessions first, then control, then work; closed the other way round."""
    try:
        following = Following(settings.config_dir)
        catalog = following.live.current
        environ = vendors()
        ways = _ways(catalog, settings, environ)
        boot_id = secrets.token_hex(8)
        witness = Witness.read(Identity.of(settings, "worker", boot_id), settings.worker_key_file)
    except (OSError, ValueError) as error:
        refuse(str(error))
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(connect("worker", settings))
        facts = FactPublisher(bus, metrics)
        stack.push_async_callback(facts.close)
        sessions = {name: await stack.enter_async_context(_session(way)) for name, way in ways.items()}
        outflows = Outflows(bus, "worker", boot_id)
        await outflows.start()
        stack.push_async_callback(outflows.close)
        ledger = Ledger(bus, boot_id)
        await ledger.start()
        stack.push_async_callback(ledger.close)
        handoffs = Handoffs(bus, boot_id)
        await handoffs.start()
        stack.push_async_callback(handoffs.close)
        kept = Kept(bus, metrics)
        stack.push_async_callback(kept.close)
        await kept.start()
        news = asyncio.Event()
        signals = Signals(changed=news.set)
        street = Street(
            boot_id=boot_id,
            witness=witness,
            catalog=catalog,
            ways=ways,
            providers={name: _provider(way, environ) for name, way in ways.items()},
            sessions=sessions,
            own=Clients(kept, Ring(settings.kek_file), _own),
            fetcher=await stack.enter_async_context(Fetcher()),
            facts=facts,
            ledger=ledger,
            handoffs=handoffs,
            signals=signals,
            metrics=metrics,
        )
        handlers = Handlers(street=street, outflows=outflows, in_flight=settings.in_flight)
        watching = asyncio.create_task(handlers.watch())
        stack.callback(watching.cancel)
        subs = [await bus.subscribe(work(name), handlers.work, "worker") for name in ways]
        probing = Probing(catalog=catalog, ways=ways, signals=signals, proxied=lambda way: _proxy(way) is not None)
        asked = asyncio.create_task(probing.forever())
        stack.callback(asked.cancel)

        def routes() -> list[RouteSignals]:
            said = signals.states()
            metrics.set("breakers_open", sum(one.breaker != Breaker.BREAKER_CLOSED for one in said))
            return said

        edits = Edits(street=street, probing=probing, settings=settings, environ=environ, stack=stack, news=news)
        await stack.enter_async_context(followed(following, settings.config_dir, metrics, edits.prepare))
        async with beating(bus, "worker", boot_id, street.states, routes, news):

            def checks() -> Mapping[str, bool]:
                return {"bus": bus.connected, "credentials": kept.fresh}

            try:
                yield checks
            finally:
                for sub in subs:
                    await sub.stop()
                await handlers.drain(settings.drain_s)


def _ways(catalog: Catalog, settings: WorkerSettings, environ: Mapping[str, str]) -> dict[str, WayOut]:
    unknown = [name for name in settings.egresses if name not in catalog.egresses]
    if unknown:
        raise ValueError(f"NI_EGRESSES names {', '.join(unknown)}, which infra/config/egresses.toml does not know")
    return {name: find(catalog.egresses[name], environ, settings.sandbox_url) for name in settings.egresses}


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What a worker has derived of its catalogue, derived anew when that is edited. What stays equal stays as it is."""

    street: Street
    probing: Probing
    settings: WorkerSettings
    environ: Mapping[str, str]
    stack: AsyncExitStack
    news: asyncio.Event

    def prepare(self, catalog: Catalog) -> Swap:
        """libs.catalog.live.Prepare. A way out that left the catalogue is closed, and opened when it is there again."""
        street, ways, providers = self.street, dict[str, WayOut](), dict[str, Provider]()
        for name in self.settings.egresses:
            if (egress := catalog.egresses.get(name)) is None:
                continue
            found, before = find(egress, self.environ, self.settings.sandbox_url), street.ways.get(name)
            kept = before is not None and before == found
            ways[name] = before if before is not None and kept else found
            providers[name] = street.providers[name] if kept else _provider(found, self.environ)
        return lambda: self._swap(catalog, ways, providers)

    def _swap(self, catalog: Catalog, ways: Mapping[str, WayOut], providers: Mapping[str, Provider]) -> None:
        street, known = self.street, self.street.catalog.egresses
        for name, way in ways.items():
            before = street.ways.get(name)
            if name not in street.sessions or (before is not None and _proxy(before) != _proxy(way)):
                street.sessions[name] = session = _session(way)  # the one before may carry requests: closed at the end
                self.stack.push_async_callback(session.close)
        for name in sorted(catalog.egresses.keys() - known.keys() - ways.keys()):
            reason = "a worker that names it in NI_EGRESSES has to be started, with its variables"
            logger().warning("egress_unserved", egress=name, reason=reason)
        gone = street.catalog.routes.keys() - catalog.routes.keys()
        street.signals.reached(gone, Reach.REACH_UNKNOWN)  # nobody probes them any more, so nobody would take it back
        street.swap(catalog, ways, providers)
        self.probing.catalog, self.probing.ways = catalog, ways
        self.news.set()  # the next beat tells of ways out at once


def _provider(way: WayOut, environ: Mapping[str, str]) -> Provider:
    key = "sandbox" if way.sandbox else environ.get(way.egress.api_key_env, "")
    match way.egress.wire:
        case Wire.OPENAI | Wire.AZURE:
            return OpenAIProvider(key, api_version=environ.get("OPENAI_API_VERSION", ""))
        case Wire.ANTHROPIC:
            return AnthropicProvider(key, environ.get("ANTHROPIC_AUTH_TOKEN", ""))
        case Wire.BEDROCK:
            if way.sandbox:
                return BedrockProvider(way, "", GivenCredentials("AKIDSANDBOX", "sandbox"))
            return BedrockProvider(way, environ.get("AWS_BEARER_TOKEN_BEDROCK", ""), CredentialChain())
        case Wire.VERTEX:
            if way.sandbox:
                return VertexProvider(GivenToken("sandbox", "sandbox"))
            tokens = Tokens(application_default(), lambda: datetime.now(UTC))
            return VertexProvider(tokens, environ.get("GOOGLE_CLOUD_PROJECT", ""))
        case _:
            assert_never(way.egress.wire)


def _own(way: WayOut, slots: Mapping[str, str], secret: Mapping[str, str]) -> Provider:
    """A client that knows an account's own credential, and nothing of ours."""
    key = secret.get("api_key", "")
    match way.egress.wire:
        case Wire.OPENAI | Wire.AZURE:
            return OpenAIProvider(key)
        case Wire.ANTHROPIC:
            return AnthropicProvider(key)
        case Wire.BEDROCK:
            access, signs = (secret.get(name, "") for name in ("access_key_id", "secret_access_key"))
            return BedrockProvider(way, key, GivenCredentials(access, signs, secret.get("session_token")))
        case Wire.VERTEX:
            tokens = Tokens(self_signed(secret, lambda: datetime.now(UTC)), lambda: datetime.now(UTC))
            return VertexProvider(OwnTokens(tokens), slots.get("project", ""))
        case _:
            assert_never(way.egress.wire)


def _session(way: WayOut) -> aiohttp.ClientSession:
    """No cookies, no limit of its own (`in_flight` is the limit); Run.tick has all time limits but one."""
    return aiohttp.ClientSession(
        connector=connector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=WitnessedResponse,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        headers={"User-Agent": "northern-inference/0.1", "Accept-Encoding": "identity"},
        proxy=_proxy(way),
    )


def _proxy(way: WayOut) -> str | None:
    """The corporate proxy of the usual variables, asked for once: aiohttp's way reads ~/.netrc for every request."""
    address = urlsplit(way.base_url)
    if not address.hostname or proxy_bypass(address.netloc):
        return None
    return getproxies().get(address.scheme)
