"""Who answered, as far as an HTTP response and its connection show it."""

from collections.abc import Mapping

import aiohttp
from aiohttp.connector import Connection

from libs.contracts.northern.v1.facts_pb2 import Endpoint

_LIMIT = 200
_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "request-id", "apim-request-id")


class WitnessedResponse(aiohttp.ClientResponse):
    """Remembers whom it came from: a short answer's connection is given back before anybody can look at it."""

    address = ""
    tls_version = ""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        if transport is not None:
            peer = transport.get_extra_info("peername")
            tls = transport.get_extra_info("ssl_object")
            self.address = str(peer[0]) if peer else ""
            self.tls_version = (tls.version() or "") if tls is not None else ""
        return await super().start(connection)


def endpoint_of(response: aiohttp.ClientResponse) -> Endpoint:
    """The authority that answered, its address and TLS version, its own request id."""
    found = Endpoint(host=response.url.authority, provider_request_id=_request_id(response.headers))
    if isinstance(response, WitnessedResponse):
        found.address, found.tls_version = response.address, response.tls_version
    return found


def _request_id(headers: Mapping[str, str]) -> str:
    for name in _REQUEST_IDS:
        if found := headers.get(name):
            # Bytes beyond UTF-8 arrive as lone surrogates, which no message on the bus can hold.
            return found[:_LIMIT].encode("ascii", "replace").decode()
    return ""
