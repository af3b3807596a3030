"""What holds for any request: one more candidate moves no other, filters hold, and the same gives the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.errors import NoEligibleModel, Overloaded
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.street_pb2 import Breaker, Reach, RouteSignals
from services.router.choice.decide import Chooser
from services.router.choice.sessions import Sessions
from services.router.classifier.tasks import TASKS
from tests.unit.router.choice.street import CODE, HARD, Clock, catalog, chooser, request, routes

NAMES = sorted(catalog().routes)
TEXTS = st.sampled_from([CODE, HARD, "hello", "", "Résume ce texte : ...", "2+2?", "yes"]) | st.text(max_size=60)

requests = st.builds(
    request,
    TEXTS,
    optimize=st.sampled_from(["", "balanced", "quality", "cost", "latency"]),
    task=st.sampled_from(["", *TASKS]),
    text_bytes=st.integers(0, 3_000_000),
    images=st.integers(0, 2),
    tools=st.integers(0, 2),
    schema=st.booleans(),
    stream=st.booleans(),
    thinking=st.booleans(),
    tool_loop=st.booleans(),
    max_tokens=st.sampled_from([0, 1, 500, 9_000, 40_000, 200_000]),
    session=st.sampled_from(["", "s"]),
)
reports = st.builds(
    RouteSignals,
    first_byte_p50_ms=st.integers(0, 60_000),
    first_byte_p95_ms=st.integers(0, 60_000),
    total_p50_ms=st.integers(0, 600_000),
    total_p95_ms=st.integers(0, 600_000),
    calls=st.integers(0, 10_000),
    error_permille=st.integers(0, 1_000),
    headroom_permille=st.integers(0, 1_000),
    breaker=st.sampled_from([Breaker.BREAKER_CLOSED, Breaker.BREAKER_OPEN, Breaker.BREAKER_PROBING]),
    reach=st.sampled_from([Reach.REACH_UNKNOWN, Reach.REACH_READY, Reach.REACH_LOADING]),
)
heard = st.dictionaries(st.sampled_from(NAMES), reports, max_size=12)
ratings = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from([task.value for task in TASKS])),
    st.tuples(st.floats(0, 500), st.floats(0, 500)),
    max_size=12,
)
some = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
OURS = chooser()


def before(stayed: str | None) -> Chooser:
    """One that remembers where the session was."""
    ours = chooser(Clock(), Sessions())
    if stayed is not None:
        ours.decide(request(CODE, session="s"), routes(stayed))
    return ours


def order(ours: Chooser, asked: Envelope, names: list[str], *rest: Any) -> list[str]:
    return [one["model"] for one in ours.explain(asked, routes(*names), *rest)["candidates"]]


@given(requests, some, st.sampled_from(NAMES), heard, ratings, st.none() | st.sampled_from(NAMES))
@settings(max_examples=150)
def test_one_more_candidate_never_reorders_the_others(
    asked: Envelope, names: list[str], added: str, signals: Any, said: Any, stayed: str | None
) -> None:
    ours = before(stayed)
    with_it = order(ours, asked, [*{*names, added}], signals, said)
    without = order(ours, asked, [name for name in names if name != added], signals, said) if names != [added] else []
    if asked.shape.tool_loop and stayed == added:
        assert with_it[:1] in ([added], without[:1])
    assert [name for name in with_it if name != added] == without


@given(requests, some, heard, ratings, st.none() | st.sampled_from(NAMES))
@settings(max_examples=150)
def test_nothing_is_chosen_outside_the_filters(
    asked: Envelope, names: list[str], signals: Any, said: Any, stayed: str | None
) -> None:
    try:
        found, decision = before(stayed).decide(asked, routes(*names), signals, said)
    except (NoEligibleModel, Overloaded):
        return
    shape = asked.shape
    assert [decision.model, *decision.fallbacks] == [route.route_id for route in found]
    for route in found:
        able = route.capabilities
        assert route.route_id in names
        assert not shape.images or able.supports_vision
        assert not (shape.tools or shape.tool_loop) or able.supports_function_calling
        assert not shape.schema or able.structured_outputs
        assert shape.max_tokens <= able.max_output_tokens
        assert shape.text_bytes / 3.7 + shape.max_tokens <= able.context_window + 1
        assert route.route_id not in signals or signals[route.route_id].breaker != Breaker.BREAKER_OPEN


@given(requests, some, heard, ratings, st.none() | st.sampled_from(NAMES), st.randoms())
@settings(max_examples=100)
def test_the_same_request_and_snapshot_give_the_same_decision(
    asked: Envelope, names: list[str], signals: Any, said: Any, stayed: str | None, chance: Any
) -> None:
    shuffled = list(names)
    chance.shuffle(shuffled)
    copies = {name: RouteSignals.FromString(one.SerializeToString()) for name, one in signals.items()}
    one = order(before(stayed), asked, names, signals, said)
    assert one == order(before(stayed), asked, shuffled, copies, dict(said))


@given(requests, some)
@settings(max_examples=60)
def test_figures_stay_on_their_scales(asked: Envelope, names: list[str]) -> None:
    for one in OURS.explain(asked, routes(*names))["candidates"]:
        assert 0 < one["fit"] < 1
        assert float(one["expected_cost_usd"]) >= 0
        assert one["expected_latency_ms"] > 0
        assert -1.7 < one["utility"] < 1.1
