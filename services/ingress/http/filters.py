"""What the address of a list says: which filters, how much, from where on; what it cannot say is refused by name."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from multidict import MultiMapping

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.query_pb2 import UsageFilter

DEFAULT_LIMIT: Final = 100
MOST: Final = 1000  # entries of a page
USAGE: Final = frozenset({"request_id", "key", "model", "route", "status", "from", "to"})
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{0,512}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_LONGEST: Final = 512
_LATEST: Final = datetime(2500, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parameters of one request, each given once, none of them unknown. `zone` is the account's: of bare dates."""

    given: dict[str, str]
    zone: tzinfo

    @classmethod
    def of(cls, query: MultiMapping[str], known: Collection[str], zone: str = "UTC") -> "Asked":
        """Raises InvalidRequest naming the parameter."""
        given: dict[str, str] = {}
        for name, value in query.items():
            if name not in known:
                raise InvalidRequest(
                    f"there is no such parameter here; there are {', '.join(sorted(known))}", param=_safe(name)
                )
            if name in given:
                raise InvalidRequest(f"`{name}` is given twice; give it once", param=name)
            if len(value) > _LONGEST:
                raise InvalidRequest(f"`{name}` is longer than any there is", param=name)
            given[name] = value
        return cls(given=given, zone=zone_of(zone))

    def text(self, name: str) -> str:
        """As it stands; "" where it is not given. Given and empty narrows to nothing that exists, so it is refused."""
        value = self.given.get(name)
        if value == "":
            raise InvalidRequest(f"`{name}` is empty; leave it out, or say which", param=name)
        if value is not None and not value.isprintable():
            raise InvalidRequest(f"`{name}` holds what cannot be read", param=name)
        return value or ""

    def limit(self) -> int:
        value = self.given.get("limit")
        if value is None:
            return DEFAULT_LIMIT
        if not (_SECONDS.fullmatch(value) and 1 <= int(value) <= MOST):
            raise InvalidRequest(f"`limit` must be a number from 1 to {MOST}", param="limit")
        return int(value)

    def cursor(self) -> str:
        value = self.given.get("cursor", "")
        if not _CURSOR.fullmatch(value):
            raise InvalidRequest("`cursor` must be the `next` of the page before", param="cursor")
        return value

    def usage(self) -> UsageFilter:
        """Of the request log. A bare date is its first moment in the account's time zone; `to` is not included."""
        narrow = UsageFilter(
            request_id=self.text("request_id"),
            key_id=self.text("key"),
            model=self.text("model"),
            route=self.text("route"),
            status=self.text("status"),
        )
        narrow.from_ms, narrow.until_ms = self.times()
        return narrow

    def times(self) -> tuple[int, int]:
        """`from` and `to` in Unix milliseconds; 0 where one is not given. `to` is not included."""
        from_ms, until_ms = self._moment("from"), self._moment("to")
        if from_ms and until_ms and until_ms <= from_ms:
            raise InvalidRequest("`to` must lie after `from`", param="to")
        return from_ms, until_ms

    def _moment(self, name: str) -> int:
        """Unix milliseconds, at least 1; 0 where it is not given."""
        text = self.text(name)
        if not text:
            return 0
        try:
            at = self._read(text)
        except (ValueError, OverflowError, OSError):
            at = None
        if at is None or at > _LATEST:
            raise InvalidRequest(
                f"`{name}` must be a time such as 2026-11-21T09:30:00Z, a date, or Unix seconds", param=name
            )
        return max(1, round(at.timestamp() * 1000))

    def _read(self, text: str) -> datetime:
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), UTC)
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), self.zone)
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in an address that nobody escaped
        return at if at.tzinfo else at.replace(tzinfo=self.zone)


def zone_of(name: str) -> tzinfo:
    """The time zone; UTC where this machine has never heard of it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _safe(name: str) -> str:
    """A parameter's name as far as it can be repeated."""
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name[:64])
