"""Anthropic's refusals and failures, in every shape that Claude's platforms give them."""

import orjson
import pytest

from libs.contracts.errors import (
    CredentialRefused,
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.anthropic_messages.errors import read_error, stream_failure


def body(type_: str, message: str = "because") -> bytes:
    return orjson.dumps({"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"})


@pytest.mark.parametrize(
    ("status", "type_", "expected"),
    [
        (400, "invalid_request_error", ProviderRefused),
        (401, "authentication_error", CredentialRefused),
        (402, "billing_error", CredentialRefused),
        (403, "permission_error", CredentialRefused),
        (404, "not_found_error", ProviderRefused),
        (413, "request_too_large", ProviderRefused),
        (429, "rate_limit_error", ProviderRateLimited),
        (500, "api_error", UpstreamError),
        (504, "timeout_error", UpstreamTimeout),
        (529, "overloaded_error", Overloaded),
    ],
)
def test_a_failure_is_the_same_by_status_and_in_mid_stream(
    status: int, type_: str, expected: type[NorthernError]
) -> None:
    by_status = read_error(status, {}, body(type_))
    in_stream = stream_failure(orjson.loads(body(type_)))
    assert type(by_status) is type(in_stream) is expected
    if isinstance(by_status, ProviderRefused):
        assert (by_status.provider_status, by_status.message) == (status, "because")


def test_a_prompt_too_long_stays_a_400_in_the_providers_words() -> None:
    said = "prompt is too long: 250000 tokens > 200000 maximum"
    error = read_error(400, {}, body("invalid_request_error", said))
    assert isinstance(error, ProviderRefused)
    assert (error.provider_status, error.message) == (400, said)


def test_a_rate_limit_says_when_to_come_back() -> None:
    assert read_error(429, {"Retry-After": "7"}, body("rate_limit_error")).retry_after_ms == 7000


@pytest.mark.parametrize(
    "said",
    [
        "Your credit balance is too low to access the Anthropic API.",
        "You have reached your specified API usage limits.",
    ],
)
def test_the_platforms_own_account_is_no_business_of_the_callers(said: str) -> None:
    error = read_error(400, {}, body("invalid_request_error", said))
    assert isinstance(error, CredentialRefused)
    assert said not in error.message


@pytest.mark.parametrize("wrap", [b"%b", b"[%b]"])
def test_googles_shape_is_read_where_claude_runs_on_vertex(wrap: bytes) -> None:
    google = b'{"error":{"code":400,"message":"no such publisher model","status":"INVALID_ARGUMENT"}}'
    assert read_error(400, {}, wrap % google).message == "no such publisher model"


@pytest.mark.parametrize(
    "garbage", [b"", b"<html>", b"[]", b"null", b'{"error":"x"}', b'{"error":{"message":1}}', b"["]
)
def test_garbage_is_a_refusal_or_a_failure_all_the_same(garbage: bytes) -> None:
    assert isinstance(read_error(400, {}, garbage), ProviderRefused)
    assert isinstance(read_error(500, {}, garbage), UpstreamError)


def test_an_unknown_type_in_mid_stream_is_a_failure() -> None:
    assert type(stream_failure({"type": "error", "error": {"type": "new_error"}})) is UpstreamError
    assert type(stream_failure({})) is UpstreamError
