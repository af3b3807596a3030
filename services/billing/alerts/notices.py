"""What an alert says, and how it is signed: a body, an id that the same news always has, the headers of one attempt."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from libs.auth.webhooks import signature, signing_secret
from libs.contracts.money import decimal_text
from services.billing.alerts.budgets import Spending

PLATFORM = "platform"  # whose webhook the deployment's own alerts go to; ids of accounts look different


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """`id` is the same for the same news, so that whoever gets it twice can tell."""

    id: str
    url: str = field(repr=False)  # may hold a token of the receiver's
    secret: str = field(repr=False)
    body: bytes

    def headers(self, at_s: int) -> dict[str, str]:
        """Of one attempt (https://www.standardwebhooks.com)."""
        return {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature(self.secret, self.id, at_s, self.body),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """Where the alerts of an account go; `version` is of the secret that they are signed with."""

    url: str = field(repr=False)
    version: int

    def notice(self, key: bytes, owner: str, news: Sequence[object], body: Mapping[str, Any]) -> Notice:
        """Under the secret derived from `key`. `news` is what makes it another piece of news."""
        named = "|".join((owner, *(str(each) for each in news)))
        return Notice(
            id=f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}",
            url=self.url,
            secret=signing_secret(key, owner, self.version),
            body=orjson.dumps(body),
        )


def of_budget(
    key: bytes, receiver: Receiver, tenant: str, currency: str, now: Spending, percent: int, at_ms: int
) -> Notice:
    """A threshold of the month's budget is reached."""
    data = {
        "tenant": tenant,
        "month": now.month,
        "threshold_percent": percent,
        "spent": decimal_text(now.spent_nano),
        "budget": decimal_text(now.budget_nano),
        "currency": currency,
    }
    news = ("budget.threshold", now.month, now.budget_nano, percent)
    return receiver.notice(key, tenant, news, _body("budget.threshold", at_ms, data))


def of_books(key: bytes, receiver: Receiver, day: str, pairs: Mapping[str, int], at_ms: int) -> Notice:
    """Books of the same money say different things: for how many accounts or batches, by pair of books."""
    data = {"day": day, "pairs": [{"pair": name, "differences": count} for name, count in sorted(pairs.items())]}
    news = ("books.differ", day, *sorted(pairs))
    return receiver.notice(key, PLATFORM, news, _body("books.differ", at_ms, data))


def _body(kind: str, at_ms: int, data: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"type": kind, "timestamp": at, "data": data}
