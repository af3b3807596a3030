"""Smart routing: each command of the guide does what the guide says, and the official SDKs read what comes of it."""

import asyncio
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import anthropic
import openai
import orjson
import pytest

from tests.clients.node_suite import needs_node, typescript
from tests.e2e.edge import Edge, Reply
from tests.e2e.guide import Guide
from tests.e2e.money import bank_of
from tests.e2e.people import doorman_of
from tests.support.street import Street

pytestmark = pytest.mark.street

POOL: Final = ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B"]
SEED: Final = ["object", "task", "complexity", "confidence", "model", "routing_time_ms"]
COMPLEXITIES: Final = {"simple", "moderate", "complex"}
BASES: Final = ("/v1", "/api/v1/inference")
SORT: Final = "Write a Python function to sort a list"
AUTO: Final[dict[str, Any]] = {"model": "auto", "messages": [{"role": "user", "content": SORT}]}
NANO: Final = 1_000_000_000

# The Node SDK's helper, which goes through `choices` of every event and folds them into one completion.
HELPER: Final = """
import OpenAI from "openai";
const client = new OpenAI({ apiKey: "inf_your_api_key", baseURL: "https://api.inferbase.ai/api/v1/inference" });
const messages: any = [{ role: "user", content: "count to five" }];
const stream = client.chat.completions.stream({ model: "auto", messages });
const events: any[] = [];
let text = "";
stream.on("chunk", (chunk: any) => events.push(chunk.object));
stream.on("content", (delta: string) => { text += delta; });
const final = await stream.finalChatCompletion();
console.log(JSON.stringify({ events, text, final, completions: stream.allChatCompletions().length }));
"""


@pytest.fixture
def guide(street: Street, tmp_path: Path) -> Guide:
    return Guide(file="inference.md", street=street, folder=tmp_path)


def events_of(body: bytes | str) -> list[Any]:
    """The events of an OpenAI stream, each parsed; the last one is [DONE]."""
    text = body.decode() if isinstance(body, bytes) else body
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def row_of(edge: Edge, request_id: str, key: str | None = None) -> Any:
    """The request's row, which is there within two seconds."""
    for _ in range(40):
        found = (await edge.send("GET", f"/api/usage?request_id={request_id}", key=key)).json["data"]
        if found:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError("no row")


@dataclass(frozen=True)
class Pooled:
    """A key whose defaults are the seed's, of an account of its own."""

    key: str
    edge: Edge

    async def chat(self, body: Any, **more: Any) -> Reply:
        return await self.edge.chat(body, key=self.key, base="/api/v1/inference", **more)


@pytest.fixture
async def pooled(street: Street, edge: Edge) -> Pooled:
    async with bank_of(street) as bank:
        account = await bank.account(5 * NANO)
    body = {"name": "Production", "model_pool": POOL, "optimize_mode": "balanced"}
    made = await edge.send("POST", "/api/v1/inference/keys", body=body, key=account.key)
    assert (made.status, made.json["model_pool"], made.json["optimize_mode"]) == (201, POOL, "balanced")
    for _ in range(100):  # until the edge knows it, too
        if (await edge.send("GET", "/v1/models", key=made.json["key"])).status == 200:
            break
        await asyncio.sleep(0.02)
    return Pooled(made.json["key"], edge)


# --- the guide, word for word ----------------------------------------------------------------------------------------


async def test_the_guide_has_a_command_for_each_statement_of_the_seed(guide: Guide) -> None:
    found = guide.headings()
    assert [found[each] for each in ("Smart routing", "A key with a pool", "For one call", "The routing event")] == [
        1
    ] * 4
    assert (found["What would be chosen"], found["With OpenAI's SDKs"]) == (1, 2)


async def test_auto_is_answered_by_the_model_that_was_chosen(guide: Guide) -> None:
    answer = json.loads(await guide.run("Smart routing"))
    assert answer["object"] == "chat.completion"
    assert answer["model"] != "auto"
    assert answer["choices"][0]["message"]["content"]


async def test_a_key_carries_the_pool_and_the_mode(guide: Guide) -> None:
    made = json.loads(await guide.run("A key with a pool"))
    assert (made["name"], made["model_pool"], made["optimize_mode"]) == ("Production", POOL, "balanced")
    assert made["key"].startswith("inf_")


async def test_a_call_may_name_another_pool(guide: Guide) -> None:
    assert json.loads(await guide.run("For one call"))["model"] in POOL


