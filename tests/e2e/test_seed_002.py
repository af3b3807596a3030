"""The guide of Anthropic's SDK: each of its commands, as a reader pastes it, does what the guide says."""

import json
from pathlib import Path

import pytest

from tests.clients.node_suite import needs_node
from tests.e2e.guide import Guide
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = pytest.mark.street

BEDROCK = {
    "x-ni-resolved-tier": "managed_canadian_cloud",
    "x-ni-resolved-provider": "Bedrock",
    "x-ni-resolved-region": "ca-central-1",
    "x-ni-resolved-jurisdiction": "CA",
    "x-ni-custody-path": "NI-CA -> Bedrock-CA",
}
TO_ANTHROPIC = "NI-CA -> Anthropic-US"


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    return Guide(file="anthropic-sdk.md", street=street, folder=tmp_path)


async def test_nothing_in_the_guide_is_left_untried(guide: Guide) -> None:
    assert guide.headings() == {
        "Python": 1,
        "TypeScript": 1,
        "curl": 1,
        "Where it went": 1,
        "Choose the tier": 2,
        "Tools": 1,
        "Thinking, as a stream": 1,
    }


async def test_the_python_sdk_reaches_bedrock_by_the_doubled_path(guide: Guide, street: Street) -> None:
    before = await mark(street)
    assert "claude-sonnet-4-5-20250929" in await guide.run("Python")
    (seen,) = await since(street, before)
    assert "/bedrock/" in seen["path"]
    assert "privacy_tier" not in seen["body"]


@needs_node
async def test_the_typescript_sdk_reaches_the_same_model(guide: Guide) -> None:
    assert "claude-sonnet-4-5-20250929" in await guide.run("TypeScript")


async def test_curl_is_answered_in_anthropics_shape_under_a_name_that_never_was(guide: Guide) -> None:
    answer = json.loads(await guide.run("curl"))
    assert (answer["type"], answer["role"]) == ("message", "assistant")
    assert answer["content"][0]["text"]
    assert answer["usage"]["input_tokens"] > 0


async def test_the_custody_headers_are_those_of_the_other_format(guide: Guide) -> None:
    printed = await guide.run("Where it went")
    found = dict(line.split(": ", 1) for line in printed.splitlines())
    assert {name: found[name] for name in BEDROCK} == BEDROCK
    assert found["x-ni-processing-jurisdiction"] == "*"


@pytest.mark.parametrize("nth", [0, 1], ids=["header", "body"])
async def test_the_tier_decides_who_answers_to_a_name(guide: Guide, nth: int) -> None:
    assert TO_ANTHROPIC in await guide.run("Choose the tier", nth)


async def test_tools_pass_through_and_are_translated(guide: Guide) -> None:
    said = (await guide.run("Tools")).splitlines()
    assert said == ['The tool answered: "minus four in Montreal".'] * 2


@needs_node
async def test_thoughts_are_streamed_and_counted_once(guide: Guide) -> None:
    said, kinds, counted = (await guide.run("Thinking, as a stream")).splitlines()
    assert (said, kinds) == ("1, 2, 3, 4, 5", "thinking text")
    tokens, thoughts = (int(word) for word in counted.replace(",", "").split() if word.isdigit())
    assert 0 < thoughts < tokens
