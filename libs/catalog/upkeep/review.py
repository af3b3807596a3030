"""What stands out in a catalogue that is valid: pure remarks, each a sentence that says what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from libs.catalog.families import UNKNOWN
from libs.catalog.model import Catalog
from libs.catalog.upkeep.drafts import UNKNOWN_CARD
from libs.catalog.upkeep.imported import Imported

_OLD = timedelta(days=180)
_SOON = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One thing that stands out. `about` is an entry's name, with its kind."""

    about: str
    sentence: str


def remarks(catalog: Catalog, imported: Imported, today: date) -> list[Remark]:
    """In the order in which they matter: models that go, prices that are guesses, entries nobody looked at for long."""
    return [
        *_retiring(catalog, today),
        *_guesses(catalog),
        *_unverified(catalog),
        *_old(catalog, imported, today),
    ]


def _retiring(catalog: Catalog, today: date) -> Iterator[Remark]:
    for route in catalog.routes.values():
        day = catalog.families[route.family].retires
        if day is not None and day - today <= _SOON:
            when = f"retires on {day}" if day > today else f"was to retire on {day}"
            yield Remark(
                about=f"route {route.route_id}", sentence=f"its model {when}: name its successor, drop the route"
            )


def _guesses(catalog: Catalog) -> Iterator[Remark]:
    for route in catalog.routes.values():
        if route.rate_card == UNKNOWN_CARD:
            yield Remark(about=f"route {route.route_id}", sentence="nobody knows its price: give it a rate card")
        if route.family == UNKNOWN:
            yield Remark(
                about=f"route {route.route_id}",
                sentence="nobody knows its model: give it a family, or capabilities of its own",
            )


def _unverified(catalog: Catalog) -> Iterator[Remark]:
    used = {route.rate_card for route in catalog.routes.values()}
    for card in catalog.rate_cards.values():
        if not card.verified and card.id in used and card.id != UNKNOWN_CARD:
            yield Remark(about=f"price {card.id}", sentence=f"unverified: compare it with {card.source}")


def _old(catalog: Catalog, imported: Imported, today: date) -> Iterator[Remark]:
    """A rate card is dated by nature: what may be old is the look at it."""
    seen = (
        *((f"egress {egress.name}", egress.checked) for egress in catalog.egresses.values()),
        *((f"model {family.name}", family.checked) for family in catalog.families.values()),
        *((f"route {route.route_id}", route.checked) for route in catalog.routes.values()),
        *((f"price {card.id}", card.checked) for card in catalog.rate_cards.values()),
    )
    for about, checked in seen:
        if today - checked > _OLD:
            yield Remark(about=about, sentence=f"last checked on {checked}: compare it with its source again")
    old = sum(today - entry.checked > _OLD for entry in imported.values())
    if old:
        yield Remark(about="imported.toml", sentence=f"{old} of {len(imported)} entries are old: run ni catalog import")
