"""Who answered, as far as an HTTP response and its connection show it."""

import hashlib
import ssl
from collections.abc import Mapping
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.connector import Connection
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.catalog.observed import HEADERS
from libs.contracts.northern.v1.facts_pb2 import Endpoint

_LIMIT = 200
_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "request-id", "apim-request-id")
_HASHES: "WeakKeyDictionary[ssl.SSLObject, bytes]" = WeakKeyDictionary()


class WitnessedResponse(aiohttp.ClientResponse):
    """Remembers whom it came from: a short answer's connection is given back before anybody can look at it."""

    address = ""
    tls_version = ""
    certificate_key_hash = b""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        if transport is not None:
            peer = transport.get_extra_info("peername")
            tls = transport.get_extra_info("ssl_object")
            self.address = str(peer[0]) if peer else ""
            if tls is not None:
                self.tls_version = tls.version() or ""
                self.certificate_key_hash = _key_hash(tls)
        return await super().start(connection)


def endpoint_of(response: aiohttp.ClientResponse) -> Endpoint:
    """The authority that answered, its address and TLS version, its own request id."""
    found = Endpoint(host=response.url.authority, provider_request_id=_request_id(response.headers))
    if isinstance(response, WitnessedResponse):
        found.address, found.tls_version = response.address, response.tls_version
        found.certificate_key_hash = response.certificate_key_hash
    return found


def returned_by(headers: Mapping[str, str]) -> dict[str, str]:
    """What the provider itself says of where it answered, word for word."""
    return {name: _plain(found) for name in HEADERS if (found := headers.get(name))}


def _key_hash(tls: ssl.SSLObject) -> bytes:
    """SHA-256 over the leaf certificate's SubjectPublicKeyInfo (RFC 7469 §2.4), read once a connection; b"": unread."""
    known = _HASHES.get(tls)
    if known is None:
        try:
            leaf = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
            info = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            known = hashlib.sha256(info).digest()
        except ValueError:
            known = b""
        _HASHES[tls] = known
    return known


def _plain(text: str) -> str:
    """Bytes beyond UTF-8 arrive as lone surrogates, which no message on the bus can hold."""
    return text[:_LIMIT].encode("ascii", "replace").decode()


def _request_id(headers: Mapping[str, str]) -> str:
    for name in _REQUEST_IDS:
        if found := headers.get(name):
            return _plain(found)
    return ""
