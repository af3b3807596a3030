"""Which of ClickHouse's errors may pass, and which are our fault."""

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError, ProgrammingError

from libs.contracts.errors import StoreUnavailable
from libs.store.base import StoreRefused
from libs.store.clickhouse import _translated


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationalError("Network Error: 127.0.0.1"), StoreUnavailable),
        (DatabaseError("too busy", code=202), StoreUnavailable),
        (DatabaseError("no such database", code=81), StoreUnavailable),
        (DatabaseError("disk full", code=243), StoreUnavailable),
        (DatabaseError("syntax", code=62), StoreRefused),
        (OperationalError("syntax after a retry", code=62), StoreRefused),
        (ProgrammingError("wrong number of values"), StoreRefused),
    ],
)
def test_what_may_pass_is_unavailable_and_the_rest_is_refused(error: ClickHouseError, kind: type[Exception]) -> None:
    assert type(_translated(error)) is kind


def test_the_stores_own_words_stay_inside() -> None:
    assert "row" not in str(_translated(DatabaseError("a row with a secret", code=27, name="CANNOT_PARSE")))
