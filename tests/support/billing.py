"""Billing for tests: accounts and keys in the buckets, the process itself, a caller who holds, sends and finishes."""

import asyncio
import itertools
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from libs.auth.records import KeyRecord, RateLimits, TenantRecord
from libs.bus.base import Bus
from libs.bus.facts import FactPublisher
from libs.catalog.load import load
from libs.contracts.errors import BillingUnavailable, BusUnavailable, Overloaded
from libs.contracts.ids import EPOCH_MS
from libs.contracts.northern.v1.facts_pb2 import Egress, Fact, Finished, Outcome
from libs.contracts.northern.v1.frames_pb2 import RouteFacts, Usage
from libs.contracts.northern.v1.ledger_pb2 import (
    Adjust,
    Extend,
    Hold,
    JournalBatch,
    LedgerReply,
    LedgerRequest,
    TopUp,
    Void,
)
from libs.contracts.northern.v1.query_pb2 import CreditsAsk, CreditsTold
from libs.contracts.subjects import LEDGER, ledger, query
from libs.embedded.programs import ROOT
from libs.ledger.chain import read, verify
from libs.telemetry.metrics import Metrics
from services.billing.charges import charge

ROUTE = "azure/gpt-4.1-mini-ca"
CATALOG = load(ROOT / "infra" / "config")
OUTPUT = 100  # tokens of every answer
ANSWER_S = 1.0
UNANSWERED = "no answer"
_DIGITS = itertools.count(1)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def request_id(at_ms: int | None = None) -> str:
    """An id as the edge would give it now."""
    return f"{(((at_ms or now_ms()) - EPOCH_MS) << 23) | next(_DIGITS) % (1 << 23):016x}"


async def open_account(bus: Bus, tenant: str = "t_one", *, deposit: str = "0.00", **more: object) -> None:
    record = TenantRecord.model_validate(
        {"id": tenant, "name": tenant, "opening_deposit": deposit, "created": datetime.now(UTC), **more}
    )
    await bus.put("tenants", tenant, record.to_bytes())


def key_record(key_id: str = "k_one", tenant: str = "t_one", **more: object) -> KeyRecord:
    digest = secrets.token_hex(32)
    made = {"id": key_id, "tenant": tenant, "name": key_id, "digest": digest, "prefix": "ni_live_", "last4": "abcd"}
    return KeyRecord.model_validate({**made, "created": datetime.now(UTC), **more})


async def open_key(bus: Bus, key_id: str = "k_one", tenant: str = "t_one", **more: object) -> KeyRecord:
    """`rpm`, `tpm` and `concurrency` are its rate limits; the rest its own members."""
    rates = {name: more.pop(name) for name in ("rpm", "tpm", "concurrency") if name in more}
    record = key_record(key_id, tenant, rate_limits=RateLimits.model_validate(rates), **more)
    await bus.put("keys", record.digest, record.to_bytes())
    return record


def egress_fact(request: str, tenant: str = "t_one", key_id: str = "k_one", *, attempt: int = 0) -> Fact:
    said = Egress(key_id=key_id, attempt=attempt, route=RouteFacts(route_id=ROUTE), received_at_ms=now_ms())
    return Fact(request_id=request, tenant=tenant, at_ms=now_ms(), egress=said)


def finished_fact(request: str, tenant: str = "t_one", *, output: int = OUTPUT, **more: object) -> Fact:
    said = Finished(
        attempts=1,
        outcome=Outcome.OUTCOME_COMPLETED,
        usage=Usage(input=10, output=output),
        rate_card=CATALOG.routes[ROUTE].rate_card,
        output_bytes=4 * output,
        **more,  # type: ignore[arg-type]  # members of Finished
    )
    return Fact(request_id=request, tenant=tenant, at_ms=now_ms(), finished=said)


def price_nano(output: int = OUTPUT) -> int:
    """What such a request costs its account."""
    request = request_id()
    egress, finished = egress_fact(request).egress, finished_fact(request, output=output).finished
    return charge(CATALOG, egress, finished, now_ms()).total_nano


Operation = Hold | Extend | Void | TopUp | Adjust


def asked(op: Operation) -> LedgerRequest:
    match op:
        case Hold():
            return LedgerRequest(hold=op)
        case Extend():
            return LedgerRequest(extend=op)
        case Void():
            return LedgerRequest(void=op)
        case TopUp():
            return LedgerRequest(top_up=op)
        case Adjust():
            return LedgerRequest(adjust=op)


