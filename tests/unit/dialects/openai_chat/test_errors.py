"""What an OpenAI provider's refusal means here."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import (
    ContentFiltered,
    ContextTooLong,
    CredentialRefused,
    NorthernError,
    Overloaded,
    ProviderRateLimited,
    ProviderRefused,
    UpstreamError,
    UpstreamTimeout,
)
from libs.dialects.openai_chat.errors import read_error, read_failure

ERRORS: list[tuple[int, bytes, type[NorthernError]]] = [
    (400, b'{"error":{"message":"bad","param":"stop"}}', ProviderRefused),
    (404, b'{"error":{"message":"bad"}}', ProviderRefused),
    (405, b"", ProviderRefused),
    (401, b'{"error":{"message":"Incorrect API key provided: sk-abc123456"}}', CredentialRefused),
    (402, b"", CredentialRefused),
    (403, b"", CredentialRefused),
    (408, b"", UpstreamTimeout),
    (409, b"", UpstreamError),
    (429, b'{"error":{"message":"slow"}}', ProviderRateLimited),
    (429, b'{"error":{"code":"insufficient_quota"}}', CredentialRefused),
    (500, b"<html>", UpstreamError),
    (503, b"[]", Overloaded),
    (504, b"\xff", UpstreamTimeout),
    (302, b"", UpstreamError),
]


@pytest.mark.parametrize(("status", "body", "kind"), ERRORS)
def test_a_status_of_the_provider_has_one_meaning(status: int, body: bytes, kind: type[NorthernError]) -> None:
    error = read_error(status, {}, body)
    assert type(error) is kind
    assert "sk-" not in error.message


@pytest.mark.parametrize("status", [500, 502])
def test_a_provider_that_failed_may_be_cold_and_is_worth_another_try(status: int) -> None:
    error = read_error(status, {}, b"")
    assert error.message.startswith("Backend error: the model may be cold starting, retry")
    assert error.retry_after_ms > 0
    assert read_error(status, {"retry-after": "7"}, b"").retry_after_ms == 7000


def test_a_refusal_keeps_message_and_member() -> None:
    error = read_error(422, {}, b'{"error":{"message":"bad\\nthing","param":"stop"}}')
    assert isinstance(error, ProviderRefused)
    assert (error.message, error.param, error.provider_status) == ("bad thing", "stop", 422)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "2"}, 2000),
        ({"retry-after": "1", "Retry-After-Ms": "250"}, 250),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 30_000),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 0),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1e999"}, 0),
        ({"retry-after": "999999999"}, 3_600_000),
        ({}, 0),
    ],
)
def test_the_providers_own_wait_is_kept(headers: dict[str, str], wait: int) -> None:
    assert read_error(429, headers, b"").retry_after_ms == wait


@pytest.mark.parametrize("status", [400, 0])
def test_a_prompt_that_azures_filter_refused_is_told_as_that_and_not_sent_again(status: int) -> None:
    """`status` 0: in mid-stream, where it must not pass for a failure that may be mended by another try."""
    inner = {"message": "The response was filtered.", "code": "content_filter", "param": "prompt", "status": 400}
    told = {"error": inner | {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}
    error = read_error(status, {}, orjson.dumps(told)) if status else read_failure(told)
    assert isinstance(error, ContentFiltered)
    assert (error.code, error.message, error.param) == ("content_filter", "The response was filtered.", "prompt")
    assert (error.provider_status, error.retryable) == (400, False)


def refused(code: object, status: int = 400, **more: object) -> NorthernError:
    return read_error(status, {}, orjson.dumps({"error": {"message": "no", "code": code, **more}}))


def code_of(error: NorthernError) -> str:
    assert isinstance(error, ProviderRefused)
    return error.provider_code


@pytest.mark.parametrize(
    "code",
    [
        "invalid_image_url",
        "unsupported_parameter",
        "unsupported_value",
        "model_not_found",
        "invalid_base64",
        "string_above_max_length",
        "OperationNotSupported",
        "tool_use_failed",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422, 418])
def test_the_providers_own_code_for_a_refused_request_is_kept(code: str, status: int) -> None:
    assert code_of(refused(code, status)) == code


@pytest.mark.parametrize(
    "code",
    [
        *(None, 400, "404", "", [], {"a": 1}, True),
        *("a" * 65, "two words", "a\nb", "a-b", "a.b", "é", "x\u0000"),
        *(
            "gsk_abcdefghijkl",
            "ni_live_abcdefgh",
            "0123456789abcdef0123456789abcdef",
            "a1b2c3d4e5f60718293a4b5c6d7e8f90",
        ),
    ],
)
def test_what_is_not_a_plain_word_is_no_code(code: object) -> None:
    assert code_of(refused(code)) == ""


@pytest.mark.parametrize(
    "code",
    [
        *(
            "invalid_api_key",
            "account_deactivated",
            "mismatched_project",
            "billing_limit_user_error",
            "access_terminated",
        ),
        *("unsupported_country_region_territory", "insufficient_user_quota", "SubscriptionIsRequired", "key_revoked"),
        *("residency_refused", "worker_lost", "idempotent_replay", "invalid_request"),
    ],
)
def test_what_speaks_of_an_account_or_is_a_word_of_ours_is_no_code_for_the_caller(code: str) -> None:
    assert code_of(refused(code)) == ""


def test_what_is_not_found_there_is_the_gateways_to_mend_and_has_no_code() -> None:
    assert code_of(refused("DeploymentNotFound", 404)) == ""


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("code", ["model_not_found", "invalid_api_key", "unsupported_parameter"])
def test_what_concerns_our_own_credential_carries_no_code(status: int, code: str) -> None:
    error = refused(code, status)
    assert type(error) is CredentialRefused
    assert code not in error.message


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize(
    "code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "organization_restricted"]
)
def test_a_platform_that_has_not_paid_is_not_the_callers_fault(status: int, code: str) -> None:
    assert type(refused(code, status)) is CredentialRefused
    assert type(refused(None, status, type=code)) is CredentialRefused


def test_a_prompt_that_is_too_long_by_its_code_alone_is_told_as_one() -> None:
    error = refused("context_length_exceeded", message="Reduce it.")
    assert isinstance(error, ContextTooLong)
    assert error.message == "prompt is too long: Reduce it."
    assert isinstance(refused("context_length_exceeded", message=None), ContextTooLong)


def test_the_member_that_is_named_is_bounded_and_holds_no_key() -> None:
    error = refused(None, param="sk-abcdefghijkl\n" + "x" * 5000)
    assert error.param.startswith("[removed] xxx")
    assert len(error.param) == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(status=st.sampled_from([400, 404, 413, 418, 422]), code=JSON_VALUES, param=JSON_VALUES, type_=JSON_VALUES)
def test_whatever_a_provider_calls_its_refusal_the_code_is_a_short_word(
    status: int, code: Any, param: Any, type_: Any
) -> None:
    error = refused(code, status, param=param, type=type_)
    assert re.fullmatch(r"[A-Za-z0-9_]{0,64}", code_of(error))
    assert len(error.param) <= 200
