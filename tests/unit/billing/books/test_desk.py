"""The desk where the store is away: an answer that says so, at once."""

import pytest

from libs.contracts.northern.v1.query_pb2 import ListTold, SheetTold, TotalsAsk, TransactionsAsk, UsageAsk
from libs.store.memory import MemoryStore
from services.billing.books.desk import Desk
from services.billing.books.queries import Queries, first_id
from tests.support.money_facts import AT_MS, request_id


@pytest.fixture
def desk() -> Desk:
    store = MemoryStore()
    store.fail()
    return Desk(queries=Queries(store))


async def test_a_store_that_is_away_is_said_and_may_be_asked_again(desk: Desk) -> None:
    asked = UsageAsk(tenant="t_one").SerializeToString()
    answers = (
        ListTold.FromString(await desk.usage(asked)),
        SheetTold.FromString(await desk.export(asked)),
        ListTold.FromString(await desk.totals(TotalsAsk(tenant="t_one", by="day").SerializeToString())),
        ListTold.FromString(await desk.transactions(TransactionsAsk(tenant="t_one").SerializeToString())),
    )
    for told in answers:
        assert (told.failure.code, told.failure.retry_after_ms) == ("store_unavailable", 1000)


async def test_a_bad_question_is_refused_before_the_store_is_asked(desk: Desk) -> None:
    told = ListTold.FromString(await desk.transactions(TransactionsAsk(tenant="t", type="gift").SerializeToString()))
    assert (told.failure.code, told.failure.param) == ("invalid_request", "type")


def test_times_are_bounds_of_ids() -> None:
    assert first_id(AT_MS) == request_id(0)
    assert first_id(AT_MS) < request_id(1) < first_id(AT_MS + 1)
    assert first_id(0) == "0" * 16
    assert first_id(1 << 60) > request_id(0)
