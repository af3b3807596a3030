"""How long a decision of `auto` takes, classification and all, and what CPU it adds to that for a named model."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from libs.catalog.abilities import load_abilities
from libs.catalog.load import load as load_catalog
from libs.catalog.model import Catalog
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Policy, RoutingAsk, Shape
from libs.contracts.northern.v1.street_pb2 import EgressState, RouteSignals
from libs.contracts.turns import both_ends
from services.router.auto import Auto
from services.router.choice.decide import Chooser
from services.router.classifier.classify import load
from services.router.domain import Street, candidates
from services.router.health.order import Draw
from services.router.legal import Legal

_ROUNDS = 3_000
_TIERS = ("managed_canadian_cloud", "provider_api", "self_hosted")
_WORDS = "Compare the two designs below, say which of them holds up better under load, and why the other one fails. "
_NAMED = "gpt-4.1-mini"
_POOL = ("Qwen/Qwen3-14B", "Qwen/Qwen3-32B", "gpt-4.1-mini", "claude-haiku-4-5", "claude-opus-4-8")


def main() -> int:
    """Always 0: the figures are for people to judge; a p99 above a millisecond is mostly other work's."""
    catalog = load_catalog(Path("infra/config"))
    chooser = Chooser(load(), catalog, load_abilities(Path("infra/config")))
    auto, street = Auto(legal=Legal(catalog=catalog), chooser=chooser), _street(catalog)
    _say(f"{'us a decision of `auto`':34}{'p50':>8}{'p99':>8}{'CPU':>8}")
    for name, size in (("200 characters", 200), ("8 kB", 8_000), ("1 MB", 1_000_000)):
        for what, pool in ((f"all {len(catalog.routes)} routes", ()), (f"pool of {len(_POOL)} models", _POOL)):
            envelope = _asked(size, pool)
            took, cpu = _timed(lambda envelope=envelope: auto.choose(envelope, {}, street, street))  # type: ignore[misc]
            _say(f"{name + ', ' + what:34}{took[_ROUNDS // 2]:8.0f}{took[int(_ROUNDS * 0.99)]:8.0f}{cpu:8.0f}")
    policy, draw = Policy(allowed_tiers=_TIERS, allow_fallbacks=True), Draw("", "0" * 16, stream=True)
    took, cpu = _timed(lambda: candidates(catalog, _NAMED, policy, street, draw))
    _say(f"{'beside it: a model by name':34}{took[_ROUNDS // 2]:8.0f}{took[int(_ROUNDS * 0.99)]:8.0f}{cpu:8.0f}")
    return 0


def _asked(size: int, pool: Sequence[str]) -> Envelope:
    text = (_WORDS * (size // len(_WORDS) + 1))[:size]
    return Envelope(
        tenant="t_a",
        policy=Policy(allowed_tiers=_TIERS, allow_fallbacks=True),
        shape=Shape(model="auto", last_user_turn=both_ends(text), text_bytes=size, stream=True, session="5e551014"),
        routing=RoutingAsk(model_pool=pool, optimize="balanced"),
    )


def _street(catalog: Catalog) -> Street:
    """Everything open, everything reported."""
    heard = {
        name: RouteSignals(
            route_id=name, calls=50, first_byte_p50_ms=700, total_p50_ms=4_000, headroom_permille=1_000, pending=3
        )
        for name in catalog.routes
    }
    return Street(lambda egress: EgressState(name=egress, available=True), heard)


def _timed(decide: Callable[[], object]) -> tuple[list[float], float]:
    for _ in range(200):
        decide()
    took: list[float] = []
    before = time.thread_time()
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        decide()
        took.append((time.perf_counter() - started) * 1e6)
    return sorted(took), (time.thread_time() - before) / _ROUNDS * 1e6


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
