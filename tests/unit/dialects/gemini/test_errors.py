"""Google's refusals."""

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
from libs.dialects.gemini.errors import read_error


def body(code: int, status: str, message: str = "said no", *details: object) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status, "details": list(details)}})


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (400, "INVALID_ARGUMENT", ProviderRefused),
        (400, "FAILED_PRECONDITION", ProviderRefused),
        (401, "UNAUTHENTICATED", CredentialRefused),
        (403, "PERMISSION_DENIED", CredentialRefused),
        (404, "NOT_FOUND", ProviderRefused),
        (429, "RESOURCE_EXHAUSTED", ProviderRateLimited),
        (499, "CANCELLED", UpstreamError),
        (500, "INTERNAL", UpstreamError),
        (503, "UNAVAILABLE", Overloaded),
        (504, "DEADLINE_EXCEEDED", UpstreamTimeout),
    ],
)
def test_an_error_of_google_has_one_meaning_bare_and_in_a_list(
    code: int, status: str, error: type[NorthernError]
) -> None:
    bare = body(code, status)
    for told in (bare, b"[" + bare + b"]", b"[" + bare + b",{}]"):
        assert type(read_error(code, {}, told)) is error


def test_the_status_inside_counts_more_than_the_one_outside() -> None:
    assert type(read_error(500, {}, body(503, "UNAVAILABLE"))) is Overloaded
    assert type(read_error(500, {}, body(429, ""))) is ProviderRateLimited
    assert type(read_error(503, {}, b"<html>")) is Overloaded


def test_the_delay_that_google_tells_is_the_retry_hint() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    told = read_error(429, {"retry-after": "1"}, body(429, "RESOURCE_EXHAUSTED", "slow", {"reason": "x"}, info))
    assert told.retry_after_ms == 34400
    assert read_error(429, {"Retry-After": "7"}, body(429, "RESOURCE_EXHAUSTED")).retry_after_ms == 7000
    for delay in ("-1s", "1e9s", "x", 5, "99999999999s"):
        assert read_error(429, {}, body(429, "", "", {"retryDelay": delay})).retry_after_ms == 0


def test_a_key_of_ours_that_is_called_invalid_is_not_the_callers_fault() -> None:
    details = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    assert type(read_error(400, {}, body(400, "INVALID_ARGUMENT", "bad key", details))) is CredentialRefused


def test_our_project_is_not_shown() -> None:
    message = "Publisher Model `projects/secret-project-1/locations/x/publishers/google/models/m` was not found."
    told = read_error(404, {}, body(404, "NOT_FOUND", message))
    assert told.message == "Publisher Model `projects/[removed]/locations/x/publishers/google/models/m` was not found."


@given(st.integers(100, 599), st.binary(max_size=80))
def test_any_body_of_an_error_has_a_meaning(status: int, raw: bytes) -> None:
    assert isinstance(read_error(status, {}, raw), NorthernError)


MEMBERS = st.sampled_from("error code status details message retryDelay reason".split())
JSON = st.recursive(
    st.none() | st.integers(-9, 999) | MEMBERS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_any_json_of_an_error_has_a_meaning(told: object) -> None:
    assert isinstance(read_error(500, {}, orjson.dumps(told)), NorthernError)
