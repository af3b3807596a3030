"""A web server of images on loopback, over TLS, and a resolver that is told what to answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.worker.images.fetcher import Fetcher, Limits, Rules

NAMES = ("images.example", "other.example", "inside.example", "evil.example")
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@lru_cache(maxsize=1)
def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "images.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's, and one that trusts nobody else."""
    public, private = _certificate()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.write_bytes(public + private)
        server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=public.decode())


@dataclass
class Images:
    """`pages` answer by path; `asked` notes the requests; `answers` is what each name leads to, in turn."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, list[list[str]]] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "images.example") -> str:
        return f"https://{host}:{self.port}{path}"

    async def resolve(self, host: str, port: int, threads: ThreadPoolExecutor) -> list[str]:
        self.looked_up.append(host)
        turns = self.answers.get(host, [["127.0.0.1"]])
        return turns.pop(0) if len(turns) > 1 else turns[0]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, dict(request.headers)))
        page = self.pages.get(request.path)
        return await page(request) if page is not None else web.Response(status=404)


@asynccontextmanager
async def images(limits: Limits | None = None) -> AsyncIterator[tuple[Images, Fetcher]]:
    """A server, and a fetcher to which 127.0.0.1 is the only public address there is."""
    host = Images()
    server, client = _contexts()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", host.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server)
    await site.start()
    host.port = runner.addresses[0][1]
    rules = Rules(port=host.port, permitted=lambda address: address == "127.0.0.1", resolve=host.resolve, tls=client)
    try:
        async with Fetcher(rules, limits) as fetcher:
            yield host, fetcher
    finally:
        await asyncio.sleep(0)
        await runner.cleanup()


def saying(data: bytes, content_type: str = "image/png", status: int = 200, encoding: str = "") -> Page:
    async def page(request: web.Request) -> web.Response:
        return web.Response(
            body=data,
            status=status,
            content_type=content_type,
            headers={"Content-Encoding": encoding} if encoding else {},
        )

    return page


def redirecting(to: Mapping[str, str] | str, status: int = 302) -> Page:
    async def page(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": to if isinstance(to, str) else to[request.path]})

    return page
