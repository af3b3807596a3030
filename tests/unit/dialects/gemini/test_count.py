"""countTokens."""

from typing import Any

import pytest
from google.genai import types

from libs.contracts.errors import Overloaded, UpstreamError
from libs.dialects.form import Request, Text, Thinking, Tool
from libs.dialects.gemini.count import read_count, write_count
from tests.unit.dialects.gemini.judge import FLASH, QUESTION, sent


def test_what_is_counted_is_what_would_be_sent_but_for_its_settings() -> None:
    asked: dict[str, Any] = {
        "system": (Text(text="rules"),),
        "tools": (Tool(name="f", schema={}),),
        "thinking": Thinking(kind="on"),
        "max_tokens": 5,
    }
    body = sent(QUESTION, **asked).body
    del body["generationConfig"]
    assert write_count(Request(turns=(QUESTION,), **asked), FLASH) == body


def test_the_count_is_read() -> None:
    told: dict[str, Any] = types.CountTokensResponse(total_tokens=31).model_dump(by_alias=True, exclude_none=True)
    assert read_count(told) == 31


@pytest.mark.parametrize("garbage", [{}, {"totalTokens": "3"}, {"totalTokens": True}, {"totalTokens": -1}])
def test_a_count_that_is_none_is_not_made_up(garbage: dict[str, Any]) -> None:
    with pytest.raises(UpstreamError):
        read_count(garbage)
    with pytest.raises(Overloaded):
        read_count({**garbage, "error": {"status": "UNAVAILABLE"}})
