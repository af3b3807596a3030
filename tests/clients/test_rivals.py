"""Bugs that other gateways are known for, each through the running street, by the SDKs that showed them.

Answers cut inside a character or an event are in test_split.py.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import orjson
import pytest
from openai import AsyncOpenAI

from tests.clients.asking import AZURE, HAIKU, OPENAI, QWEN, WEATHER, user
from tests.clients.events import DONE, assert_in_order, events_of
from tests.clients.matrix.cells import DIALECTS, ROUTES, askers
from tests.clients.matrix.conversation import Asker, Seen, Talk, Wish
from tests.clients.matrix.scenarios import CLOCK
from tests.clients.matrix.scenarios import WEATHER as NEEDS_CITY
from tests.e2e.edge import Edge, edge_of
from tests.support.street import Street
from tests.support.upstream_log import mark, since

pytestmark = pytest.mark.street

DIRECT = "anthropic/claude-sonnet-4-5-20250929-us"
CONVERSE = "bedrock/mistral.mistral-large-2402-v1:0-ca"
GEMINI = "vertex_ai/gemini-2.5-pro-ca"
VERTEX = "vertex_ai/claude-sonnet-4-6-us"
NOTHING = Wish()

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)
each_route = pytest.mark.parametrize("route", ROUTES.values())
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
async def by_dialect(street: Street) -> AsyncIterator[Mapping[str, Asker]]:
    async with askers(street.base_url, street.api_key) as made:
        yield made


@pytest.fixture
async def edge(street: Street) -> AsyncIterator[Edge]:
    async with edge_of(street) as opened:
        yield opened


async def say(asker: Asker, route: str, text: str, wish: Wish = NOTHING, *, stream: bool) -> tuple[Talk, Seen]:
    talk = Talk()
    asker.user(talk, text)
    seen = await asker.ask(talk, route, wish, stream=stream)
    assert not seen.error, seen
    return talk, seen


async def chunks_of(edge: Edge, route: str, text: str, **more: Any) -> list[dict[str, Any]]:
    """The raw chunks of a chat stream, usage asked for."""
    body = {"model": route, "messages": user(text), "stream": True, "stream_options": {"include_usage": True}, **more}
    reply = await edge.chat(body)
    assert reply.status == 200, reply.body
    events = events_of(reply.body)
    assert events[-1] == DONE
    return events[:-1]


async def message_events(edge: Edge, route: str, text: str, **more: Any) -> list[dict[str, Any]]:
    """The raw events of a message stream."""
    body = {"model": route, "max_tokens": 4000, "messages": user(text), "stream": True, **more}
    reply = await edge.send("POST", "/v1/messages", body=body)
    assert reply.status == 200, reply.body
    return events_of(reply.body)


def as_anthropic(*tools: Any) -> list[dict[str, Any]]:
    return [{"name": tool.name, "input_schema": tool.schema} for tool in tools]


def as_openai(*tools: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": tool.name, "parameters": tool.schema}} for tool in tools]


# --- tools --------------------------------------------------------------------------------------------------------


@each_dialect
@pytest.mark.parametrize("route", [GEMINI, DIRECT, HAIKU, VERTEX])
async def test_arguments_of_a_call_do_not_vanish_between_gemini_and_anthropic_streams(
    by_dialect: Mapping[str, Asker], dialect: str, route: str
) -> None:
    """Gemini sends a call whole, Anthropic in fragments: a translator that waits for the other kind sends `{}`."""
    wish = Wish(tools=(NEEDS_CITY,), forced="get_weather")
    _, seen = await say(by_dialect[dialect], route, "Montréal, for three days", wish, stream=True)
    (call,) = seen.calls
    assert call.arguments == {"city": "Montréal, for three days", "days": 1}


@each_dialect
@each_route
@both_ways
async def test_an_answer_that_calls_ends_for_its_calls(
    by_dialect: Mapping[str, Asker], dialect: str, route: str, stream: bool
) -> None:
    """Gemini says STOP for both: told as `end_turn`, it ends an agent's loop with the call unanswered."""
    _, seen = await say(by_dialect[dialect], route, "use the tool get_time", Wish(tools=(CLOCK,)), stream=stream)
    assert seen.calls
    assert seen.end == "tools"


