"""Billing's books in the real store: rows once whatever is replayed, pages and sums."""

import asyncio
from typing import Any

import orjson

from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.ledger_pb2 import TopUp
from libs.contracts.northern.v1.query_pb2 import ListTold, SheetTold, TotalsAsk, TransactionsAsk, UsageAsk, UsageFilter
from services.billing.books.cursors import cursor
from services.billing.books.desk import Desk
from services.billing.books.queries import Queries
from tests.integration.billing.kept import Kept
from tests.support.money_facts import AT_MS, egress, finished, request_id


async def requests(kept: Kept, first: int, last: int, tenant: str = "t_one", **more: Any) -> None:
    for n in range(first, last):
        await kept.fact(egress(n, tenant=tenant))
        await kept.fact(finished(n, tenant=tenant, **more))


async def listed(kept: Kept, **ask: Any) -> ListTold:
    asked = UsageAsk(**{"tenant": "t_one", **ask}).SerializeToString()
    told = ListTold.FromString(await Desk(queries=Queries(kept.store)).usage(asked))
    assert not told.HasField("failure"), told.failure
    return told


def ids(told: ListTold) -> list[str]:
    return [orjson.loads(entry)["request_id"] for entry in told.entries]


async def table(kept: Kept) -> list[dict[str, Any]]:
    return await kept.rows("SELECT * EXCEPT (open_from) FROM usage FINAL ORDER BY tenant, request_id")


async def test_a_row_is_there_as_soon_as_its_request_is_finished(kept: Kept) -> None:
    async with kept.projecting():
        await requests(kept, 0, 1)
        async with asyncio.timeout(2):
            await kept.until("SELECT count() FROM usage", lambda found: found == 1)
            await kept.until("SELECT count() FROM ledger", lambda found: found == 1)
    (row,) = await table(kept)
    (entry,) = await kept.rows("SELECT * FROM ledger")
    assert entry["amount"] == -row["cost"] < 0
    assert entry["request_id"] == row["request_id"] == request_id(0)


async def test_a_restart_in_the_middle_of_requests_makes_each_row_once(kept: Kept) -> None:
    for round_ in range(3):
        async with kept.projecting():
            # An egress of this round ends in the next one: its record must be read again.
            await kept.fact(egress(900 + round_))
            await requests(kept, 10 * round_, 10 * round_ + 10)
            if round_:
                await kept.fact(finished(900 + round_ - 1))
            await kept.until(f"SELECT count() >= {10 * (round_ + 1) + round_} FROM usage", bool)
    rows = await kept.rows(
        "SELECT count() AS rows, uniqExact(request_id) AS ids, countIf(key_id = '') AS lost FROM usage"
    )
    assert rows == [{"rows": 32, "ids": 32, "lost": 0}]


async def test_reading_the_whole_stream_again_changes_no_row(kept: Kept) -> None:
    await requests(kept, 0, 20)
    await kept.journal(TopUp(op_id="t", account="t_one", amount_nano=10**9))
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 20)
        await kept.until("SELECT count() FROM ledger", lambda found: found == 21)
    before = await table(kept), await kept.rows("SELECT * FROM ledger FINAL ORDER BY op")
    # A store that has lost its position, with its rows still there: every block comes again under other bounds.
    await requests(kept, 20, 21)
    for name in ("usage", "ledger", "ledger_journal"):
        await kept.store.command(f"CREATE TABLE IF NOT EXISTS old_{name} AS {name}")
        await kept.store.command(f"TRUNCATE TABLE old_{name}")
        await kept.store.command(f"INSERT INTO old_{name} SELECT * FROM {name}")
        await kept.store.command(f"TRUNCATE TABLE {name}")
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 21)
        await kept.until("SELECT count() FROM ledger", lambda found: found == 22)
    for name in ("usage", "ledger"):
        await kept.store.command(f"INSERT INTO {name} SELECT * FROM old_{name}")
    after = await table(kept), await kept.rows("SELECT * FROM ledger FINAL ORDER BY op")
    assert (after[0][:20], after[1][:21]) == before
    assert (len(after[0]), len(after[1])) == (21, 22)
    (sums,) = await totals(kept, "day")
    assert sums["requests"] == 21


async def test_of_two_ends_the_first_makes_the_row(kept: Kept) -> None:
    async with kept.projecting():
        await kept.fact(egress(1))
        await kept.fact(finished(1, outcome=Outcome.OUTCOME_FAILED))
        await kept.fact(finished(1))
        await kept.fact(egress(2))
        await kept.fact(finished(2))
        await kept.until("SELECT count() FROM usage", lambda found: found == 2)
    assert [row["status"] for row in await table(kept)] == ["failed", "completed"]