async def test_a_stream_begins_with_the_choice(guide: Guide) -> None:
    first, *rest = events_of(await guide.run("The routing event"))
    assert list(first)[:6] == SEED
    assert first["object"] == "routing"
    assert first["choices"] == []
    assert {each["object"] for each in rest} == {"chat.completion.chunk"}


async def test_what_would_be_chosen_is_explained(guide: Guide) -> None:
    told = json.loads(await guide.run("What would be chosen"))
    assert told["object"] == "routing.explanation"
    assert told["model"] == told["candidates"][0]["model"]


async def test_the_python_sdk_gets_an_answer_for_auto_and_for_a_model_that_is_named(guide: Guide) -> None:
    assert len((await guide.run("With OpenAI's SDKs")).strip().splitlines()) >= 2


@needs_node
async def test_the_node_sdk_gets_an_answer_for_auto(guide: Guide) -> None:
    assert (await guide.run("With OpenAI's SDKs", 1)).strip()


# --- what the key says, and the request ------------------------------------------------------------------------------


async def test_auto_chooses_from_the_key_s_pool_and_says_so(pooled: Pooled) -> None:
    reply = await pooled.chat(AUTO)
    assert reply.status == 200
    chosen = reply.headers["x-ni-route-model"]
    assert reply.json["model"] == chosen
    assert chosen in POOL
    assert reply.headers["x-ni-route-task"] == "code_generation"
    assert reply.headers["x-ni-route-complexity"] in COMPLEXITIES
    assert 0 <= float(reply.headers["x-ni-route-confidence"]) <= 1
    assert reply.headers["x-ni-route-optimize"] == "balanced"
    assert set(filter(None, reply.headers.get("x-ni-route-fallbacks", "").split(","))) <= set(POOL)


async def test_the_event_comes_before_any_content_with_the_seed_s_fields(pooled: Pooled) -> None:
    reply = await pooled.chat({**AUTO, "stream": True})
    first, *rest = events_of(reply.body)
    assert list(first)[:6] == SEED
    assert (first["object"], first["task"]) == ("routing", "code_generation")
    assert first["complexity"] in COMPLEXITIES
    assert first["model"] in POOL
    assert 0 < first["routing_time_ms"] < 50
    assert {each["model"] for each in rest if each.get("model")} == {first["model"]}
    assert first["model"] == reply.headers["x-ni-route-model"]


@pytest.mark.parametrize("optimize", ["balanced", "quality", "cost", "latency"])
async def test_each_mode_can_be_asked_for(edge: Edge, optimize: str) -> None:
    reply = await edge.chat({**AUTO, "routing": {"optimize": optimize}}, base="/api/v1/inference")
    assert (reply.status, reply.headers["x-ni-route-optimize"]) == (200, optimize)


async def test_a_request_s_pool_takes_the_place_of_the_key_s(pooled: Pooled) -> None:
    other = "azure/gpt-4.1-mini-ca"
    reply = await pooled.chat({**AUTO, "routing": {"model_pool": [other]}})
    assert (reply.status, reply.json["model"]) == (200, other)
    assert reply.headers["x-ni-route-reason"] == "only_candidate"


@pytest.mark.parametrize("task", ["code_generation", "analysis"])
async def test_a_task_can_be_said_instead_of_detected(edge: Edge, task: str) -> None:
    reply = await edge.chat({**AUTO, "routing": {"task": task}}, base="/api/v1/inference")
    assert (reply.status, reply.headers["x-ni-route-task"]) == (200, task)


@pytest.mark.parametrize(
    ("routing", "param"),
    [({"task": "juggling"}, "routing.task"), ({"model_pool": ["no/such-model"]}, "routing.model_pool")],
)
async def test_what_is_not_known_is_refused_by_name(edge: Edge, routing: Any, param: str) -> None:
    for base in BASES:
        reply = await edge.chat({**AUTO, "routing": routing}, base=base)
        assert reply.status == 400, reply.body
        assert reply.error["param"] == param


async def test_a_model_that_is_named_is_not_chosen_and_needs_no_place_in_the_pool(pooled: Pooled) -> None:
    reply = await pooled.chat({**AUTO, "model": "azure/gpt-4.1-mini-ca"})
    assert (reply.status, reply.json["model"]) == (200, "azure/gpt-4.1-mini-ca")
    assert not [name for name in reply.headers if name.startswith("x-ni-route-")]


async def test_residency_holds_for_auto_too(edge: Edge) -> None:
    reply = await edge.chat({**AUTO, "residency": ["CA"]})
    assert (reply.status, reply.headers["x-ni-processing-jurisdiction"]) == (200, "CA")


