"""What a request needs is never traded away, and a refusal says what left nothing."""

from collections import Counter
from typing import Any

import pytest

from libs.contracts.errors import NoEligibleModel, Overloaded
from libs.contracts.northern.v1.street_pb2 import Breaker, Reach
from tests.unit.router.choice.street import (
    HAIKU,
    LARGE,
    LLAMA,
    MINI_CA,
    NOVA,
    SMALL,
    chooser,
    heard,
    open_,
    picked,
    request,
    routes,
)


@pytest.mark.parametrize(
    ("shape", "only", "out", "name"),
    [
        ({"images": 1}, MINI_CA, SMALL, "modality"),
        ({"tools": 2}, SMALL, LLAMA, "tools"),
        ({"tool_loop": True}, SMALL, LLAMA, "tools"),
        ({"schema": True}, SMALL, NOVA, "schema"),
        ({"text_bytes": 400_000}, MINI_CA, SMALL, "context"),
        ({"text_bytes": 90_000, "max_tokens": 20_000}, MINI_CA, SMALL, "context"),
        ({"max_tokens": 10_000}, SMALL, NOVA, "output"),
    ],
)
def test_a_need_is_a_filter(shape: dict[str, Any], only: str, out: str, name: str) -> None:
    asked = request(**shape)
    assert picked(chooser().decide(asked, routes(out, only))) == only
    with pytest.raises(NoEligibleModel, match=f"{name}: 1") as caught:
        chooser().decide(asked, routes(out))
    assert caught.value.code == "no_eligible_model"


def test_no_model_here_hears() -> None:
    with pytest.raises(NoEligibleModel, match="modality"):
        chooser().decide(request(audio=1), routes())


def test_a_refusal_counts_every_filter_that_took_something_out() -> None:
    asked = request(images=1, max_tokens=20_000, pool=[SMALL, NOVA])
    with pytest.raises(NoEligibleModel, match=r"modality: 1 .*output: 1 .*of 2") as caught:
        chooser().decide(asked, routes(SMALL, NOVA))
    assert caught.value.param == "routing.model_pool"


@pytest.mark.parametrize(
    ("shape", "param"), [({"images": 1}, "messages"), ({"max_tokens": 99_000}, "max_tokens"), ({}, "model")]
)
def test_a_refusal_names_the_member_that_could_change(shape: dict[str, Any], param: str) -> None:
    with pytest.raises(NoEligibleModel) as caught:
        chooser().decide(request(**shape), routes(SMALL) if shape else [])
    assert caught.value.param == param


def test_a_route_whose_breaker_is_open_is_not_chosen() -> None:
    found, _ = chooser().decide(request(optimize="quality"), routes(HAIKU, SMALL), open_(HAIKU))
    assert [route.route_id for route in found] == [SMALL]


def test_a_quarter_of_requests_may_probe_and_the_others_keep_it_for_last() -> None:
    ours, probing = chooser(), heard(HAIKU, breaker=Breaker.BREAKER_PROBING)
    first = Counter[str]()
    for digit in "0123456789abcdef":
        asked = request(optimize="quality")
        asked.request_id = f"0123456789abcde{digit}"
        found, _ = ours.decide(asked, routes(HAIKU, SMALL), probing)
        first[found[0].route_id] += 1
        assert len(found) == 2
    assert first == {HAIKU: 4, SMALL: 12}


def test_a_machine_that_is_not_up_comes_last() -> None:
    away = heard(SMALL, reach=Reach.REACH_LOADING)
    found, _ = chooser().decide(request("hello", optimize="cost"), routes(SMALL, HAIKU), away)
    assert [route.route_id for route in found] == [HAIKU, SMALL]
    assert picked(chooser().decide(request(), routes(SMALL), away)) == SMALL


def test_when_all_are_failing_the_caller_is_told_to_try_again() -> None:
    with pytest.raises(Overloaded, match="breaker") as caught:
        chooser().decide(request(), routes(HAIKU, SMALL), open_(HAIKU, SMALL))
    assert caught.value.retry_after_ms > 0


def test_a_text_in_chinese_has_more_tokens_for_its_bytes() -> None:
    text = "请总结以下内容" * 40
    assert picked(chooser().decide(request("a" * 100, text_bytes=120_000), routes(LARGE, MINI_CA))) in {LARGE, MINI_CA}
    with pytest.raises(NoEligibleModel, match="context"):
        chooser().decide(request(text, text_bytes=120_000), routes(LARGE))
    assert chooser().decide(request("a" * 100, text_bytes=120_000), routes(LARGE))


def test_a_megabyte_goes_where_it_fits() -> None:
    asked = request("x" * 2_000, text_bytes=1 << 20)
    found, _ = chooser().decide(asked, routes())
    assert all(route.capabilities.context_window > (1 << 20) / 3.6 for route in found)


def test_only_images_and_only_results_of_tools_are_decided_without_a_guess() -> None:
    _, decision = chooser().decide(request("", images=2), routes(MINI_CA, HAIKU))
    assert (decision.task, decision.complexity) == ("question_answering", "moderate")
    assert decision.confidence < 0.1
    _, decision = chooser().decide(request("", tool_loop=True, text_bytes=900), routes(MINI_CA, HAIKU))
    assert decision.confidence < 0.1
