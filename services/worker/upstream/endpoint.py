"""Who answered, as far as an HTTP response and its connection show it."""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.catalog.observed import HEADERS
from libs.contracts.northern.v1.facts_pb2 import Endpoint

_LIMIT = 200
_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "request-id", "apim-request-id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """The other end of a connection; what is not known of it is empty."""

    address: str = ""
    tls_version: str = ""
    certificate_key_hash: bytes = b""


_PEERS: "WeakKeyDictionary[ResponseHandler, Peer]" = WeakKeyDictionary()


class Answered(Protocol):
    """The head of an answer: its body is read from `content`, `peer` is who sent it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def content(self) -> aiohttp.StreamReader: ...

    @property
    def authority(self) -> str: ...

    @property
    def peer(self) -> Peer: ...


class WitnessedResponse(aiohttp.ClientResponse):
    """Remembers whom it came from: a short answer's connection is given back before anybody can look at it."""

    peer = Peer()

    @property
    def authority(self) -> str:
        return self.url.authority

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        if connection.protocol is not None:
            self.peer = peer_of(connection.protocol)
        return await super().start(connection)


def peer_of(connected: ResponseHandler) -> Peer:
    """Its address, TLS version and certificate's key; looked at once a connection."""
    known = _PEERS.get(connected)
    if known is None:
        transport = connected.transport
        if transport is None:
            return Peer()
        peer, tls = transport.get_extra_info("peername"), transport.get_extra_info("ssl_object")
        known = _PEERS[connected] = Peer(
            address=str(peer[0]) if peer else "",
            tls_version=(tls.version() or "") if tls is not None else "",
            certificate_key_hash=_key_hash(tls) if tls is not None else b"",
        )
    return known


def endpoint_of(authority: str, peer: Peer, request_id: str) -> Endpoint:
    """The authority that answered, its address and TLS version, its own request id."""
    return Endpoint(
        host=authority,
        address=peer.address,
        tls_version=peer.tls_version,
        certificate_key_hash=peer.certificate_key_hash,
        provider_request_id=request_id,
    )


def returned_by(headers: Mapping[str, str]) -> dict[str, str]:
    """What the provider itself says of where it answered, word for word."""
    return {name: _plain(found) for name in HEADERS if (found := headers.get(name))}


def _key_hash(tls: ssl.SSLObject) -> bytes:
    """SHA-256 over the leaf certificate's SubjectPublicKeyInfo (RFC 7469 §2.4); b"": unread."""
    try:
        leaf = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"")
        info = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        return b""
    return hashlib.sha256(info).digest()


def _plain(text: str) -> str:
    """Bytes beyond UTF-8 arrive as lone surrogates, which no message on the bus can hold."""
    return text[:_LIMIT].encode("ascii", "replace").decode()


def request_id_of(headers: Mapping[str, str]) -> str:
    """What the provider calls the request, in the first of the headers that say it; empty: it does not."""
    for name in _REQUEST_IDS:
        if found := headers.get(name):
            return _plain(found)
    return ""
