"""What a model takes, what a failure may say of us, and whether another candidate may mend it."""

from dataclasses import replace
from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.contracts.errors import (
    BillingUnavailable,
    CredentialRefused,
    CreditOnHold,
    InsufficientCredits,
    Internal,
    InvalidRequest,
    NorthernError,
    Overloaded,
    OwnCredentialMissing,
    OwnCredentialRefused,
    ProviderRateLimited,
    ProviderRefused,
    RateLimitExceeded,
    RecordUnavailable,
    ResidencyRefused,
    RouteUnavailable,
    SpendCapReached,
    UpstreamError,
    UpstreamTimeout,
)
from libs.contracts.northern.v1.envelope_pb2 import Decision, Envelope, Try
from services.worker import domain
from services.worker.upstream.signals import Ending

KEY = "canary-0123456789"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Authorization": f"Bearer {KEY}"}, f"Bearer {KEY} is wrong, {KEY} too"),
        ({"api-key": KEY}, f"{KEY}{KEY}"),
        ({"Authorization": f"AWS4-HMAC-SHA256 Credential=a, Signature={KEY}"}, f"Signature={KEY} does not match"),
        ({"X-Amz-Security-Token": KEY}, f"the token {KEY} has expired"),
    ],
)
def test_no_credential_that_was_sent_stays_in_what_a_provider_says(headers: dict[str, str], said: str) -> None:
    assert KEY not in domain.scrubbed(said, headers)


def test_words_that_are_no_secret_stay() -> None:
    headers = {"Authorization": "Bearer sandbox", "Content-Type": "application/json", "api-key": ""}
    assert domain.scrubbed("the sandbox wants application/json", headers) == "the sandbox wants application/json"


def test_what_the_catalogue_knows_of_a_model_reaches_the_writers() -> None:
    catalog = load(Path("infra/config"))
    flags = {route.model: domain.flags_of(route) for route in catalog.routes.values()}
    assert flags["claude-haiku-4-5-20251001"].claude
    assert (flags["claude-haiku-4-5-20251001"].thinking, flags["claude-opus-4-8"].thinking) == ("budget", "adaptive")
    assert (flags["claude-opus-4-8"].sampling, flags["claude-opus-4-8"].prefill) == ("none", False)
    assert (flags["gemini-2.5-flash"].claude, flags["gemini-2.5-flash"].vision) == (False, True)
    assert not flags["mistral.mistral-large-2402-v1:0"].vision
    assert domain.flags_of(catalog.routes["Qwen/Qwen3-14B"], legacy_max_tokens=True).legacy_max_tokens


def test_a_route_that_was_edited_is_known_as_it_stands_now() -> None:
    route = load(Path("infra/config")).routes["Qwen/Qwen3-14B"]
    edited = replace(route, capabilities=replace(route.capabilities, prefill=not route.capabilities.prefill))
    for each in (route, edited, route):
        assert domain.flags_of(each).prefill is each.capabilities.prefill
        assert domain.flags_of(each, legacy_max_tokens=True) == replace(domain.flags_of(each), legacy_max_tokens=True)


def test_a_claude_is_one_on_every_platform() -> None:
    routes = load(Path("infra/config")).routes.values()
    assert {domain.is_claude(route) for route in routes if "claude" in route.model} == {True}
    assert {domain.is_claude(route) for route in routes if "claude" not in route.model} == {False}


THEIRS = (ProviderRateLimited, UpstreamError, UpstreamTimeout, Overloaded, CredentialRefused)
OURS = (
    BillingUnavailable,
    CreditOnHold,
    InsufficientCredits,
    Internal,
    OwnCredentialRefused,
    ProviderRefused,
    RateLimitExceeded,
    RecordUnavailable,
    SpendCapReached,
)


@pytest.mark.parametrize("earlier", [False, True])
def test_what_a_deployment_did_wrong_another_may_mend_and_nothing_else(earlier: bool) -> None:
    for kind in THEIRS:
        assert domain.mends(kind("no"), dialled=True, earlier=earlier), kind
        assert domain.mends(kind("no"), dialled=False, earlier=earlier), kind  # a token that could not be had
    for ours in OURS:
        assert not domain.mends(ours("no"), dialled=True, earlier=earlier), ours
        assert not domain.mends(ours("no"), dialled=False, earlier=earlier), ours


def test_a_candidate_that_cannot_be_called_here_is_passed_over() -> None:
    for kind in (RouteUnavailable, ResidencyRefused):
        assert domain.mends(kind("no"), dialled=False, earlier=False)
        assert not domain.mends(kind("no"), dialled=True, earlier=False)


def test_what_a_deployment_cannot_honour_is_told_unless_it_only_stood_in_for_another() -> None:
    for kind in (InvalidRequest, OwnCredentialMissing):
        assert not domain.mends(kind("no"), dialled=False, earlier=False)
        assert domain.mends(kind("no"), dialled=False, earlier=True)


@pytest.mark.parametrize(
    ("error", "platform", "byok"),
    [
        (ProviderRateLimited("x"), Ending.RATE_LIMITED, Ending.NOT_THEIR_FAULT),
        (CredentialRefused("x"), Ending.THEIR_FAILURE, Ending.THEIR_FAILURE),
        (OwnCredentialRefused("x"), Ending.NOT_THEIR_FAULT, Ending.NOT_THEIR_FAULT),
        (UpstreamTimeout("x"), Ending.THEIR_FAILURE, Ending.THEIR_FAILURE),
        (ProviderRefused("x"), Ending.NOT_THEIR_FAULT, Ending.NOT_THEIR_FAULT),
        (CreditOnHold("x"), Ending.NOT_THEIR_FAULT, Ending.NOT_THEIR_FAULT),
    ],
)
def test_what_an_ending_says_of_the_deployment(error: NorthernError, platform: Ending, byok: Ending) -> None:
    assert domain.ending(error, byok=False) is platform
    assert domain.ending(error, byok=True) is byok


def test_a_failure_that_another_worker_saw_is_told_as_what_it_was() -> None:
    for kind in THEIRS:
        assert type(domain.retold(Try(code=kind.code))) is kind
    assert type(domain.retold(Try(code="of a newer street"))) is UpstreamError


def test_a_decision_is_the_routers_until_another_candidate_has_its_turn() -> None:
    assert domain.decided(Envelope(), "b") is None
    envelope = Envelope(decision=Decision(model="a", reason="utility", task="chat"))
    assert domain.decided(envelope, "a") == envelope.decision
    envelope.attempt = 1
    assert domain.decided(envelope, "b") == Decision(model="b", reason="fallback", task="chat")
    assert envelope.decision.model == "a"
