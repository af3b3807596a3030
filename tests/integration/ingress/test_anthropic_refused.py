"""Every failure under Anthropic's paths is in its own shape: refusals, broken streams, and what is no HTTP at all."""

import asyncio

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts import errors
from libs.contracts.errors import NorthernError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Delivery
from tests.integration.ingress.edge import KEY, MESSAGES, ROUTE_FACTS, Reply, chat, edge, get, head, message, post
from tests.integration.ingress.scripts import DELTA, START, speak_anthropic


def refusal(reply: Reply) -> tuple[int, str]:
    """Status and type of an error, which must be whole and in Anthropic's shape."""
    told = orjson.loads(reply.body)
    assert set(told) == {"type", "error", "request_id"}
    assert told["type"] == "error"
    assert set(told["error"]) == {"type", "message"}
    assert told["request_id"] == reply.headers.get("request-id")
    return reply.status, told["error"]["type"]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_bytes", "found", "says"),
    [
        (message(max_tokens=...), (400, "invalid_request_error"), "max_tokens: Field required"),
        (message(messages=[]), (400, "invalid_request_error"), "messages"),
        (message(messages=[{"role": "user"}, 1]), (400, "invalid_request_error"), "messages[1]"),
        (message(model=...), (400, "invalid_request_error"), "model"),
        (message(path=f"{MESSAGES}/count_tokens", stream=True), (400, "invalid_request_error"), "stream"),
        (message(f"anthropic-beta: {'b' * 5_000}"), (400, "invalid_request_error"), "anthropic-beta"),
        (message("anthropic-version: \xff"), (400, "invalid_request_error"), "anthropic-version"),
        (message(pii_substitution=True), (529, "overloaded_error"), "substitute personal data"),
        (message(privacy_tier="gold"), (400, "invalid_request_error"), "privacy_tier"),
        (post(b"{", path=MESSAGES), (400, "invalid_request_error"), "not JSON"),
        (message(key="ni_live_nonsense"), (401, "authentication_error"), "Invalid API key"),
        (message(key="ni_live_nonsense", path="/v1/messages/count_tokens"), (401, "authentication_error"), "Invalid"),
        (b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n\r\n", (401, "authentication_error"), "x-api-key"),
        (b"GET /v1/messages HTTP/1.1\r\nHost: x\r\n\r\n", (405, "invalid_request_error"), "use POST"),
        (b"GET /v1/messages/count_tokens HTTP/1.1\r\nHost: x\r\n\r\n", (405, "invalid_request_error"), "use POST"),
        (message(path="/v1/messages/batches"), (404, "not_found_error"), "POST /v1/messages"),
        (message(path="/v1/messages/batches?beta=true"), (404, "not_found_error"), "POST /v1/messages"),
        (message(path="/v1/complete"), (404, "not_found_error"), "POST /v1/messages"),
        (message(path="/v1/files"), (404, "not_found_error"), "POST /v1/messages"),
        (message(path="/v1/messages/nothing"), (404, "not_found_error"), "/v1/messages"),
    ],
)
async def test_a_refusal_is_in_the_dialect_and_says_what_to_do(
    request_bytes: bytes, found: tuple[int, str], says: str
) -> None:
    async with edge(speak_anthropic) as street:
        reply = await street.say(request_bytes)
        assert street.envelopes == []
    assert refusal(reply) == found
    assert says in orjson.loads(reply.body)["error"]["message"]


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (errors.ResidencyRefused("the rule"), (403, "permission_error")),
        (errors.ModelNotFound("no such model"), (404, "not_found_error")),
        (errors.ProviderRefused("its words", provider_status=413), (413, "request_too_large")),
        (errors.InsufficientCredits("Insufficient credits"), (402, "billing_error")),
        (errors.RateLimitExceeded("slow", retry_after_ms=1500), (429, "rate_limit_error")),
        (errors.UpstreamError("broke off"), (502, "api_error")),
        (errors.Overloaded("full", retry_after_ms=1000), (529, "overloaded_error")),
        (errors.RecordUnavailable("no record"), (529, "overloaded_error")),
        (errors.RouteUnavailable("no credential"), (503, "overloaded_error")),
        (errors.UpstreamTimeout("late"), (504, "timeout_error")),
        (errors.Internal("something went wrong"), (500, "api_error")),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_head_is_a_status_of_the_dialect(
    error: NorthernError, found: tuple[int, str], stream: bool
) -> None:
    async def fail(envelope: Envelope, out: Outflow) -> None:
        await out.send(failure=to_failure(error, ROUTE_FACTS))

    async with edge(fail) as street:
        reply = await street.say(message(stream=stream))
        (envelope,) = street.envelopes
        assert (await street.delivered()).status == found[0]
    assert refusal(reply) == found
    assert reply.headers["request-id"] == envelope.request_id
    assert ("retry-after-ms" in reply.headers) is bool(error.retry_after_ms)


