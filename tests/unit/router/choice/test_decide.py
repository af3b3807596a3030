"""What `auto` chooses, and what it says of it."""

import pytest

from libs.contracts.errors import InvalidRequest
from tests.unit.router.choice.street import (
    CODE,
    FULL,
    HAIKU,
    HARD,
    LARGE,
    LLAMA,
    MINI_CA,
    MINI_US,
    NOVA,
    OPUS,
    SMALL,
    catalog,
    chooser,
    heard,
    picked,
    request,
    routes,
)

FIVE = (SMALL, LARGE, MINI_CA, HAIKU, OPUS)


def test_quality_takes_the_ablest_and_cost_the_cheapest_that_does_it() -> None:
    ours = chooser()
    assert picked(ours.decide(request(HARD, optimize="quality"), routes(*FIVE))) == OPUS
    assert picked(ours.decide(request("hello", optimize="cost"), routes(*FIVE, NOVA))) == NOVA


def test_balanced_spends_on_what_is_hard_and_saves_on_what_is_not() -> None:
    ours = chooser()
    assert picked(ours.decide(request(HARD), routes(*FIVE))) == OPUS
    assert picked(ours.decide(request("What is the capital of Peru?"), routes(*FIVE))) in {SMALL, LARGE}


def test_latency_leaves_what_is_slow_right_now() -> None:
    ours, asked = chooser(), request(CODE, optimize="latency", stream=True)
    quick = heard(SMALL, HAIKU, first_byte_p95_ms=300)
    assert picked(ours.decide(asked, routes(SMALL, HAIKU), quick)) == HAIKU
    slow = quick | heard(HAIKU, first_byte_p95_ms=30_000)
    assert picked(ours.decide(asked, routes(SMALL, HAIKU), slow)) == SMALL


def test_the_decision_says_what_was_chosen_and_why() -> None:
    found, decision = chooser().decide(request(CODE), routes(*FIVE))
    assert (decision.task, decision.complexity, decision.optimize) == ("code_generation", "moderate", "balanced")
    assert decision.model == found[0].route_id
    assert list(decision.fallbacks) == [route.route_id for route in found[1:]]
    assert (decision.reason, decision.considered, decision.propensity) == ("utility", 5, 1.0)
    assert 0 < decision.fit < 1
    assert 0.5 < decision.confidence <= 1
    assert decision.expected_nano > 0
    assert decision.time_ns > 0
    assert len(decision.version) == 12


def test_every_route_is_tried_at_most_once_and_no_more_than_eight() -> None:
    found, decision = chooser().decide(request(), routes())
    assert len(found) == len(set(decision.fallbacks) | {decision.model}) == 8
    assert decision.considered > 8


def test_without_fallbacks_there_is_one_route() -> None:
    found, decision = chooser().decide(request(fallbacks=False), routes(*FIVE))
    assert len(found) == 1
    assert not decision.fallbacks


def test_one_candidate_is_said_to_be_the_only_one() -> None:
    assert chooser().decide(request(), routes(SMALL))[1].reason == "only_candidate"


def test_of_one_model_the_deployment_at_home_comes_first_unless_cost_is_all_that_counts() -> None:
    ours, both = chooser(), routes(MINI_US, MINI_CA)
    assert picked(ours.decide(request(), both)) == MINI_CA
    assert picked(ours.decide(request(optimize="cost"), both)) == MINI_US


def test_a_task_of_the_caller_s_is_taken_as_certain() -> None:
    _, decision = chooser().decide(request("Analyze this contract...", task="code_review"), routes(*FIVE))
    assert (decision.task, decision.confidence, decision.reason) == ("code_review", 1.0, "override")


@pytest.mark.parametrize("task", ["code_generation", "analysis"])
def test_the_documented_tasks_are_known(task: str) -> None:
    assert chooser().decide(request(task=task), routes(*FIVE))[1].task == task


