"""API.md §6 row by row in both dialects; the tree of errors and the table name the same codes."""

import orjson
import pytest

from libs.contracts import errors
from libs.contracts.errors import NorthernError, ProviderRefused, catalogue
from libs.contracts.failures import from_failure, to_failure
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.ingress import problems

OPENAI, ANTHROPIC = Dialect.DIALECT_OPENAI_CHAT, Dialect.DIALECT_ANTHROPIC_MESSAGES
INVALID, PERMISSION, SERVER = "invalid_request_error", "permission_error", "server_error"
RATE, QUOTA, OVERLOADED = "rate_limit_error", "insufficient_quota", "overloaded_error"

TABLE: list[tuple[type[NorthernError], int, str, str | None, str]] = [
    (errors.InvalidRequest, 400, INVALID, None, INVALID),
    (errors.NoEligibleModel, 400, INVALID, "no_eligible_model", INVALID),
    (errors.MethodNotAllowed, 405, INVALID, "method_not_allowed", INVALID),
    (errors.SlowRequest, 408, INVALID, "slow_request", INVALID),
    (errors.HeadersTooLarge, 431, INVALID, "headers_too_large", INVALID),
    (errors.AlreadyExists, 409, INVALID, "already_exists", "conflict_error"),
    (errors.IdempotentReplay, 409, INVALID, "idempotent_replay", "conflict_error"),
    (errors.PiiUnsupportedContent, 422, INVALID, "pii_unsupported_content", INVALID),
    (errors.InvalidApiKey, 401, INVALID, "invalid_api_key", "authentication_error"),
    (errors.InsufficientCredits, 402, QUOTA, "insufficient_credits", "billing_error"),
    (errors.SpendCapReached, 402, QUOTA, "spend_cap_reached", "billing_error"),
    (errors.KeyRevoked, 403, PERMISSION, "key_revoked", PERMISSION),
    (errors.AccountDeactivated, 403, PERMISSION, "account_deactivated", PERMISSION),
    (errors.NotPermitted, 403, PERMISSION, "not_permitted", PERMISSION),
    (errors.RouteNotAllowed, 403, PERMISSION, "route_not_allowed", PERMISSION),
    (errors.ResidencyRefused, 403, PERMISSION, "residency_refused", PERMISSION),
    (errors.ModelNotFound, 404, INVALID, "model_not_found", "not_found_error"),
    (errors.NotFound, 404, INVALID, "not_found", "not_found_error"),
    (errors.RequestTooLarge, 413, INVALID, "request_too_large", "request_too_large"),
    (errors.RateLimitExceeded, 429, RATE, "rate_limit_exceeded", RATE),
    (errors.ProviderRateLimited, 429, RATE, "rate_limit_exceeded", RATE),
    (errors.CreditOnHold, 429, RATE, "credit_on_hold", RATE),
    (errors.BillingUnavailable, 503, SERVER, "billing_unavailable", OVERLOADED),
    (errors.UpstreamError, 502, SERVER, "upstream_error", "api_error"),
    (errors.CredentialRefused, 502, SERVER, "upstream_error", "api_error"),
    (errors.WorkerLost, 502, SERVER, "worker_lost", "api_error"),
    (errors.Overloaded, 503, SERVER, "overloaded", OVERLOADED),
    (errors.PiiUnavailable, 503, SERVER, "pii_unavailable", OVERLOADED),
    (errors.RecordUnavailable, 503, SERVER, "record_unavailable", OVERLOADED),
    (errors.StoreUnavailable, 503, SERVER, "store_unavailable", OVERLOADED),
    (errors.BusUnavailable, 503, SERVER, "overloaded", OVERLOADED),
    (errors.UpstreamTimeout, 504, SERVER, "timeout", "timeout_error"),
    (errors.Internal, 500, SERVER, "internal", "api_error"),
]
# What Anthropic's clients know as "overloaded" has a status of its own there.
OVERLOADS = {
    errors.Overloaded,
    errors.PiiUnavailable,
    errors.RecordUnavailable,
    errors.BillingUnavailable,
    errors.StoreUnavailable,
    errors.BusUnavailable,
}


def test_the_table_has_a_row_for_every_code_and_no_row_without_one() -> None:
    assert set(problems.ROWS) == set(catalogue())


@pytest.mark.parametrize(("kind", "status", "type_", "code", "anthropic"), TABLE)
def test_an_error_is_shown_as_the_public_table_says(
    kind: type[NorthernError], status: int, type_: str, code: str | None, anthropic: str
) -> None:
    error = kind("do this next", param="messages")
    assert problems.status_of(error, OPENAI) == status
    assert orjson.loads(problems.body_of(error, OPENAI, "00")) == {
        "error": {"message": "do this next", "type": type_, "param": "messages", "code": code}
    }
    assert problems.status_of(error, ANTHROPIC) == (529 if kind in OVERLOADS else status)
    assert orjson.loads(problems.body_of(error, ANTHROPIC, "00")) == {
        "type": "error",
        "error": {"type": anthropic, "message": "do this next"},
        "request_id": "00",
    }