@pytest.mark.parametrize("torn", [False, True])
async def test_i6_a_failure_after_the_head_is_an_error_event_of_its_own_and_never_a_message_stop(torn: bool) -> None:
    async def fail(envelope: Envelope, out: Outflow) -> None:
        await out.send(head=head(stream=True), data=START + (DELTA[:-9] if torn else DELTA))
        await out.send(failure=to_failure(errors.StreamBroken("cut. The answer above is incomplete.")))

    async with edge(fail) as street:
        wire = await street.open()
        await wire.send(message(stream=True))
        reply = await wire.reply()
        assert await wire.closed() == b""
        assert (await street.delivered()).delivery == Delivery.DELIVERY_CUT
    last = reply.body.split(b"\n\n")[-2]
    name, _, data = last.partition(b"\n")
    assert name == b"event: error"
    assert orjson.loads(data.removeprefix(b"data: "))["error"]["type"] == "api_error"
    assert b"message_stop" not in reply.body


@pytest.mark.parametrize("path", ["/v1/models/none", "/v1/models"])
async def test_a_refusal_beside_the_models_is_in_the_dialect_of_the_client(path: str) -> None:
    key = KEY if path.endswith("none") else "nonsense"
    async with edge(speak_anthropic) as street:
        to_anthropics = await street.say(get(path, "anthropic-version: 2023-06-01", key=key))
        to_openais = await street.say(get(path, key=key))
    assert refusal(to_anthropics) in {(404, "not_found_error"), (401, "authentication_error")}
    assert to_openais.status == to_anthropics.status
    assert set(to_openais.error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "path",
    ["/v1/responses", "/v1/embeddings", "/v1/completions", "/v1/audio/speech", "/v1/images/edits", "/v1/moderations"],
)
@pytest.mark.parametrize("prefix", ["", "/v1", "/api/v1/inference"])
async def test_openais_other_paths_are_its_404_and_say_what_to_use(path: str, prefix: str) -> None:
    async with edge(speak_anthropic) as street:
        reply = await street.say(post(b"{}", path=prefix + path))
    assert (reply.status, reply.error["code"]) == (404, "not_found")
    assert "POST /v1/chat/completions" in reply.error["message"]


# --- what the listener says -------------------------------------------------------------------------------------------


@pytest.fixture
def _fast_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingress.http.server._SWEEP_S", 0.02)


@pytest.mark.usefixtures("_fast_sweep")
@pytest.mark.parametrize(
    "pieces", [(b"POST /v1/messages HTTP/1.1\r\nHost",), (b"POST /v1/mess", b"ages?beta=true HTTP")]
)
async def test_headers_that_do_not_come_in_time_are_a_408_of_the_path(pieces: tuple[bytes, ...]) -> None:
    async with edge(speak_anthropic, header_s=0.2) as street:
        wire = await street.open()
        await wire.send(chat())  # what came before on the connection is another path's
        assert (await wire.reply()).status == 200
        for piece in pieces:
            await wire.send(piece)
            await asyncio.sleep(0.05)
        assert refusal(await wire.reply()) == (408, "invalid_request_error")


@pytest.mark.parametrize(
    ("request_bytes", "found"),
    [
        (b"POST /v1/messages HTTP/1.1\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n", (431, "invalid_request_error")),
        (b"POST /v1/messages?" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", (431, "invalid_request_error")),
        (b"POST /v1/messages HTTP/1.1\r\nno colon\r\n\r\n", (400, "invalid_request_error")),
        (b"POST /v1/messages HTTP/1.1\r\nContent-Length: x\r\n\r\n", (400, "invalid_request_error")),
    ],
)
async def test_what_is_no_http_is_refused_in_the_dialect_of_the_path(
    request_bytes: bytes, found: tuple[int, str]
) -> None:
    async with edge(speak_anthropic) as street:
        assert refusal(await street.say(request_bytes)) == found


async def test_a_body_that_is_late_or_too_large_is_refused_in_the_dialect_of_the_path() -> None:
    async with edge(speak_anthropic, body_idle_s=0.1, max_body=100_000) as street:
        assert refusal(await street.say(message()[:-5])) == (408, "invalid_request_error")
        assert refusal(await street.say(message(system="a" * 200_000))) == (413, "request_too_large")
