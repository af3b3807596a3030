"""Which internet addresses our own requests may go to, where somebody else names them: pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# `is_global` alone lets some of these pass, and which ones depends on the version of Python.
_DENIED = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 "  # not routed
        "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "  # RFC 6890
        "168.63.129.16/32 "  # Azure's host, a public address that answers virtual machines alone
        "224.0.0.0/4 240.0.0.0/4"
    ).split()
)
_UNICAST = ip_network("2000::/3")  # all that is routed of IPv6 (RFC 4291 §2.4)
_DENIED_6 = tuple(
    ip_network(block)
    for block in (
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20 "  # Teredo and kin, documentation, 6to4
        "2620:4f:8000::/48"
    ).split()
)
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


def is_public(text: str) -> bool:
    """Whether a numeric address is a host of the public internet, after what is wrapped in it has been unwrapped."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        wrapped = _unwrapped(address)
        if wrapped is None:
            return address in _UNICAST and address.is_global and not any(address in block for block in _DENIED_6)
        address = wrapped
    return address.is_global and not any(address in block for block in _DENIED)


def _unwrapped(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv4-mapped or NAT64 address leads to. 6to4 and Teredo are refused whole."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
