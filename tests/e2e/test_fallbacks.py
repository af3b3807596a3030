"""What a provider's failure comes to, for every kind of it, with fallbacks allowed, forbidden, or none that is legal.

Each cell has a model of its own with two deployments, so that no cell's failures open another's breaker; the sandbox is
put in the place of the real providers; the operator's own machine is there while the street starts, and then is not.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from libs.embedded.programs import ROOT
from services.sandbox.app import listening
from services.sandbox.settings import SandboxSettings
from tests.clients.asking import user
from tests.e2e.edge import Edge, Reply, edge_of
from tests.support.street import Street

pytestmark = pytest.mark.street

# fault: directive at the first deployment, status and code of the answer where nothing mends it, status on record
FAULTS: dict[str, tuple[str, int, str, int]] = {
    "429": ("status=429", 429, "rate_limit_exceeded", 429),
    "500": ("status=500", 502, "upstream_error", 500),
    "529": ("status=529", 503, "overloaded", 529),
    "timeout": ("hang", 504, "timeout", 0),
    "refused": ("", 502, "upstream_error", 0),
    "cut": ("chunks=9 cut_after=2", 502, "upstream_error", 200),
    "credentials": ("status=401", 502, "upstream_error", 401),
}
MAY = ("allowed", "forbidden", "illegal")
ADDRESS = "annalise.tremblay@maplemail.ca"


# egress, rate card, family, tier, where it processes, scope; by the head of a route's id
DEPLOYMENTS = {
    "own": ("self-hosted", "self-hosted-qwen3-14b.2026-11", "qwen3", "self_hosted", '["CA"]', "own"),
    "azure": (
        "azure-ca",
        "azure-gpt-4.1-mini-regional.2025-04",
        "gpt-4.1",
        "managed_canadian_cloud",
        '["CA"]',
        "regional",
    ),
    "bedrock": (
        "bedrock-ca",
        "bedrock-mistral-large-2402-ca-central-1.2024-04",
        "mistral-large-2402",
        "managed_canadian_cloud",
        '["CA"]',
        "regional",
    ),
    "openai": ("openai", "openai-gpt-4.1-mini.2025-04", "gpt-4.1", "provider_api", "[]", "unstated"),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    fault: str
    may: str
    stream: bool

    @property
    def model(self) -> str:
        return f"matrix-{self.fault}-{self.may}-{'stream' if self.stream else 'whole'}"

    @property
    def first(self) -> str:
        return f"own/{self.model}" if self.fault == "refused" else f"azure/{self.model}-ca"

    @property
    def second(self) -> str:
        """Of the same worker as the first, or of another one; where only the first is legal, it is not."""
        elsewhere = not self.stream and self.may != "illegal" and self.fault != "refused"
        return f"bedrock/{self.model}-ca" if elsewhere else f"openai/{self.model}-us"

    @property
    def mended(self) -> bool:
        return self.may in {"allowed", "masked"} and self.fault != "cut"

    def routes(self) -> str:
        """What the catalogue has to say of it."""
        return "".join(_route(self, each) for each in (self.first, self.second))


def _route(cell: Cell, route_id: str) -> str:
    egress, card, family, tier, processing, scope = DEPLOYMENTS[route_id.partition("/")[0]]
    return f"""
[[route]]
id = "{route_id}"
egress = "{egress}"
model = "{cell.model}"
family = "{family}"
tier = "{tier}"
processing = {processing}
scope = "{scope}"
evidence = "asserted"
native_ids = ["{cell.model}"]
rate_card = "{card}"
limits = {{ first_event_s = 1, whole_s = 1 }}
created = 2026-11-21
source = "a test"
checked = 2026-11-21
"""


CELLS = [Cell(fault=fault, may=may, stream=stream) for fault, may, stream in product(FAULTS, MAY, (False, True))]
CELLS += [Cell(fault="500", may="masked", stream=stream) for stream in (False, True)]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What each of those who know something of one request says of it."""

    reply: Reply
    record: Mapping[str, Any]
    usage: Mapping[str, Any]
    paid: list[Decimal]
    seen: list[Mapping[str, Any]]  # by the sandbox, in order


def configured(folder: Path) -> Path:
    """The shipped catalogue with the matrix's routes, and this machine as one where Azure's claim holds."""
    shutil.copytree("infra/config", folder)
    egresses = (folder / "egresses.toml").read_text()
    (folder / "egresses.toml").write_text(egresses.replace("declared_hosts = []", 'declared_hosts = ["127.0.0.1"]', 1))
    (folder / "routes" / "matrix.toml").write_text("".join(cell.routes() for cell in CELLS))
    return folder


