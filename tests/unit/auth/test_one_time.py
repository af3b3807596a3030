"""Tokens that work once, and the secrets of webhooks."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.auth.one_time import INVITE, REFRESH, make, read, same
from libs.auth.webhooks import signature, signing_secret


def test_a_token_says_its_record_and_the_digest_that_was_stored() -> None:
    for kind in (REFRESH, INVITE):
        token, digest = make(kind, "s-1_x", os.urandom)
        found = read(kind, token)
        assert found is not None
        assert (found.record, found.digest) == ("s-1_x", digest)
        assert digest not in token


def test_a_token_of_one_kind_is_none_of_the_other() -> None:
    token, _ = make(REFRESH, "s1", os.urandom)
    assert read(INVITE, token) is None


@given(st.text())
def test_whatever_is_sent_is_a_token_or_none(text: str) -> None:
    assert read(REFRESH, text) is None
    read(REFRESH, "nir_" + text)


def test_sameness_is_asked_of_any_text() -> None:
    assert same("ü", "ü")
    assert not same("ü", "u")


def test_each_account_and_each_version_has_its_own_webhook_secret() -> None:
    key = b"k" * 32
    secrets = {signing_secret(key, tenant, version) for tenant in ("t_a", "t_b") for version in (1, 2)}
    assert len(secrets) == 4
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert signing_secret(b"l" * 32, "t_a", 1) not in secrets


def test_a_signature_is_that_of_the_published_example() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the test vector of its libraries
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("body", [b"", b"x"])
def test_another_body_has_another_signature(body: bytes) -> None:
    secret = signing_secret(b"k" * 32, "t_a", 1)
    assert signature(secret, "m", 1, body) != signature(secret, "m", 1, body + b".")
