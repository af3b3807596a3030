"""What an ended call used and comes to, as put on record; from there the ledger settles by the same rules."""

from datetime import datetime
from typing import Final, NamedTuple, Self

from libs.catalog.billing.bill import bill, counts_of
from libs.catalog.billing.charging import chargeable
from libs.catalog.model import Catalog, Route
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import OUTCOME_COMPLETED, Outcome
from libs.contracts.northern.v1.frames_pb2 import Usage
from services.worker import callers
from services.worker.money.reckoning import received_at

_MOST: Final = 100_000_000  # tokens of one bucket; the longest prompts have a few millions


class Terms(NamedTuple):
    """What of a request its charge depends on. `at`: the moment on whose terms it is billed."""

    free: bool  # counting tokens costs nothing
    byok: bool
    text_bytes: int
    images: int
    at: datetime

    @classmethod
    def of(cls, envelope: Envelope) -> Self:
        shape = envelope.shape
        return cls(
            free=callers.counts(envelope),
            byok=envelope.policy.byok,
            text_bytes=shape.text_bytes,
            images=shape.images,
            at=received_at(envelope),
        )


class Charge(NamedTuple):
    """`cost` is the provider's price, `billed` what the account owes; each in nano-units of its currency."""

    usage: Usage
    cost_nano: int
    currency: str
    billed_nano: int
    billed_currency: str


def charge(
    catalog: Catalog, route: Route, terms: Terms, outcome: Outcome, said: Usage | None, forwarded_bytes: int
) -> Charge:
    """`said`: what the provider stated it used, as far as it came. What no call can use is taken for nothing said."""
    if said is not None and max(counts_of(said)) > _MOST:
        said = None
    owed, usage = Usage(), said or Usage()
    if terms.free:
        pass
    elif outcome != OUTCOME_COMPLETED or said is None:
        usage = owed = chargeable(outcome, usage, forwarded_bytes, text_bytes=terms.text_bytes)
    else:
        owed = chargeable(outcome, said, forwarded_bytes)
    if terms.images and (usage.input or usage.output):
        usage.images = terms.images
        owed.images = usage.images if owed.input or owed.output else 0
    found = bill(catalog, route, owed, terms.at, terms.byok)
    return Charge(
        usage=usage,
        cost_nano=found.provider.total_nano,
        currency=found.provider.currency,
        billed_nano=found.billed.total_nano,
        billed_currency=found.billed.currency,
    )
