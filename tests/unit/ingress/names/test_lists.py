"""The numbered list: the likest first, each route once, and read back as it was told."""

import re
from pathlib import Path

import pytest

from libs.catalog.load import load
from services.ingress.names import lists
from services.ingress.names.lists import Numbered, read_list

CATALOG = load(Path("infra/config"))
ROUTES = tuple(CATALOG.routes.values())


@pytest.mark.parametrize("name", ["gpt-4.1-mni", "claude-4.5-sonnet", "你好", "x\ny", 'a "b" c', "(.*)"])
def test_every_route_stands_in_the_list_once_and_numbers_have_no_gap(name: str) -> None:
    text = lists.unknown(Numbered.of(name, ROUTES))
    assert text.startswith(f'"{name}" isn\'t one of the exact route ids your key can call')
    lines = re.findall(r"^(\d+)\. (\S+)$", text, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, len(ROUTES) + 1))
    assert sorted(route for _, route in lines) == sorted(CATALOG.routes)
    read = read_list(text)
    assert read is not None
    assert (read.name, list(read.routes.values())) == (name, [route for _, route in lines])


def test_the_others_keep_the_catalogue_s_order() -> None:
    numbered = Numbered.of("gemini-2.5-pro-latest", ROUTES)
    assert numbered.at(1) == "vertex_ai/gemini-2.5-pro-ca"
    assert list(numbered.routes[1:]) == [each for each in CATALOG.routes if each != numbered.at(1)]


def test_numbers_beyond_the_list_are_none() -> None:
    numbered = Numbered.of("x", ROUTES[:2])
    assert numbered.at(0) == numbered.at(3) == ""
    assert numbered.at(2)


def test_another_order_is_another_list() -> None:
    one, other = Numbered.of("gpt-4o", ROUTES), Numbered.of("gemini", ROUTES)
    assert one.digest() == Numbered.of("gpt-4o", ROUTES).digest()
    assert one.digest() != other.digest()


def test_a_key_without_any_route_is_told_so() -> None:
    text = lists.unknown(Numbered.of("x", ()))
    assert text.startswith('"x" isn\'t one of the exact route ids your key can call')
    assert "no route that this key can call" in text
    assert read_list(text) is None


def test_a_name_that_no_number_changes_is_offered_none() -> None:
    numbered = Numbered.of(ROUTES[0].route_id, ROUTES)
    assert "Reply with a number" not in lists.asked_for(numbered, stands_for="", fixed=True)


def test_the_rule_is_named_where_there_is_one() -> None:
    text = lists.unknown(Numbered.of("x", ROUTES), "It is served in tier provider_api, which this key may not call.")
    assert text.startswith('"x" isn\'t one of the exact route ids your key can call. It is served in tier provider_api')
