"""Which routes a key is shown: those of its tiers and its residency that somebody can open."""

from pathlib import Path

from libs.auth.principal import Principal
from libs.bus.beats import Heard
from libs.bus.memory import MemoryBus
from libs.catalog.load import load
from services.ingress.api.listing import callable_routes
from services.ingress.domain import TIERS

CATALOG = load(Path("infra/config"))


def ids(tiers: tuple[str, ...] = TIERS, residency: tuple[str, ...] = (), *, byok: bool = False) -> list[str]:
    who = Principal(
        tenant="t_one",
        key_id="k_one",
        allowed_tiers=tiers,
        residency=residency,
        model_pool=(),
        optimize_mode="balanced",
        byok=byok,
    )
    return [route.route_id for route in callable_routes(CATALOG, Heard(MemoryBus()), who)]


def test_a_key_of_every_tier_is_shown_every_route() -> None:
    assert ids() == list(CATALOG.routes)


def test_a_key_is_shown_its_tiers_alone() -> None:
    assert ids(("self_hosted",)) == ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]
    assert ids(()) == []


def test_a_key_of_canada_is_shown_no_route_that_would_be_refused() -> None:
    found = ids(residency=("CA",))
    assert "vertex_ai/gemini-2.5-pro-ca" in found
    assert not [route for route in found if route.endswith(("-global", "-us"))]


def test_a_key_that_uses_its_own_credentials_is_shown_what_these_can_open() -> None:
    assert "Qwen/Qwen3-14B" not in ids(byok=True)
    assert "openai/gpt-5-us" in ids(byok=True)