async def test_pages_hold_every_request_once_newest_first(kept: Kept) -> None:
    await requests(kept, 0, 25)
    await requests(kept, 0, 3, tenant="t_two")
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 28)
    found: list[str] = []
    told = await listed(kept, limit=10)
    while True:
        found += ids(told)
        if not told.next:
            break
        told = await listed(kept, limit=10, cursor=told.next)
    assert found == [request_id(n) for n in reversed(range(25))]
    assert ids(await listed(kept, tenant="t_two")) == [request_id(n) for n in (2, 1, 0)]
    assert ids(await listed(kept, tenant="t_three")) == []


async def test_every_filter_narrows_and_none_reaches_another_account(kept: Kept) -> None:
    await kept.fact(egress(0, key="k_a", model="m-a"))  # the first id that its millisecond has
    await kept.fact(finished(0))
    await kept.fact(egress(2, at_ms=AT_MS + 86_400_000))
    await kept.fact(finished(2, at_ms=AT_MS + 86_400_000, outcome=Outcome.OUTCOME_FAILED))
    await requests(kept, 3, 4, tenant="t_two")
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 3)
    one, two = request_id(0), request_id(2, AT_MS + 86_400_000)
    for narrow, expected in (
        ({"request_id": one}, [one]),
        ({"request_id": request_id(3)}, []),
        ({"key_id": "k_a"}, [one]),
        ({"model": "m-a"}, [one]),
        ({"model": "m-a' OR '1'='1"}, []),
        ({"route": "azure/gpt-4.1-mini-ca"}, [two, one]),
        ({"status": "failed"}, [two]),
        ({"from_ms": AT_MS}, [two, one]),
        ({"from_ms": AT_MS + 1}, [two]),
        ({"until_ms": AT_MS + 1}, [one]),
        ({"until_ms": AT_MS}, []),
    ):
        assert ids(await listed(kept, filter=UsageFilter(**narrow))) == expected, narrow


async def totals(kept: Kept, by: str, **ask: Any) -> list[dict[str, Any]]:
    asked = TotalsAsk(**{"tenant": "t_one", "by": by, **ask}).SerializeToString()
    told = ListTold.FromString(await Desk(queries=Queries(kept.store)).totals(asked))
    assert not told.HasField("failure"), told.failure
    return [orjson.loads(entry) for entry in told.entries]


async def test_totals_are_the_sums_of_their_rows(kept: Kept) -> None:
    await requests(kept, 0, 4)
    midnight_utc = AT_MS - AT_MS % 86_400_000 + 86_400_000
    await kept.fact(egress(9, at_ms=midnight_utc, model="other", key=""))
    await kept.fact(finished(9, at_ms=midnight_utc))
    await requests(kept, 0, 2, tenant="t_two")
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 7)
    days = await totals(kept, "day")
    assert [(day["day"], day["requests"]) for day in days] == [("2026-11-22", 1), ("2026-11-21", 4)]
    in_toronto = await totals(kept, "day", time_zone="America/Toronto")
    assert [(day["day"], day["requests"]) for day in in_toronto] == [("2026-11-21", 5)]
    (row,) = [orjson.loads(entry) for entry in (await listed(kept, limit=1)).entries]
    per_key = {one["key"]: one for one in await totals(kept, "key")}
    assert per_key.keys() == {None, "k_one"}
    assert per_key[None] == {
        "key": None,
        "object": "usage.total",
        "requests": 1,
        **{name: row[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens")},
        **{name: row[name] for name in ("cached_tokens", "cache_write_tokens", "image_parts", "cost", "currency")},
        "provider_costs": {row["provider_currency"]: row["provider_cost"]},
    }
    assert [one["model"] for one in await totals(kept, "model")] == ["gpt-4.1-mini", "other"]
    assert [one["task"] for one in await totals(kept, "task")] == [None]


async def test_totals_come_in_pages_too(kept: Kept) -> None:
    for n in range(5):
        await kept.fact(egress(n, model=f"m-{n}"))
        await kept.fact(finished(n))
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 5)
    desk, found, after = Desk(queries=Queries(kept.store)), [], ""
    while True:
        ask = TotalsAsk(tenant="t_one", by="model", limit=2, cursor=after).SerializeToString()
        told = ListTold.FromString(await desk.totals(ask))
        found += [orjson.loads(entry)["model"] for entry in told.entries]
        after = told.next
        if not after:
            break
    assert found == [f"m-{n}" for n in range(5)]


async def test_days_come_in_pages_latest_first(kept: Kept) -> None:
    for n in range(3):
        at_ms = AT_MS + n * 86_400_000
        await kept.fact(egress(n, at_ms=at_ms))
        await kept.fact(finished(n, at_ms=at_ms))
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 3)
    desk = Desk(queries=Queries(kept.store))
    first = ListTold.FromString(await desk.totals(TotalsAsk(tenant="t_one", by="day", limit=2).SerializeToString()))
    assert [orjson.loads(entry)["day"] for entry in first.entries] == ["2026-11-23", "2026-11-22"]
    (last,) = await totals(kept, "day", cursor=first.next)
    assert last["day"] == "2026-11-21"
    forged = TotalsAsk(tenant="t_one", by="day", cursor=cursor("d", "yesterday")).SerializeToString()
    assert ListTold.FromString(await desk.totals(forged)).failure.param == "cursor"


