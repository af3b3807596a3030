"""What an OpenAI provider's refusal means here."""

import orjson
import pytest

from libs.contracts.errors import (
    ContentFiltered,
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
