"""What the ledger's refusals mean for the caller, as errors in sentences."""

from libs.catalog.billing.terms import ACCOUNT_CURRENCY
from libs.contracts.errors import (
    OUR_FAULT,
    BillingUnavailable,
    CreditOnHold,
    HoldNotOpen,
    IdempotencyMismatch,
    IdempotentReplay,
    InsufficientCredits,
    Internal,
    InvalidRequest,
    NorthernError,
    NotFound,
    RateLimitExceeded,
    SpendCapReached,
    catalogue,
)
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply
from services.worker.money.asking import unavailable

_CLASSES = catalogue()
_CAPS = {
    "max_spend_per_day": "this key's max_spend_per_day leaves for today",
    "budget_per_month": "the account's budget for the month leaves",
}
_RATES = {
    "requests": "this key's requests per minute are used up",
    "tokens": "this key's tokens per minute are used up",
    "concurrency": "this key has as many requests running as it may",
}
_LARGER = "this request alone is larger than this key's tokens per minute; send a smaller one or a smaller max_tokens"


def refusal(reply: LedgerReply, amount_nano: int) -> NorthernError:
    """The error of a reply that has a code; `amount_nano` is what was asked for."""
    match reply.code:
        case InsufficientCredits.code:
            return InsufficientCredits(_too_little(reply, amount_nano))
        case SpendCapReached.code:
            return SpendCapReached(_too_much(reply, amount_nano))
        case CreditOnHold.code:
            return CreditOnHold(
                "The credit left is held by requests that are still running; try again when they are over.",
                retry_after_ms=reply.retry_after_ms,
            )
        case RateLimitExceeded.code:
            return _rate(reply)
        case IdempotentReplay.code:
            first = reply.first_request_id
            return IdempotentReplay(
                f"This Idempotency-Key was used by request {first}, which is not run again and not charged again. "
                f"Its record is at /api/usage/custody/{first}; for another request send another key.",
                first_request_id=first,
            )
        case BillingUnavailable.code | HoldNotOpen.code:
            return unavailable()
        case NotFound.code:  # no money ever came in, so the ledger does not know the account
            return InsufficientCredits(_too_little(reply, amount_nano))
        case InvalidRequest.code | IdempotencyMismatch.code:
            return Internal(OUR_FAULT)
        case code:
            kind = _CLASSES.get(code, Internal)
            return kind(reply.message or "the request was refused; try again later")


def _too_little(reply: LedgerReply, amount_nano: int) -> str:
    most, left = (f"{decimal_text(nano)} {ACCOUNT_CURRENCY}" for nano in (amount_nano, reply.balance_nano))
    return (
        f"Insufficient credits: this request may cost up to {most} and the account has {left}. "
        "Top up your account, or ask for less with a smaller max_tokens."
    )


def _too_much(reply: LedgerReply, amount_nano: int) -> str:
    most = f"{decimal_text(amount_nano)} {ACCOUNT_CURRENCY}"
    left = _CAPS.get(reply.param, "a limit of spending leaves")
    return (
        f"Spending limit: this request may cost up to {most}, more than {left}. Nothing was sent and nothing is "
        "charged. Ask for less with a smaller max_tokens, raise the limit, or wait until it begins anew."
    )


def _rate(reply: LedgerReply) -> NorthernError:
    if reply.param == "tokens" and not reply.retry_after_ms:
        return RateLimitExceeded(f"Rate limit: {_LARGER}.", param="max_tokens")
    said = _RATES.get(reply.param, "this key asks too often")
    wait = f"in {-(-reply.retry_after_ms // 1000)} s" if reply.retry_after_ms else "in a moment"
    return RateLimitExceeded(f"Rate limit: {said}; try again {wait}.", retry_after_ms=reply.retry_after_ms)
