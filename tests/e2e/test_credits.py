"""Credits and usage through a whole street: the guide's commands, rows in time, sums that hold, books that agree."""

import asyncio
import csv
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from libs.embedded.programs import ROOT
from tests.clients.asking import AZURE, HAIKU, OPENAI, QWEN, user
from tests.e2e.edge import Edge, edge_of
from tests.e2e.guide import Guide
from tests.support.street import Street

pytestmark = pytest.mark.street
USAGE = "/api/usage"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """A street whose account nobody else spends from."""
    async with Street(tmp_path_factory.mktemp("credits") / "state") as started:
        yield started


@pytest.fixture
async def edge(own: Street) -> AsyncIterator[Edge]:
    async with edge_of(own) as opened:
        yield opened


@pytest.fixture
def guide(own: Street, tmp_path: Path) -> Guide:
    return Guide(file="inference.md", street=own, folder=tmp_path)


async def ni(street: Street, *words: str) -> tuple[int, str]:
    """A verb of the command line on this street; its exit code and what it printed."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        env=street.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def row_of(edge: Edge, request_id: str, within_s: float = 2.0) -> dict[str, Any]:
    until = time.monotonic() + within_s
    while True:
        reply = await edge.send("GET", f"{USAGE}?request_id={request_id}")
        assert reply.status == 200, reply.body
        if reply.json["data"]:
            (found,) = reply.json["data"]
            return dict(found)
        assert time.monotonic() < until, "the row is not there in time"
        await asyncio.sleep(0.05)


async def ask(edge: Edge, model: str = QWEN, **more: Any) -> str:
    reply = await edge.chat({"model": model, "messages": user("Repeat this line exactly: one two three"), **more})
    assert reply.status == 200, reply.body
    return reply.headers["x-ni-request-id"]


async def credit(edge: Edge) -> dict[str, Decimal]:
    shown = (await edge.send("GET", "/api/credits")).json
    assert shown["currency"] == "CAD"
    return {name: Decimal(shown[name]) for name in ("balance", "held")}


async def test_every_command_of_the_guide_about_credits_and_usage_does_what_it_says(guide: Guide) -> None:
    await guide.run("Chat completions")
    for _ in range(50):  # a street that has just started still warms up
        if json.loads(await guide.run("Usage"))["data"]:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    credits_ = json.loads(await guide.run("Credits"))
    assert credits_.keys() == {"balance", "held", "currency"}
    transactions = json.loads(await guide.run("Credits", 1))
    assert transactions["object"] == "list"
    assert {one["type"] for one in transactions["data"]} == {"deposit", "deduction"}
    assert Decimal(credits_["balance"]) == sum(Decimal(one["amount"]) for one in transactions["data"])
    (used,) = json.loads(await guide.run("Usage"))["data"]
    assert (used["model"], used["status"]) == (QWEN, "completed")
    assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"] > 0
    assert used["latency_ms"] >= used["first_byte_ms"] > 0
    (day,) = json.loads(await guide.run("Usage", 1))["data"]
    assert (day["requests"], day["cost"]) == (1, used["cost"])
    heading, line = csv.reader(io.StringIO(await guide.run("Usage", 2)))
    assert dict(zip(heading, line, strict=True))["request_id"] == used["request_id"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [QWEN, AZURE, OPENAI, HAIKU])
async def test_a_row_is_there_within_two_seconds_and_costs_the_sum_of_its_parts(
    edge: Edge, model: str, stream: bool
) -> None:
    before = (await credit(edge))["balance"]
    found = await row_of(edge, await ask(edge, model, stream=stream))
    why = found["breakdown"]
    parts = [Decimal(bucket["amount"]) for bucket in why["buckets"]]
    assert Decimal(found["cost"]) == sum(parts) + Decimal(why["fee"]) == Decimal(why["cost"]) > 0
    assert (found["stream"], found["route"]) == (stream, model)
    assert before - (await credit(edge))["balance"] == Decimal(found["cost"])


async def test_another_accounts_request_is_an_empty_list(edge: Edge, own: Street) -> None:
    mine = await ask(edge)
    await row_of(edge, mine)
    code, told = await ni(own, "tenants", "create", "Other", "--json")
    assert code == 0, told
    other = json.loads(told)
    reply = await edge.send("GET", f"{USAGE}?request_id={mine}", key=other["api_key"])
    assert (reply.status, reply.json["data"]) == (200, [])
    assert (await edge.send("GET", "/api/credits", key=other["api_key"])).json["balance"] == "0.00"
    assert (await edge.send("GET", f"{USAGE}?tenant=t_first", key=other["api_key"])).status == 404
    code, told = await ni(own, "credits", "add", other["id"], "25.00", "--note", "invoice 17", "--once", "i-17")
    assert code == 0, told
    assert (await ni(own, "credits", "add", other["id"], "25.00", "--note", "invoice 17", "--once", "i-17"))[0] == 0
    assert (await edge.send("GET", "/api/credits", key=other["api_key"])).json["balance"] == "25.00"
    assert (await ni(own, "credits", "add", other["id"], "-25.01"))[0] == 1


async def test_after_fifty_mixed_requests_the_books_agree_to_the_last_one(edge: Edge, own: Street) -> None:
    chance = random.Random(7)
    before = await credit(edge)
    sums = (await edge.send("GET", f"{USAGE}?totals=day")).json["data"]

    async def one(n: int) -> None:
        model = chance.choice((QWEN, AZURE, OPENAI, HAIKU))
        stream, said = chance.random() < 0.5, f"Say number {n}, " * chance.randint(1, 30)
        async with edge_of(own) as opened:
            body = {"model": model, "messages": user(said), "stream": stream, "max_tokens": chance.randint(1, 300)}
            if n % 10 == 9:
                body["messages"] = user("[[sandbox status=500]]")
            await opened.chat(body)

    for first in range(0, 50, 10):
        await asyncio.gather(*(one(n) for n in range(first, first + 10)))
    code, told = await ni(own, "reconcile")
    assert (code, "no differences" in told) == (0, True), told
    after, spent = await credit(edge), (await edge.send("GET", f"{USAGE}?totals=day")).json["data"]
    cost = sum(Decimal(day["cost"]) for day in spent) - sum(Decimal(day["cost"]) for day in sums)
    assert after["held"] == 0
    assert before["balance"] - after["balance"] == cost > 0


async def test_bad_filters_are_refused_by_name(edge: Edge) -> None:
    for query, param in (("status=lost", "status"), ("request_id=x", "request_id"), ("totals=hour", "totals")):
        reply = await edge.send("GET", f"{USAGE}?{query}")
        assert (reply.status, reply.error["param"]) == (400, param)
    reply = await edge.send("GET", "/api/credits/transactions?cursor=AAAA")
    assert (reply.status, reply.error["param"]) == (400, "cursor")


async def test_billing_that_is_killed_comes_back_with_the_same_books(edge: Edge, own: Street) -> None:
    for _ in range(3):
        await ask(edge)
    rows = (await edge.send("GET", f"{USAGE}?limit=1000")).json["data"]
    pid = own.kill("billing")
    await own.wait_restarted("billing", pid)
    last = await ask_again(edge)
    await row_of(edge, last, within_s=10)
    again = (await edge.send("GET", f"{USAGE}?limit=1000")).json["data"]
    assert {one["request_id"]: one["cost"] for one in rows}.items() <= {
        one["request_id"]: one["cost"] for one in again
    }.items()
    code, told = await ni(own, "reconcile")
    assert code == 0, told


async def ask_again(edge: Edge) -> str:
    """As a client does that was told to try again: the lease of the killed owner must run out first."""
    async with asyncio.timeout(15):
        while True:
            reply = await edge.chat({"model": QWEN, "messages": user("Hello")})
            if reply.status == 200:
                return reply.headers["x-ni-request-id"]
            assert reply.status == 503, reply.body
            await asyncio.sleep(0.2)