# --- SDKs and dialects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
async def test_the_python_sdk_reads_over_the_event_streaming_and_in_its_helper(street: Street, base: str) -> None:
    messages: Any = [{"role": "user", "content": "count to five"}]
    async with openai.AsyncOpenAI(api_key=street.api_key, base_url=street.base_url + base, max_retries=0) as client:
        stream = await client.chat.completions.create(model="auto", messages=messages, stream=True)
        chunks = [chunk async for chunk in stream]
        assert [chunk.object for chunk in chunks[:2]] == ["routing", "chat.completion.chunk"]
        assert "".join(each.choices[0].delta.content or "" for each in chunks if each.choices) == "1, 2, 3, 4, 5"
        async with client.chat.completions.stream(model="auto", messages=messages) as helped:
            said = [event.delta async for event in helped if event.type == "content.delta"]
            final = await helped.get_final_completion()
    assert "".join(said) == "1, 2, 3, 4, 5" == final.choices[0].message.content
    assert final.object == "chat.completion"
    assert final.choices[0].finish_reason == "stop"


@needs_node
async def test_the_node_sdk_s_stream_helper_folds_to_one_completion(street: Street, tmp_path: Path) -> None:
    text = HELPER.replace("https://api.inferbase.ai", street.base_url).replace("inf_your_api_key", street.api_key)
    command = await asyncio.to_thread(typescript, tmp_path, text)
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["events"][:2] == ["routing", "chat.completion.chunk"]
    assert told["text"] == "1, 2, 3, 4, 5" == told["final"]["choices"][0]["message"]["content"]
    assert told["completions"] == 1


@pytest.mark.parametrize("base", BASES)
async def test_anthropic_s_sdk_gets_auto_and_its_streams_begin_as_they_always_do(street: Street, base: str) -> None:
    asked: Any = {"model": "auto", "max_tokens": 64, "messages": [{"role": "user", "content": "count to five"}]}
    async with anthropic.AsyncAnthropic(
        api_key=street.api_key, base_url=street.base_url + base, max_retries=0
    ) as client:
        whole = await client.messages.with_raw_response.create(**asked)
        assert whole.headers["x-ni-route-model"] != "auto"
        async with client.messages.stream(**asked) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_message()
            assert stream.response.headers["x-ni-route-task"]
    assert kinds[0] == "message_start"
    (block,) = [each for each in final.content if each.type == "text"]
    assert block.text == "1, 2, 3, 4, 5"


# --- on record, explained, rated -------------------------------------------------------------------------------------


async def test_the_decision_stands_on_the_usage_row(edge: Edge, pooled: Pooled) -> None:
    reply = await pooled.chat(AUTO)
    row = await row_of(edge, reply.headers["x-ni-request-id"], pooled.key)
    assert (row["model"], row["route"], row["task"]) == ("auto", reply.json["model"], "code_generation")
    assert row["routing"]["model"] == reply.headers["x-ni-route-model"]
    assert row["routing"]["router_version"] == reply.headers["x-ni-route-version"]
    assert row["routing"]["propensity"] == 1
    named = await pooled.chat({**AUTO, "model": POOL[0]})
    assert (await row_of(edge, named.headers["x-ni-request-id"], pooled.key))["routing"] is None


async def test_after_a_failure_event_headers_and_row_name_the_model_that_answered(
    edge: Edge, street: Street, pooled: Pooled
) -> None:
    first = (await edge.send("POST", "/api/v1/inference/route", body=AUTO, key=pooled.key)).json["model"]
    (other,) = set(POOL) - {first}
    fault = {"model": first, "times": 1, "directive": "status=500"}
    faults = f"http://127.0.0.1:{street.ports()['sandbox']}/_sandbox/faults"
    async with aiohttp.ClientSession() as control:
        async with control.post(faults, json=fault) as ordered:
            assert ordered.status == 201, await ordered.text()
        try:
            reply = await pooled.chat({**AUTO, "stream": True})
        finally:
            await control.delete(faults)
    told, *rest = events_of(reply.body)
    assert (told["model"], told["reason"], reply.headers["x-ni-attempts"]) == (other, "fallback", "2")
    assert {each["model"] for each in rest if each.get("model")} == {other}
    assert (reply.headers["x-ni-route-model"], reply.headers["x-ni-route-reason"]) == (other, "fallback")
    row = await row_of(edge, reply.headers["x-ni-request-id"], pooled.key)
    assert (row["route"], row["attempts"], row["routing"]["model"]) == (other, 2, other)
    assert row["routing"]["reason"] == "fallback"


