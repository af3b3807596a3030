"""Personal data stays home: substituted on its way out, restored on its way back, for the official SDKs of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from cli.gateway import Gateway
from libs.embedded.state import read_json
from tests.clients.asking import AZURE, HAIKU, png, with_image
from tests.e2e.edge import Edge, edge_of
from tests.support import upstream_log
from tests.support.street import Street

pytestmark = pytest.mark.street

ORIGINALS = ("jane", "jane@example.com", "416-924-7731", "4539 1488 0343 6467", "123-45-6789", "jane doe", "doe")
SAID = "My name is Jane Doe, email jane@example.com"
LINE = "Jane Doe, jane@example.com, phone 416-924-7731, card 4539 1488 0343 6467, SSN 123-45-6789"
REPEAT = f"My name is Jane Doe.\nRepeat this line exactly: {LINE}"
SUBSTITUTED: Any = {"pii_substitution": True}
TOOL: Any = {
    "name": "send_letter",
    "description": "Send a letter; for example to Jane Doe",
    "parameters": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]},
}


async def nothing_leaked(street: Street, moment: int) -> list[dict[str, Any]]:
    seen = await upstream_log.since(street, moment)
    assert seen
    for one in seen:
        body = orjson.dumps(one["body"]).decode().lower()
        assert not [original for original in ORIGINALS if original in body], body
    return seen


@asynccontextmanager
async def openai(street: Street) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{street.base_url}/v1", api_key=street.api_key, max_retries=0) as client:
        yield client


@asynccontextmanager
async def anthropic(street: Street) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=street.base_url, api_key=street.api_key, max_retries=0) as client:
        yield client


# --- the seed's example, through the vendors' SDKs --------------------------------------------------------------------


async def test_the_seeds_command_answers_and_sends_no_original(edge: Edge, street: Street) -> None:
    moment = await upstream_log.mark(street)
    body = {"model": HAIKU, "messages": [{"role": "user", "content": SAID}], "max_tokens": 30, **SUBSTITUTED}
    reply = await edge.chat(body)
    assert reply.status == 200
    assert reply.json["choices"][0]["message"]["content"]
    (seen,) = await nothing_leaked(street, moment)
    assert "@" in orjson.dumps(seen["body"]).decode()  # an address stands where one stood


@pytest.mark.parametrize("model", [HAIKU, AZURE])
async def test_openais_sdk_reads_the_originals_streamed_or_not(street: Street, model: str) -> None:
    moment = await upstream_log.mark(street)
    asked: Any = {"model": model, "messages": [{"role": "user", "content": REPEAT}], "extra_body": SUBSTITUTED}
    async with openai(street) as client:
        answer = await client.chat.completions.create(**asked)
        assert answer.choices[0].message.content == LINE
        stream = await client.chat.completions.create(stream=True, **asked)
        said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "".join(said) == LINE
    await nothing_leaked(street, moment)


@pytest.mark.parametrize("model", [HAIKU, AZURE])
async def test_anthropics_sdk_reads_the_originals_streamed_or_not(street: Street, model: str) -> None:
    moment = await upstream_log.mark(street)
    asked: Any = {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": REPEAT}]}
    async with anthropic(street) as client:
        answer: Any = await client.messages.create(**asked, extra_body=SUBSTITUTED)
        assert answer.content[0].text == LINE
        async with client.messages.stream(**asked, extra_body=SUBSTITUTED) as stream:
            assert "".join([text async for text in stream.text_stream]) == LINE
    await nothing_leaked(street, moment)


async def test_the_arguments_of_a_tool_hold_the_originals_as_json(street: Street) -> None:
    moment = await upstream_log.mark(street)
    asked: Any = {
        "model": AZURE,
        "messages": [{"role": "user", "content": "Jane Doe wants a letter, use the tool send_letter"}],
        "tools": [{"type": "function", "function": TOOL}],
        "extra_body": SUBSTITUTED,
    }
    async with openai(street) as client:
        answer: Any = await client.chat.completions.create(**asked)
        call = answer.choices[0].message.tool_calls[0].function
        assert call.name == "send_letter"
        assert orjson.loads(call.arguments)["to"].startswith("Jane Doe")
        async with client.chat.completions.stream(**asked) as stream:
            final: Any = await stream.get_final_completion()
        assert orjson.loads(final.choices[0].message.tool_calls[0].function.arguments)["to"].startswith("Jane Doe")
    await nothing_leaked(street, moment)


async def test_the_input_of_a_tool_holds_the_originals_in_the_other_dialect(street: Street) -> None:
    moment = await upstream_log.mark(street)
    tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
    asked: Any = {
        "model": HAIKU,
        "max_tokens": 200,
        "messages": [{"role": "user", "content": "Jane Doe wants a letter, use the tool send_letter"}],
        "tools": [tool],
    }
    async with anthropic(street) as client:
        answer: Any = await client.messages.create(**asked, extra_body=SUBSTITUTED)
        (use,) = [block for block in answer.content if block.type == "tool_use"]
        assert use.input["to"].startswith("Jane Doe")
        async with client.messages.stream(**asked, extra_body=SUBSTITUTED) as stream:
            final: Any = await stream.get_final_message()
        (use,) = [block for block in final.content if block.type == "tool_use"]
        assert use.input["to"].startswith("Jane Doe")
    await nothing_leaked(street, moment)


async def test_every_role_is_substituted_in_and_the_next_turn_says_the_same(street: Street) -> None:
    moment = await upstream_log.mark(street)
    turns = [
        {"role": "system", "content": "You write for Jane Doe, jane@example.com."},
        {"role": "user", "content": REPEAT, "name": "Jane"},
        {"role": "assistant", "content": LINE},
        {"role": "user", "content": "Repeat this line exactly: Jane Doe"},
    ]
    async with openai(street) as client:
        for messages in (turns[:2], turns):
            await client.chat.completions.create(model=AZURE, messages=messages, extra_body=SUBSTITUTED)  # type: ignore[arg-type]  # dicts
    first, second = [orjson.loads(one["body"])["messages"] for one in await nothing_leaked(street, moment)]
    assert second[:2] == first
    assert first[1]["content"].partition("exactly: ")[2] == second[2]["content"]


async def test_a_count_of_tokens_passes(street: Street) -> None:
    moment = await upstream_log.mark(street)
    async with anthropic(street) as client:
        counted = await client.messages.count_tokens(
            model=HAIKU, messages=[{"role": "user", "content": SAID}], extra_body=SUBSTITUTED
        )
    assert counted.input_tokens > 0
    if await upstream_log.since(street, moment):
        await nothing_leaked(street, moment)


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_an_image_is_refused_and_nothing_is_sent(edge: Edge, street: Street) -> None:
    moment = await upstream_log.mark(street)
    reply = await edge.chat({"model": AZURE, "messages": with_image(SAID, png()), **SUBSTITUTED})
    assert (reply.status, reply.error["code"]) == (422, "pii_unsupported_content")
    assert not await upstream_log.since(street, moment)


async def test_a_policy_that_is_not_there_is_a_bad_request(edge: Edge) -> None:
    reply = await edge.chat(
        {"model": AZURE, "messages": [{"role": "user", "content": SAID}], **SUBSTITUTED, "pii_policy": "nowhere"}
    )
    assert (reply.status, reply.error["param"]) == (400, "pii_policy")


async def test_header_and_body_must_agree(edge: Edge) -> None:
    body = {"model": AZURE, "messages": [{"role": "user", "content": SAID}], "pii_substitution": False}
    reply = await edge.chat(body, headers={"X-NI-PII-Substitution": "true"})
    assert (reply.status, reply.error["param"]) == (400, "pii_substitution")


# --- what is kept of it -----------------------------------------------------------------------------------------------


async def test_the_record_and_the_audit_say_what_was_done_and_hold_no_original(edge: Edge, street: Street) -> None:
    body = {"model": AZURE, "messages": [{"role": "user", "content": REPEAT}], **SUBSTITUTED}
    request_id = (await edge.chat(body)).headers["x-ni-request-id"]
    record = await edge.custody(request_id)
    chosen = (await edge.send("GET", "/api/policy")).json["pii"]["default"]  # others may have set one on this street
    assert record["pii"]["policy"] == (chosen or "default")
    assert record["pii"]["counts"]["EMAIL"] == 1
    async with signed_in(street) as gateway:
        rows = await audited(gateway, request_id)
        assert {"EMAIL", "PERSON", "CREDIT_CARD"} <= {row["type"] for row in rows}
        assert all(row["place"].startswith("messages[0]") for row in rows)
        shown = orjson.dumps(rows).decode().lower()
        assert not [original for original in ORIGINALS if original in shown]
        page = await gateway.get("/api/admin/pii-audit", request_id=request_id, limit=1)
        after = await gateway.get("/api/admin/pii-audit", request_id=request_id, limit=1, cursor=page["next"])
        assert page["data"][0]["row"] > after["data"][0]["row"]
        (only,) = await audited(gateway, request_id, type="EMAIL")
        assert only["substitute"].rpartition(".")[2] in {"example", "com", "org", "net"}
    refused = await edge.send("GET", f"/api/admin/pii-audit?request_id={request_id}")
    assert refused.status == 403  # a key is no auditor


async def audited(gateway: Gateway, request_id: str, **narrow: str) -> list[dict[str, Any]]:
    for _ in range(50):
        found: list[dict[str, Any]] = (await gateway.get("/api/admin/pii-audit", request_id=request_id, **narrow))[
            "data"
        ]
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("no audit rows")


@asynccontextmanager
async def signed_in(street: Street) -> AsyncIterator[Gateway]:
    """As the street's first administrator."""
    known = read_json(street.state.bootstrap)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base_url=street.base_url, cookie_jar=jar) as session:
        gateway = Gateway(session, {})
        await gateway.sign_in(known["admin_email"], known["admin_password"])
        yield gateway


