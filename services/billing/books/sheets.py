"""The request log as lines of CSV (RFC 4180) that a spreadsheet shows and never runs."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

COLUMNS: Final = tuple(
    """
    request_id created key_id model route tier provider region credential_source dialect surface operation task stream
    status error_code attempts prompt_tokens cached_tokens cache_write_tokens completion_tokens reasoning_tokens
    total_tokens image_parts estimated cost currency provider_cost provider_currency latency_ms first_byte_ms
    """.split()
)
# What a spreadsheet takes for the beginning of a formula (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def heading() -> bytes:
    return _lines([COLUMNS])


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """One line for each row as `usage.shown` has it; the breakdown stays out of it."""
    return _lines([_cell(name, row[name]) for name in COLUMNS] for row in rows)


def _cell(name: str, value: Any) -> str:
    if name == "created":
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if value.startswith(_FORMULA):
            return f"'{value}"
        case _:
            return str(value)


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8", "replace")
