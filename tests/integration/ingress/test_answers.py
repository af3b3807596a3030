"""From frames to the client: whole answers and streams, every byte counted, hashed and delivered."""

import asyncio
import hmac

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts import errors
from libs.contracts.errors import NorthernError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Surface
from libs.contracts.northern.v1.facts_pb2 import Delivery
from libs.tlog.promise import Promise
from tests.integration.ingress.edge import DONE, PROMISES, ROUTE_FACTS, edge, post
from tests.integration.ingress.scripts import ANSWER, EVENTS, answer, matches

COMPLETE = Delivery.DELIVERY_COMPLETE


async def test_a_whole_answer_arrives_with_the_custody_headers() -> None:
    async with edge(answer) as street:
        reply = await street.ask()
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.body, reply.whole) == (200, ANSWER, True)
    said = reply.headers
    assert (
        said["x-ni-request-id"] == said["x-request-id"] == said["request-id"] == envelope.request_id == "0" * 15 + "1"
    )
    assert (said["x-ni-resolved-provider"], said["x-ni-custody-path"]) == ("Azure", "NI-CA -> Azure-CA")
    assert (said["x-ni-processing-jurisdiction"], said["x-ni-residency-evidence"]) == ("CA", "asserted")
    assert (said["x-ni-attempts"], said["x-ni-cost"]) == ("1", "0.0015 CAD")
    assert "x-ni-sandbox" not in said
    assert (delivered.delivery, delivered.status, delivered.output_bytes) == (COMPLETE, 200, 7)
    assert matches(delivered, reply, envelope)
    (hop,) = envelope.hops
    assert (hop.role, hop.node, hop.build, hop.place) == ("ingress", "e1", "b1", "CA")
    assert (delivered.hop.role, delivered.hop.node) == ("ingress", "e1")
    assert PROMISES.key is not None
    promise = Promise.read(said["x-ni-custody-promise"])
    promise.verify(envelope.request_id, PROMISES.key)
    assert promise.request_hash == envelope.request_hash


async def test_a_stream_arrives_in_order_ends_with_done_and_says_where_it_went_before_its_first_byte() -> None:
    async with edge(answer) as street:
        reply = await street.ask(stream=True)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.body, reply.whole) == (200, b"".join(EVENTS) + DONE, True)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (reply.headers["cache-control"], reply.headers["x-accel-buffering"]) == ("no-cache", "no")
    assert reply.headers["x-ni-resolved-region"] == "canadaeast"
    assert (delivered.delivery, delivered.output_bytes) == (COMPLETE, 5)
    assert matches(delivered, reply, envelope)


async def test_the_envelope_holds_what_was_checked_and_nothing_of_the_key() -> None:
    async with edge(answer) as street:
        wire = await street.open()
        raw = b'{"model":"x","model":"azure/gpt-4.1-mini-ca","messages":[{"role":"user","content":"hi"}],"n":1}'
        await wire.send(post(raw, "X-NI-Residency: CA", "traceparent: 00-" + "a" * 32 + "-" + "b" * 16 + "-01"))
        assert (await wire.reply()).status == 200
        (envelope,) = street.envelopes
    assert envelope.body == b'{"messages":[{"role":"user","content":"hi"}],"n":1}'
    assert (envelope.tenant, envelope.key_id, envelope.edge) == ("t_one", "k_one", "e1")
    assert (envelope.shape.model, list(envelope.policy.residency)) == ("azure/gpt-4.1-mini-ca", ["CA"])
    assert envelope.request_hash == hmac.digest(envelope.salt, raw, "sha256")
    assert len(envelope.salt) == 32
    assert envelope.traceparent.startswith("00-" + "a" * 32)
    assert b"ni_live_" not in envelope.SerializeToString()


@pytest.mark.parametrize("prefix", ["/v1", "/v1/v1", "/api/v1/inference", "/api/v1/inference/v1"])
async def test_every_alias_answers_on_its_own_surface(prefix: str) -> None:
    async with edge(answer) as street:
        assert (await street.ask(path=f"{prefix}/chat/completions")).body == ANSWER
        surface = Surface.SURFACE_INFERENCE if "inference" in prefix else Surface.SURFACE_GATEWAY
        assert street.envelopes[0].surface == surface


