"""What `auto` sends on of thinking, by the model that was chosen."""

from typing import Any

import orjson
import pytest

from libs.contracts.northern.v1.envelope_pb2 import (
    DIALECT_ANTHROPIC_MESSAGES,
    DIALECT_OPENAI_CHAT,
    Decision,
    Dialect,
    Envelope,
    Shape,
)
from services.worker.requests.chosen import fitting
from tests.unit.worker.known import CATALOG

MINI, GPT5, GEMINI = "openai/gpt-4.1-mini-us", "openai/gpt-5-us", "vertex_ai/gemini-2.5-pro-ca"
HAIKU, OPUS = "anthropic/claude-haiku-4-5-20251001-us", "anthropic/claude-opus-4-8-us"
ADAPTIVE = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
EFFORT = {"reasoning_effort": "low"}


def fitted(route: str, dialect: Dialect, asked: dict[str, Any], *, named: bool = False) -> tuple[Any, tuple[str, ...]]:
    decision = None if named else Decision(model=route)
    envelope = Envelope(dialect=dialect, decision=decision, shape=Shape(thinking=True))
    body, dropped = fitting(envelope, orjson.dumps({"messages": [], **asked}), CATALOG.routes[route])
    return orjson.loads(body), dropped


@pytest.mark.parametrize(
    ("route", "dialect", "asked", "dropped"),
    [
        (MINI, DIALECT_OPENAI_CHAT, EFFORT, ("reasoning_effort",)),
        (HAIKU, DIALECT_ANTHROPIC_MESSAGES, ADAPTIVE, ("thinking", "output_config.effort")),
        (OPUS, DIALECT_ANTHROPIC_MESSAGES, BUDGET, ("thinking",)),
    ],
)
def test_what_the_chosen_model_does_not_know_of_thinking_is_left_out_and_named(
    route: str, dialect: Dialect, asked: dict[str, Any], dropped: tuple[str, ...]
) -> None:
    assert fitted(route, dialect, asked) == ({"messages": []}, dropped)
    assert fitted(route, dialect, asked, named=True) == ({"messages": [], **asked}, ())  # its provider says so


@pytest.mark.parametrize(
    ("route", "dialect", "asked"),
    [
        (GPT5, DIALECT_OPENAI_CHAT, EFFORT),
        (GEMINI, DIALECT_OPENAI_CHAT, EFFORT),
        (OPUS, DIALECT_ANTHROPIC_MESSAGES, ADAPTIVE),
        (HAIKU, DIALECT_ANTHROPIC_MESSAGES, BUDGET),
        (MINI, DIALECT_ANTHROPIC_MESSAGES, ADAPTIVE),  # written anew, with what the model knows
    ],
)
def test_what_it_knows_stays(route: str, dialect: Dialect, asked: dict[str, Any]) -> None:
    assert fitted(route, dialect, asked) == ({"messages": [], **asked}, ())


def test_the_rest_of_a_configuration_stays() -> None:
    form = {"type": "json_schema", "schema": {}}
    body, dropped = fitted(HAIKU, DIALECT_ANTHROPIC_MESSAGES, {"output_config": {"effort": "low", "format": form}})
    assert (body["output_config"], dropped) == ({"format": form}, ("output_config.effort",))
