"""Requests and choosers for the tests of the choice, over the catalogue that we ship."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from libs.catalog.abilities import load_abilities
from libs.catalog.load import load as load_catalog
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Policy, RoutingAsk, Shape
from libs.contracts.northern.v1.street_pb2 import Breaker, RouteSignals
from services.router.choice.decide import Chooser
from services.router.choice.sessions import Sessions
from services.router.classifier.classify import load

CONFIG = Path("infra/config")
SMALL, LARGE = "Qwen/Qwen3-14B", "Qwen/Qwen3-32B"
OPUS, HAIKU = "anthropic/claude-opus-4-8-us", "anthropic/claude-haiku-4-5-20251001-us"
MINI_CA, MINI_US, FULL = "azure/gpt-4.1-mini-ca", "openai/gpt-4.1-mini-us", "openai/gpt-4.1-us"
LLAMA, NOVA = "bedrock/meta.llama3-70b-instruct-v1:0-ca", "bedrock/ca.amazon.nova-lite-v1:0-ca"
HARD = "Design a multi-region banking platform with ledgers, fraud detection, audit, failover and compliance"
CODE = "Write a Python function to sort a list"


@cache
def catalog() -> Catalog:
    return load_catalog(CONFIG)


def chooser(clock: "Clock | None" = None, sessions: Sessions | None = None) -> Chooser:
    return Chooser(load(), catalog(), load_abilities(CONFIG), sessions=sessions, clock=clock or Clock())


class Clock:
    """Stands where it is put."""

    def __init__(self, now_s: float = 1_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def routes(*names: str) -> list[Route]:
    """Those, or all."""
    return [catalog().routes[name] for name in names] if names else list(catalog().routes.values())


def request(
    text: str = CODE,
    *,
    optimize: str = "",
    task: str = "",
    pool: Sequence[str] = (),
    fallbacks: bool = True,
    tenant: str = "t_a",
    **shape: Any,
) -> Envelope:
    shape.setdefault("text_bytes", len(text.encode()))
    return Envelope(
        tenant=tenant,
        policy=Policy(allow_fallbacks=fallbacks),
        shape=Shape(last_user_turn=text, **shape),
        routing=RoutingAsk(optimize=optimize, task=task, model_pool=pool),
    )


def heard(*names: str, **figures: Any) -> dict[str, RouteSignals]:
    """Good reports of those routes, but for what is said."""
    usual: dict[str, Any] = {"calls": 100, "headroom_permille": 1000, "first_byte_p50_ms": 500, "total_p50_ms": 4000}
    return {name: RouteSignals(route_id=name, **usual | figures) for name in names}


def open_(*names: str) -> dict[str, RouteSignals]:
    return heard(*names, breaker=Breaker.BREAKER_OPEN)


def picked(decided: tuple[list[Route], object]) -> str:
    return decided[0][0].route_id
