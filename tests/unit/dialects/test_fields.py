"""JSON that others wrote, read as far as it can be, and members that are not what they must be."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.errors import InvalidRequest
from libs.dialects.fields import count, flag, items, members, named, read_json, text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b'"a\\ud83d"', "a\ufffd"),
        (b'"\\ude00b"', "\ufffdb"),
        (b'"\\ud83d\\ude00 \\ud83d\\n"', "\U0001f600 \ufffd\n"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        ('"\u00e9\\ud83d"', "\u00e9\ufffd"),
    ],
)
def test_half_a_character_is_read_as_none_and_the_rest_as_it_is(written: bytes | str, said: str) -> None:
    assert read_json(written) == said


@pytest.mark.parametrize("written", [b"", b"{", b'"\\u12"', b'"\\ud83d', b"nonsense \\ud83d"])
def test_what_is_no_json_stays_none(written: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - orjson's own, whatever its words
        read_json(written)


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_is_read_and_what_utf_8_can_hold_unchanged(said: str) -> None:
    read = read_json(json.dumps(said))
    assert isinstance(read.encode(), bytes)
    assert read == said or any(0xD800 <= ord(each) <= 0xDFFF for each in said)


@pytest.mark.parametrize("read", [text, named, flag, members, items])
def test_a_wrong_member_is_named_by_its_path_however_that_was_given(read: Callable[..., object]) -> None:
    for path in (("tools.3", "name"), ("tools.3.name",)):
        with pytest.raises(InvalidRequest, match=r"'tools\.3\.name' must be ") as told:
            read(3.5, *path)
        assert told.value.param == "tools.3.name"


@pytest.mark.parametrize(("value", "counted"), [(3, 3), (0, 0), (-1, 0), (True, 0), (2.0, 0), ("3", 0), (2**53, 0)])
def test_only_whole_numbers_are_counts(value: object, counted: int) -> None:
    found = count(value)
    assert (found, type(found)) == (counted, int)
