"""Who answered, as far as the connection shows it, over TLS the certificate's key too; what the provider returns."""

import hashlib
import ssl

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.tlog.testimony import verify
from services.worker.upstream.endpoint import WitnessedResponse, endpoint_of, returned_by
from tests.integration.worker.hosts import _certificate, _contexts, images
from tests.integration.worker.rig import QWEN, WITNESS, dialling, working
from tests.integration.worker.upstream import listening, whole
from tests.support.custody import statement_of


async def located(request: web.Request) -> web.Response:
    return web.Response(text="here", headers={"x-ms-region": "Canada East", "apim-request-id": "r-1"})


async def test_the_key_of_the_certificate_is_read_once_a_connection_and_stated() -> None:
    leaf = x509.load_pem_x509_certificate(_certificate()[0])
    info = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted: ssl.SSLContext = _contexts()[1]
    trusted.check_hostname = False
    async with images() as (host, _), aiohttp.ClientSession(response_class=WitnessedResponse) as session:
        host.pages["/"] = located
        for _ in range(2):
            async with session.get(f"https://127.0.0.1:{host.port}/", ssl=trusted) as response:
                await response.read()
                assert isinstance(response, WitnessedResponse)
                found = endpoint_of(response.authority, response.peer, "r-1")
                assert found.certificate_key_hash == hashlib.sha256(info).digest()
                assert (found.address, found.tls_version) == ("127.0.0.1", "TLSv1.3")
                assert returned_by(response.headers) == {"x-ms-region": "Canada East"}


async def test_a_workers_end_of_a_call_is_signed_and_says_whom_it_dialled() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        assert (await (await rig.ask(QWEN)).over()).error is None
        finished = await rig.only_finished()
        (egress,) = rig.egress()
    said = verify(statement_of(finished))
    assert finished.signer == WITNESS.key.public
    assert said["endpoint"]["host"] == egress.host == upstream.url.removeprefix("http://")
    assert said["endpoint"]["status"] == 200
    assert said["hashes"]["request_sent"] == egress.sent_hash.hex()
    assert said["hashes"]["response_received"] == finished.response_hash.hex()
    assert (said["request_id"], said["outcome"]) == ("0" * 15 + "1", "completed")
    assert egress.catalogue == said["catalogue"] != ""
