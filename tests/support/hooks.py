"""A receiver of webhooks on loopback, over TLS, with the certificate that it shows."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
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

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@lru_cache(maxsize=1)
def certificate() -> tuple[bytes, bytes]:
    """In PEM, and its private key: for 127.0.0.1 and localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), private


def trusting() -> ssl.SSLContext:
    """Trusts the receiver and nobody else."""
    return ssl.create_default_context(cadata=certificate()[0].decode())


def _showing() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.write_bytes(b"".join(certificate()))
        context.load_cert_chain(file)
    return context


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One request as it arrived."""

    headers: dict[str, str]
    body: bytes


async def fine(_: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


@dataclass
class Receiver:
    """`answer` is what the next requests get; every request is in `hooks` before it is answered."""

    port: int = 0
    hooks: list[Hook] = field(default_factory=list)
    answer: Answer = fine

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook?token=receiver-canary"

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.hooks.append(Hook(headers=headers, body=await request.read()))
        return await self.answer(request)

    async def until(self, count: int, seconds: float = 8.0) -> None:
        """Until so many have arrived."""
        async with asyncio.timeout(seconds):
            while len(self.hooks) < count:  # noqa: ASYNC110 - a test may look often
                await asyncio.sleep(0.01)


def answering(status: int, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_showing())
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