async def ask(bus: Bus, op: Operation, timeout_s: float = ANSWER_S, shard: int = 0) -> LedgerReply:
    """The shard's answer; its code is UNANSWERED where there was none."""
    try:
        answer = await bus.request(ledger(shard), asked(op).SerializeToString(), timeout_s)
    except (BusUnavailable, Overloaded):
        return LedgerReply(code=UNANSWERED)
    return LedgerReply.FromString(answer)


async def insist(bus: Bus, op: Operation, within_s: float = 30.0) -> LedgerReply:
    """Ask until there is an answer: the same operation, however often."""
    deadline = time.monotonic() + within_s
    while (reply := await ask(bus, op)).code in {UNANSWERED, "billing_unavailable"}:
        assert time.monotonic() < deadline, "the ledger does not answer"
        await asyncio.sleep(0.05)
    return reply


async def credits_of(bus: Bus, tenant: str = "t_one", within_s: float = 20.0) -> CreditsTold:
    deadline = time.monotonic() + within_s
    while True:
        try:
            answer = await bus.request(
                query("billing", "credits"), CreditsAsk(tenant=tenant).SerializeToString(), ANSWER_S
            )
            told = CreditsTold.FromString(answer)
            if told.failure.code != BillingUnavailable.code:  # of an owner that ends: the next one answers
                return told
        except (BusUnavailable, Overloaded):
            pass
        assert time.monotonic() < deadline, "nobody tells the balance"
        await asyncio.sleep(0.05)


async def settled(bus: Bus, tenant: str = "t_one", within_s: float = 20.0) -> CreditsTold:
    """The account once nothing is held any more."""
    deadline = time.monotonic() + within_s
    while (told := await credits_of(bus, tenant)).held_nano:
        assert time.monotonic() < deadline, f"still held: {told.held_nano}"
        await asyncio.sleep(0.05)
    return told


async def journal(bus: Bus) -> list[JournalBatch]:
    """Every batch from the beginning; the chain holds."""
    last = await bus.last_seq(LEDGER)
    raw: list[bytes] = []
    if last:
        async for messages in bus.follow(LEDGER):
            raw += [message.data for message in messages]
            if len(raw) >= last:
                break
    verify(raw)
    return [read(one) for one in raw]


@dataclass
class Caller:
    """Asks for a hold as a worker does; if it is granted, the request is sent and finishes."""

    bus: Bus
    facts: FactPublisher
    tenant: str = "t_one"
    key_id: str = "k_one"
    hold_nano: int = field(default_factory=price_nano)
    tries: int = 0

    async def until_decided(self, within_s: float = 60.0) -> str:
        """ "": an answer was had; else the code of what refused for good. 429 means to come again."""
        deadline = time.monotonic() + within_s
        while True:
            reply = await self.once()
            if reply.code not in {"credit_on_hold", "rate_limit_exceeded"}:
                return reply.code
            assert time.monotonic() < deadline, "neither granted nor refused"
            await asyncio.sleep(min(reply.retry_after_ms / 1000, 0.3))

    async def once(self) -> LedgerReply:
        self.tries += 1
        request = request_id()
        hold = Hold(
            op_id=request, account=self.tenant, key_id=self.key_id, request_id=request, amount_nano=self.hold_nano
        )
        reply = await insist(self.bus, hold)
        while reply.code == "insufficient_credits" and reply.balance_nano >= price_nano():
            # What there is is enough for the answer, if not for the bound: so much is held, as a worker does it. By
            # then another's charge may have made it less.
            hold.op_id, hold.amount_nano = f"{request}:{reply.balance_nano}", reply.balance_nano
            reply = await insist(self.bus, hold)
        if not reply.code:
            await self.facts.publish("egress", egress_fact(request, self.tenant, self.key_id))
            await self.facts.publish("finished", finished_fact(request, self.tenant))
        return reply


class Billing:
    """`python -m services.billing` on a broker without keys; its store is away unless one is named."""

    def __init__(self, url: str, folder: Path, **env: str) -> None:
        self._env = {
            **os.environ,
            "NI_NATS_URL": url,
            "NI_STORE_URL": "http://127.0.0.1:9",
            "NI_DRAIN_S": "5",
            "NI_CONFIG_DIR": str(ROOT / "infra" / "config"),
            **env,
        }
        self.log = folder / f"billing-{secrets.token_hex(3)}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.billing"], env=self._env, cwd=ROOT, stdout=log, stderr=log
            )

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Signal it and wait for its end; the code it ended with."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def close(self) -> None:
        if self.process is not None and self.runs:
            self.process.kill()
            self.process.wait()


def publisher(bus: Bus) -> FactPublisher:
    return FactPublisher(bus, Metrics())