def environment(config: Path, sandbox: str, own: str) -> dict[str, str]:
    """Credentials of every provider, and the sandbox where each is looked for; `own`: the operator's own machine."""
    return {
        "NI_CONFIG_DIR": str(config),
        "AZURE_OPENAI_API_KEY": "azure-key-of-the-matrix",
        "AZURE_OPENAI_ENDPOINT": f"{sandbox}/azure/openai/v1",
        "OPENAI_API_KEY": "openai-key-of-the-matrix",
        "OPENAI_BASE_URL": f"{sandbox}/openai/v1",
        "AWS_BEARER_TOKEN_BEDROCK": "aws-token-of-the-matrix",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"{sandbox}/bedrock/ca-central-1",
        "NI_SELF_HOSTED_BASE_URL": f"{own}/v1",
    }


async def asked(cell: Cell, edge: Edge) -> Reply:
    text = f"hello from {cell.model}"
    body: dict[str, Any] = {"model": cell.model, "stream": cell.stream}
    if cell.may == "masked":
        text += f"\nRepeat this line exactly: write to {ADDRESS} about the sandbox"
        body["pii_substitution"] = True
    body["messages"] = user(text)
    if cell.may == "forbidden":
        body["allow_fallbacks"] = False
    if cell.may == "illegal":
        body["residency"] = ["CA"]
    return await edge.chat(body)


async def ordered(control: aiohttp.ClientSession, cell: Cell) -> None:
    """The fault, at the first deployment alone."""
    if directive := FAULTS[cell.fault][0]:
        fault = {"path_contains": "/azure/", "model": cell.model, "directive": directive}
        async with control.post("/_sandbox/faults", json=fault) as answer:
            assert answer.status == 201, await answer.text()


