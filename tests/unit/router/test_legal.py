"""What `auto` may choose from: rules first, then the pool; whatever leaves nothing is named."""

import pytest

from libs.catalog.residency import may_serve
from libs.contracts.errors import InvalidRequest, NoEligibleModel, Overloaded, RouteUnavailable
from libs.contracts.northern.v1.envelope_pb2 import Policy
from libs.contracts.northern.v1.street_pb2 import EgressState
from services.router.domain import Street, filtered
from services.router.legal import Legal
from tests.unit.router.test_handlers import AZURE, CATALOG, HAIKU, OPENAI, TIERS

OPEN = {name: EgressState(name=name, available=True) for name in CATALOG.egresses}


def policy(*residency: str, tiers: tuple[str, ...] = TIERS, tier: str = "") -> Policy:
    return Policy(allowed_tiers=tiers, tier=tier, residency=residency)


def ids(
    allowed: Policy,
    *pool: str,
    aliases: dict[str, str] | None = None,
    states: dict[str, EgressState] | None = None,
    legal: Legal | None = None,
) -> list[str]:
    street = Street((OPEN if states is None else states).get, {})
    found = (legal or Legal(catalog=CATALOG)).of(allowed, pool, aliases or {}, street, states)
    return [route.route_id for route in found]


def test_without_a_pool_it_is_every_route_that_passes_every_rule() -> None:
    assert ids(policy()) == list(CATALOG.routes)
    assert ids(policy("CA")) == [
        route_id for route_id, route in CATALOG.routes.items() if may_serve(("CA",), route.processing) is None
    ]
    assert {CATALOG.routes[one].tier for one in ids(policy(tier="self_hosted"))} == {"self_hosted"}
    assert {CATALOG.routes[one].tier for one in ids(policy(tiers=("provider_api",)))} == {"provider_api"}


def test_a_pool_names_routes_models_and_the_accounts_own_names() -> None:
    assert ids(policy(), AZURE) == [AZURE]
    assert set(ids(policy(), "gpt-4.1-mini")) == {AZURE, OPENAI}
    assert ids(policy(), "mine", AZURE, aliases={"mine": AZURE}) == [AZURE]
    assert set(ids(policy(), "claude-haiku-4-5[1m]", aliases={"claude-haiku-4-5": HAIKU})) == {HAIKU}


def test_a_pool_widens_nothing() -> None:
    assert ids(policy("CA"), AZURE, OPENAI, HAIKU) == [AZURE]
    assert ids(policy(tiers=("provider_api",)), "gpt-4.1-mini") == [OPENAI]


def test_names_of_a_pool_that_are_no_models_are_named_and_only_so_many_of_them() -> None:
    with pytest.raises(InvalidRequest, match='"gpt-9", "auto"') as caught:
        ids(policy(), AZURE, "gpt-9", "auto")
    assert (caught.value.param, caught.value.code) == ("routing.model_pool", "invalid_request")
    with pytest.raises(InvalidRequest, match="and 95 more") as caught:
        ids(policy(), *(f"{n}" * 5000 for n in range(100)))
    assert len(caught.value.message) < 1200


@pytest.mark.parametrize(
    ("allowed", "pool", "named", "param"),
    [
        (policy("CA"), (OPENAI, HAIKU), "residency (2)", "routing.model_pool"),
        (policy(tiers=("self_hosted",)), (OPENAI,), "tier (1)", "routing.model_pool"),
        (policy("CA", tiers=("self_hosted", "provider_api")), (AZURE, OPENAI), "tier (1), residency (1)", None),
        (policy("none"), (), f"residency ({len(CATALOG.routes)})", "model"),
        (policy(tiers=()), (), f"tier ({len(CATALOG.routes)})", "model"),
    ],
)
def test_what_leaves_nothing_is_named(allowed: Policy, pool: tuple[str, ...], named: str, param: str | None) -> None:
    with pytest.raises(NoEligibleModel) as caught:
        ids(allowed, *pool)
    assert named in caught.value.message
    assert param in {None, caught.value.param}


def test_what_only_nobody_serves_now_is_a_matter_of_time_and_what_is_not_set_up_is_the_operators() -> None:
    with pytest.raises(Overloaded) as caught:
        ids(policy(), AZURE, states={})
    assert caught.value.retry_after_ms > 0
    closed = OPEN | {"azure-ca": EgressState(name="azure-ca", reason="set it up")}
    with pytest.raises(RouteUnavailable):
        ids(policy(), AZURE, states=closed)
    assert AZURE not in ids(policy(), states=closed)


def test_what_was_reckoned_holds_only_while_the_ways_out_stay_as_they_are() -> None:
    legal = Legal(catalog=CATALOG)
    assert AZURE in ids(policy(), states=OPEN, legal=legal)
    assert AZURE not in ids(policy(), states=OPEN | {"azure-ca": EgressState(name="azure-ca")}, legal=legal)
    assert AZURE in ids(policy(), states=dict(OPEN), legal=legal)


def test_one_policy_is_never_answered_with_what_was_reckoned_for_another() -> None:
    legal = Legal(catalog=CATALOG)
    for residency in ((), ("CA",), ("US",), ("CA", "US")):
        for tier in ("", *TIERS):
            for byok in (False, True):
                allowed = policy(*residency, tier=tier)
                allowed.byok = byok
                street = Street(OPEN.get, {})
                expected = [
                    route_id
                    for route_id, route in CATALOG.routes.items()
                    if filtered(CATALOG, route, allowed, street.state_of) is None
                ]
                if expected:
                    found = legal.of(allowed, (), {}, street, OPEN)
                    assert [route.route_id for route in found] == expected


def test_what_is_remembered_is_bounded() -> None:
    legal = Legal(catalog=CATALOG)
    for n in range(1100):
        legal.of(policy("CA", "US", f"X{n}"), (), {}, Street(OPEN.get, {}), OPEN)
    assert len(legal.known) == 1024


def test_the_dry_run_shows_which_filter_keeps_each_route_out() -> None:
    closed = OPEN | {"vertex-ca": EgressState(name="vertex-ca")}
    del closed["self-hosted"]
    street = Street(closed.get, {})
    pool = [AZURE, OPENAI, HAIKU, "gemini-2.5-pro", "qwen3-14b"]
    legal, out = Legal(catalog=CATALOG).shown(policy("CA", tiers=TIERS[::2]), pool, {}, street)
    assert [route.route_id for route in legal] == [AZURE]
    assert out[OPENAI] == "tier"
    assert out[HAIKU] == "residency"
    assert out["vertex_ai/gemini-2.5-pro-ca"] == "availability"
    assert out["Qwen/Qwen3-14B"] == "worker"
    assert out["Qwen/Qwen3-32B"] == "pool"
    assert set(out) | {AZURE} == set(CATALOG.routes)
