"""OpenAI's official Node SDK: its own suite against the running street."""

import asyncio
from collections import Counter

import pytest

from tests.clients.asking import ROUTES
from tests.clients.node_suite import needs_node, run_suite
from tests.support.street import Street

pytestmark = pytest.mark.street

EACH_ROUTE = (
    "create answers",
    "create streams",
    "the stream helper folds to the final completion",
    "a forced tool is called, whole and streamed",
    "a failure in mid-stream is raised, never a clean end",
    "the inference surface names the model asked for",
)
ONCE = ("errors are the SDK's own classes", "models are listed, and retrieved by ids with slashes and colons")


@needs_node
async def test_the_node_suite_passes(street: Street) -> None:
    passed = await asyncio.to_thread(run_suite, street, "openai.test.mjs")
    assert passed == Counter([*ONCE, *(f"{title} · {route}" for title in EACH_ROUTE for route in ROUTES)])
