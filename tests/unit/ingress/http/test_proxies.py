"""Whose request it is behind proxies: only those that are named are believed."""

from ipaddress import ip_network

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from libs.runtime.settings import read
from services.ingress.http.proxies import Proxies
from services.ingress.settings import IngressSettings

OURS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def client(remote: str, *said: str, trusted: bool = True) -> str:
    headers = CIMultiDict([("X-Forwarded-For", each) for each in said])
    request = make_mocked_request("POST", "/api/session", headers=headers).clone(remote=remote)
    return Proxies(OURS if trusted else ()).client(request)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["203.0.113.5"], "203.0.113.5"),
        (["1.1.1.1, 203.0.113.5"], "203.0.113.5"),  # what a client puts before it is its own word
        (["1.1.1.1", "203.0.113.5, 10.0.0.9"], "203.0.113.5"),
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["2001:4860::1"], "2001:4860::1"),
        (["[2001:4860:0::1]:4711"], "2001:4860::1"),
        (["::ffff:203.0.113.5"], "203.0.113.5"),
        (["10.0.0.7"], "10.0.0.7"),
        (["203.0.113.5, unknown"], "10.0.0.1"),
        (["203.0.113.5, "], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_behind_a_proxy_that_is_trusted_the_client_is_whom_it_names(said: list[str], found: str) -> None:
    assert client("10.0.0.1", *said) == found


def test_an_address_of_one_version_in_the_others_spelling_is_the_same() -> None:
    assert client("::ffff:10.0.0.1", "203.0.113.5") == "203.0.113.5"


def test_nobody_else_is_believed() -> None:
    assert client("203.0.113.9", "198.51.100.1") == "203.0.113.9"
    assert client("10.0.0.1", "198.51.100.1", trusted=False) == "10.0.0.1"
    assert client("", "198.51.100.1") == ""


def test_proxies_are_named_by_address_or_network() -> None:
    given = {"NI_PEPPER_FILE": "pepper", "NI_TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::1"}
    trusted = read(IngressSettings, given).trusted_proxies
    assert list(trusted) == [ip_network("10.0.0.0/8"), ip_network("2001:db8::1")]


def test_a_name_is_no_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read(IngressSettings, {"NI_PEPPER_FILE": "pepper", "NI_TRUSTED_PROXIES": "proxy.internal"})
    assert "NI_TRUSTED_PROXIES: " in capsys.readouterr().err
