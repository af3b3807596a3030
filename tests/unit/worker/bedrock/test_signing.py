"""Signatures and credentials, held against botocore's own signer."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
import yarl
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import RouteUnavailable
from services.worker.providers.bedrock.signing import Bearer, CredentialChain, Signer, SigV4, endpoint_url

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2099, 1, 1))  # noqa: DTZ001 - botocore's clock is naive UTC
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
MODELS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=60)
BASES = st.sampled_from(
    [
        "https://bedrock-runtime.ca-central-1.amazonaws.com",
        "http://127.0.0.1:8123",
        "https://h:443/",
        "http://[::1]:9/p",
    ]
)


@given(TIMES, KEYS, KEYS, st.none() | KEYS, MODELS.filter(lambda m: m.strip(".")), BASES, st.binary(max_size=200))
def test_the_signature_is_botocores(
    now: datetime, access: str, secret: str, token: str | None, model: str, base: str, body: bytes
) -> None:
    url = endpoint_url(base, model, "converse-stream")
    credentials = ReadOnlyCredentials(access, secret, token)
    signer = SigV4("ca-central-1", lambda: now.replace(tzinfo=UTC))
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    with patch("botocore.auth.get_current_datetime", return_value=now):
        SigV4Auth(credentials, "bedrock", "ca-central-1").add_auth(request)
    assert signer.headers(url, body, credentials) == dict(request.headers.items())
    assert signer.headers(url, body, credentials) == dict(request.headers.items())  # now with the key it kept


def test_a_new_day_or_a_new_secret_makes_a_new_key() -> None:
    days = [datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)]
    signer, url = SigV4("ca-central-1", lambda: days[0]), endpoint_url("https://h", "m", "converse")
    seen = set()
    for day in days:
        days[0] = day
        for secret in ("a", "b"):
            credentials = ReadOnlyCredentials("k", secret, None)
            fresh = SigV4("ca-central-1", lambda: days[0]).headers(url, b"", credentials)
            assert signer.headers(url, b"", credentials) == fresh
            seen.add(fresh["Authorization"])
    assert len(seen) == 4


def test_the_path_that_is_sent_is_the_path_that_was_signed() -> None:
    arn = "arn:aws:bedrock:ca-central-1:1:application-inference-profile/x"
    url = endpoint_url("https://h/", arn, "converse")
    assert url == "https://h/model/arn%3Aaws%3Abedrock%3Aca-central-1%3A1%3Aapplication-inference-profile%2Fx/converse"
    assert yarl.URL(url, encoded=True).raw_path == url.removeprefix("https://h")
    assert yarl.URL(url).raw_path != url.removeprefix("https://h")  # the trap


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_a_model_id_that_would_climb_the_path_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match="model id"):
        endpoint_url("https://h", model, "converse")


def test_a_bearer_token_goes_over_tls_or_loopback_only_and_is_not_shown() -> None:
    bearer = Bearer(token="ABSK-secret")
    assert bearer.headers("https://h/x")["Authorization"] == "Bearer ABSK-secret"
    assert bearer.headers("http://127.0.0.1:1/x")["Authorization"] == "Bearer ABSK-secret"
    with pytest.raises(RouteUnavailable) as refused:
        bearer.headers("http://example.com/x")
    assert "ABSK" not in refused.value.message + repr(bearer)


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


async def test_credentials_come_from_the_environment(no_aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    signer = Signer(SigV4("ca-central-1", lambda: datetime(2026, 11, 20, tzinfo=UTC)), CredentialChain())
    headers = await signer.headers(endpoint_url("https://h", "m", "converse"), b"{}")
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDENV/20261120/ca-central-1/bedrock/")


async def test_credentials_come_from_a_profile(no_aws: Path) -> None:
    (no_aws / "credentials").write_text("[work]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    assert (await CredentialChain("work").current()).access_key == "AKIDFILE"


async def test_without_credentials_the_route_is_unavailable(no_aws: Path) -> None:
    with pytest.raises(RouteUnavailable):
        await CredentialChain().current()
    with pytest.raises(RouteUnavailable):
        await CredentialChain("absent").current()


async def test_temporary_credentials_are_refreshed_when_due(no_aws: Path) -> None:
    issue = no_aws / "issue.sh"
    count = no_aws / "count"
    issue.write_text(
        f"#!/bin/sh\necho x >> {count}\n"
        'echo "{\\"Version\\":1,\\"AccessKeyId\\":\\"AKID\\",\\"SecretAccessKey\\":\\"s\\",'
        '\\"SessionToken\\":\\"t\\",\\"Expiration\\":\\"$(date -u -d "+60 seconds" +%Y-%m-%dT%H:%M:%SZ)\\"}"\n'
    )
    issue.chmod(0o755)
    (no_aws / "config").write_text(f"[profile temp]\ncredential_process = {issue}\n")
    chain = CredentialChain("temp")
    assert (await chain.current()).token == "t"
    before = len(count.read_text().split())
    await chain.current()  # 60 s are within botocore's window of mandatory refresh
    assert len(count.read_text().split()) > before


async def test_a_bearer_token_wins_over_keys() -> None:
    signer = Signer(SigV4("r", lambda: datetime.now(UTC)), CredentialChain(), Bearer(token="t"))
    assert (await signer.headers("https://h/x", b""))["Authorization"] == "Bearer t"
