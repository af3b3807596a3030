"""What a finished request is charged, from its facts alone: the ledger's settlement and the usage row are both this."""

from dataclasses import dataclass
from datetime import UTC, datetime

from libs.catalog.billing.bill import Bill, bill
from libs.catalog.billing.charging import chargeable
from libs.catalog.describe import BYOK
from libs.catalog.model import Catalog
from libs.contracts.ids import REQUEST_ID
from libs.contracts.northern.v1.envelope_pb2 import OPERATION_GENERATE
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, Finished
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage

LONGEST_NAME = 64  # of accounts and keys


@dataclass(frozen=True, kw_only=True, slots=True)
class Charge:
    """`bill` None: of a route that no catalogue knows, so nothing can be asked for it. Amounts in nano-units.

    `route`: where the request went.
    """

    usage: Usage
    route: RouteFacts
    bill: Bill | None

    @property
    def total_nano(self) -> int:
        """What leaves the account: amount and fee."""
        return self.bill.billed.total_nano if self.bill else 0

    @property
    def fee_nano(self) -> int:
        return self.bill.billed.fee_nano if self.bill else 0

    @property
    def amount_nano(self) -> int:
        return self.total_nano - self.fee_nano


def charge(catalog: Catalog, egress: Egress, finished: Finished, at_ms: int) -> Charge:
    """The charge on the terms of the moment the request came in, by which its hold was reckoned; `at_ms` where unknown.

    `egress` is the record of the attempt that `finished` speaks of. Counting tokens costs nothing.
    """
    used = Usage()
    if egress.operation == OPERATION_GENERATE:
        used = chargeable(finished.outcome, finished.usage, finished.output_bytes)
    said = finished.route if finished.route.route_id else egress.route  # as the end states it, else as the intent did
    route = catalog.route(said.route_id)
    if route is None:
        return Charge(usage=used, route=said, bill=None)
    at = datetime.fromtimestamp((egress.received_at_ms or at_ms) / 1000, UTC)
    card = catalog.rate_cards.get(finished.rate_card)
    billed = bill(catalog, route, used, at, said.credential_source == BYOK, card=card)
    return Charge(usage=used, route=said, bill=billed)


def has_account(fact: Fact, egress: Egress) -> bool:
    """Whether the names in a fact can be those of an account, a key and a request; others cannot be charged."""
    named = 0 < len(fact.tenant) <= LONGEST_NAME and len(egress.key_id) <= LONGEST_NAME
    return named and REQUEST_ID.fullmatch(fact.request_id) is not None
