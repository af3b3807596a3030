"""Two books of the same money side by side: counts and sums by account, and where they do not agree; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from libs.contracts.money import decimal_text
from services.billing.books.transactions import Booked, postings


class Pair(StrEnum):
    """What is compared with what."""

    JOURNAL_COPY = "journal=copy"  # the sealed batches, one by one
    JOURNAL_LEDGER = "journal=ledger"  # the operations in the journal, and the table of transactions
    LEDGER_BALANCE = "ledger=balance"  # transactions added up, and the balance that the last one states
    LEDGER_USAGE = "ledger=usage"  # deductions, and the rows of the request log that cost something
    FACTS_USAGE = "facts=usage"  # requests finished on record, and the rows of the request log


class Sum(NamedTuple):
    """So many entries, of so many nano-units in all."""

    entries: int
    nano: int


Book = Mapping[tuple[str, str], Sum]
"""By account, and by what kind of entry where there are several."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An account of which two books say different things."""

    tenant: str
    kind: str
    left: Sum
    right: Sum


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One pair: what each book comes to in all, and where they differ."""

    pair: Pair
    left: Sum
    right: Sum
    differences: tuple[Difference, ...]


@dataclass(kw_only=True)
class JournalBook:
    """The journal's operations added up, and the seals of its batches, as the broker has them."""

    sums: dict[tuple[str, str], Sum] = field(default_factory=dict)
    seals: dict[int, str] = field(default_factory=dict)

    def take(self, item: Booked) -> None:
        self.seals[item.seq] = item.batch.hash.hex()
        for posting in postings(item.batch):
            key = (posting.tenant, posting.type)
            entries, nano = self.sums.get(key, Sum(0, 0))
            self.sums[key] = Sum(entries + 1, nano + posting.amount)


def compared(pair: Pair, left: Book, right: Book) -> Compared:
    """Every account of either book."""
    found = tuple(
        Difference(tenant=key[0], kind=key[1], left=left.get(key, _NONE), right=right.get(key, _NONE))
        for key in sorted({*left, *right})
        if left.get(key, _NONE) != right.get(key, _NONE)
    )
    return Compared(pair=pair, left=_all(left.values()), right=_all(right.values()), differences=found)


def sealed_alike(left: Mapping[int, str], right: Mapping[int, str]) -> Compared:
    """The batches of the journal and of its copy, each by its sequence."""
    wrong = [seq for seq in sorted({*left, *right}) if left.get(seq) != right.get(seq)]
    found = tuple(
        Difference(tenant="", kind=f"batch {seq}", left=Sum(int(seq in left), 0), right=Sum(int(seq in right), 0))
        for seq in wrong
    )
    return Compared(pair=Pair.JOURNAL_COPY, left=Sum(len(left), 0), right=Sum(len(right), 0), differences=found)


def reported(one: Compared, most: int = 100) -> dict[str, Any]:
    """As plain values, with the first differences."""
    return {
        "pair": one.pair.value,
        "left": _told(one.left),
        "right": _told(one.right),
        "differences": len(one.differences),
        "first": [
            {"tenant": each.tenant, "kind": each.kind, "left": _told(each.left), "right": _told(each.right)}
            for each in one.differences[:most]
        ],
    }


_NONE = Sum(0, 0)


def _all(sums: Iterable[Sum]) -> Sum:
    listed = list(sums)
    return Sum(sum(each.entries for each in listed), sum(each.nano for each in listed))


def _told(each: Sum) -> dict[str, Any]:
    return {"entries": each.entries, "amount": decimal_text(each.nano)}
