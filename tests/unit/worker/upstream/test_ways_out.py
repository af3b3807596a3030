"""Where each egress leads: the sandbox where chosen, else the vendor's variable, else the catalogue; or a reason."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.catalog.model import Catalog
from services.worker.upstream.ways_out import WayOut, find

SANDBOX = "http://127.0.0.1:9/"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(Path("infra/config"))


def way(catalog: Catalog, name: str, environ: Mapping[str, str] | None = None, sandbox: str | None = None) -> WayOut:
    return find(catalog.egresses[name], environ or {}, sandbox)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("openai", "http://127.0.0.1:9/openai/v1"),
        ("azure-ca", "http://127.0.0.1:9/azure/openai/v1"),
        ("self-hosted", "http://127.0.0.1:9/self-hosted/v1"),
        ("bedrock-ca", "http://127.0.0.1:9/bedrock/ca-central-1"),
        ("bedrock-global", "http://127.0.0.1:9/bedrock/ca-central-1"),
    ],
)
def test_where_the_sandbox_is_chosen_it_stands_in_and_no_credential_counts(
    catalog: Catalog, name: str, url: str
) -> None:
    environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://elsewhere.example/v1"}
    found = way(catalog, name, environ, SANDBOX)
    assert (found.base_url, found.sandbox, found.custom, found.reason) == (url, True, False, "")
    assert found.host == "127.0.0.1:9"


def test_the_catalogues_address_needs_the_vendors_credential_and_nothing_else(catalog: Catalog) -> None:
    found = way(catalog, "openai", {"OPENAI_API_KEY": "k"})
    assert (found.base_url, found.custom, found.reason) == ("https://api.openai.com/v1", False, "")
    assert not found.sandbox


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("azure-ca", "AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"),
        ("self-hosted", "NI_SELF_HOSTED_BASE_URL"),
        ("bedrock-ca", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_missing_credential_is_named_and_the_state_says_so(catalog: Catalog, name: str, named: str) -> None:
    found = way(catalog, name)
    assert named in found.reason
    assert (found.state().available, found.state().reason) == (False, found.reason)
    assert not found.sandbox  # nobody falls back to it by himself


def test_half_a_credential_is_none(catalog: Catalog) -> None:
    assert way(catalog, "bedrock-ca", {"AWS_ACCESS_KEY_ID": "a"}).reason
    assert not way(catalog, "bedrock-ca", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}).reason
    assert not way(catalog, "bedrock-ca", {"AWS_BEARER_TOKEN_BEDROCK": "b"}).reason


@pytest.mark.parametrize(
    ("given", "base_url"),
    [
        ("https://acme.openai.azure.com", "https://acme.openai.azure.com/openai/v1"),
        ("https://acme.openai.azure.com/", "https://acme.openai.azure.com/openai/v1"),
        ("https://acme.openai.azure.com/openai/v1/", "https://acme.openai.azure.com/openai/v1"),
        (" https://proxy.example/azure ", "https://proxy.example/azure"),
    ],
)
def test_azures_endpoint_is_an_origin_by_custom_and_may_be_a_whole_path(
    catalog: Catalog, given: str, base_url: str
) -> None:
    found = way(catalog, "azure-ca", {"AZURE_OPENAI_ENDPOINT": given, "AZURE_OPENAI_API_KEY": "k"})
    assert (found.base_url, found.reason) == (base_url, "")
    assert found.custom  # a resource's name does not tell its region


@pytest.mark.parametrize(
    ("name", "environ", "custom"),
    [
        ("openai", {"OPENAI_BASE_URL": "https://proxy.example/v1", "OPENAI_API_KEY": "k"}, True),
        ("openai", {"OPENAI_BASE_URL": "https://api.openai.com/v1", "OPENAI_API_KEY": "k"}, False),
        ("openai", {"OPENAI_BASE_URL": "http://api.openai.com/v1", "OPENAI_API_KEY": "k"}, True),
        ("openai", {"OPENAI_BASE_URL": "https://api.openai.com.evil.example/v1", "OPENAI_API_KEY": "k"}, True),
        ("self-hosted", {"NI_SELF_HOSTED_BASE_URL": "http://127.0.0.1:8000/v1"}, False),
        ("self-hosted", {"NI_SELF_HOSTED_BASE_URL": "http://10.0.0.7:8000/v1"}, True),
        (
            "bedrock-ca",
            {
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock-runtime.us-east-1.amazonaws.com",
                "AWS_BEARER_TOKEN_BEDROCK": "b",
            },
            True,
        ),
        (
            "bedrock-ca",
            {
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock-runtime-fips.ca-central-1.amazonaws.com",
                "AWS_BEARER_TOKEN_BEDROCK": "b",
            },
            False,
        ),
    ],
)
def test_another_host_than_the_declared_ones_proves_no_region(
    catalog: Catalog, name: str, environ: Mapping[str, str], custom: bool
) -> None:
    found = way(catalog, name, environ)
    assert (found.custom, found.reason) == (custom, "")
    assert found.state().custom is custom


def test_an_address_nobody_filled_in_cannot_be_dialled(catalog: Catalog) -> None:
    given = {"AZURE_OPENAI_ENDPOINT": "https://{resource}.openai.azure.com", "AZURE_OPENAI_API_KEY": "k"}
    assert "AZURE_OPENAI_ENDPOINT" in way(catalog, "azure-ca", given).reason


def test_no_reason_and_no_state_holds_a_credential(catalog: Catalog) -> None:
    canary = "canary-0123456789"
    names = {name for egress in catalog.egresses.values() for each in egress.credentials for name in each}
    for egress in catalog.egresses.values():
        found = find(egress, {name: canary for name in names if not name.endswith(("ENDPOINT", "BASE_URL"))}, None)
        assert canary not in found.reason + str(found.state())


def test_a_credential_is_what_lists_a_route_and_the_sandbox_needs_none(catalog: Catalog) -> None:
    for egress in catalog.egresses.values():
        values = dict.fromkeys(egress.credentials[0], "https://x.example")
        assert not find(egress, {}, None).state().has_credential
        assert find(egress, values, None).state().has_credential
        assert find(egress, {}, SANDBOX).state().has_credential


def test_what_can_be_called_has_a_credential(catalog: Catalog) -> None:
    for egress in catalog.egresses.values():
        for sandbox in (None, SANDBOX):
            state = find(egress, dict.fromkeys(egress.credentials[-1], "https://x.example"), sandbox).state()
            assert state.has_credential
            assert (state.available, state.reason) == (True, "")