async def test_a_dry_run_says_what_is_then_chosen_and_leaves_nothing(
    edge: Edge, street: Street, pooled: Pooled
) -> None:
    before = len(await street.sandbox_log())
    usage = (await edge.send("GET", "/api/usage", key=pooled.key)).json["data"]
    told = await edge.send("POST", "/api/v1/inference/route", body=AUTO, key=pooled.key)
    assert told.status == 200, told.body
    assert (told.json["task"], told.json["model"] in POOL) == ("code_generation", True)
    assert {each["model"] for each in told.json["candidates"]} <= set(POOL)
    assert all(each["filter"] for each in told.json["excluded"])
    assert len(await street.sandbox_log()) == before
    assert (await edge.send("GET", "/api/usage", key=pooled.key)).json["data"] == usage
    body = {**AUTO, "max_tokens": 64}
    by_anthropic = await edge.send(
        "POST", "/api/v1/inference/route", body=body, key=pooled.key, headers={"anthropic-version": "2023-06-01"}
    )
    assert by_anthropic.json["task"] == "code_generation"
    assert (await pooled.chat(AUTO)).json["model"] == told.json["model"]


async def test_an_answer_is_rated_by_its_own_account_alone_and_the_last_word_counts(
    edge: Edge, street: Street, pooled: Pooled
) -> None:
    request_id = (await pooled.chat(AUTO)).headers["x-ni-request-id"]
    for rating in (1, "bad"):
        told = await edge.send(
            "POST", "/api/feedback", body={"request_id": request_id, "rating": rating}, key=pooled.key
        )
        assert told.status == 200, told.body
    assert (told.json["rating"], told.json["task"], told.json["route"] in POOL) == (-1, "code_generation", True)
    other = await edge.send("POST", "/api/feedback", body={"request_id": request_id, "rating": 1})
    assert (other.status, other.error["code"]) == (404, "not_found")
    async with doorman_of(street) as door:
        admin = await door.admin()
        mine = (await edge.chat(AUTO)).headers["x-ni-request-id"]
        body = orjson.dumps({"request_id": mine, "rating": "good"})
        by_session = await edge.send("POST", "/api/feedback", body=body, key="", headers=admin.headers)
        assert by_session.status == 200, by_session.body


# --- what is odd -----------------------------------------------------------------------------------------------------


PIXEL: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RESULT: Final[list[Any]] = [
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "4"},
]


IMAGE: Final[list[Any]] = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]
ODD: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "an image alone": (IMAGE, {}),
    "half a megabyte": ([{"role": "user", "content": "word " * 100_000 + "Summarise this in one line."}], {}),
    "the result of a tool alone": ([{"role": "system", "content": "be brief"}, *RESULT], {"model_pool": POOL}),
    "nothing": ([{"role": "user", "content": ""}], {"model_pool": POOL}),
}


@pytest.mark.parametrize("odd", ODD)
async def test_what_can_hardly_be_classified_is_answered_by_a_route_that_can_take_it(edge: Edge, odd: str) -> None:
    messages, routing = ODD[odd]
    body = {"model": "auto", "messages": messages, "stream": True, "routing": routing}
    reply = await edge.chat(body, base="/api/v1/inference")
    assert reply.status == 200, reply.body
    assert events_of(reply.body)[0]["object"] == "routing"


async def test_an_image_that_no_model_of_the_pool_can_see_is_refused_and_the_filter_is_named(pooled: Pooled) -> None:
    reply = await pooled.chat({"model": "auto", "messages": IMAGE})
    assert (reply.status, reply.error["code"]) == (400, "no_eligible_model")
    assert "image" in reply.error["message"] or "modality" in reply.error["message"]


async def test_personal_data_is_substituted_and_restored_behind_the_event(edge: Edge) -> None:
    said = "Repeat this line exactly: write to julie.tremblay@example.org"
    body = {"model": "auto", "messages": [{"role": "user", "content": said}], "pii_substitution": True, "stream": True}
    first, *rest = events_of((await edge.chat(body)).body)
    assert first["object"] == "routing"
    text = "".join(each["choices"][0]["delta"].get("content") or "" for each in rest if each["choices"])
    assert text == "write to julie.tremblay@example.org"
    told = await edge.send("POST", "/api/v1/inference/route", body=body)
    assert (told.status, told.json["task"]) == (200, first["task"])


async def test_tokens_are_counted_for_auto(edge: Edge) -> None:
    reply = await edge.send("POST", "/v1/messages/count_tokens", body=AUTO)
    assert (reply.status, reply.json["input_tokens"] > 0) == (200, True)
