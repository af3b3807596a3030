"""The curl guide: each of its commands, as a reader pastes it, does what the guide says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.clients.asking import HAIKU, png
from tests.e2e.guide import Guide
from tests.support.street import Street

pytestmark = pytest.mark.street

GEMINI = "vertex_ai/gemini-2.5-pro-ca"
SONNET = "bedrock/global.anthropic.claude-sonnet-4-6-global"
ID_OF_THE_GUIDE = "8f2e3b7d9a1c4f08"
HEADERS = {
    "x-ni-resolved-tier": "managed_canadian_cloud",
    "x-ni-resolved-provider": "Bedrock",
    "x-ni-resolved-region": "ca-central-1",
    "x-ni-resolved-jurisdiction": "CA",
    "x-ni-custody-path": "NI-CA -> Bedrock-CA",
    "x-ni-credential-source": "platform",
    "x-ni-resolved-litellm-model": "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0",
}


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    return Guide(file="curl.md", street=street, folder=tmp_path)


def headers_in(printed: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in printed.splitlines())
    return {name: value.strip() for name, _, value in pairs}


async def test_nothing_in_the_guide_is_left_untried(guide: Guide) -> None:
    assert guide.headings() == {
        "Get going": 1,
        "Basic chat completion": 1,
        "Pick a route": 1,
        "Read the custody headers": 1,
        "Streaming": 1,
        "Look up the custody record": 1,
        "Disable fallbacks": 1,
        "Show it an image": 1,
        "Model catalogue": 2,
    }


def says_hello(printed: str, model: str) -> None:
    answer: dict[str, Any] = json.loads(printed)
    assert answer["object"] == "chat.completion"
    assert answer["model"] == model
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0


async def test_the_first_command_answers(guide: Guide) -> None:
    says_hello(await guide.run("Get going"), HAIKU)


async def test_the_basic_completion_answers(guide: Guide) -> None:
    says_hello(await guide.run("Basic chat completion"), HAIKU)


async def test_another_route_is_another_model(guide: Guide) -> None:
    says_hello(await guide.run("Pick a route"), GEMINI)


async def test_an_image_is_seen(guide: Guide) -> None:
    (guide.folder / "screenshot.png").write_bytes(png())
    answer = json.loads(await guide.run("Show it an image"))
    assert f"image/png of {len(png())} bytes" in answer["choices"][0]["message"]["content"]


async def test_the_custody_headers_are_the_eight_of_the_guide_with_their_values(guide: Guide) -> None:
    found = headers_in(await guide.run("Read the custody headers"))
    assert re.fullmatch(r"[0-9a-f]{16}", found["x-ni-request-id"])
    assert {name: found[name] for name in HEADERS} == HEADERS
    assert found["x-ni-processing-jurisdiction"] == "*"  # the entry is in CA; where the model ran is not known


async def test_the_stream_counts_tells_its_usage_and_is_done(guide: Guide) -> None:
    printed = await guide.run("Streaming")
    events = [line.removeprefix("data: ") for line in printed.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    said = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])
    assert said == "1, 2, 3, 4, 5"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0


async def test_the_custody_record_says_what_the_headers_said(guide: Guide) -> None:
    headers = headers_in(await guide.run("Read the custody headers"))
    own_id = {ID_OF_THE_GUIDE: headers["x-ni-request-id"]}
    record = json.loads(await guide.run("Look up the custody record", replaced=own_id))
    assert record["request_id"] == headers["x-ni-request-id"]
    assert record["model_requested"] == HAIKU
    assert record["outcome"] == "completed"
    assert record["sandbox"] is True
    for name, value in HEADERS.items():
        assert record[name.removeprefix("x-ni-")] == value


async def test_an_id_of_nobody_is_not_found(guide: Guide) -> None:
    assert json.loads(await guide.run("Look up the custody record"))["error"]["code"] == "not_found"


async def test_without_fallbacks_the_named_route_answers(guide: Guide) -> None:
    says_hello(await guide.run("Disable fallbacks"), SONNET)


async def test_the_public_catalogue_lists_every_route_id(guide: Guide) -> None:
    listed = [json.loads(line) for line in (await guide.run("Model catalogue", 0)).splitlines()]
    assert {HAIKU, SONNET, GEMINI, "azure/gpt-4.1-mini-ca", "Qwen/Qwen3-14B"} <= set(listed)
    assert len(listed) == len(set(listed))


async def test_the_models_of_a_key_show_their_capabilities(guide: Guide) -> None:
    printed = await guide.run("Model catalogue", 1)
    listed = {entry["id"]: entry for entry in json.loads("[" + printed.replace("}\n{", "},{") + "]")}
    assert listed[HAIKU]["supports_vision"] is True
    assert all(entry["capabilities"]["context_window"] > 0 for entry in listed.values())
