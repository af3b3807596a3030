"""What tests of money stand on: an upstream that bills what it is told, and accounts with exact credit."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from libs.catalog.billing.bill import bill
from libs.catalog.load import load
from libs.contracts.money import decimal_text
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape, Surface
from libs.contracts.northern.v1.frames_pb2 import Usage
from libs.embedded.state import read_json
from services.ingress import domain
from services.worker.money.reckoning import Asked, Reckoning, reckon
from tests.support.street import Street

MODEL = "anthropic/claude-haiku-4-5-20251001-us"
CATALOG = load(Path("infra/config"))
_CALL = domain.Call(surface=Surface.SURFACE_GATEWAY, dialect=Dialect.DIALECT_OPENAI_CHAT)


@dataclass
class Upstream:
    """Anthropic's API. The prompt says what to answer and to bill: `{"prompt": 9, "output": 5, "ms": 0}`.

    All of the prompt is billed as written to the cache for an hour, which is the dearest that a prompt can be.
    """

    url: str = ""
    answered: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        content = body["messages"][0]["content"]
        said = orjson.loads(content if isinstance(content, str) else content[0]["text"])
        await asyncio.sleep(said["ms"] / 1000)
        self.answered += 1
        if body.get("stream"):
            return await self._stream(request, said["output"], _usage(said["prompt"], 1))
        text = {"type": "text", "text": "x" * said["output"]}
        message = _message([text], _usage(said["prompt"], said["output"]), "end_turn")
        return web.json_response(message)

    async def _stream(self, request: web.Request, size: int, usage: Mapping[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(_sse({"type": "message_start", "message": _message([], usage, None)}))
        block = {"type": "text", "text": ""}
        await response.write(_sse({"type": "content_block_start", "index": 0, "content_block": block}))
        for at in range(0, size, 64):
            delta = {"type": "text_delta", "text": "x" * min(64, size - at)}
            await response.write(_sse({"type": "content_block_delta", "index": 0, "delta": delta}))
            await asyncio.sleep(0.001)
        await response.write(_sse({"type": "content_block_stop", "index": 0}))
        stop = {"stop_reason": "end_turn", "stop_sequence": None}
        await response.write(_sse({"type": "message_delta", "delta": stop, "usage": {"output_tokens": size}}))
        await response.write(_sse({"type": "message_stop"}))
        return response


def _message(content: list[dict[str, Any]], usage: Mapping[str, Any], stop_reason: str | None) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _usage(prompt: int, output: int) -> dict[str, Any]:
    written = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": prompt}
    return {
        "input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": prompt,
        "cache_creation": written,
        "output_tokens": output,
    }


def _sse(value: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), orjson.dumps(value))


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    found, app = Upstream(), web.Application()
    app.router.add_post("/v1/messages", found.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A request whose bill is known to the last nano-unit, and which may cost no more than that."""

    body: Mapping[str, Any]
    cost_nano: int
    reckoning: Reckoning


def priced(output: int, *, stream: bool = False, limited: bool = True, ms: int = 0) -> Priced:
    """The upstream bills as many prompt tokens as are held for. `limited`: `max_tokens` is what it answers.

    Padded until hold and bill are the same: each bucket is rounded by itself, and a bound reckons with the worst.
    """
    for padding in range(4_000):
        found = _priced(output, padding, stream=stream, limited=limited, ms=ms)
        if found.reckoning.bound(output) == found.cost_nano:
            return found
    raise AssertionError("no request costs exactly what it may")


def _priced(output: int, padding: int, *, stream: bool, limited: bool, ms: int) -> Priced:
    """The number of prompt tokens stands in the prompt with a fixed width, so that stating it does not change it."""
    prompt = 0
    while True:
        said = f'{{"prompt": {prompt:>8}, "output": {output}, "ms": {ms}, "pad": "{"p" * padding}"}}'
        body: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": said}], "stream": stream}
        if limited:
            body["max_tokens"] = output
        reckoning = reckoned(body)
        bound = reckoning.prompt_bytes + reckoning.added_tokens
        if prompt == bound:
            used = Usage(cache_write_1h=prompt, output=output)
            total = bill(CATALOG, reckoning.route, used, reckoning.at).billed.total_nano
            return Priced(body=body, cost_nano=total, reckoning=reckoning)
        prompt = bound