async def test_a_preview_shows_what_would_leave_and_calls_nobody(edge: Edge, street: Street) -> None:
    moment = await upstream_log.mark(street)
    reply = await edge.send("POST", "/api/pii/preview", body={"text": SAID})
    assert reply.status == 200
    assert "jane" not in reply.json["substituted"]["text"].lower()
    person = next(one for one in reply.json["entities"] if one["type"] == "PERSON")
    assert SAID[person["start"] : person["end"]] == "Jane Doe"
    chat = {"model": AZURE, "messages": [{"role": "user", "content": SAID}]}
    reply = await edge.send("POST", "/api/pii/preview", body=chat)
    assert reply.json["substituted"]["model"] == AZURE
    assert {one["place"] for one in reply.json["entities"]} == {"messages[0].content"}
    for bad in (b"", b"[]", b"{}", b'{"text":1}', b'{"messages":"x"}'):
        assert (await edge.send("POST", "/api/pii/preview", body=bad)).status == 400
    assert not await upstream_log.since(street, moment)


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_a_kill_in_the_middle_of_a_stream_is_an_explicit_error_and_the_next_request_fails_closed(
    tmp_path: Path,
) -> None:
    async with Street(tmp_path / "state") as own:
        await killed(own)


async def killed(own: Street) -> None:
    moment = await upstream_log.mark(own)
    slow = f"{REPEAT} [[sandbox chunk_ms=200]]"
    body = {"model": AZURE, "messages": [{"role": "user", "content": slow}], "stream": True, **SUBSTITUTED}
    async with edge_of(own) as first, edge_of(own) as second:
        streaming = asyncio.create_task(first.chat(body))
        await asyncio.sleep(1.0)
        before = own.kill("pii")
        await asyncio.sleep(0.1)  # the broker hears of it when the connection closes
        refused = await second.chat(body)
        assert (refused.status, refused.error["code"]) == (503, "pii_unavailable")
        reply = await streaming
        assert reply.status == 200
        assert b"[DONE]" not in reply.body
        assert b'"code":"stream_broken"' in reply.body
        await own.wait_restarted("pii", before)
        again = await second.chat({**body, "stream": False})
        assert again.status == 200
        assert LINE in again.json["choices"][0]["message"]["content"]
    await nothing_leaked(own, moment)
