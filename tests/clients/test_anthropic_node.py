"""Anthropic's official Node SDK: its own suite against the running street."""

import asyncio
from collections import Counter

import pytest

from tests.clients.node_suite import needs_node, run_suite
from tests.support.street import Street

pytestmark = pytest.mark.street

ROUTES = (
    "anthropic/claude-haiku-4-5-20251001-us",
    "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global",
    "vertex_ai/claude-haiku-4-5@20251001-us",
    "vertex_ai/gemini-2.5-flash-ca",
)
EACH_ROUTE = (
    "create answers",
    "create streams blocks without gaps",
    "the tool runner's loop ends by itself",
    "tokens are counted",
)
ONCE = (
    "the guides' doubled base URLs lead to the same place",
    "a native name goes where the tier says",
    "errors are the SDK's own classes",
    "models are listed, and retrieved by ids with slashes and colons",
)


@needs_node
async def test_the_node_suite_passes(street: Street) -> None:
    passed = await asyncio.to_thread(run_suite, street, "anthropic.test.mjs")
    assert passed == Counter([*ONCE, *(f"{title} · {route}" for title in EACH_ROUTE for route in ROUTES)])
