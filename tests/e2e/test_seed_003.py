"""The guide of Cursor: each of its commands does what the guide says, and both official SDKs read what is said."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.edge import Edge
from tests.e2e.guide import Guide
from tests.support.street import Street

pytestmark = pytest.mark.street

HEAD = "isn't one of the exact route ids your key can call"
NUMBERED = re.compile(r"^(\d+)\. (\S+)$", re.MULTILINE)
TO_START_WITH = (
    "bedrock/global.anthropic.claude-sonnet-4-6-global",
    "bedrock/global.anthropic.claude-opus-4-8-global",
    "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0-global",
    "vertex_ai/gemini-2.5-pro-ca",
    "vertex_ai/gemini-2.5-flash-ca",
    "azure/gpt-4.1-mini-ca",
    "bedrock/mistral.mistral-large-2402-v1:0-ca",
    "bedrock/meta.llama3-70b-instruct-v1:0-ca",
)


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    return Guide(file="cursor.md", street=street, folder=tmp_path)


def listed(text: str) -> list[str]:
    """The routes of a list, which is numbered from 1 without a gap."""
    found = NUMBERED.findall(text)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [route for _, route in found]


def turns(*said: str) -> list[Any]:
    """A conversation as clients send it, the user first."""
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]


def found_in(printed: str) -> Mapping[str, str]:
    """Headers as curl prints them."""
    lines = (line.partition(": ") for line in printed.splitlines() if ": " in line)
    return {name.lower(): value.strip() for name, _, value in lines}


async def callable_(edge: Edge) -> list[str]:
    return [each["id"] for each in (await edge.send("GET", "/v1/models")).json["data"]]


async def recorded(edge: Edge, request_id: str) -> Mapping[str, Any]:
    reply = await edge.send("GET", f"/api/usage/custody/{request_id}")
    assert reply.status == 200
    found: Mapping[str, Any] = reply.json
    return found


async def test_nothing_in_the_guide_is_left_untried(guide: Guide) -> None:
    assert guide.headings() == {
        "Every route there is": 1,
        "Check that it works": 1,
        "Images": 1,
        "A name that is no route": 4,
        "The list as a prompt": 1,
        "An error instead of words": 1,
    }


async def test_the_catalogue_has_every_id_to_begin_with(guide: Guide) -> None:
    printed = (await guide.run("Every route there is")).splitlines()
    assert set(TO_START_WITH) <= {json.loads(line) for line in printed}


async def test_the_headers_say_where_it_went(guide: Guide) -> None:
    found = found_in(await guide.run("Check that it works"))
    assert found["x-ni-custody-path"] == "NI-CA -> Bedrock-CA"
    assert found["x-ni-resolved-jurisdiction"] == "CA"
    assert found["x-ni-request-id"]


async def test_routes_that_see_are_listed(guide: Guide) -> None:
    assert '"vertex_ai/gemini-2.5-pro-ca"' in (await guide.run("Images")).splitlines()


async def test_a_name_is_answered_mapped_used_listed_and_deleted(guide: Guide, edge: Edge) -> None:
    name, route = "claude-4.6-sonnet-in-cursor", "bedrock/global.anthropic.claude-sonnet-4-6-global"
    text = await guide.run("A name that is no route", 0)
    assert text.startswith(f'"{name}" {HEAD}')
    assert listed(text)[0] == route
    assert sorted(listed(text)) == sorted(await callable_(edge))
    confirmed = (await guide.run("A name that is no route", 1)).strip()
    assert name in confirmed
    assert route in confirmed
    assert "\n" not in confirmed
    assert found_in(await guide.run("A name that is no route", 2))["x-ni-custody-path"] == "NI-CA -> Bedrock-CA"
    said, gone = (await guide.run("A name that is no route", 3)).splitlines()
    assert json.loads(said) == {"object": "alias", "name": name, "route": route}
    assert json.loads(gone)["deleted"] is True


async def test_the_list_is_had_by_a_prompt(guide: Guide, edge: Edge) -> None:
    assert sorted(listed(await guide.run("The list as a prompt"))) == sorted(await callable_(edge))


async def test_who_wants_an_error_has_one(guide: Guide) -> None:
    assert (await guide.run("An error instead of words")).strip() == "404"


@pytest.mark.parametrize("stream", [False, True])
async def test_openai_s_sdk_reads_the_list_and_its_number_maps_the_name(
    street: Street, edge: Edge, stream: bool
) -> None:
    name = f"sdk/gpt-4.1-mni:{stream}"
    async with openai.AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key) as client:

        async def ask(*said: str) -> str:
            if not stream:
                whole = await client.chat.completions.create(model=name, messages=turns(*said), max_tokens=20)
                return whole.choices[0].message.content or ""
            parts = await client.chat.completions.create(model=name, messages=turns(*said), max_tokens=20, stream=True)
            return "".join([part.choices[0].delta.content or "" async for part in parts if part.choices])

        first = await ask("hi")
        assert first.startswith(f'"{name}" {HEAD}')
        assert listed(first)[0] == "azure/gpt-4.1-mini-ca"
        assert listed(first)[1] in await ask("hi", first, "2")
        answered = await ask("hi", first, "2", "Done.", "Which model are you?")
        assert HEAD not in answered
    reply = await edge.send("GET", f"/api/aliases/{name}")
    assert reply.json["route"] == listed(first)[1]
    assert (await edge.send("DELETE", f"/api/aliases/{name.replace('/', '%2F')}")).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropic_s_sdk_reads_the_list_and_its_number_maps_the_name(
    street: Street, edge: Edge, stream: bool
) -> None:
    name = f"claude-mine-{stream}"
    async with anthropic.AsyncAnthropic(base_url=street.base_url, api_key=street.api_key) as client:

        async def ask(text: str) -> str:
            asked: Any = {"model": name, "max_tokens": 20, "messages": turns(text)}
            if not stream:
                return str((await client.messages.create(**asked)).content[0].text)
            async with client.messages.stream(**asked) as parts:
                return await parts.get_final_text()

        first = await ask("hi")
        assert first.startswith(f'"{name}" {HEAD}')
        assert listed(first)[2] in await ask("3")
        assert HEAD not in await ask("Which model are you?")
    assert (await edge.send("GET", f"/api/aliases/{name}")).json["route"] == listed(first)[2]
    assert (await edge.send("DELETE", f"/api/aliases/{name}")).status == 200


async def test_the_list_costs_nothing_and_is_on_record(edge: Edge) -> None:
    before = (await edge.send("GET", "/api/credits")).json
    body = {"model": "no-such-model", "messages": turns("hi")}
    reply = await edge.send("POST", "/v1/chat/completions", body=body)
    assert reply.headers["x-ni-answered-by"] == "gateway"
    assert reply.json["usage"]["total_tokens"] == 0
    record = await recorded(edge, reply.headers["x-ni-request-id"])
    assert record["error_code"] == "answered_here"
    after = (await edge.send("GET", "/api/credits")).json
    assert after["balance"] == before["balance"]


async def test_a_tier_or_a_residency_is_refused_and_never_talked_about(edge: Edge) -> None:
    refused: Mapping[str, Mapping[str, Any]] = {
        "residency_refused": {"model": "openai/gpt-5-us", "residency": ["CA"]},
        "route_not_allowed": {"model": "openai/gpt-5-us", "privacy_tier": "self_hosted"},
    }
    for code, more in refused.items():
        reply = await edge.send("POST", "/v1/chat/completions", body={"messages": turns("hi"), **more})
        assert (reply.status, reply.error["code"]) == (403, code)


async def test_on_the_inference_surface_it_is_a_404(edge: Edge) -> None:
    body = {"model": "no-such-model", "messages": turns("hi")}
    reply = await edge.send("POST", "/api/v1/inference/chat/completions", body=body)
    assert (reply.status, reply.error["code"]) == (404, "model_not_found")
