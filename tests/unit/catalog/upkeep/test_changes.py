"""What an edit changes, said before it is made: claims, prices and ways out by name, and nothing of what stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.catalog.upkeep.changes import changes
from tests.unit.catalog.small import FILES

Write = Callable[..., Path]
ID = "bedrock/maker.small-ca"


def said(write: Write, **replaced: str) -> list[str]:
    return list(changes(load(write()), load(write(**replaced))))


def test_nothing_is_said_of_what_stays(write: Write) -> None:
    assert said(write) == []
    assert said(write, routes=FILES["routes"].replace("checked = 2026-11-20", "checked = 2026-11-21")) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("routes", '["CA"]', "[]", f"{ID}: processed nobody knows where (regional, asserted), before in CA"),
        ("routes", 'evidence = "asserted"', 'evidence = "contracted"', f"{ID}: processed in CA (regional, contracted)"),
        ("routes", '["small"]', '["small", "s"]', f"{ID}: native_ids small, s, before small"),
        ("models", "8192", "4096", f"{ID}: other capabilities or limits"),
        ("prices", '"1.00"', '"2.00"', "price small.2026: other amounts under the same id"),
        ("egresses", '"https://api.openai.com/v1"', '"https://other.example/v1"', "egress openai: changed"),
        ("billing", '"10"', '"11"', "billing: other markups"),
    ],
)
def test_each_kind_of_change_has_its_sentence(write: Write, file: str, old: str, new: str, sentence: str) -> None:
    assert old in FILES[file]
    (one,) = said(write, **{file: FILES[file].replace(old, new, 1)})
    assert one.startswith(sentence)


def test_what_comes_and_goes_is_named(write: Write) -> None:
    renamed = FILES["routes"].replace(ID, "bedrock/maker.other-ca")
    assert said(write, routes=renamed) == [
        f"{ID}: taken out; requests that run on it end by the old catalogue",
        "bedrock/maker.other-ca: new",
    ]
    third = FILES["egresses"].replace('name = "own"', 'name = "mine"')
    assert said(write, egresses=third) == [
        "egress own: taken out; its workers close it",
        "egress mine: new; a worker that names it in NI_EGRESSES has to be started",
    ]
