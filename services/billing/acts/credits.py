"""Credit that was given or taken back, stated as an administrative act: from the journal, so that none is missed."""

from typing import Final

from libs.auth.acts import administered
from libs.bus.base import Bus
from libs.contracts.errors import BusUnavailable, Overloaded, StoreUnavailable
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.facts_pb2 import FactBatch
from libs.contracts.northern.v1.ledger_pb2 import EFFECT_ADJUSTED, EFFECT_CREDITED
from libs.contracts.subjects import fact as fact_subject
from libs.contracts.subjects import shard_of
from services.billing.books.transactions import Booked, postings

_NOBODY: Final = "northern"  # what the street does by itself, such as an opening deposit


async def stated(bus: Bus, item: Booked) -> None:
    """Durable when this returns; the same batch stated again is the same acts. Raises StoreUnavailable: later."""
    for number, posting in enumerate(postings(item.batch)):
        if posting.result.effect not in (EFFECT_CREDITED, EFFECT_ADJUSTED):
            continue
        given = posting.entry.top_up if posting.result.effect == EFFECT_CREDITED else posting.entry.adjust
        if given.by in ("", _NOBODY):
            continue
        fact = administered(
            act_id=f"credit:{item.shard}:{posting.op}",
            at_ms=item.batch.at_ms,
            verb="credit",
            tenant=posting.tenant,
            actor=given.by,
            standing="platform_admin",  # nobody else may
            actor_tenant="",
            target=posting.tenant,
            answer={"amount": decimal_text(posting.amount)},
        )
        subject = fact_subject("admin", shard_of(posting.tenant))
        batch = FactBatch(facts=[fact]).SerializeToString()
        try:
            await bus.append(subject, batch, msg_id=f"credit-{item.shard}-{item.seq}-{number}")
        except (BusUnavailable, Overloaded) as error:
            raise StoreUnavailable("the record cannot be written right now") from error
