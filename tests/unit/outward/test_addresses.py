"""The addresses that our own fetcher may connect to."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.outward.addresses import is_public

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 169.254.170.2 172.16.0.1
172.31.255.255 192.168.1.1 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.7 203.0.113.9
168.63.129.16 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 100::1
2001::1 2001:db8::1 2001:10::1 2001:20::1 2002:a9fe:a9fe:: 2002:7f00:1:: 2002:808:808:: 3fff::1 2620:4f:8000::1
fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 5f00::1 4000::1 8000::1
""".split()
PUBLIC = "8.8.8.8 1.1.1.1 93.184.216.34 168.63.129.17 ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::1111".split()
NEITHER = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "8.8.8.8 ",
    "\uff18.8.8.8",
    "1.1.1.1.",
    "::g",
]


@pytest.mark.parametrize("address", PRIVATE + NEITHER)
def test_no_address_that_is_not_of_the_public_internet_is_connected_to(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to_wrapped_or_not(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_changes_nothing(address: IPv4Address) -> None:
    number = int(address)
    for wrapped in (IPv6Address((0xFFFF << 32) | number), IPv6Address((0x0064_FF9B << 96) | number)):
        assert is_public(str(wrapped)) is is_public(str(address))


@given(st.text(max_size=40))
def test_no_text_makes_it_fall(text: str) -> None:
    assert is_public(text) in {True, False}
