"""What one catalogue says that another did not, a sentence for each: for whoever is about to edit a running street."""

from collections.abc import Iterator

from libs.catalog.model import ANYWHERE, Catalog, Processing, Route


def changes(before: Catalog, after: Catalog) -> Iterator[str]:
    """Routes, then ways out, then prices, in the files' order. Equal catalogues give none."""
    for route_id, route in before.routes.items():
        if (now := after.routes.get(route_id)) is None:
            yield f"{route_id}: taken out; requests that run on it end by the old catalogue"
        elif now != route:
            yield from _changed(route, now)
    yield from (f"{route_id}: new" for route_id in after.routes if route_id not in before.routes)
    yield from _ways_out(before, after)
    for card_id, card in before.rate_cards.items():
        if (priced := after.rate_cards.get(card_id)) is not None and priced.rates != card.rates:
            yield f"price {card_id}: other amounts under the same id; give a new price an id of its own"
    if before.terms != after.terms:
        yield "billing: other markups, fees or exchange rates"


def _ways_out(before: Catalog, after: Catalog) -> Iterator[str]:
    for name, egress in before.egresses.items():
        if name not in after.egresses:
            yield f"egress {name}: taken out; its workers close it"
        elif after.egresses[name] != egress:
            yield f"egress {name}: changed; its workers open it anew"
    for name in after.egresses:
        if name not in before.egresses:
            yield f"egress {name}: new; a worker that names it in NI_EGRESSES has to be started"


def _changed(before: Route, now: Route) -> Iterator[str]:
    if before.processing != now.processing:
        yield f"{now.route_id}: processed {_where(now.processing)}, before {_where(before.processing)}"
    for name in ("egress", "model", "tier", "rate_card", "native_ids"):
        was, is_ = getattr(before, name), getattr(now, name)
        if was != is_:
            yield f"{now.route_id}: {name} {_shown(is_)}, before {_shown(was)}"
    if before.capabilities != now.capabilities or before.limits != now.limits:
        yield f"{now.route_id}: other capabilities or limits"


def _where(processing: Processing) -> str:
    places = processing.jurisdictions
    where = "anywhere" if ANYWHERE in places else f"in {' and '.join(places)}" if places else "nobody knows where"
    return f"{where} ({processing.scope.value}, {processing.evidence.value})"


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)