def reckoned(body: Mapping[str, Any]) -> Reckoning:
    """As edge and worker reckon with a body that arrives now."""
    asked = domain.read(dict(body), {}, domain.Allowed(tiers=domain.TIERS, residency=()), _CALL)
    envelope = Envelope(dialect=_CALL.dialect, shape=asked.shape or Shape())
    envelope.received_at_ms = int(datetime.now(UTC).timestamp() * 1000)
    return reckon(CATALOG, CATALOG.routes[MODEL], envelope, Asked(len(asked.body)))


_UNAVAILABLE = 503
_BACK_S = 15.0  # for a process to be noticed as gone, started and owner of the ledger again


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of its own with its first key."""

    bank: "Bank"
    id: str
    key: str

    async def money(self) -> tuple[Decimal, Decimal]:
        """Balance and what is held."""
        said = await self.bank.get("/api/credits", self.key)
        return Decimal(said["balance"]), Decimal(said["held"])

    async def settled(self, seconds: float = 20.0) -> Decimal:
        """The balance, once nothing is held any more."""
        async with asyncio.timeout(seconds):
            while True:
                balance, held = await self.money()
                if held == 0:
                    return balance
                await asyncio.sleep(0.1)

    async def transactions(self) -> list[dict[str, Any]]:
        """All of them, once they add up to the balance."""
        balance = await self.settled()
        async with asyncio.timeout(20):
            while True:
                found: list[dict[str, Any]] = []
                path = "/api/credits/transactions?limit=1000"
                found = (await self.bank.get(path, self.key))["data"]
                if found and sum(Decimal(each["amount"]) for each in found) == balance:
                    return found
                await asyncio.sleep(0.2)

    async def new_key(self, **settings: Any) -> str:
        """Another key of the account."""
        said = await self.bank.post("/api/keys", {"name": "limited", **settings}, key=self.key)
        return str(said["key"])


@dataclass
class Watched:
    """The least that an account was seen to have free while it was watched."""

    lowest: Decimal = Decimal(0)
    looks: int = 0


@dataclass
class Bank:
    """The platform's administrator, signed in, with a fresh account for whoever needs one."""

    street: Street
    session: aiohttp.ClientSession
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def sign_in(self) -> None:
        written = read_json(self.street.state.bootstrap)
        body = {"email": written["admin_email"], "password": written["admin_password"]}
        self.csrf = (await self.post("/api/session", body))["csrf_token"]
        self.headers = {"x-csrf-token": self.csrf}

    async def account(self, credit_nano: int) -> Account:
        """A new one; it is known everywhere a moment after it was made."""
        made = await self.post("/api/admin/tenants", {"name": f"Maple {secrets.token_hex(3)}"})
        account = Account(bank=self, id=made["id"], key=made["api_key"])
        if credit_nano:
            await self.credit(account, credit_nano)
        return account

    async def credit(self, account: Account, nano: int) -> None:
        given = {"tenant": account.id, "amount": decimal_text(nano), "note": "for a test"}
        for _ in range(100):
            try:
                await self.post("/api/admin/credits", given)
                return
            except AssertionError:
                await asyncio.sleep(0.02)
        raise AssertionError("the account is not known")

    @asynccontextmanager
    async def watching(self, account: Account) -> AsyncIterator[Watched]:
        watched = Watched(lowest=(await account.money())[0])

        async def look() -> None:
            while True:
                try:
                    balance, held = await account.money()
                    watched.lowest = min(watched.lowest, balance - held)
                    watched.looks += 1
                except AssertionError:
                    pass  # billing is being restarted
                await asyncio.sleep(0.02)

        looking = asyncio.create_task(look())
        try:
            yield watched
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def get(self, path: str, key: str) -> Any:
        """Asked again while billing, which some tests kill, comes back."""
        headers = {"Authorization": f"Bearer {key}"}
        deadline = time.monotonic() + _BACK_S
        while True:
            async with self.session.get(self.street.base_url + path, headers=headers) as answer:
                if answer.ok:
                    return await answer.json()
                told = (path, answer.status, await answer.text())
                assert answer.status == _UNAVAILABLE, told
                assert time.monotonic() < deadline, told
            await asyncio.sleep(0.1)

    async def post(self, path: str, body: object, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else self.headers
        async with self.session.post(self.street.base_url + path, json=body, headers=headers) as answer:
            assert answer.ok, (path, answer.status, await answer.text())
            return await answer.json()


@asynccontextmanager
async def bank_of(street: Street) -> AsyncIterator[Bank]:
    jar = aiohttp.CookieJar(unsafe=True)  # an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=30)) as session:
        bank = Bank(street, session)
        await bank.sign_in()
        yield bank
