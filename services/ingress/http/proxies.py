"""Whose request it is behind the operator's own proxies, which are believed of where it came from, and nobody else."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.web_request import BaseRequest

_FROM = "X-Forwarded-For"


class Proxies:
    """Those that are believed: none where nothing is configured, for anybody can write that header."""

    def __init__(self, trusted: Collection[IPv4Network | IPv6Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def client(self, request: BaseRequest) -> str:
        """The address that asks, "" where there is none: the last one that no proxy of ours has, from the end."""
        found = _address(request.remote or "")
        said = ",".join(request.headers.getall(_FROM, ())).split(",")
        while said and self._trusts(found) and (before := _address(said.pop())):
            found = before
        return found

    def _trusts(self, address: str) -> bool:
        return bool(self._trusted and address) and any(ip_address(address) in block for block in self._trusted)


def _address(said: str) -> str:
    """An address in one spelling, without the port that some write behind it; "" where it is none."""
    text = said.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)
