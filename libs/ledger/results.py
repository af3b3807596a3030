"""What an operation is answered with, and what every operation is checked for."""

from typing import Final

from libs.contracts.errors import InvalidRequest, NotFound
from libs.contracts.northern.v1.ledger_pb2 import Effect, LedgerResult
from libs.ledger.state import Account

LONGEST_ID: Final = 255
LARGEST_NANO: Final = 10**17  # of one operation: a hundred million units
LARGEST_BOOK_NANO: Final = 4 * 10**18  # of each of the operator's books: then no account's balance leaves 64 bits


def done(account: Account, effect: Effect, *, posted: int = 0, overrun: int = 0) -> LedgerResult:
    result = LedgerResult(effect=effect, balance_nano=account.balance, held_nano=account.held)
    if posted:
        result.posted_nano = posted
    if overrun:
        result.overrun_nano = overrun
    return result


def refused(code: str, param: str = "", account: Account | None = None, *, retry_after_ms: int = 0) -> LedgerResult:
    if account is None:
        return LedgerResult(code=code, param=param)
    return LedgerResult(
        code=code,
        param=param,
        balance_nano=account.balance,
        held_nano=account.held,
        retry_after_ms=retry_after_ms,
    )


def invalid(param: str) -> LedgerResult:
    return refused(InvalidRequest.code, param)


def unknown_account() -> LedgerResult:
    return refused(NotFound.code, "account")


def bad_id(text: str) -> bool:
    """Empty, or longer than anything that identifies something here."""
    return not 0 < len(text) <= LONGEST_ID
