"""The dated terms on which a price becomes an amount owed: markups, routing fees, exchange rates; chosen by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

ACCOUNT_CURRENCY = "CAD"  # of every account, and of what these terms add for a request
ONE = 1_000_000_000  # factors are integers: 10⁹ is one


@dataclass(frozen=True, kw_only=True)
class Markup:
    """Added to a provider's price: `percent` of it, and nano-units of the account's currency for each request.

    `scope` is the tier or the id of the route it is for.
    """

    scope: str
    percent: int  # 10⁹ is the whole price
    fixed_nano: int
    effective: date
    source: str


@dataclass(frozen=True, kw_only=True)
class ExchangeRate:
    """What one unit of `base` is worth in `quote`, as a factor, from a day on."""

    base: str
    quote: str
    factor: int
    effective: date
    source: str
    verified: bool  # False: from memory; to be compared with the bank's list


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Each tuple in the order of its days. Loading proved that every tier and every currency of a card has one.

    `routing_fees` are markups too, on a call that the caller's own credentials paid for: billed instead of its price.
    """

    markups: Mapping[str, tuple[Markup, ...]]  # by scope
    routing_fees: tuple[Markup, ...]
    exchange: Mapping[str, tuple[ExchangeRate, ...]]  # to the account's currency, by the other

    def markup(self, route_id: str, tier: str, day: date) -> Markup:
        """The route's own, once it has one, else its tier's."""
        own = self.markups.get(route_id)
        if own and own[0].effective <= day:
            return _at(own, day)
        return _at(self.markups[tier], day)

    def routing_fee(self, day: date) -> Markup:
        """The fee for a call by the caller's own credentials."""
        return _at(self.routing_fees, day)

    def exchange_rate(self, currency: str, day: date) -> ExchangeRate | None:
        """The rate into the account's currency; None where a card is in it already."""
        return None if currency == ACCOUNT_CURRENCY else _at(self.exchange[currency], day)


class _Dated(Protocol):
    @property
    def effective(self) -> date: ...


D = TypeVar("D", bound=_Dated)


def _at(dated: tuple[D, ...], day: date) -> D:
    """The latest not after the day. Before the first of all it is that one: a call that ran is always billed."""
    if dated[-1].effective <= day:  # nearly always
        return dated[-1]
    return next((each for each in reversed(dated) if each.effective <= day), dated[0])