def test_an_unknown_task_or_mode_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidRequest, match=r"code_generation.*analysis") as caught:
        chooser().decide(request(task="poetry slam"), routes())
    assert caught.value.param == "routing.task"
    with pytest.raises(InvalidRequest, match="balanced, quality, cost, latency") as caught:
        chooser().decide(request(optimize="cheap"), routes())
    assert caught.value.param == "routing.optimize"
    assert "poetry" not in caught.value.message


def test_errors_of_late_count_against_a_route() -> None:
    ours, pair = chooser(), routes(MINI_CA, HAIKU)
    assert picked(ours.decide(request(optimize="quality"), pair)) == HAIKU
    failing = heard(HAIKU, error_permille=400) | heard(MINI_CA)
    assert picked(ours.decide(request(optimize="quality"), pair, failing)) == MINI_CA


def test_a_route_at_its_provider_s_limit_is_left_for_another() -> None:
    ours, pair = chooser(), routes(MINI_CA, HAIKU)
    spent = heard(HAIKU, headroom_permille=0) | heard(MINI_CA)
    assert picked(ours.decide(request(optimize="quality"), pair, spent)) == MINI_CA


def test_ratings_move_a_choice_slowly_and_only_for_their_task() -> None:
    ours, pair, asked = chooser(), routes(FULL, HAIKU), request(CODE, optimize="quality")
    assert picked(ours.decide(asked, pair)) == HAIKU
    one = {(HAIKU, "code_generation"): (0.0, 1.0)}
    assert picked(ours.decide(asked, pair, {}, one)) == HAIKU
    many = {(HAIKU, "code_generation"): (0.0, 30.0)}
    assert picked(ours.decide(asked, pair, {}, many)) == FULL
    assert picked(ours.decide(request(CODE, optimize="quality", task="math"), pair, {}, many)) == HAIKU


def test_good_ratings_raise_a_route_above_an_abler_one() -> None:
    ours, pair, asked = chooser(), routes(FULL, HAIKU), request(CODE, optimize="quality")
    many = {(FULL, "code_generation"): (200.0, 0.0)}
    assert picked(ours.decide(asked, pair, {}, many)) == FULL


def test_a_very_long_prompt_is_judged_by_what_a_model_makes_of_long_ones() -> None:
    (short,), (long,) = (
        chooser().explain(request(CODE, text_bytes=size, max_tokens=100), routes(MINI_CA))["candidates"]
        for size in (3_600, 360_000)
    )
    assert long["fit"] < short["fit"]


def test_a_card_with_dearer_long_prompts_is_charged_as_such() -> None:
    cards = catalog().rate_cards
    route = next(route for route in routes() if cards[route.rate_card].long_rates)
    card = cards[route.rate_card]
    assert card.long_rates is not None
    asked = request(CODE, text_bytes=round(card.long_above * 3.6 * 1.1), max_tokens=1)
    _, decision = chooser().decide(asked, [route])
    assert decision.expected_nano == pytest.approx(card.long_above * 1.1 * card.long_rates.input / 1e6, rel=0.01)


def test_ratings_of_one_deployment_count_for_its_sisters() -> None:
    said = {(MINI_US, "code_generation"): (0.0, 200.0)}
    assert picked(chooser().decide(request(CODE), routes(MINI_CA, LLAMA))) == MINI_CA
    assert picked(chooser().decide(request(CODE), routes(MINI_CA, LLAMA), {}, said)) == LLAMA


def test_what_is_expensive_to_say_is_what_the_rate_card_says() -> None:
    asked = request("x" * 36_000, text_bytes=36_000, max_tokens=100, optimize="quality")
    _, decision = chooser().decide(asked, routes(OPUS))
    assert decision.expected_nano == 10_000 * 5_000 + 100 * 25_000  # nano-USD a token: 5 and 25 $ a million


def test_new_weights_or_abilities_are_another_version() -> None:
    assert chooser().version == chooser().version
