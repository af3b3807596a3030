"""Who answered, as far as an HTTP response and its connection show it."""

from collections.abc import Mapping

import aiohttp

from libs.contracts.northern.v1.facts_pb2 import Endpoint

_LIMIT = 200
_REQUEST_IDS = ("x-request-id", "x-amzn-requestid", "request-id", "apim-request-id")


def endpoint_of(response: aiohttp.ClientResponse) -> Endpoint:
    """The authority that answered, its address and TLS version while the connection stands, its own request id."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    peer = transport.get_extra_info("peername") if transport is not None else None
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    return Endpoint(
        host=response.url.authority,
        address=str(peer[0]) if peer else "",
        tls_version=(tls.version() or "") if tls is not None else "",
        provider_request_id=_request_id(response.headers),
    )


def _request_id(headers: Mapping[str, str]) -> str:
    for name in _REQUEST_IDS:
        if found := headers.get(name):
            # Bytes beyond UTF-8 arrive as lone surrogates, which no message on the bus can hold.
            return found[:_LIMIT].encode("ascii", "replace").decode()
    return ""