@pytest.mark.parametrize("size", [(256 << 10) + 1, 3 << 20])
async def test_a_body_over_256_kib_stays_here_and_is_pulled_by_the_worker(size: int) -> None:
    pulled = b""

    async def pull(envelope: Envelope, out: Outflow) -> None:
        nonlocal pulled
        pulled = await out.pull(envelope.body_ref.subject, envelope.body_ref.size)
        await answer(envelope, out)

    async with edge(pull) as street:
        text = "x" * size
        reply = await street.ask(messages=[{"role": "user", "content": text}])
        (envelope,) = street.envelopes
    assert reply.status == 200
    assert envelope.WhichOneof("content") == "body_ref"
    assert len(envelope.SerializeToString()) < 8_000
    assert orjson.loads(pulled)["messages"][0]["content"] == text


# --- failures before the first byte ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ResidencyRefused("the rule"), 403),
        (errors.ModelNotFound("no such model", param="model"), 404),
        (errors.ProviderRefused("its words", provider_status=422), 422),
        (errors.RateLimitExceeded("slow", retry_after_ms=1500), 429),
        (errors.UpstreamError("broke off"), 502),
        (errors.Overloaded("full", retry_after_ms=1000), 503),
        (errors.RecordUnavailable("no record"), 503),
        (errors.UpstreamTimeout("late"), 504),
        (errors.Internal("something went wrong"), 500),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_head_is_a_status_of_the_dialect(
    error: NorthernError, status: int, stream: bool
) -> None:
    async def fail(envelope: Envelope, out: Outflow) -> None:
        await out.send(failure=to_failure(error, ROUTE_FACTS))

    async with edge(fail) as street:
        reply = await street.ask(stream=stream)
        delivered = await street.delivered()
        (envelope,) = street.envelopes
    assert (reply.status, reply.error["message"]) == (status, error.message)
    assert reply.headers["x-ni-request-id"] == envelope.request_id
    assert reply.headers["x-ni-resolved-provider"] == "Azure"  # it was dialled
    assert ("retry-after-ms" in reply.headers) is bool(error.retry_after_ms)
    assert (delivered.delivery, delivered.status) == (COMPLETE, status)
    assert matches(delivered, reply, envelope)


async def test_a_refusal_of_the_street_itself_claims_no_route_and_leaves_no_delivered() -> None:
    async def refuse(envelope: Envelope, out: Outflow) -> None:
        await out.send(failure=to_failure(errors.ResidencyRefused("the rule")))

    async with edge(refuse) as street:
        reply = await street.ask()
        assert not [name for name in reply.headers if name.startswith("x-ni-resolved")]
        assert "x-ni-custody-promise" in reply.headers  # a refusal for residency is on record
        await asyncio.sleep(0.05)
        assert street.all_delivered() == []


async def test_nobody_to_route_is_a_503_at_once() -> None:
    async with edge() as street:
        for sub in [sub for sub in street.bus.subs if sub.queue == "router"]:
            await sub.stop()
        reply = await street.ask()
    assert (reply.status, reply.error["code"], reply.headers["retry-after-ms"]) == (503, "overloaded", "1000")


async def test_a_broker_that_is_away_is_a_503_and_not_a_hang() -> None:
    async with edge(answer) as street:
        street.bus.connected = False
        reply = await street.ask()
        street.bus.connected = True
    assert (reply.status, reply.error["type"]) == (503, "server_error")


async def test_an_edge_without_a_lease_on_its_ids_takes_nothing() -> None:
    def lost() -> str:
        raise LookupError("the lease of this id slot has run out")

    async with edge(answer) as street:
        object.__setattr__(street.server.request_handler.inference, "new_id", lost)  # type: ignore[attr-defined]
        reply = await street.ask()
        assert (reply.status, reply.error["code"]) == (503, "overloaded")
        assert street.envelopes == []
