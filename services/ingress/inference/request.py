"""One inference request at the edge: who, what, over the bus to a worker and back, and what was delivered."""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_request import BaseRequest

from libs.auth.principal import Principal
from libs.bus.base import Bus
from libs.bus.facts import FactPublisher
from libs.bus.inflow import Inflow, Inflows
from libs.contracts.errors import (
    InsufficientCredits,
    InvalidRequest,
    NorthernError,
    Overloaded,
    PiiUnavailable,
    RecordUnavailable,
    ResidencyRefused,
)
from libs.contracts.large import LARGE, keyed_hash
from libs.contracts.northern.v1.envelope_pb2 import (
    OPERATION_GENERATE,
    BodyRef,
    Dialect,
    Envelope,
    Operation,
    Surface,
)
from libs.contracts.northern.v1.facts_pb2 import DELIVERY_CLIENT_GONE, DELIVERY_COMPLETE, Delivery, Fact
from libs.contracts.subjects import PII, ROUTE
from libs.runtime.identity import Identity
from libs.telemetry.log import logger
from libs.telemetry.metrics import Metrics
from libs.telemetry.trace import carry_on
from services.ingress import domain, headers, problems
from services.ingress.http.bodies import whole_body
from services.ingress.inference.balances import Balances
from services.ingress.inference.promises import Promises
from services.ingress.inference.relay import Relay, Sent
from services.ingress.names.desk import Names, Told, talks
from services.ingress.names.speech import Voice
from services.ingress.names.telling import Teller
from services.ingress.routing.conversations import Conversations

BUDGET_MS = 3_600_000  # the longest a stream may live (ARCHITECTURE §2)
INLINE = 256 << 10  # a larger body stays here and is pulled by the worker
_SURFACES = {Surface.SURFACE_GATEWAY: "gateway", Surface.SURFACE_INFERENCE: "inference"}
_DIALECTS = {value: name.removeprefix("DIALECT_").lower() for name, value in Dialect.items()}
_OPERATIONS = {value: name.removeprefix("OPERATION_").lower() for name, value in Operation.items()}
_DELIVERIES = {value: name.removeprefix("DELIVERY_").lower() for name, value in Delivery.items()}
_NO_PII = (
    "nobody is there to substitute personal data right now, so nothing was delivered and nothing is charged; "
    "try again in a moment"
)
_MAX_OPTIONS = 16 << 10  # of `stream_options`, which go in the envelope itself


