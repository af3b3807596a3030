"""Values that only mypy freezes are otherwise like those of the standard library."""

from dataclasses import replace

import pytest

from libs.dialects.form import Cache, Text, Usage


def test_values_are_equal_hashed_and_replaced_by_their_members() -> None:
    assert Text(text="a") == Text(text="a") != Text(text="a", cache=Cache.LONG)
    assert len({Usage(input=1), Usage(input=1), Usage(output=1)}) == 2
    assert replace(Text(text="a"), cache=Cache.LONG) == Text(text="a", cache=Cache.LONG)


def test_values_are_made_by_name_and_hold_their_members_alone() -> None:
    with pytest.raises(TypeError, match="positional"):
        Text("a")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Text(text="a").other = 1  # type: ignore[attr-defined]