async def test_a_row_that_was_written_twice_counts_once_everywhere(kept: Kept) -> None:
    await requests(kept, 0, 3)
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 3)
        await kept.until("SELECT count() FROM ledger", lambda found: found == 3)
    for name in ("usage", "ledger"):  # as two readers that did not know of each other would
        await kept.store.command(f"SYSTEM STOP MERGES {name}")
        await kept.store.command(f"INSERT INTO {name} SELECT * FROM {name}")
    try:
        assert await kept.rows("SELECT count() AS n FROM usage") == [{"n": 6}]
        pages = [await listed(kept, limit=2)]
        while pages[-1].next:
            pages.append(await listed(kept, limit=2, cursor=pages[-1].next))
        assert [one for page in pages for one in ids(page)] == [request_id(n) for n in (2, 1, 0)]
        (day,) = await totals(kept, "day")
        assert day["requests"] == 3
        ask = TransactionsAsk(tenant="t_one").SerializeToString()
        assert len(ListTold.FromString(await Desk(queries=Queries(kept.store)).transactions(ask)).entries) == 3
    finally:
        for name in ("usage", "ledger"):
            await kept.store.command(f"SYSTEM START MERGES {name}")


async def test_transactions_are_listed_newest_first_in_pages(kept: Kept) -> None:
    await kept.journal(TopUp(op_id="t", account="t_one", amount_nano=10**9, note="first"))
    await kept.journal(TopUp(op_id="u", account="t_two", amount_nano=10**9))
    await requests(kept, 0, 5)
    async with kept.projecting():
        await kept.until("SELECT count() FROM ledger", lambda found: found == 7)
    desk, found, after = Desk(queries=Queries(kept.store)), [], ""
    while True:
        ask = TransactionsAsk(tenant="t_one", limit=2, cursor=after).SerializeToString()
        told = ListTold.FromString(await desk.transactions(ask))
        found += [orjson.loads(entry) for entry in told.entries]
        after = told.next
        if not after:
            break
    assert [one["type"] for one in found] == ["deduction"] * 5 + ["deposit"]
    assert [one["request_id"] for one in found] == [request_id(n) for n in reversed(range(5))] + [None]
    of_type = TransactionsAsk(tenant="t_one", type="deposit").SerializeToString()
    (entry,) = ListTold.FromString(await desk.transactions(of_type)).entries
    assert orjson.loads(entry)["note"] == "first"


async def test_a_sheet_holds_every_row_in_pieces(kept: Kept) -> None:
    await requests(kept, 0, 5)
    async with kept.projecting():
        await kept.until("SELECT count() FROM usage", lambda found: found == 5)
    desk, csv, after = Desk(queries=Queries(kept.store)), b"", ""
    while True:
        ask = UsageAsk(tenant="t_one", limit=2, cursor=after).SerializeToString()
        told = SheetTold.FromString(await desk.export(ask))
        csv, after = csv + told.csv, told.next
        if not after:
            break
    lines = csv.decode().split("\r\n")
    assert lines[0].startswith("request_id,created,")
    assert [line[:16] for line in lines[1:-1]] == [request_id(n) for n in reversed(range(5))]


async def test_bad_questions_are_refused_by_name(kept: Kept) -> None:
    desk = Desk(queries=Queries(kept.store))
    for ask, param in (
        (UsageAsk(tenant="t_one", cursor="zzzz"), "cursor"),
        (UsageAsk(tenant="t_one", filter=UsageFilter(request_id="g")), "request_id"),
        (UsageAsk(tenant="t_one", filter=UsageFilter(status="lost")), "status"),
        (UsageAsk(), ""),
    ):
        told = ListTold.FromString(await desk.usage(ask.SerializeToString()))
        assert (told.failure.code, told.failure.param) == ("invalid_request", param)
    wrong = ListTold.FromString(await desk.totals(TotalsAsk(tenant="t", by="hour").SerializeToString()))
    assert wrong.failure.param == "totals"
    assert ListTold.FromString(await desk.usage(b"\xff\xff")).failure.code == "invalid_request"