@pytest.mark.parametrize(("said", "shown"), [(400, 400), (404, 404), (413, 413), (422, 422), (418, 400), (500, 400)])
def test_what_the_provider_refuses_keeps_the_providers_status(said: int, shown: int) -> None:
    error = from_failure(to_failure(ProviderRefused("its words", provider_status=said, param="tools")))
    for dialect in (OPENAI, ANTHROPIC):
        assert problems.status_of(error, dialect) == shown
    assert orjson.loads(problems.body_of(error, OPENAI, ""))["error"] == {
        "message": "its words",
        "type": INVALID,
        "param": "tools",
        "code": None,
    }


def test_the_providers_own_code_is_shown_in_openais_dialect_alone() -> None:
    refused = ProviderRefused("its words", provider_status=404, provider_code="invalid_image_url")
    error = from_failure(to_failure(refused))
    assert orjson.loads(problems.body_of(error, OPENAI, ""))["error"]["code"] == "invalid_image_url"
    assert b"invalid_image_url" not in problems.body_of(error, ANTHROPIC, "")


@pytest.mark.parametrize("kind", [errors.ContextTooLong, errors.ContentFiltered])
def test_a_refusal_that_has_a_code_of_ours_keeps_it(kind: type[ProviderRefused]) -> None:
    error = kind("its words", provider_code="another")
    assert orjson.loads(problems.body_of(error, OPENAI, ""))["error"]["code"] == kind.code


@pytest.mark.parametrize("kind", catalogue().values(), ids=catalogue())
def test_every_error_crosses_the_bus_and_is_answered_in_both_dialects(kind: type[NorthernError]) -> None:
    error = from_failure(to_failure(kind("do this next", param="p")))
    assert (type(error), error.message, error.param) == (kind, "do this next", "p")
    for dialect in (OPENAI, ANTHROPIC):
        assert 400 <= problems.status_of(error, dialect) <= 599
        body = problems.body_of(error, dialect, "")
        assert problems.event_of(error, dialect, "").endswith(b"data: " + body + b"\n\n")


def test_an_unknown_code_from_a_newer_hop_is_an_internal_error() -> None:
    failure = to_failure(errors.Overloaded("later"))
    failure.code = "something_new"
    assert problems.status_of(from_failure(failure), OPENAI) == 500


@pytest.mark.parametrize(("after_ms", "seconds"), [(1, "1"), (1000, "1"), (1001, "2"), (3_600_000, "3600")])
def test_when_to_try_again_is_said_in_both_units(after_ms: int, seconds: str) -> None:
    said = problems.headers_of(errors.RateLimitExceeded("wait", retry_after_ms=after_ms))
    assert said == {"x-should-retry": "true", "retry-after-ms": str(after_ms), "retry-after": seconds}


def test_what_cannot_succeed_again_says_so() -> None:
    for kind in (errors.InvalidRequest, errors.StreamBroken, errors.ResidencyRefused, errors.CredentialRefused):
        assert problems.headers_of(from_failure(to_failure(kind("no")))) == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    ("said", "type_"),
    [(400, INVALID), (404, "not_found_error"), (413, "request_too_large"), (422, INVALID), (418, INVALID)],
)
def test_what_the_provider_refuses_has_anthropics_name_of_its_status(said: int, type_: str) -> None:
    error = ProviderRefused("its words", provider_status=said)
    assert orjson.loads(problems.body_of(error, ANTHROPIC, ""))["error"] == {"type": type_, "message": "its words"}


def test_a_route_without_a_credential_is_a_503_in_either_dialect() -> None:
    assert {problems.status_of(errors.RouteUnavailable("no"), dialect) for dialect in (OPENAI, ANTHROPIC)} == {503}


def test_without_an_id_anthropics_shape_has_none() -> None:
    assert orjson.loads(problems.body_of(errors.InvalidApiKey("no"), ANTHROPIC, ""))["request_id"] is None


def test_an_anthropic_stream_names_its_error_event() -> None:
    event = problems.event_of(errors.StreamBroken("cut"), ANTHROPIC, "0" * 16)
    assert event.startswith(b"event: error\ndata: {")
    assert b"[DONE]" not in event


def test_a_replay_names_the_first_request_and_its_record_and_is_not_to_be_tried_again() -> None:
    error = from_failure(to_failure(errors.IdempotentReplay("used before", first_request_id="ab" * 8)))
    found = problems.headers_of(error)
    assert found["x-should-retry"] == "false"
    assert found["x-ni-first-request-id"] == "ab" * 8
    assert found["x-ni-first-request-custody"] == f"/api/usage/custody/{'ab' * 8}"


def test_a_request_that_no_minute_is_long_enough_for_is_not_to_be_tried_again() -> None:
    assert problems.headers_of(errors.RateLimitExceeded("later"))["x-should-retry"] == "true"
    assert problems.headers_of(errors.RateLimitExceeded("never", param="max_tokens"))["x-should-retry"] == "false"
