"""`auto` with the chooser that is shipped: a slip of legal routes, a decision on the envelope, a dry run alike."""

from pathlib import Path

import orjson
import pytest

from libs.bus.beats import Heard
from libs.bus.facts import FactPublisher
from libs.bus.memory import MemoryBus
from libs.catalog.abilities import load_abilities
from libs.catalog.live import Live
from libs.catalog.residency import may_serve
from libs.contracts.errors import NoEligibleModel, NorthernError
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Policy, RoutingAsk, Shape
from libs.contracts.northern.v1.query_pb2 import RouteAsk, RouteTold
from libs.contracts.northern.v1.street_pb2 import EgressState
from libs.telemetry.metrics import Metrics
from services.router.auto import Auto
from services.router.choice.decide import Chooser
from services.router.classifier.classify import load
from services.router.domain import Street
from services.router.explaining import Explaining
from services.router.handlers import Handlers
from services.router.legal import Legal
from tests.unit.router.test_handlers import AZURE, CATALOG, HAIKU, OPENAI, ROUTER, TIERS

OPEN = {name: EgressState(name=name, available=True) for name in CATALOG.egresses}
STREET = Street(OPEN.get, {})


@pytest.fixture(scope="module")
def auto() -> Auto:
    chooser = Chooser(load(), CATALOG, load_abilities(Path("infra/config")))
    return Auto(legal=Legal(catalog=CATALOG), chooser=chooser)


def ask(*pool: str, residency: tuple[str, ...] = (), fallbacks: bool = True, byok: bool = False) -> Envelope:
    return Envelope(
        request_id="0" * 16,
        tenant="t_one",
        shape=Shape(model="auto", last_user_turn="Write a function that sorts a list of dates.", text_bytes=44),
        policy=Policy(allowed_tiers=TIERS, residency=residency, allow_fallbacks=fallbacks, byok=byok),
        routing=RoutingAsk(model_pool=pool),
    )


def test_every_candidate_is_legal_and_the_decision_names_the_first_and_the_rest(auto: Auto) -> None:
    for residency in ((), ("CA",), ("US",), ("CA", "US")):
        envelope = ask(residency=residency)
        routes = auto.choose(envelope, {}, STREET, OPEN)
        assert 1 <= len(routes) <= 8
        assert all(may_serve(residency, route.processing) is None for route in routes)
        assert envelope.decision.model == routes[0].route_id
        assert list(envelope.decision.fallbacks) == [route.route_id for route in routes[1:]]


def test_where_fallbacks_are_forbidden_there_is_one(auto: Auto) -> None:
    envelope = ask(fallbacks=False)
    assert len(auto.choose(envelope, {}, STREET, OPEN)) == 1
    assert not envelope.decision.fallbacks


def test_nothing_outside_the_pool_is_ever_on_the_slip(auto: Auto) -> None:
    routes = auto.choose(ask(AZURE, "mine", residency=("CA",)), {"mine": HAIKU}, STREET, OPEN)
    assert [route.route_id for route in routes] == [AZURE]


def test_an_accounts_own_credential_is_asked_of_one_issuer(auto: Auto) -> None:
    routes = auto.choose(ask(byok=True), {}, STREET, OPEN)
    assert len({CATALOG.egress_of(route).wire for route in routes}) == 1


def test_what_leaves_nothing_refuses(auto: Auto) -> None:
    with pytest.raises(NoEligibleModel):
        auto.choose(ask(OPENAI, residency=("CA",)), {}, STREET, OPEN)


@pytest.fixture
def explaining(auto: Auto) -> Explaining:
    bus, metrics = MemoryBus(), Metrics()
    handlers = Handlers(
        bus=bus,
        live=Live(CATALOG),
        heard=Heard(bus),
        facts=FactPublisher(bus, metrics),
        metrics=metrics,
        identity=ROUTER,
        auto=auto,
    )
    return Explaining(handlers=handlers)


async def told(explaining: Explaining, envelope: Envelope) -> RouteTold:
    return RouteTold.FromString(await explaining.explain(RouteAsk(envelope=envelope).SerializeToString()))


async def test_a_dry_run_says_what_a_request_would_get_and_leaves_nothing_behind(
    explaining: Explaining, auto: Auto
) -> None:
    envelope = ask(residency=("CA",))
    answer = orjson.loads((await told(explaining, envelope)).json)
    auto.choose(envelope, {}, STREET, OPEN)
    assert answer["model"] == envelope.decision.model
    assert {OPENAI: "residency"}.items() <= {one["model"]: one["filter"] for one in answer["excluded"]}.items()
    assert not explaining.handlers.on_their_way.kept


async def test_a_dry_run_is_refused_as_a_request_would_be(explaining: Explaining) -> None:
    unknown = await told(explaining, ask("no/such"))
    assert (unknown.failure.code, unknown.failure.param) == ("invalid_request", "routing.model_pool")
    named = ask()
    named.shape.model = AZURE
    assert (await told(explaining, named)).failure.param == "model"
    garbage = RouteTold.FromString(await explaining.explain(b"\xff\xff"))
    assert garbage.failure.code == "invalid_request"


async def test_a_dry_run_of_what_leaves_nothing_says_which_filter_did(explaining: Explaining) -> None:
    answer = orjson.loads((await told(explaining, ask(OPENAI, residency=("CA",)))).json)
    assert answer["model"] is None
    assert {"model": OPENAI, "filter": "residency"} in answer["excluded"]


def test_no_policy_gets_a_route_that_breaks_it(auto: Auto) -> None:
    for tier in ("", *TIERS):
        for residency in ((), ("CA",), ("US",), ("none",)):
            envelope = ask(residency=residency)
            envelope.policy.tier = tier
            try:
                routes = auto.choose(envelope, {}, STREET, OPEN)
            except NorthernError as error:
                assert error.code == "no_eligible_model"  # noqa: PT017 - some combinations have routes, some none
                continue
            assert all(tier in {"", route.tier} for route in routes)
            assert all(may_serve(residency, route.processing) is None for route in routes)
