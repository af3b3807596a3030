"""Rules of what the operator does to an account: opening it, money coming in, corrections."""

import re
from typing import Final

from libs.contracts.errors import CreditOnHold, InsufficientCredits
from libs.contracts.northern.v1.ledger_pb2 import (
    EFFECT_ADJUSTED,
    EFFECT_CREDITED,
    EFFECT_NONE,
    EFFECT_OPENED,
    Adjust,
    LedgerResult,
    OpenAccount,
    TopUp,
)
from libs.ledger.results import LARGEST_BOOK_NANO, LARGEST_NANO, bad_id, done, invalid, refused, unknown_account
from libs.ledger.state import Account, Books, State

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_LONGEST_NOTE: Final = 1_000


def open_account(state: State, op: OpenAccount) -> LedgerResult:
    """An account, in one currency for good; opening it again in the same changes nothing."""
    if bad_id(op.account):
        return invalid("account")
    if not _CURRENCY.fullmatch(op.currency):
        return invalid("currency")
    account = state.accounts.get(op.account)
    if account is None:
        books = state.books.setdefault(op.currency, Books())
        account = state.accounts[op.account] = Account(op.account, op.currency, books)
        return done(account, EFFECT_OPENED)
    if account.currency != op.currency:
        return invalid("currency")
    return done(account, EFFECT_NONE)


def top_up(state: State, op: TopUp) -> LedgerResult:
    """Money in."""
    account = state.accounts.get(op.account)
    if account is None:
        return unknown_account()
    if op.amount_nano <= 0 or account.books.cash - op.amount_nano < -LARGEST_BOOK_NANO:
        return invalid("amount_nano")
    if wrong := _wrong(op):
        return invalid(wrong)
    account.books.cash -= op.amount_nano
    account.balance += op.amount_nano
    return done(account, EFFECT_CREDITED, posted=op.amount_nano)


def adjust(state: State, op: Adjust) -> LedgerResult:
    """A correction. A deduction takes no more than stands free: what is held is promised to running requests."""
    account = state.accounts.get(op.account)
    if account is None:
        return unknown_account()
    if op.amount_nano == 0 or abs(account.books.adjustments - op.amount_nano) > LARGEST_BOOK_NANO:
        return invalid("amount_nano")
    if wrong := _wrong(op):
        return invalid(wrong)
    if op.amount_nano < 0:
        left = account.balance + op.amount_nano
        if left < 0:
            return refused(InsufficientCredits.code, "amount_nano", account)
        if left < account.held:
            return refused(CreditOnHold.code, "amount_nano", account)
    account.books.adjustments -= op.amount_nano
    account.balance += op.amount_nano
    return done(account, EFFECT_ADJUSTED, posted=op.amount_nano)


def _wrong(op: TopUp | Adjust) -> str:
    """The member that cannot be, or ""."""
    if abs(op.amount_nano) > LARGEST_NANO:
        return "amount_nano"
    if len(op.note) > _LONGEST_NOTE:
        return "note"
    return "by" if len(op.by) > _LONGEST_NOTE else ""
