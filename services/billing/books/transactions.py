"""An account's transactions: what each operation of the journal did to a balance, kept in `ledger`, shown to it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from libs.bus.base import Stored
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1 import ledger_pb2 as pb
from libs.contracts.northern.v1.ledger_pb2 import JournalBatch, LedgerOp, LedgerResult
from libs.ledger.chain import read as read_batch
from libs.ledger.seal import LedgerBroken
from libs.projection.base import UnreadableError

TABLE: Final = "ledger"
COLUMNS: Final = tuple(
    """
    tenant shard op type amount balance_after fee overrun effect request_id key_id note made_by created stream_seq seq
    """.split()
)
JOURNAL: Final = "ledger_journal"
JOURNAL_COLUMNS: Final = tuple("shard seq first_op ops epoch stream_seq at prev_hash hash batch".split())
TYPES: Final = ("deposit", "deduction", "adjustment")
_EFFECTS: Final = {number: name.removeprefix("EFFECT_").lower() for name, number in pb.Effect.items()}
_CHARGED: Final = frozenset({pb.EFFECT_SETTLED, pb.EFFECT_LATE, pb.EFFECT_UNHELD})


class Booked(NamedTuple):
    """A batch of the journal at its place in LEDGER."""

    seq: int
    shard: int
    batch: JournalBatch
    raw: bytes


class Posting(NamedTuple):
    """What one operation did to one account's balance, in nano-units; `amount` is what came to it."""

    op: int
    tenant: str
    type: str
    amount: int
    entry: LedgerOp
    result: LedgerResult


def booked(message: Stored) -> list[Booked] | None:
    """The batch of a message of LEDGER whose seal holds. Raises UnreadableError."""
    shard = message.subject.removeprefix("ledger.")
    if not shard.isdecimal():
        return None
    try:
        return [Booked(message.seq, int(shard), read_batch(message.data), message.data)]
    except LedgerBroken as error:
        raise UnreadableError("seal") from error


def operations(item: Booked) -> int:
    """How many there are in a batch; one without any is one row, too."""
    return len(item.batch.ops) or 1


def postings(batch: JournalBatch) -> Iterator[Posting]:
    """Of each operation that moved a balance; a request that was free moved none."""
    for number, (entry, result) in enumerate(zip(batch.ops, batch.results, strict=True), start=batch.first_op):
        if result.code or not result.posted_nano:
            continue
        if result.effect in _CHARGED:
            yield Posting(number, entry.settle.account, "deduction", -result.posted_nano, entry, result)
        elif result.effect == pb.EFFECT_CREDITED:
            yield Posting(number, entry.top_up.account, "deposit", result.posted_nano, entry, result)
        elif result.effect == pb.EFFECT_ADJUSTED:
            yield Posting(number, entry.adjust.account, "adjustment", result.posted_nano, entry, result)


def rows(item: Booked) -> Iterator[tuple[Any, ...]]:
    """The values of COLUMNS."""
    for posting in postings(item.batch):
        settle, given = posting.entry.settle, _given(posting)
        yield (
            posting.tenant,
            item.shard,
            posting.op,
            posting.type,
            posting.amount,
            posting.result.balance_nano,
            settle.fee_nano,
            posting.result.overrun_nano,
            _EFFECTS[posting.result.effect],
            settle.request_id,
            settle.key_id,
            given.note if given else "",
            given.by if given else "",
            item.batch.at_ms,
            settle.stream_seq,
            item.seq,
        )


def journal_row(item: Booked) -> tuple[Any, ...]:
    """The values of JOURNAL_COLUMNS."""
    batch = item.batch
    return (
        item.shard,
        item.seq,
        batch.first_op,
        len(batch.ops),
        batch.epoch,
        batch.stream_seq,
        batch.at_ms,
        batch.prev_hash.hex(),
        batch.hash.hex(),
        item.raw,
    )


def shown(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A transaction as its account sees it; a deduction is negative, so that the amounts add up to the balance."""
    return {
        "id": f"tx_{kept['shard']:02x}{kept['op']:014x}",
        "object": "transaction",
        "type": kept["type"],
        "amount": decimal_text(kept["amount"]),
        "balance_after": decimal_text(kept["balance_after"]),
        "request_id": kept["request_id"] or None,
        "note": kept["note"] or None,
        "created": int(kept["created"].timestamp()),
    }


def _given(posting: Posting) -> pb.TopUp | pb.Adjust | None:
    match posting.type:
        case "deposit":
            return posting.entry.top_up
        case "adjustment":
            return posting.entry.adjust
        case _:
            return None
