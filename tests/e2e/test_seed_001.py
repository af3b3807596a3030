"""Capabilities in both lists, and the vision guide: each of its commands does what the guide says."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.clients.asking import png
from tests.clients.node_suite import needs_node
from tests.e2e.guide import Guide
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = pytest.mark.street

GEMINI = "vertex_ai/gemini-2.5-pro-ca"
NAMED = "azure/gpt-4.1-mini-ca"  # in the guide
PHOTO = "https://example.com/photo.jpg"
CAPABILITIES = {
    "supports_vision": True,
    "modalities": ["text", "image"],
    "context_window": 1048576,
    "max_output_tokens": 65535,
    "supports_function_calling": True,
}


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    (tmp_path / "screenshot.png").write_bytes(png())
    return Guide(file="vision-and-capabilities.md", street=street, folder=tmp_path)


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


async def test_nothing_in_the_guide_is_left_untried(guide: Guide) -> None:
    assert guide.headings() == {
        "What a route can do": 1,
        "Send an image": 1,
        "From a program": 2,
        "An image by its address": 1,
        "Anthropic's format": 1,
    }


def saw_it(said: str) -> None:
    assert f"image/png of {len(png())} bytes" in said


def content(printed: str) -> str:
    return str(json.loads(printed)["choices"][0]["message"]["content"])


async def test_the_guide_shows_what_it_says_it_shows(guide: Guide) -> None:
    printed = await guide.run("What a route can do")
    listed = {entry["id"]: entry for entry in json.loads("[" + printed.replace("}\n{", "},{") + "]")}
    assert listed[GEMINI]["supports_vision"] is True
    assert CAPABILITIES.items() <= listed[GEMINI]["capabilities"].items()


async def test_curl_shows_an_image(guide: Guide) -> None:
    saw_it(content(await guide.run("Send an image")))


async def test_python_shows_an_image(guide: Guide) -> None:
    saw_it(await guide.run("From a program", 0))


@needs_node
async def test_node_shows_an_image(guide: Guide) -> None:
    saw_it(await guide.run("From a program", 1))


@pytest.mark.parametrize("route", [NAMED, "openai/gpt-4.1-mini-us", "anthropic/claude-haiku-4-5-20251001-us"])
async def test_a_link_goes_to_a_provider_that_follows_links_as_it_is(guide: Guide, street: Street, route: str) -> None:
    before = await mark(street)
    assert content(await guide.run("An image by its address", replaced={NAMED: route}))
    (seen,) = await since(street, before)
    assert PHOTO in seen["body"]


@pytest.mark.parametrize("route", [GEMINI, "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global"])
async def test_a_link_that_the_gateway_has_to_follow_and_cannot_is_named(
    guide: Guide, street: Street, route: str
) -> None:
    """The guide's photo is an example and does not exist; a street of the tests may have no way to look, either."""
    before = await mark(street)
    error = json.loads(await guide.run("An image by its address", replaced={NAMED: route}))["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", "messages.0.content.1.image_url.url")
    assert "send it as base64" in error["message"]
    assert await since(street, before) == []


async def test_anthropics_own_block_is_seen(guide: Guide) -> None:
    answer = json.loads(await guide.run("Anthropic's format"))
    saw_it(answer["content"][0]["text"])
