"""Puts the edge together: the only file here that names an adapter."""

import asyncio
import hmac
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.auth.keys import read_pepper
from libs.bus.aliases import Aliases
from libs.bus.beats import Heard, beating
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflows
from libs.bus.nats import connect
from libs.catalog.live import Following
from libs.runtime.catalogue import followed
from libs.runtime.identity import Identity
from libs.runtime.listening import listening, plain
from libs.runtime.run import Checks
from libs.runtime.settings import refuse
from libs.telemetry.metrics import Metrics
from services.ingress.auth.callers import Callers
from services.ingress.auth.principals import Principals
from services.ingress.auth.sessions import Sessions
from services.ingress.handlers import Handlers
from services.ingress.http.origins import Origins
from services.ingress.http.proxies import Proxies
from services.ingress.http.server import EdgeServer
from services.ingress.inference.balances import Balances
from services.ingress.inference.ids import Ids
from services.ingress.inference.promises import Promises
from services.ingress.inference.request import Inference
from services.ingress.names.desk import Names
from services.ingress.names.telling import Teller
from services.ingress.routing.conversations import Conversations
from services.ingress.settings import IngressSettings


@asynccontextmanager
async def build(settings: IngressSettings, metrics: Metrics) -> AsyncIterator[Checks]:
    """Bus, copies of keys and accounts, an id slot, then the public socket; closed the other way round."""
    try:
        pepper, following = read_pepper(settings.pepper_file.read_bytes()), Following(settings.config_dir)
        promises = Promises.read(settings.promise_key_file)
    except (OSError, ValueError) as error:
        refuse(str(error))
    boot_id = secrets.token_hex(8)
    async with connect("ingress", settings) as bus, beating(bus, "ingress", boot_id):
        heard, principals, balances = Heard(bus), Principals(bus, pepper, metrics), Balances(bus, metrics)
        inflows, facts = Inflows(bus, "ingress", boot_id, metrics), FactPublisher(bus, metrics)
        await heard.start()
        await inflows.start()
        await principals.start()
        await balances.start()
        aliases = Aliases(bus, metrics)
        await aliases.start()
        ids = await Ids.leased(bus, boot_id, _now_ms)

        def checks() -> Mapping[str, bool]:
            return {
                "bus": bus.connected,
                "keys": principals.fresh,
                "id_slot": ids.held,
                "router": bool(heard.alive("router")),
                "worker": bool(heard.alive("worker")),
                "billing": bool(heard.alive("billing")),  # without a hold nothing is sent
            }

        def ready() -> tuple[bool, dict[str, bool]]:
            needed = dict(checks())
            return all(needed.values()), needed | {name: bool(heard.alive(name)) for name in ("custody", "pii")}

        sessions = Sessions(
            bus=bus, principals=principals, secure=settings.secure_cookies, proxies=Proxies(settings.trusted_proxies)
        )
        callers = Callers(principals=principals, sessions=sessions)
        identity = Identity.of(settings, "ingress", boot_id)
        inference = Inference(
            bus=bus,
            inflows=inflows,
            facts=facts,
            metrics=metrics,
            balances=balances,
            new_id=ids,
            max_body=settings.max_body,
            body_idle_s=settings.body_idle_s,
            write_idle_s=settings.write_idle_s,
            keep_alive_s=settings.keep_alive_s,
            identity=identity,
            promises=promises,
            teller=Teller(facts=facts, identity=identity, promises=promises),
            names=Names(bus=bus, live=following.live, heard=heard, aliases=aliases, callers=callers),
            conversations=Conversations(key=hmac.digest(pepper, b"ni-conversations/v1", "sha256")),
            large=asyncio.Lock(),
        )
        handlers = Handlers(
            bus=bus,
            live=following.live,
            callers=callers,
            sessions=sessions,
            heard=heard,
            inference=inference,
            metrics=metrics,
            ready=ready,
        )
        server = EdgeServer(
            handlers,
            max_body=settings.max_body,
            header_s=settings.header_s,
            write_idle_s=settings.write_idle_s,
            origins=Origins(settings.cors_origins),
            metrics=metrics,
        )
        await server.listen(_socket(settings))
        try:
            async with followed(following, settings.config_dir, metrics):
                yield checks
        finally:
            await server.close(settings.drain_s)
            await facts.close()
            await ids.close()
            await inflows.close()
            await aliases.close()
            await balances.close()
            await principals.close()
            await heard.close()


def _now_ms() -> int:
    return int(time.time() * 1000)


def _socket(settings: IngressSettings) -> socket.socket:
    if settings.listen_fd is not None:
        return _inherited(settings.listen_fd)
    host = plain(settings.host)
    with listening(host, settings.port, "NI_"):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, settings.port))
            sock.listen(1024)
        except BaseException:
            sock.close()
            raise
    return sock


def _inherited(number: int) -> socket.socket:
    wrong = "NI_LISTEN_FD: must be the number of a listening socket handed on; unset, NI_HOST and NI_PORT count"
    try:
        sock = socket.socket(fileno=number)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except (OSError, ValueError, OverflowError):
        refuse(wrong)
    if not listens:
        sock.close()
        refuse(wrong)
    return sock
