"""What a client that reads capabilities finds about a route, in both lists."""

from typing import Any

import aiohttp
import pytest

from tests.support.street import Street

pytestmark = pytest.mark.street

GEMINI = "vertex_ai/gemini-2.5-pro-ca"
CAPABILITIES = {
    "supports_vision": True,
    "modalities": ["text", "image"],
    "context_window": 1048576,
    "max_output_tokens": 65535,
    "supports_function_calling": True,
}


@pytest.mark.parametrize(
    ("path", "list_name", "id_name"), [("/v1/models", "data", "id"), ("/api/billing/models", "models", "model_id")]
)
async def test_gemini_shows_its_capabilities_exactly(street: Street, path: str, list_name: str, id_name: str) -> None:
    headers = {"Authorization": f"Bearer {street.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(street.base_url + path) as answer:
        body: dict[str, Any] = await answer.json()
    (gemini,) = [entry for entry in body[list_name] if entry[id_name] == GEMINI]
    assert gemini["supports_vision"] is True
    assert {name: gemini["capabilities"][name] for name in CAPABILITIES} == CAPABILITIES


async def test_every_claude_4_and_gemini_2_5_route_sees_images(street: Street) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{street.base_url}/api/billing/models") as answer:
        models: list[dict[str, Any]] = (await answer.json())["models"]
    seeing = [model for model in models if "claude-" in model["model_id"] or "gemini-2.5" in model["model_id"]]
    assert len(seeing) > 5
    assert all(model["supports_vision"] and "image" in model["capabilities"]["modalities"] for model in seeing)
