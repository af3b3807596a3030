"""The books compared with each other in the real store: what agrees, and every harm that is done to one."""

import pytest

from libs.contracts.northern.v1.ledger_pb2 import TopUp
from libs.projection.facts import facts_in
from services.billing.books.reconcile import Cut, Reconciler, Report
from services.billing.books.sums import Pair
from services.billing.charges import charge
from services.custody.statements import canonical, statement
from tests.integration.billing.kept import CATALOG, Kept
from tests.support.money_facts import egress, finished, request_id

_FACTS = ("tenant", "request_id", "kind", "stream_seq", "idx", "at", "fact")


async def on_record(kept: Kept) -> None:
    """What custody writes of the same facts."""
    rows = []
    async for batch in kept.bus.follow("EVENTS"):
        if not batch:
            break
        for stored in batch:
            for one in facts_in(stored) or ():
                said = canonical(statement(one.fact)).decode()
                rows.append((one.fact.tenant, one.fact.request_id, one.kind, one.seq, one.idx, one.fact.at_ms, said))
        if rows[-1][3] == await kept.bus.last_seq("EVENTS"):
            break
    await kept.store.insert("facts", _FACTS, rows)


async def priced(kept: Kept, *numbers: int, tenant: str = "t_one") -> None:
    """Requests whose worker stated the right cost."""
    for n in numbers:
        begun, end = egress(n, tenant=tenant), finished(n, tenant=tenant)
        bill = charge(CATALOG, begun.egress, end.finished, end.at_ms).bill
        assert bill is not None
        end.finished.cost_nano = bill.provider.total_nano
        await kept.fact(begun)
        await kept.fact(end)


async def reconciled(reconciler: Reconciler) -> Report:
    return await reconciler.compare(Cut(), 10)


async def test_books_that_agree_reconcile_to_nothing(kept: Kept) -> None:
    await kept.journal(TopUp(op_id="t", account="t_one", amount_nano=10**12))
    await priced(kept, *range(10))
    await priced(kept, *range(20, 25), tenant="t_two")
    await on_record(kept)
    async with kept.projecting() as reconciler:
        report = await reconciled(reconciler)
    assert (report.differences, report.behind) == (0, ())
    assert {one.pair: one.left.entries for one in report.pairs} == {
        Pair.JOURNAL_COPY: 16,
        Pair.JOURNAL_LEDGER: 16,
        Pair.LEDGER_BALANCE: 2,
        Pair.LEDGER_USAGE: 15,
        Pair.FACTS_USAGE: 15,
    }
    assert all(one.left == one.right for one in report.pairs)


@pytest.mark.parametrize(
    ("harm", "pairs"),
    [
        ("ALTER TABLE usage DELETE WHERE request_id = '{id}'", {Pair.LEDGER_USAGE, Pair.FACTS_USAGE}),
        ("ALTER TABLE usage UPDATE cost = cost + 1 WHERE request_id = '{id}'", {Pair.LEDGER_USAGE}),
        ("ALTER TABLE usage UPDATE provider_cost = provider_cost + 1 WHERE request_id = '{id}'", {Pair.FACTS_USAGE}),
        (
            "ALTER TABLE ledger DELETE WHERE request_id = '{id}'",
            {Pair.JOURNAL_LEDGER, Pair.LEDGER_BALANCE, Pair.LEDGER_USAGE},
        ),
        ("ALTER TABLE ledger UPDATE balance_after = 1 WHERE type = 'deduction'", {Pair.LEDGER_BALANCE}),
        ("ALTER TABLE ledger_journal DELETE WHERE seq = 2", {Pair.JOURNAL_COPY}),
        ("ALTER TABLE ledger_journal UPDATE hash = 'x' WHERE seq = 2", {Pair.JOURNAL_COPY}),
        ("ALTER TABLE facts DELETE WHERE request_id = '{id}' AND kind = 'finished'", {Pair.FACTS_USAGE}),
    ],
)
async def test_every_harm_to_a_book_is_found(kept: Kept, harm: str, pairs: set[Pair]) -> None:
    await priced(kept, *range(5))
    await on_record(kept)
    async with kept.projecting() as reconciler:
        assert (await reconciled(reconciler)).differences == 0
        await kept.store.command(harm.format(id=request_id(2)) + " SETTINGS mutations_sync = 2")
        report = await reconciled(reconciler)
    assert {one.pair for one in report.pairs if one.differences} == pairs


async def test_a_request_that_was_finished_and_never_settled_is_found(kept: Kept) -> None:
    await priced(kept, 0)
    await kept.fact(egress(1))
    await kept.fact(finished(1), settled=False)
    await priced(kept, 2)
    await on_record(kept)
    async with kept.projecting() as reconciler:
        report = await reconciled(reconciler)
    assert {one.pair for one in report.pairs if one.differences} >= {Pair.LEDGER_USAGE}


async def test_a_journal_that_lost_its_end_is_found_by_its_copy(kept: Kept) -> None:
    await priced(kept, *range(3))
    await on_record(kept)
    async with kept.projecting() as reconciler:
        assert (await reconciled(reconciler)).differences == 0
        kept.bus._streams["LEDGER"].messages.pop()
        report = await reconciled(reconciler)
    assert {one.pair for one in report.pairs if one.differences} == {Pair.JOURNAL_COPY, Pair.JOURNAL_LEDGER}


async def test_a_copy_that_is_behind_is_said_to_be(kept: Kept) -> None:
    await priced(kept, 0)
    async with kept.projecting() as reconciler:  # custody wrote nothing
        await kept.until("SELECT count() FROM ledger_journal", lambda found: found > 0)
        report = await reconciler.compare(Cut(), 4)
    assert report.behind == ("facts",)
    assert report.differences == 0


async def test_the_job_goes_on_from_where_all_was_right_and_sets_the_metrics(kept: Kept) -> None:
    await priced(kept, *range(3))
    await on_record(kept)
    async with kept.projecting() as reconciler:
        await reconciler._job()
        assert reconciler._right.journal == 3
        assert 'ni_reconcile_difference{pair="ledger=usage"} 0.0' in kept.metrics.text().decode()
        await kept.fact(finished(1))  # a second end, later: ignored, and no difference in the window that holds it
        await priced(kept, 7)
        await kept.store.command("TRUNCATE TABLE facts")
        await on_record(kept)
        await reconciler._job()
        assert 'ni_reconcile_difference{pair="facts=usage"} 0.0' in kept.metrics.text().decode()
        assert reconciler._right.journal == 4
        await priced(kept, 8)
        await kept.store.command("TRUNCATE TABLE facts")
        await on_record(kept)
        await kept.until("SELECT count() FROM usage FINAL", lambda found: found == 5)
        await kept.store.command("ALTER TABLE usage UPDATE cost = 1 WHERE stream_seq > 9 SETTINGS mutations_sync = 2")
        await reconciler._job()
    assert 'ni_reconcile_difference{pair="ledger=usage"} 1.0' in kept.metrics.text().decode()