@dataclass(frozen=True, kw_only=True)
class Inference:
    """What it takes to answer an inference request."""

    bus: Bus
    inflows: Inflows
    facts: FactPublisher
    metrics: Metrics
    balances: Balances
    new_id: Callable[[], str]
    max_body: int
    body_idle_s: float
    write_idle_s: float
    keep_alive_s: float
    identity: Identity
    promises: Promises
    names: Names
    teller: Teller
    conversations: Conversations
    large: asyncio.Lock  # large bodies are parsed one at a time, so that running streams get their turn in between

    async def answer(self, request: BaseRequest, who: Principal, call: domain.Call) -> web.StreamResponse:
        """POST …/chat/completions, …/messages and …/messages/count_tokens."""
        sent = Sent(salt=os.urandom(32))
        request_id = self._id()
        inflow: Inflow | None = None
        try:
            inflow = await self._dispatch(request, who, call, request_id, sent)
            relay = Relay(request, inflow, call.dialect, request_id, sent, self.promises, self.write_idle_s)
            return await relay.answer(await relay.first())  # which is not kept here: an answer may take an hour
        except (asyncio.CancelledError, ConnectionError, TimeoutError) as error:
            sent.delivery = DELIVERY_CLIENT_GONE
            if inflow is not None:
                await asyncio.shield(inflow.cancel())
            if isinstance(error, asyncio.CancelledError):
                raise
            if request.transport is not None:
                request.transport.abort()  # closing would wait for a reader that takes nothing
            raise asyncio.CancelledError from error  # the connection is closed without another word
        except Told as told:
            return await _written(self.teller.tell(request, told, who, request_id, sent), sent)
        except NorthernError as error:
            if inflow is not None and sent.may_run:
                await inflow.cancel()
            return await _written(self._failed(request, error, who, call, request_id, sent), sent)
        finally:
            if inflow is not None:
                inflow.close()
            self._settle(request_id, who, sent, call)

    async def _dispatch(
        self, request: BaseRequest, who: Principal, call: domain.Call, request_id: str, sent: Sent
    ) -> Inflow:
        """Read the request and hand it to the street. What it was read from is not kept: an answer may take an hour."""
        key = domain.idempotency_key(request.headers.getall("Idempotency-Key", ()))
        raw = await whole_body(request, self.max_body, self.body_idle_s)
        if call.operation == OPERATION_GENERATE:  # counting costs nothing
            self.balances.admit(who.tenant)
        received_at = int(time.time() * 1000)
        asked, digest = await self.read(request, raw, who, call, sent.salt)
        sent.request_hash = digest
        version, beta = ("", "")
        if call.anthropic:
            version, beta = domain.versions(request.headers, request.headers.getall("anthropic-beta", ()))
        sent.model = asked.shape.model
        if talks(request.headers, call.surface, call.operation):
            sent.voice = Voice.of(call.dialect, asked.shape)
            said = asked.said
            if said is not None and (told := await self.names.reply(request, who, sent.model, said)) is not None:
                raise told
        asked.policy.byok = who.byok
        inflow = self.inflows.open()
        inflow.idle_s = self.keep_alive_s
        envelope = Envelope(
            request_id=request_id,
            tenant=who.tenant,
            key_id=who.key_id,
            dialect=call.dialect,
            surface=call.surface,
            operation=call.operation,
            anthropic_version=version,
            anthropic_beta=beta,
            reply=inflow.reply,
            budget_ms=BUDGET_MS,
            policy=asked.policy,
            shape=asked.shape,
            stream_options=asked.stream_options,
            traceparent=carry_on(request.headers.get("traceparent")),
            received_at_ms=received_at,
            salt=sent.salt,
            request_hash=digest,
            edge=self.inflows.boot_id,
            idempotency_key=key,
            hops=(self.identity.hop(),),
            routing=asked.routing,
        )
        if len(asked.body) > INLINE:
            inflow.body = asked.body
            envelope.body_ref.CopyFrom(BodyRef(subject=inflow.body_subject, size=len(asked.body)))
        else:
            envelope.body = asked.body
        if asked.pii is not None:
            envelope.pii.CopyFrom(asked.pii)
            inflow.nobody = PiiUnavailable(_NO_PII, retry_after_ms=1000)
        try:
            await self.bus.publish(ROUTE if asked.pii is None else PII, envelope.SerializeToString(), inflow.nak)
        except NorthernError:
            inflow.close()
            raise
        sent.dispatched = True
        return inflow

    async def read(
        self, request: BaseRequest, raw: bytes, who: Principal, call: domain.Call, salt: bytes
    ) -> tuple[domain.Asked, bytes]:
        """The parsed request and HMAC-SHA-256(salt, body as received)."""
        if len(raw) <= LARGE:
            return self._asked(domain.parse(raw), request, who, call), await keyed_hash(salt, raw)
        async with self.large:
            digest = await keyed_hash(salt, raw)
            body = domain.parse(raw)
            await asyncio.sleep(0)
            asked = self._asked(body, request, who, call)
            await asyncio.sleep(0)
        return asked, digest

    def _asked(self, body: dict[str, Any], request: BaseRequest, who: Principal, call: domain.Call) -> domain.Asked:
        session = self.conversations.of(body, request.headers, who.tenant, who.key_id)
        asked = domain.read(body, request.headers, domain.allowed_by(who), call)
        if len(asked.stream_options) > _MAX_OPTIONS:
            raise InvalidRequest("`stream_options` is larger than 16 KiB", param="stream_options")
        asked.shape.session = session if asked.sticky else ""
        return asked

    def _id(self) -> str:
        try:
            return self.new_id()
        except LookupError as error:
            raise Overloaded("this edge may not take requests right now; try again", retry_after_ms=1000) from error

    async def _failed(
        self,
        request: BaseRequest,
        error: NorthernError,
        who: Principal,
        call: domain.Call,
        request_id: str,
        sent: Sent,
    ) -> web.StreamResponse:
        """The refusal; over a name, where the caller can be talked to, an answer in words."""
        told = None if sent.voice is None else await self.names.instead(who, sent.model, error)
        if told is not None:
            return await self.teller.tell(request, told, who, request_id, sent)
        sent.error = error
        if isinstance(error, InsufficientCredits) and sent.dispatched:
            self.balances.refused(who.tenant)
        return await self._refuse(request, error, call.dialect, request_id, sent)

    async def _refuse(
        self, request: BaseRequest, error: NorthernError, dialect: Dialect, request_id: str, sent: Sent
    ) -> web.StreamResponse:
        found = headers.identity(request_id) | problems.headers_of(error)
        if sent.limits:
            found |= headers.limits(sent.limits, dialect, time.time())
        if sent.attempts:
            found["x-ni-attempts"] = str(sent.attempts)
        if sent.route is not None:
            found |= headers.custody(sent.route)
        if sent.route is not None or isinstance(error, ResidencyRefused):  # both are on record
            found |= self.promises.headers(request_id, sent.request_hash)
        sent.status = problems.status_of(error, dialect)
        body = problems.body_of(error, dialect, request_id)
        response = web.Response(status=sent.status, body=body, content_type="application/json", headers=found)
        if request.content.exception() is not None:
            response.force_close()  # where the body ends is not known any more: say that the connection ends here
        await response.prepare(request)
        await response.write_eof()
        sent.wrote(body)
        sent.delivery = DELIVERY_COMPLETE
        return response

    def _settle(self, request_id: str, who: Principal, sent: Sent, call: domain.Call) -> None:
        """Delivered (where a worker may have had the request), metrics and the one canonical line."""
        if sent.on_record:
            hop = self.identity.hop()
            fact = Fact(request_id=request_id, tenant=who.tenant, at_ms=hop.at_ms)
            fact.delivered.hop.CopyFrom(hop)
            sent.state(fact.delivered)
            try:
                self.facts.publish("delivered", fact)
            except RecordUnavailable:
                logger().error("delivered_lost", request_id=request_id)
        total_ms = sent.elapsed_ms()
        self.metrics.count("requests_total", str(sent.status))
        self.metrics.observe("request_seconds", total_ms / 1000)
        self.metrics.observe("overhead_seconds", sent.overhead_ms / 1000)
        logger().info(
            "request_completed",
            request_id=request_id,
            tenant=who.tenant,
            key_id=who.key_id,
            surface=_SURFACES[call.surface],
            dialect=_DIALECTS[call.dialect],
            operation=_OPERATIONS[call.operation],
            status=sent.status,
            code=sent.error.code if sent.error else "",
            route=sent.route_id or headers.clean(sent.model),
            outcome=_DELIVERIES[sent.delivery],
            bytes_out=sent.size,
            chunks=sent.chunks,
            overhead_ms=round(sent.overhead_ms, 2),
            first_byte_ms=sent.first_byte_ms,
            total_ms=total_ms,
        )


async def _written(answering: Coroutine[None, None, web.StreamResponse], sent: Sent) -> web.StreamResponse:
    """An answer of our own, unless the client has left before it."""
    try:
        return await answering
    except (asyncio.CancelledError, ConnectionError) as error:
        sent.delivery = DELIVERY_CLIENT_GONE
        raise asyncio.CancelledError from error
