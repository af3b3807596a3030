"""What stands out in a valid catalogue: models that go, prices nobody knows, entries nobody looked at for long."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from libs.catalog.load import load
from libs.catalog.model import Catalog
from libs.catalog.upkeep.imported import ImportedEntry
from libs.catalog.upkeep.review import remarks
from tests.unit.catalog.small import FILES

Write = Callable[..., Path]
DAY = date(2026, 11, 20)


def said(catalog: Catalog, today: date = DAY) -> dict[str, str]:
    return {remark.about: remark.sentence for remark in remarks(catalog, {}, today)}


def test_nothing_stands_out_where_everything_is_in_order(write: Write) -> None:
    assert said(load(write())) == {}


def test_an_unverified_price_is_named_where_a_route_has_it(write: Write) -> None:
    prices = FILES["prices"] + "verified = false\n" + FILES["prices"].replace("small.2026", "idle.2026")
    assert said(load(write(prices=prices + "verified = false\n"))) == {
        "price small.2026": "unverified: compare it with a page"
    }


def test_entries_are_old_after_half_a_year(write: Write) -> None:
    catalog = load(write())
    assert said(catalog, date(2027, 5, 19)) == {}
    assert set(said(catalog, date(2027, 5, 20))) == {
        "egress bedrock", "egress openai", "egress own", "model small", "route bedrock/maker.small-ca",
        "price small.2026",
    }  # fmt: skip


def test_a_model_that_retires_within_a_season_is_named_and_so_is_one_that_did(write: Write) -> None:
    catalog = load(write(models=FILES["models"] + "retires = 2026-11-30\n"))
    route = "route bedrock/maker.small-ca"
    assert route not in said(catalog, date(2026, 8, 31))
    assert said(catalog)[route].startswith("its model retires on 2026-11-30")
    assert said(catalog, date(2026, 12, 1))[route].startswith("its model was to retire on 2026-11-30")


def test_a_route_of_an_unknown_model_or_price_is_named(write: Write) -> None:
    catalog = load(
        write(
            models=FILES["models"].replace('"small"', '"unknown"'),
            prices=FILES["prices"].replace("small.2026", "unknown.2026-11") + "verified = false\n",
            routes=FILES["routes"]
            .replace('family = "small"', 'family = "unknown"')
            .replace("small.2026", "unknown.2026-11"),
        )
    )
    told = [remark.sentence for remark in remarks(catalog, {}, DAY)]
    assert told == [
        "nobody knows its price: give it a rate card",
        "nobody knows its model: give it a family, or capabilities of its own",
    ]


def test_old_imports_are_counted(write: Write) -> None:
    entry = ImportedEntry(provider="openai", model="m", source="a list", checked=date(2026, 1, 1))
    told = {remark.about: remark.sentence for remark in remarks(load(write()), {entry.key: entry}, DAY)}
    assert told == {"imported.toml": "1 of 1 entries are old: run ni catalog import"}


def test_what_is_shipped_is_valid_and_its_next_retirement_is_told(shipped: Catalog) -> None:
    retiring = [about for about, sentence in said(shipped).items() if "retires" in sentence]
    assert retiring
    assert all("claude-sonnet-4-5" in about for about in retiring)
