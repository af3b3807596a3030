"""The matrix itself: dialects, routes, rows; runs one cell and says how it went."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.clients.matrix.anthropic_asker import AnthropicAsker
from tests.clients.matrix.conversation import Asker, Seen
from tests.clients.matrix.openai_asker import OpenAIAsker
from tests.clients.matrix.scenarios import SCENARIOS, Place, refused

DIALECTS = ("OpenAI chat", "Anthropic messages")
ROUTES = {
    "OpenAI": "openai/gpt-4.1-mini-us",
    "Azure": "azure/gpt-4.1-mini-ca",
    "Anthropic": "anthropic/claude-sonnet-4-5-20250929-us",
    "Bedrock-Claude": "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global",
    "Bedrock-Converse": "bedrock/mistral.mistral-large-2402-v1:0-ca",
    "Gemini": "vertex_ai/gemini-2.5-pro-ca",
    "Vertex-Claude": "vertex_ai/claude-sonnet-4-6-us",
}
# Rows that need another model of the same provider: one that thinks, one that sees.
OTHER_ROUTES = {
    ("OpenAI", "thinking + tools"): "openai/gpt-5-us",
    ("Bedrock-Converse", "image"): "bedrock/ca.amazon.nova-lite-v1:0-ca",
}
# What a provider's models do not have, the gateway refuses before anything is sent (or the provider itself, where the
# caller speaks its own dialect): a 400 that says so is the right answer there.
REFUSED = {
    ("OpenAI chat", "Azure", "thinking + tools"),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One test of the matrix."""

    dialect: str
    provider: str
    scenario: str
    stream: bool

    def __str__(self) -> str:
        return f"{self.dialect}-{self.provider}-{self.scenario}-{'stream' if self.stream else 'whole'}"


CELLS = [
    Cell(dialect=dialect, provider=provider, scenario=scenario, stream=stream)
    for dialect, provider, scenario, stream in product(DIALECTS, ROUTES, SCENARIOS, (False, True))
]


@asynccontextmanager
async def askers(base_url: str, api_key: str) -> AsyncIterator[dict[str, Asker]]:
    """Both SDKs, by dialect. No retries: what the street answers is what is seen."""
    async with (
        AsyncOpenAI(base_url=f"{base_url}/v1", api_key=api_key, max_retries=0) as openai,
        AsyncAnthropic(base_url=base_url, api_key=api_key, max_retries=0) as anthropic,
    ):
        yield {DIALECTS[0]: OpenAIAsker(openai), DIALECTS[1]: AnthropicAsker(anthropic)}


async def run(cell: Cell, asker: Asker) -> Seen:
    """The cell's conversation; AssertionError where it is not as it must be."""
    route = OTHER_ROUTES.get((cell.provider, cell.scenario), ROUTES[cell.provider])
    place = Place(asker=asker, route=route, stream=cell.stream)
    if (cell.dialect, cell.provider, cell.scenario) in REFUSED:
        return await refused(place, SCENARIOS[cell.scenario])
    return await SCENARIOS[cell.scenario](place)
