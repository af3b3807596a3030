"""The comparison of the books: each difference that must not be is found."""

from libs.contracts.northern.v1.facts_pb2 import Delivered, Egress, Fact, Finished, Outcome
from libs.projection.base import Placed
from tests.chaos.books import Books

ONE, TWO = "0" * 16, "1" * 16


def placed(seq: int, kind: str, request_id: str = ONE, idx: int = 0) -> Placed:
    fact = Fact(request_id=request_id)
    if kind == "egress":
        fact.egress.CopyFrom(Egress())
    elif kind == "finished":
        fact.finished.CopyFrom(Finished(outcome=Outcome.OUTCOME_COMPLETED))
    else:
        fact.delivered.CopyFrom(Delivered())
    return Placed(seq, idx, kind, fact)


def books(*stream: Placed, received: tuple[str, ...] = (ONE,), rows: int | None = None) -> Books:
    table = [(p.seq, p.idx, p.kind, p.fact.request_id) for p in stream][:rows]
    return Books(stream=stream, table=table, received=received, dead_letters=0)


def test_books_that_agree_show_nothing() -> None:
    kept = books(placed(1, "egress"), placed(2, "finished"), placed(3, "delivered"))
    found = (kept.without_egress(), kept.sent_twice(), kept.without_finish(), kept.finished_early())
    assert found == ([], [], [], [])
    assert kept.projected_wrongly() == []
    assert (kept.ignored(), kept.outcome(ONE)) == (0, "completed")


def test_a_request_the_provider_received_without_record_is_found() -> None:
    assert books(placed(1, "egress"), received=(ONE, TWO)).without_egress() == [TWO]


def test_a_request_sent_twice_on_one_record_is_found() -> None:
    assert books(placed(1, "egress"), received=(ONE, ONE)).sent_twice() == [ONE]


def test_what_nobody_closed_and_what_was_closed_unopened_are_found() -> None:
    kept = books(placed(1, "finished", TWO), placed(2, "egress"), placed(3, "egress", TWO))
    assert kept.without_finish() == [ONE]
    assert kept.finished_early() == [TWO]


def test_a_fact_missing_or_doubled_in_the_table_is_found() -> None:
    egress, finished = placed(1, "egress"), placed(2, "finished")
    assert len(books(egress, finished, rows=1).projected_wrongly()) == 1
    doubled = Books(stream=[egress], table=[(1, 0, "egress", ONE)] * 2, received=(), dead_letters=0)
    assert len(doubled.projected_wrongly()) == 1