@each_route
@pytest.mark.parametrize("thinking", [False, True])
async def test_every_block_is_started_and_stopped(edge: Edge, route: str, thinking: bool) -> None:
    """Converse starts no text, Gemini starts and stops nothing: whoever copies leaves blocks open or never begun."""
    more: dict[str, Any] = {"tools": as_anthropic(NEEDS_CITY, CLOCK)}
    if thinking:
        more["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    events = await message_events(edge, route, "announce it: use the tools get_weather and get_time", **more)
    assert_in_order(events)
    kinds = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert [kind for kind in kinds if "thinking" not in kind] == ["text", "tool_use", "tool_use"]


@each_route
async def test_calls_are_numbered_from_nought_whatever_came_before_them(edge: Edge, route: str) -> None:
    """A content block's number is not a call's: with text and thoughts before it, the first call became the third."""
    thinks = {"reasoning_effort": "medium"} if route in {DIRECT, HAIKU, VERTEX, GEMINI} else {}
    chunks = await chunks_of(
        edge,
        route,
        "announce it: use the tools get_weather and get_time",
        tools=as_openai(NEEDS_CITY, CLOCK),
        max_completion_tokens=9000,
        **thinks,
    )
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "I will look that up."
    assert bool(thinks) == any(delta.get("reasoning_content") for delta in deltas)
    calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    begun = [(call["index"], call["function"]["name"]) for call in calls if call.get("id")]
    assert begun == [(0, "get_weather"), (1, "get_time")]
    assert [call["index"] for call in calls] == sorted(call["index"] for call in calls)


@each_dialect
@each_route
@both_ways
async def test_a_tool_without_arguments_is_called_with_an_empty_object(
    by_dialect: Mapping[str, Asker], dialect: str, route: str, stream: bool
) -> None:
    """Anthropic sends no fragment at all for it: joined, that is no JSON, and the next turn's history is refused."""
    wish = Wish(tools=(CLOCK,))
    talk, seen = await say(by_dialect[dialect], route, "use the tool get_time", wish, stream=stream)
    assert [call.arguments for call in seen.calls] == [{}]
    by_dialect[dialect].results(talk, seen, ["noon"])
    answer = await by_dialect[dialect].ask(talk, route, wish, stream=stream)
    assert "noon" in answer.text


@each_dialect
@both_ways
async def test_two_calls_of_one_tool_get_ids_of_their_own_where_gemini_gives_none(
    by_dialect: Mapping[str, Asker], dialect: str, stream: bool
) -> None:
    """Named after their tool, both have one id; then both results are the first one's, or the turn is refused."""
    wish = Wish(tools=(CLOCK,))
    asker = by_dialect[dialect]
    talk, seen = await say(asker, GEMINI, "use the tools get_time and get_time", wish, stream=stream)
    first, second = seen.calls
    assert first.id
    assert second.id
    assert first.id != second.id
    asker.results(talk, seen, ["noon", "midnight"])
    answer = await asker.ask(talk, GEMINI, wish, stream=stream)
    assert answer.text.index("noon") < answer.text.index("midnight")


# --- thoughts -----------------------------------------------------------------------------------------------------


@each_dialect
@pytest.mark.parametrize("route", [DIRECT, HAIKU, VERTEX, GEMINI])
@both_ways
async def test_a_thoughts_signature_is_back_at_the_provider_on_the_next_turn(
    by_dialect: Mapping[str, Asker], street: Street, dialect: str, route: str, stream: bool
) -> None:
    """Where it is lost, Claude refuses the turn and Gemini forgets what it was thinking."""
    wish = Wish(tools=(CLOCK,), thinking=True, max_tokens=4000)
    asker = by_dialect[dialect]
    talk, seen = await say(asker, route, "use the tool get_time", wish, stream=stream)
    assert seen.thought
    asker.results(talk, seen, ["noon"])
    before = await mark(street)
    answer = await asker.ask(talk, route, wish, stream=stream)
    assert "noon" in answer.text
    (entry,) = await since(street, before)
    (signature,) = signatures_in(orjson.loads(entry["body"]))
    assert len(signature) > 20


def signatures_in(value: Any) -> list[str]:
    """Claude's and Gemini's, wherever they stand."""
    if isinstance(value, list):
        return [found for each in value for found in signatures_in(each)]
    if not isinstance(value, dict):
        return []
    own = [value[name] for name in ("signature", "thoughtSignature") if isinstance(value.get(name), str)]
    return own + [found for each in value.values() for found in signatures_in(each)]


# --- usage --------------------------------------------------------------------------------------------------------


async def test_cached_tokens_are_counted_once_in_either_dialect(edge: Edge) -> None:
    """Anthropic's three numbers are disjoint, OpenAI's holds the cached ones: added as they stand, a prompt doubles."""
    text = f"A long beginning, {uuid4()}. " * 100
    marked = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
    for again in (False, True):
        body = {"model": HAIKU, "messages": [{"role": "system", "content": marked}, *user("hi")]}
        usage = (await edge.chat(body)).json["usage"]
        assert usage["prompt_tokens"] == tokens_of(text) + 1
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        details = usage["prompt_tokens_details"]
        assert details["cached_tokens"] == (tokens_of(text) if again else 0)
        assert details.get("cache_write_tokens", 0) == (0 if again else tokens_of(text))


async def test_openais_cached_tokens_are_not_in_anthropics_input_too(edge: Edge) -> None:
    """The other way about: `input_tokens` is what was not in the cache."""
    text = f"Another long beginning, {uuid4()}. " * 200
    asked = {"model": "openai/gpt-4.1-us", "max_tokens": 100, "messages": user(text)}
    first = (await edge.send("POST", "/v1/messages", body=asked)).json["usage"]
    again = (await edge.send("POST", "/v1/messages", body=asked)).json["usage"]
    assert (first["input_tokens"], first["cache_read_input_tokens"]) == (tokens_of(text), 0)
    assert again["cache_read_input_tokens"] > 1024
    assert again["input_tokens"] + again["cache_read_input_tokens"] == tokens_of(text)


def tokens_of(text: str) -> int:
    """As the sandbox counts."""
    return -(-len(text.encode()) // 4)


@each_dialect
@each_route
async def test_usage_is_whole_and_the_same_streamed_or_not(
    by_dialect: Mapping[str, Asker], dialect: str, route: str
) -> None:
    """Output without input, or nothing at all, where the numbers come after the end, in another event, or elsewhere."""
    text = "Repeat this line exactly: how many tokens is this"
    (_, whole), (_, streamed) = [await say(by_dialect[dialect], route, text, stream=way) for way in (False, True)]
    assert (whole.input_tokens, whole.output_tokens) == (streamed.input_tokens, streamed.output_tokens)
    assert whole.input_tokens == tokens_of(text)
    assert whole.output_tokens > 0


@each_route
async def test_usage_is_the_same_in_both_dialects(by_dialect: Mapping[str, Asker], route: str) -> None:
    """A number lost between two dialects is a request that costs nothing."""
    counted = set()
    for asker in by_dialect.values():
        for stream in (False, True):
            _, seen = await say(asker, route, "Repeat this line exactly: the same for all", stream=stream)
            counted.add((seen.input_tokens, seen.output_tokens))
    assert len(counted) == 1


@pytest.mark.parametrize("route", [GEMINI, QWEN])
async def test_usage_in_every_chunk_is_told_once_and_the_last_one_holds(edge: Edge, route: str) -> None:
    """Gemini repeats it in each chunk, and not always more of it: added up, or taken from the first, it is wrong."""
    text = "[[sandbox chunks=30]] usage in every chunk"
    chunks = await chunks_of(edge, route, text, max_completion_tokens=4000)
    (told,) = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert chunks[-1]["usage"] == told
    assert chunks[-1]["choices"] == []
    whole = await edge.chat({"model": route, "messages": user(text), "max_completion_tokens": 4000})
    assert told["completion_tokens"] == whole.json["usage"]["completion_tokens"] >= 30
    assert told["prompt_tokens"] == whole.json["usage"]["prompt_tokens"]


async def test_azures_first_chunk_is_neither_the_usage_nor_the_end(edge: Edge, street: Street) -> None:
    """It has no choices, no id and no model: taken for the usage chunk it ends the stream before it began."""
    chunks = await chunks_of(edge, AZURE, "count to five")
    assert chunks[0]["choices"] == []
    assert not chunks[0].get("usage")
    assert "prompt_filter_results" in chunks[0]
    assert [bool(chunk.get("usage")) for chunk in chunks].count(True) == 1
    events = await message_events(edge, AZURE, "count to five")
    assert_in_order(events)
    assert events[0]["message"]["id"].startswith("msg_")
    assert "".join(event["delta"].get("text", "") for event in events if "index" in event and "delta" in event)
    async with (
        AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key, max_retries=0) as client,
        client.chat.completions.stream(model=AZURE, messages=user("count to five")) as stream,
    ):
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "1, 2, 3, 4, 5"


@pytest.mark.parametrize("route", [OPENAI, QWEN, AZURE])
async def test_usage_is_counted_though_the_caller_did_not_ask_for_it(edge: Edge, route: str) -> None:
    """Where the caller's own `stream_options` go upstream, who does not ask for usage is not charged."""
    body = {"model": route, "messages": user("count to five"), "stream": True}
    reply = await edge.chat(body)
    assert b'"usage":{' not in reply.body
    record = await edge.custody(reply.headers["x-ni-request-id"])
    assert record["usage"]["output"] > 0
    assert record["usage"]["input"] == tokens_of("count to five")
    assert record["usage"].get("estimated") in {None, False}


@each_route
@both_ways
async def test_a_tool_with_a_name_of_a_hundred_letters_is_called_by_it(edge: Edge, route: str, stream: bool) -> None:
    """Claude Code puts a plugin's and a server's name before each tool's; most providers take 64 letters."""
    name = "mcp__plugin_" + "x" * 82 + "__look"
    body = {
        "model": route,
        "max_tokens": 4000,
        "stream": stream,
        "messages": user("look around"),
        "tools": [{"name": name, "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "tool", "name": name},
    }
    reply = await edge.send("POST", "/v1/messages", body=body)
    assert reply.status == 200, reply.body
    assert b'"name":"%b"' % name.encode() in reply.body


async def test_a_tools_schema_is_the_same_json_on_the_way(edge: Edge, street: Street) -> None:
    """Keywords of JSON Schema that a translator does not know are not its to take away."""
    before = await mark(street)
    for route in (OPENAI, HAIKU, CONVERSE, GEMINI):
        reply = await edge.chat({"model": route, "messages": user("hi"), "tools": [WEATHER]})
        assert reply.status == 200, reply.body
    wanted = json.dumps(WEATHER["function"]["parameters"], sort_keys=True)
    for entry in await since(street, before):
        assert wanted in json.dumps(orjson.loads(entry["body"]), sort_keys=True)
