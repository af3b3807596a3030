"""Usage where the provider gave none, and what usage costs."""

from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.contracts.northern.v1.frames_pb2 import Usage
from services.worker import domain


@pytest.mark.parametrize(("size", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4_000, 1_000)])
def test_bytes_are_counted_as_tokens_rounded_up_and_marked(size: int, tokens: int) -> None:
    usage = domain.estimated(size, size)
    assert (usage.input, usage.output, usage.estimated) == (tokens, tokens, True)


def test_the_price_is_the_sum_of_disjoint_buckets_and_reasoning_is_not_added_again() -> None:
    catalog = load(Path("infra/config"))
    for route in catalog.routes.values():
        rates = catalog.card_of(route).rates
        usage = Usage(input=1_000_000, output=1_000_000, reasoning=999_999, cache_read=1_000_000)
        priced = domain.cost(catalog, route, usage)
        assert priced.total_nano >= rates.output
        assert (
            priced.total_nano
            == domain.cost(catalog, route, Usage(input=1_000_000, output=1_000_000, cache_read=1_000_000)).total_nano
        )
        assert domain.cost(catalog, route, Usage()).total_nano == 0


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