async def booked(edge: Edge, wanted: int) -> tuple[dict[str, Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The usage rows by request, and the account's transactions, once both tell of everything."""
    for _ in range(100):
        answer = await edge.send("GET", "/api/usage?limit=200")
        found = {row["request_id"]: row for row in answer.json["data"]}
        moves = (await edge.send("GET", "/api/credits/transactions?limit=200")).json["data"]
        paid = [each for each in moves if each["type"] == "deduction"]
        if len(found) == wanted and len(paid) >= sum(Decimal(row["cost"]) > 0 for row in found.values()):
            return found, moves
        await asyncio.sleep(0.1)
    raise AssertionError(f"{len(found)} of {wanted} usage rows, {len(paid)} deductions")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[Cell, Told]]:
    """Every cell, asked at once on one street."""
    folder = tmp_path_factory.mktemp("matrix")
    machine = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    own = f"http://127.0.0.1:{machine.sockets[0].getsockname()[1]}"
    async with listening(SandboxSettings()) as port:
        sandbox = f"http://127.0.0.1:{port}"
        async with (
            Street(folder / "state", **environment(configured(folder / "config"), sandbox, own)) as street,
            aiohttp.ClientSession(sandbox) as control,
            edge_of(street) as edge,
        ):
            for cell in CELLS:
                await ordered(control, cell)

            machine.close()  # whoever asks finds out by himself: the next probe is half a minute away
            await machine.wait_closed()

            async def one(cell: Cell) -> Reply:
                async with edge_of(street) as connection:
                    return await asked(cell, connection)

            replies = dict(zip(CELLS, await asyncio.gather(*map(one, CELLS)), strict=True))
            usage, moves = await booked(edge, len(CELLS))
            async with control.get("/_sandbox/log?limit=1000") as answer:
                log = (await answer.json())["requests"]
            held = (await edge.send("GET", "/api/credits")).json["held"]
            assert Decimal(held) == 0
            found = {}
            for cell, reply in replies.items():
                request_id = reply.headers["x-ni-request-id"]
                found[cell] = Told(
                    reply=reply,
                    record=await edge.custody(request_id),
                    usage=usage[request_id],
                    paid=[-Decimal(each["amount"]) for each in moves if each["request_id"] == request_id],
                    seen=[each for each in log if each["model"] == cell.model],
                )
            ask = (sys.executable, "-m", "cli", "reconcile", "--wait", "20")
            run = await asyncio.to_thread(subprocess.run, ask, cwd=ROOT, env=street.env, capture_output=True, text=True)
            assert run.returncode == 0, run.stdout + run.stderr  # every book says the same
            yield found


each_cell = pytest.mark.parametrize("cell", CELLS, ids=[cell.model for cell in CELLS])


@each_cell
def test_the_caller_gets_the_answer_or_the_failure(matrix: Mapping[Cell, Told], cell: Cell) -> None:
    told = matrix[cell]
    _, status, code, _ = FAULTS[cell.fault]
    if cell.mended:
        assert told.reply.status == 200, told.reply.body
        assert b"sandbox" in told.reply.body
        assert told.reply.body.endswith(b"data: [DONE]\n\n") is cell.stream
    elif cell.fault == "cut" and cell.stream:
        assert told.reply.status == 200
        assert b'"stream_broken"' in told.reply.body
        assert b"[DONE]" not in told.reply.body
    else:
        assert (told.reply.status, told.reply.error["code"]) == (status, code)
    assert told.reply.headers["x-ni-attempts"] == ("2" if cell.mended else "1")


@each_cell
def test_what_is_said_of_the_route_is_where_it_went(matrix: Mapping[Cell, Told], cell: Cell) -> None:
    told = matrix[cell]
    answered = cell.second if cell.mended else cell.first
    path = {"azure": "Azure-CA", "bedrock": "Bedrock-unknown", "openai": "OpenAI-unknown", "own": "Self-hosted-CA"}
    assert told.reply.headers["x-ni-custody-path"] == f"NI-CA -> {path[answered.partition('/')[0]]}"
    assert told.record["route"] == told.usage["route"] == answered
    assert told.record["attempts"] == told.usage["attempts"] == (2 if cell.mended else 1)


@each_cell
def test_the_record_tells_every_attempt(matrix: Mapping[Cell, Told], cell: Cell) -> None:
    told = matrix[cell]
    _, _, code, status = FAULTS[cell.fault]
    codes = {"credentials": "credential_refused"}
    outcome = "cut" if cell.fault == "cut" and cell.stream else "failed"
    first = (cell.first, outcome, status or None, codes.get(cell.fault, code))
    tries = [(each["route"], each["outcome"], each["status"], each["error_code"]) for each in told.record["tries"]]
    assert tries == [first, (cell.second, "completed", 200, None)] if cell.mended else [first]
    kinds = [fact["kind"] for fact in told.record["facts"]]
    assert kinds.count("egress") == len(tries)
    assert (kinds.count("finished"), kinds.count("delivered"), kinds.count("refused")) == (1, 1, 0)
    assert told.record["outcome"] == ("completed" if cell.mended else outcome)


@each_cell
def test_only_the_attempt_that_answered_is_charged_and_once(matrix: Mapping[Cell, Told], cell: Cell) -> None:
    told = matrix[cell]
    cost = Decimal(told.usage["cost"])
    if cell.mended:
        assert told.usage["status"] == "completed"
        assert cost > 0
    elif cell.fault == "cut" and cell.stream:
        assert (told.usage["status"], told.usage["estimated"]) == ("cut", True)
        assert cost > 0
    else:
        assert (told.usage["status"], cost) == ("failed", Decimal(0))
    assert told.paid == ([cost] if cost else [])


@each_cell
def test_the_providers_received_what_the_record_says_and_no_more(matrix: Mapping[Cell, Told], cell: Cell) -> None:
    told = matrix[cell]
    rooms = [each["path"].split("/")[1] for each in told.seen]
    first = [] if cell.fault == "refused" else ["azure"]
    second = [cell.second.partition("/")[0]] if cell.mended else []
    assert rooms == first + second
    for each in told.seen:
        assert each["stream"] is cell.stream
        assert f"hello from {cell.model}" in each["body"]


@pytest.mark.parametrize("stream", [False, True])
def test_personal_data_is_substituted_alike_for_every_candidate_and_restored_once(
    matrix: Mapping[Cell, Told], stream: bool
) -> None:
    told = matrix[Cell(fault="500", may="masked", stream=stream)]
    bodies = [each["body"] for each in told.seen]
    found = [re.search(r"write to (\S+@\S+) about", body) for body in bodies]
    assert all(ADDRESS not in body for body in bodies)
    assert len({match[1] for match in found if match}) == 1
    assert len([match for match in found if match]) == 2
    parts = re.findall(r'"content":"((?:[^"\\]|\\.)*)"', told.reply.body.decode())
    assert f"write to {ADDRESS} about" in "".join(parts)
