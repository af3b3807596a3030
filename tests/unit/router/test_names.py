"""The order in which a name is resolved: an exact id that the key may call, the account's alias, the maker's id."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from libs.catalog.resolve import meant
from libs.contracts import subjects
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from tests.support.broker import until
from tests.unit.router.test_handlers import AZURE, CATALOG, HAIKU, OPENAI, TIERS, Room, room

__all__ = ["room"]

OWN: Mapping[str, str] = {"fast": AZURE, "gpt-4.1-mini": HAIKU, OPENAI: AZURE, "claude-opus": "claude-opus-4-8"}


@pytest.mark.parametrize(
    ("name", "tiers", "route"),
    [
        ("fast", TIERS, AZURE),
        ("fast[1m]", TIERS, AZURE),
        ("gpt-4.1-mini", TIERS, HAIKU),  # an alias goes before a maker's id
        (OPENAI, TIERS, OPENAI),  # and behind an exact id,
        (OPENAI, ("managed_canadian_cloud",), AZURE),  # unless the key may not call that
        ("claude-opus", TIERS, "claude-opus-4-8"),
        ("unheard-of", TIERS, "unheard-of"),
    ],
)
def test_what_a_name_means(name: str, tiers: tuple[str, ...], route: str) -> None:
    assert meant(CATALOG, name, OWN, tiers) == route


@pytest.fixture
async def named(room: Room) -> Room:
    own = {"t_one": OWN}
    handlers = replace(room.handlers, aliases=lambda tenant: own.get(tenant, {}))
    for each in [sub for sub in room.bus.subs if sub.pattern == subjects.ROUTE]:
        await each.stop()
    await room.bus.subscribe(subjects.ROUTE, handlers.route, "router")
    return room


async def test_an_alias_leads_to_its_route_and_the_record_keeps_the_name_that_was_asked(named: Room) -> None:
    await named.worker(CATALOG.routes[AZURE].egress)
    await named.ask("fast")
    await until(lambda: bool(named.work))
    (sent,) = named.work
    assert isinstance(sent, Envelope)
    assert (sent.slip[0].route_id, sent.shape.model) == (AZURE, "fast")


async def test_an_alias_is_no_way_around_residency(named: Room) -> None:
    await named.ask("gpt-4.1-mini", "CA")
    assert (await named.failure()).code == "residency_refused"
