"""What a model takes, and what a failure may say of us."""

from pathlib import Path

import pytest

from libs.catalog.load import load
from services.worker import domain

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


def test_a_claude_is_one_on_every_platform() -> None:
    routes = load(Path("infra/config")).routes.values()
    assert {domain.is_claude(route) for route in routes if "claude" in route.model} == {True}
    assert {domain.is_claude(route) for route in routes if "claude" not in route.model} == {False}
