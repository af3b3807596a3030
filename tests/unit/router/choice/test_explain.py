"""The dry run shows every route: what it was worth, or which filter it did not pass."""

import orjson

from tests.unit.router.choice.street import HAIKU, LLAMA, MINI_CA, OPUS, SMALL, chooser, open_, request, routes


def test_it_says_what_a_decision_would_be() -> None:
    ours, asked = chooser(), request(optimize="quality")
    told = ours.explain(asked, routes())
    found, decision = ours.decide(asked, routes())
    assert told["model"] == decision.model
    assert told["fallbacks"] == list(decision.fallbacks)
    assert [one["model"] for one in told["candidates"]][: len(found)] == [route.route_id for route in found]
    assert told["router_version"] == decision.version
    assert told["reason"] == decision.reason
    assert told["candidates_considered"] == decision.considered
    assert told["weights"] == {"cost": 0.02, "latency": 0.01}


def test_every_route_is_either_a_candidate_or_excluded_by_a_named_filter() -> None:
    asked = request(tools=1, images=1)
    told = chooser().explain(asked, routes(), open_(OPUS), {}, excluded={"x/y-us": "residency"})
    excluded = {one["model"]: one["filter"] for one in told["excluded"]}
    assert excluded | {one["model"]: "" for one in told["candidates"]} == excluded | dict.fromkeys(
        {route.route_id for route in routes()} - excluded.keys(), ""
    )
    assert (excluded[LLAMA], excluded[SMALL]) == ("modality", "modality")
    assert (excluded[OPUS], excluded["x/y-us"]) == ("breaker", "residency")


def test_utilities_fall_from_first_to_last() -> None:
    told = chooser().explain(request(), routes())
    worth = [one["utility"] for one in told["candidates"]]
    assert worth == sorted(worth, reverse=True)


def test_where_nothing_is_left_it_says_so_instead_of_failing() -> None:
    told = chooser().explain(request(images=1), routes(SMALL))
    assert (told["model"], told["reason"], told["candidates"]) == (None, "none", [])
    assert told["refusal"]["code"] == "no_eligible_model"
    assert "modality" in told["refusal"]["message"]


def test_it_is_json() -> None:
    told = chooser().explain(request(), routes(MINI_CA, HAIKU))
    assert orjson.loads(orjson.dumps(told)) == told
    assert 0 < told["routing_time_ms"] < 1_000
