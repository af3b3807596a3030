"""Bedrock's refusals."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import (
    CredentialRefused,
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.bedrock_converse.errors import read_error


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "ValidationException:http://internal.amazon.com/", ProviderRefused),
        (400, "ServiceQuotaExceededException", ProviderRateLimited),
        (403, "AccessDeniedException", CredentialRefused),
        (403, "", CredentialRefused),
        (404, "ResourceNotFoundException", ProviderRefused),
        (408, "ModelTimeoutException", UpstreamTimeout),
        (424, "ModelErrorException", UpstreamError),
        (429, "ThrottlingException", ProviderRateLimited),
        (429, "ModelNotReadyException", ProviderRateLimited),
        (500, "InternalServerException", UpstreamError),
        (503, "ServiceUnavailableException", Overloaded),
    ],
)
def test_an_http_error_of_bedrock_has_one_meaning(status: int, kind: str, error: type[NorthernError]) -> None:
    told = read_error(status, {"x-amzn-ErrorType": kind}, b'{"message":"Credential=AKIAABCDEFGHIJKLMNOP/x said no"}')
    assert type(told) is error
    assert "AKIA" not in told.message


def test_claudes_nested_error_is_taken_out_of_the_sentence() -> None:
    nested = 'The model returned the following errors: {"type":"error","error":{"message":"stop: bad"}}'
    told = read_error(400, {}, orjson.dumps({"message": nested}))
    assert told.message == "stop: bad"


@given(st.integers(100, 599), st.binary(max_size=80))
def test_any_body_of_an_error_has_a_meaning(status: int, raw: bytes) -> None:
    assert isinstance(read_error(status, {}, raw), NorthernError)


def test_our_account_is_not_shown() -> None:
    told = read_error(400, {}, b'{"message":"arn:aws:bedrock:ca-central-1:123456789012:inference-profile/x is gone"}')
    assert told.message == "arn:aws:bedrock:ca-central-1:[removed]:inference-profile/x is gone"
