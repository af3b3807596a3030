"""Which addresses an egress may dial, and for which of them its region claim holds."""

from dataclasses import replace

import pytest

from libs.catalog.egress import filled, is_custom, missing, takes_credential_of
from libs.catalog.model import Catalog, Wire


@pytest.mark.parametrize(
    ("egress", "address", "custom"),
    [
        ("bedrock-ca", "https://bedrock-runtime.ca-central-1.amazonaws.com", False),
        ("bedrock-ca", "https://BEDROCK-runtime.ca-central-1.amazonaws.com:443/", False),
        ("bedrock-ca", "https://bedrock-runtime-fips.ca-central-1.amazonaws.com", False),
        ("bedrock-ca", "https://vpce-1.bedrock-runtime.ca-central-1.vpce.amazonaws.com", False),
        ("bedrock-ca", "http://bedrock-runtime.ca-central-1.amazonaws.com", True),
        ("bedrock-ca", "https://bedrock-runtime.us-east-1.amazonaws.com", True),
        ("bedrock-ca", "https://bedrock-runtime.ca-central-1.amazonaws.com.evil.test", True),
        ("bedrock-ca", "https://bedrock-runtime.ca-central-1.amazonaws.com@evil.test/", True),
        ("bedrock-ca", "https://evilbedrock-runtime.ca-central-1.vpce.amazonaws.com", True),
        ("bedrock-ca", "http://127.0.0.1:9000", True),
        ("azure-ca", "https://my-resource.openai.azure.com", True),
        ("vertex-ca", "https://aiplatform.googleapis.com", True),
        ("openai", "https://proxy.corp.test/v1", True),
        ("self-hosted", "http://127.0.0.1:11434/v1", False),
        ("self-hosted", "http://[::1]:11434/v1", False),
        ("self-hosted", "https://gpu.elsewhere.test/v1", True),
        ("openai", "", True),
        ("openai", "https://[", True),
    ],
)
def test_an_overridden_address_keeps_the_claim_only_where_it_is_declared(
    shipped: Catalog, egress: str, address: str, custom: bool
) -> None:
    assert is_custom(shipped.egresses[egress], address) is custom


def test_every_egress_keeps_its_claim_at_its_own_address(shipped: Catalog) -> None:
    for egress in shipped.egresses.values():
        if egress.base_url and "{" not in egress.base_url:
            assert not is_custom(egress, egress.base_url)


def test_what_is_missing_is_said_in_the_names_of_the_variables(shipped: Catalog) -> None:
    bedrock, azure = shipped.egresses["bedrock-ca"], shipped.egresses["azure-ca"]
    assert missing(bedrock, {"AWS_PROFILE": "x"}) is None
    assert missing(bedrock, {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}) is None
    assert missing(bedrock, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn"}) is None
    assert missing(bedrock, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/"}) is None
    assert missing(bedrock, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials"}) is None
    assert (missing(bedrock, {"AWS_ACCESS_KEY_ID": "x"}) or "").startswith(
        "Bedrock is not set up here: the operator has to set AWS_BEARER_TOKEN_BEDROCK or "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE or "
    )
    assert missing(azure, {"AZURE_OPENAI_API_KEY": "secret", "AZURE_OPENAI_ENDPOINT": ""}) == (
        "Azure is not set up here: the operator has to set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"
    )


@pytest.mark.parametrize(
    ("egress", "provider"),
    [
        ("openai", "openai"),
        ("azure-ca", "azure"),
        ("anthropic", "anthropic"),
        ("bedrock-ca", "bedrock"),
        ("bedrock-global", "bedrock"),
        ("vertex-ca", "vertex"),
        ("vertex-us", "vertex"),
        ("self-hosted", None),
    ],
)
def test_accounts_credentials_open_the_egresses_of_whom_they_are(
    shipped: Catalog, egress: str, provider: str | None
) -> None:
    assert takes_credential_of(shipped.egresses[egress]) == provider


@pytest.mark.parametrize("wire", Wire)
@pytest.mark.parametrize("host", ["proxy.corp.test", "api.openai.com.evil.test", "evilamazonaws.com"])
def test_a_credential_is_never_for_somebody_else_who_speaks_the_format(shipped: Catalog, wire: Wire, host: str) -> None:
    other = replace(shipped.egresses["openai"], wire=wire, base_url=f"https://{host}/v1")
    assert takes_credential_of(other) is None


def test_slots_fill_the_catalogues_address_and_where_there_are_none_nothing_is_filled(shipped: Catalog) -> None:
    azure = shipped.egresses["azure-ca"]
    assert filled(azure, {"resource": "maple-1"}) == "https://maple-1.openai.azure.com/openai/v1"
    assert filled(shipped.egresses["openai"], {"resource": "maple-1"}) is None


@pytest.mark.parametrize("value", ["", "a.b", "evil.test/", "a@b", "A", "-a", "a-", "a" * 64, "é", "a\n", "{resource}"])
def test_a_slot_holds_one_label_of_a_hosts_name(shipped: Catalog, value: str) -> None:
    with pytest.raises(ValueError, match="slots"):
        filled(shipped.egresses["azure-ca"], {"resource": value})
