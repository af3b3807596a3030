"""Which credential came: the same mark for the same one, another for another, and never the credential itself."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.credential import told, veiled

SECRET = b"canary-secret"


def token(iss: str = "a@b.example", kid: str = "k1", **claims: object) -> bytes:
    parts = ({"alg": "RS256", "kid": kid}, {"iss": iss, **claims})
    encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in parts]
    return b".".join((*encoded, b"c2ln"))


@pytest.mark.parametrize(
    "header",
    [
        (b"Authorization", b"Bearer " + SECRET),
        (b"api-key", SECRET),
        (b"X-Api-Key", SECRET),
        (
            b"Authorization",
            b"AWS4-HMAC-SHA256 Credential=" + SECRET + b"/20261121/us-east-1/bedrock/aws4_request, x",
        ),
    ],
)
def test_a_credential_is_recognised_in_whatever_form_it_was_sent(header: tuple[bytes, bytes]) -> None:
    assert told([(b"Host", b"x"), header]) == veiled(SECRET)
    assert "canary" not in told([header])


def test_of_a_signed_token_the_signer_counts_and_not_the_moment() -> None:
    given_ = {told([(b"authorization", b"Bearer " + token(iat=n))]) for n in range(3)}
    assert given_ == {veiled(b"a@b.example k1")}
    assert told([(b"authorization", b"Bearer " + token(kid="k2"))]) not in given_


@given(st.binary())
def test_whatever_is_sent_as_a_credential_is_no_trouble(value: bytes) -> None:
    for name in (b"authorization", b"x-api-key"):
        assert told([(name, value)]) == "" or told([(name, value)]).startswith("sha256:")
    assert told([(b"authorization", b"Bearer " + token(iss="x") + value)]).startswith("sha256:")


def test_where_nothing_was_sent_nothing_is_told() -> None:
    assert told([(b"Host", b"x")]) == ""
