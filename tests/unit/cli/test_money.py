"""What `ni credits`, `ni usage` and `ni reconcile` print."""

import re
import socket
import threading
from typing import Any

import pytest

from cli.__main__ import main
from cli.gateway import table
from cli.reconcile import shown

SUM = {"entries": 2, "amount": "1.50"}


def report(*first: dict[str, Any], behind: tuple[str, ...] = ()) -> dict[str, Any]:
    pair = {"pair": "ledger=usage", "left": SUM, "right": SUM, "differences": len(first), "first": list(first)}
    up_to = {"journal": 7, "events": 9}
    return {"pairs": [pair], "up_to": up_to, "behind": list(behind), "differences": len(first)}


def test_a_table_has_numbers_to_the_right_and_words_to_the_left() -> None:
    assert table(("model", "cost"), [("m", "-1.5"), ("longer", "10.25")]).split("\n") == [
        "model    cost",
        "m        -1.5",
        "longer  10.25",
    ]
    assert table(("model", "cost"), []) == "model  cost"


def test_books_that_agree_say_so() -> None:
    lines = shown(report()).split("\n")
    assert lines[1].split() == ["ledger=usage", "2", "1.50", "2", "1.50", "0"]
    assert lines[-2:] == ["compared up to message 7 of LEDGER and 9 of EVENTS", "no differences"]


def test_each_difference_names_its_account_and_what_either_book_says() -> None:
    text = shown(report({"tenant": "t_one", "kind": "", "left": SUM, "right": {"entries": 1, "amount": "1.00"}}))
    assert "t_one" in text
    assert "2 (1.50) against 1 (1.00)" in text
    assert text.endswith("\n1 difference")


def hang_up(listening: socket.socket) -> None:
    listening.accept()[0].close()


def given(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What giving credit says where the gateway goes away before it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hanging_up = threading.Thread(target=hang_up, args=(listening,))
        hanging_up.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(SystemExit) as ended:
            main(["credits", "add", "t_one", "25.00", "--url", url, *words])
        hanging_up.join()
    assert ended.value.code == 3
    return capsys.readouterr().err


def test_credit_whose_answer_was_lost_can_be_given_again_without_counting_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NI_API_KEY", "ni_live_of_nobody")
    assert re.search(r"say it again with --once [0-9a-f]{32}\)\n$", given(capsys))
    assert "say it again" not in given(capsys, "--once", "invoice-17")


@pytest.mark.parametrize("wait", ["nan", "inf", "-1", "61", "long"])
def test_how_long_to_wait_for_copies_is_a_number_that_billing_waits(
    wait: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["reconcile", f"--wait={wait}"])
    assert ended.value.code == 2
    assert "must be a number of seconds from 0 to 60" in capsys.readouterr().err


def test_sums_are_not_to_be_had_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["usage", "--csv", "--totals", "day"])
    assert ended.value.code == 2
    assert "not allowed with argument --csv" in capsys.readouterr().err


def test_a_copy_that_is_behind_is_named() -> None:
    assert "facts, usage" in shown(report(behind=("facts", "usage")))
