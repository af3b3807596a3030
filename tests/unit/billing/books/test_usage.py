"""A row of the request log: made of facts, shown to its account in the API's words."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from libs.catalog.load import load
from libs.contracts.northern.v1.facts_pb2 import Fact, Outcome
from libs.contracts.northern.v1.frames_pb2 import Usage
from services.billing.books import usage
from services.billing.books.calls import Ended
from services.billing.charges import charge
from tests.support.money_facts import AT_MS, egress, finished, placed, request_id

CATALOG = load(Path("infra/config"))
# API.md's own list of members.
MEMBERS = """
    request_id created model route status prompt_tokens completion_tokens total_tokens reasoning_tokens cached_tokens
    image_parts cost provider_cost currency latency_ms first_byte_ms
""".split()


def made(begun: Fact, end: Fact) -> dict[str, Any]:
    row = usage.row(CATALOG, Ended(placed(9, end), begun.egress))
    assert row is not None
    kept = dict(zip(usage.COLUMNS, (*row, 5), strict=True))
    for name in ("created", "finished"):
        kept[name] = datetime.fromtimestamp(kept[name] / 1000, UTC)
    return kept


def test_a_row_has_every_member_the_api_promises() -> None:
    used = Usage(input=900, cache_read=50, cache_write_5m=30, cache_write_1h=20, output=200, reasoning=120, images=2)
    shown = usage.shown(made(egress(), finished(usage=used)))
    assert set(MEMBERS) <= shown.keys()
    assert (shown["request_id"], shown["created"], shown["status"]) == (request_id(), AT_MS // 1000, "completed")
    assert (shown["prompt_tokens"], shown["completion_tokens"], shown["total_tokens"]) == (1000, 200, 1200)
    assert (shown["reasoning_tokens"], shown["cached_tokens"], shown["image_parts"]) == (120, 50, 2)
    assert (shown["latency_ms"], shown["first_byte_ms"]) == (40, 9)


def test_a_rows_cost_is_the_charge_and_the_sum_of_its_breakdown() -> None:
    end = finished()
    shown = orjson.loads(orjson.dumps(usage.shown(made(egress(), end))))
    charged = charge(CATALOG, egress().egress, end.finished, end.at_ms)
    why = shown["breakdown"]
    assert Decimal(shown["cost"]) == Decimal(charged.total_nano).scaleb(-9)
    assert Decimal(shown["cost"]) == sum(Decimal(one["amount"]) for one in why["buckets"]) + Decimal(why["fee"])
    assert Decimal(shown["provider_cost"]) == sum(Decimal(one["provider_amount"]) for one in why["buckets"])


def test_what_was_free_shows_that_nothing_was_used() -> None:
    shown = usage.shown(made(egress(), finished(outcome=Outcome.OUTCOME_FAILED)))
    assert (shown["status"], shown["cost"], shown["total_tokens"]) == ("failed", "0.00", 0)


def test_a_session_has_no_key() -> None:
    assert usage.shown(made(egress(key=""), finished()))["key_id"] is None


def test_a_name_that_a_caller_made_up_is_kept_within_bounds() -> None:
    assert len(made(egress(model="m" * 10_000), finished())["model"]) == 256


def test_an_id_that_nobody_issued_makes_no_row() -> None:
    end = finished()
    end.request_id = "not-an-id-at-all"
    assert usage.row(CATALOG, Ended(placed(9, end), egress().egress)) is None


def test_the_same_facts_make_the_same_row() -> None:
    assert made(egress(), finished()) == made(egress(), finished())
