"""Claude Code against the running street: its address, its token, its turns, on Claude and on other makers' models."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.clients import claude_code
from tests.clients.events import assert_in_order, events_of
from tests.e2e.edge import Edge, Reply, edge_of
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = pytest.mark.street

SONNET = "claude-sonnet-4-5-20250929"
DIRECT = f"anthropic/{SONNET}-us"
BEDROCK = "bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0-global"
VERTEX = "vertex_ai/claude-sonnet-4-6-us"
GEMINI = "vertex_ai/gemini-2.5-pro-ca"
OPENAI = "openai/gpt-5-us"
CONVERSE = "bedrock/mistral.mistral-large-2402-v1:0-ca"
PASSED = (DIRECT, BEDROCK, VERTEX)
TRANSLATED = (GEMINI, OPENAI, CONVERSE)
EDITS = {"edits": [{"type": "clear_tool_uses_20250919", "trigger": {"type": "input_tokens", "value": 100_000}}]}
PATH = "/v1/messages?beta=true"
FOR_ANTHROPIC = {  # alone
    "claude-code-20250219",
    "oauth-2025-04-20",
    "prompt-caching-scope-2026-01-05",
    "thinking-token-count-2026-05-13",
}


@pytest.fixture
async def edge(street: Street) -> AsyncIterator[Edge]:
    async with edge_of(street) as opened:
        yield opened


@pytest.fixture
def headers(street: Street) -> dict[str, str]:
    return claude_code.headers(street.api_key)


async def ask(edge: Edge, headers: dict[str, str], body: dict[str, Any], path: str = PATH) -> Reply:
    return await edge.send("POST", path, body=body, key="", headers=headers)


async def seen_by_provider(street: Street, before: int) -> dict[str, Any]:
    (entry,) = await since(street, before)
    return entry


def calls_grep(reply: Reply) -> None:
    events = events_of(reply.body)
    assert_in_order(events)
    starts = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [block["name"] for block in starts if block["type"] == "tool_use"] == ["Grep"]
    arguments = "".join(
        event["delta"].get("partial_json", "") for event in events if "index" in event and "delta" in event
    )
    assert set(orjson.loads(arguments)) == {"file_path"}
    (delta,) = [event for event in events if event["type"] == "message_delta"]
    assert delta["delta"]["stop_reason"] == "tool_use"
    assert delta["usage"]["output_tokens"] > 0


async def test_it_asks_first_whether_anybody_is_there(edge: Edge) -> None:
    assert (await edge.send("HEAD", "/", key="")).status == 200


@pytest.mark.parametrize("route", PASSED)
async def test_a_turn_passes_to_claude_as_it_was_written(
    edge: Edge, street: Street, headers: dict[str, str], route: str
) -> None:
    before = await mark(street)
    asked = claude_code.request(route, "use the tool Grep please", context_management=EDITS)
    reply = await ask(edge, headers, asked)
    assert reply.status == 200, reply.body
    kept = [name for name in claude_code.BETAS if route == DIRECT or name not in FOR_ANTHROPIC]
    dropped = [f"anthropic-beta.{name}" for name in claude_code.BETAS if name not in kept]
    assert reply.headers.get("x-ni-dropped-params", "") == ",".join(dropped)
    calls_grep(reply)
    # Under another name it would take the answer for another model's, and leave its thoughts out of the next turn.
    assert events_of(reply.body)[0]["message"]["model"] == route
    entry = await seen_by_provider(street, before)
    sent = orjson.loads(entry["body"])
    if route != DIRECT:  # a cloud takes no mark with a scope
        asked["system"][0]["cache_control"] = claude_code.CACHED
    for member in ("system", "tools", "messages", "thinking", "metadata", "context_management", "max_tokens"):
        assert sent[member] == asked[member], member
    betas = sent.get("anthropic_beta") or dict(entry["headers"])["anthropic-beta"].split(",")
    assert betas == kept


@pytest.mark.parametrize("route", TRANSLATED)
async def test_a_turn_is_translated_for_other_makers_and_what_they_lack_is_named(
    edge: Edge, headers: dict[str, str], route: str
) -> None:
    asked = claude_code.request(route, "use the tool Grep please", context_management=EDITS)
    reply = await ask(edge, headers, asked)
    assert reply.status == 200, reply.body
    calls_grep(reply)
    dropped = set(reply.headers["x-ni-dropped-params"].split(","))
    assert {"context_management", "cache_control"} <= dropped
    assert not dropped & {"system", "tools", "messages", "max_tokens", "stream"}


@pytest.mark.parametrize("route", TRANSLATED)
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("container", "container_01"),
        ("mcp_servers", [{"type": "url", "url": "https://example.com/mcp", "name": "one"}]),
        ("some_beta_of_next_year", True),
    ],
)
async def test_a_beta_that_changes_the_answer_is_refused_by_name_where_it_cannot_be_had(
    edge: Edge, headers: dict[str, str], route: str, member: str, value: Any
) -> None:
    reply = await ask(edge, headers, claude_code.request(route, "hi", **{member: value}))
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert member in reply.json["error"]["message"]
    assert "x-ni-dropped-params" not in reply.headers


@pytest.mark.parametrize("route", TRANSLATED)
async def test_its_search_for_tools_works_on_other_makers_routes(
    edge: Edge, street: Street, headers: dict[str, str], route: str
) -> None:
    """A deferred tool is not shown, and from its finding on it is."""
    deferred = [
        {**claude_code.tool(name), "defer_loading": True} for name in ("DeferredToolPlaceholder", "NotebookRead")
    ]
    asked = claude_code.request(route, "use the tool Grep please")
    asked["tools"] += deferred
    found = [{"type": "tool_reference", "tool_name": "NotebookRead"}]
    for content, shown in (("nothing", False), (found, True)):
        before = await mark(street)
        asked["messages"][2]["content"][0]["content"] = content
        reply = await ask(edge, headers, asked)
        assert reply.status == 200, reply.body
        sent = (await seen_by_provider(street, before))["body"]
        assert ('"NotebookRead"' in sent, "DeferredToolPlaceholder" in sent) == (shown, False)


@pytest.mark.parametrize("route", TRANSLATED)
async def test_a_tool_that_anthropic_runs_is_refused_on_other_makers_routes(
    edge: Edge, headers: dict[str, str], route: str
) -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]
    reply = await ask(edge, headers, claude_code.request(route, "hi") | {"tools": tools})
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert "custom" in reply.json["error"]["message"]


async def test_the_mark_of_the_long_context_is_not_a_part_of_the_name(
    edge: Edge, street: Street, headers: dict[str, str]
) -> None:
    headers["anthropic-beta"] += ",context-1m-2025-08-07"
    for path in (PATH, "/v1/v1/messages?beta=true"):
        before = await mark(street)
        reply = await ask(edge, headers, claude_code.request(f"{SONNET}[1m]", "use the tool Grep please"), path)
        assert reply.status == 200, reply.body
        entry = await seen_by_provider(street, before)
        assert "[1m]" not in entry["path"] + entry["body"]
        assert "%5B1m" not in entry["path"]
        assert "context-1m-2025-08-07" in orjson.loads(entry["body"])["anthropic_beta"]


async def test_the_mark_stands_behind_route_ids_too(edge: Edge, headers: dict[str, str]) -> None:
    assert (await ask(edge, headers, claude_code.request(f"{DIRECT}[1m]", "hi"))).status == 200


@pytest.mark.parametrize("route", [SONNET, f"{SONNET}[1m]", *PASSED, GEMINI])
async def test_tokens_are_counted_by_the_provider(edge: Edge, headers: dict[str, str], route: str) -> None:
    reply = await ask(edge, headers, counted(route), "/v1/messages/count_tokens?beta=true")
    assert (reply.status, set(reply.json)) == (200, {"input_tokens"})
    assert reply.json["input_tokens"] > 100
    assert "x-ni-estimated" not in reply.headers


@pytest.mark.parametrize("route", [OPENAI, CONVERSE])
async def test_tokens_are_estimated_and_said_to_be_where_the_provider_does_not_count(
    edge: Edge, headers: dict[str, str], route: str
) -> None:
    reply = await ask(edge, headers, counted(route), "/v1/messages/count_tokens?beta=true")
    assert (reply.status, set(reply.json)) == (200, {"input_tokens"})
    assert reply.headers["x-ni-estimated"] == "true"


def counted(route: str) -> dict[str, Any]:
    asked = claude_code.request(route, "hi")
    return {name: asked[name] for name in ("model", "system", "tools", "messages", "thinking")}


@pytest.mark.parametrize(
    ("path", "anthropic"),
    [
        ("/v1/responses", False),
        ("/v1/embeddings", False),
        ("/v1/v1/responses", False),
        ("/v1/messages/batches", True),
        ("/v1/files", True),
        ("/v1/complete", True),
    ],
)
async def test_what_is_not_served_says_what_to_use(
    edge: Edge, headers: dict[str, str], path: str, anthropic: bool
) -> None:
    reply = await edge.send("POST", path, body={}, key="", headers=headers if anthropic else None)
    assert reply.status == 404
    error = reply.json["error"] if anthropic else reply.error
    assert error["type"] == ("not_found_error" if anthropic else "invalid_request_error")
    assert "/v1/messages" in error["message"] or "/v1/chat/completions" in error["message"]


async def test_a_token_of_nobody_is_an_authentication_error(edge: Edge, headers: dict[str, str]) -> None:
    headers["Authorization"] = "Bearer sk-ant-oat01-somebody"
    reply = await ask(edge, headers, claude_code.request(SONNET, "hi"))
    assert (reply.status, reply.json["error"]["type"]) == (401, "authentication_error")
    assert reply.json["request_id"] is None or reply.json["request_id"] == reply.headers["request-id"]


@pytest.mark.parametrize("route", [*PASSED, *TRANSLATED])
async def test_a_failure_in_mid_turn_is_anthropics_error_event(edge: Edge, headers: dict[str, str], route: str) -> None:
    reply = await ask(edge, headers, claude_code.request(route, "[[sandbox chunks=9 error_after=3]]"))
    assert reply.status == 200
    last = events_of(reply.body)[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert last["request_id"] == reply.headers["request-id"]
    assert b"message_stop" not in reply.body
