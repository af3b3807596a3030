"""Books side by side: every account of either, and only where they do not agree."""

from services.billing.books.sums import JournalBook, Pair, Sum, compared, reported, sealed_alike
from tests.unit.billing.books.test_transactions import TOP_UP, UNIT, hold, opened, settle


def test_books_that_agree_have_no_difference() -> None:
    book = {("t_one", ""): Sum(2, 5), ("t_two", ""): Sum(1, 1)}
    one = compared(Pair.LEDGER_USAGE, book, dict(book))
    assert one.differences == ()
    assert one.left == one.right == Sum(3, 6)


def test_a_missing_account_a_missing_entry_and_a_wrong_amount_are_differences() -> None:
    left = {("t_one", ""): Sum(2, 5), ("t_two", ""): Sum(1, 1), ("t_three", ""): Sum(1, 9)}
    right = {("t_one", ""): Sum(1, 5), ("t_two", ""): Sum(1, 2), ("t_four", ""): Sum(1, 9)}
    one = compared(Pair.LEDGER_USAGE, left, right)
    assert [each.tenant for each in one.differences] == ["t_four", "t_one", "t_three", "t_two"]


def test_seals_are_compared_one_by_one() -> None:
    one = sealed_alike({1: "a", 2: "b", 3: "c"}, {1: "a", 2: "x", 4: "d"})
    assert [each.kind for each in one.differences] == ["batch 2", "batch 3", "batch 4"]
    assert sealed_alike({1: "a"}, {1: "a"}).differences == ()


def test_a_journal_adds_up_by_account_and_kind() -> None:
    book = JournalBook()
    book.take(opened(TOP_UP, hold(2 * UNIT), settle(UNIT), read_to=3))
    assert book.sums == {("t_one", "deposit"): Sum(1, 5 * UNIT), ("t_one", "deduction"): Sum(1, -UNIT)}
    assert list(book.seals) == [7]


def test_a_report_counts_all_and_shows_the_first() -> None:
    left = {(f"t_{n:03}", ""): Sum(1, n) for n in range(1, 300)}
    told = reported(compared(Pair.FACTS_USAGE, left, {}), most=10)
    assert (told["differences"], len(told["first"])) == (299, 10)
    assert told["first"][0] == {
        "tenant": "t_001",
        "kind": "",
        "left": {"entries": 1, "amount": "0.000000001"},
        "right": {"entries": 0, "amount": "0.00"},
    }
