"""What a caller sees of money: refused early or by the ledger, limits in the dialect's own names, what it cost."""

from collections.abc import Awaitable, Callable

import orjson
import pytest

from libs.bus.outflow import Outflow
from libs.contracts import errors
from libs.contracts.errors import NorthernError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import Head
from tests.integration.ingress.edge import END, KEY, Edge, chat, edge, head, message, post
from tests.integration.ingress.scripts import ANSWER, answer, speak_anthropic
from tests.support.broker import until

LIMITS = {"limit-requests": "2", "remaining-requests": "0", "reset-requests": "30500"}
FIRST = "ab" * 8


def refusing(error: NorthernError, **limits: str) -> Callable[[Envelope, Outflow], Awaitable[None]]:
    """A worker whose ledger said no: nothing was dialled."""

    async def script(envelope: Envelope, out: Outflow) -> None:
        failure = to_failure(error)
        failure.limits.update(limits)
        await out.send(failure=failure)

    return script


async def broke(street: Edge, balance: int = 0, held: int = 0) -> None:
    value = orjson.dumps({"balance_nano": balance, "held_nano": held, "seq": 1})
    seq = await street.bus.put("balances", "t_one", value)
    await until(lambda: street.server.request_handler.inference.balances._watch.seq >= seq)  # type: ignore[attr-defined]


async def test_an_account_known_to_have_nothing_is_refused_before_dispatch_in_both_dialects() -> None:
    async with edge(refusing(errors.InsufficientCredits("Insufficient credits: x"))) as street:
        await broke(street)
        assert (await street.ask()).status == 402  # the ledger's own word, once
        openai, anthropic = await street.ask(), await street.say(message())
        assert (len(street.envelopes), street.all_delivered()) == (1, [])
        street.script = answer
        await broke(street, balance=1)
        assert (await street.ask()).status == 200
    assert (openai.status, openai.error["type"], openai.error["code"]) == (
        402,
        "insufficient_quota",
        "insufficient_credits",
    )
    assert openai.error["message"].startswith("Insufficient credits")
    assert (anthropic.status, anthropic.error["type"]) == (402, "billing_error")
    assert openai.headers["x-should-retry"] == anthropic.headers["x-should-retry"] == "false"
    assert "x-ni-request-id" in openai.headers


async def test_counting_tokens_is_free_and_so_never_refused_for_money() -> None:
    async with edge(refusing(errors.InsufficientCredits("Insufficient credits: x"))) as street:
        await broke(street)
        assert (await street.ask()).status == 402
        street.script = speak_anthropic
        reply = await street.say(message(path="/v1/messages/count_tokens", max_tokens=...))
    assert reply.status == 200


@pytest.mark.parametrize(
    ("error", "status", "openai", "anthropic", "retried"),
    [
        (errors.InsufficientCredits("Insufficient credits: x"), 402, "insufficient_credits", "billing_error", "false"),
        (errors.SpendCapReached("cap"), 402, "spend_cap_reached", "billing_error", "false"),
        (errors.CreditOnHold("held", retry_after_ms=700), 429, "credit_on_hold", "rate_limit_error", "true"),
        (errors.RateLimitExceeded("slow", retry_after_ms=700), 429, "rate_limit_exceeded", "rate_limit_error", "true"),
        (errors.IdempotentReplay("again", first_request_id=FIRST), 409, "idempotent_replay", "conflict_error", "false"),
    ],
)
async def test_what_the_ledger_refuses_is_answered_in_the_callers_dialect(
    error: NorthernError, status: int, openai: str, anthropic: str, retried: str
) -> None:
    async with edge(refusing(error)) as street:
        one, other = await street.ask(stream=True), await street.say(message())
        assert street.all_delivered() == []  # nothing was sent, so nothing was delivered
    assert (one.status, other.status) == (status, status)
    assert (one.error["code"], other.error["type"]) == (openai, anthropic)
    for reply in (one, other):
        assert reply.headers["x-should-retry"] == retried
        assert "x-ni-custody-path" not in reply.headers
        if error.retry_after_ms:
            assert (reply.headers["retry-after-ms"], reply.headers["retry-after"]) == ("700", "1")
        if isinstance(error, errors.IdempotentReplay):
            assert reply.headers["x-ni-first-request-id"] == FIRST
            assert reply.headers["x-ni-first-request-custody"] == f"/api/usage/custody/{FIRST}"


async def test_limits_are_told_with_a_refusal_in_each_dialects_names() -> None:
    async with edge(refusing(errors.RateLimitExceeded("slow", retry_after_ms=30_500), **LIMITS)) as street:
        openai, anthropic = await street.ask(), await street.say(message())
    assert openai.headers["x-ratelimit-limit-requests"] == "2"
    assert openai.headers["x-ratelimit-remaining-requests"] == "0"
    assert openai.headers["x-ratelimit-reset-requests"] == "30.5s"
    assert anthropic.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert anthropic.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert not [name for name in anthropic.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize("stream", [False, True])
async def test_limits_are_told_with_every_answer_and_before_its_first_byte(stream: bool) -> None:
    async def script(envelope: Envelope, out: Outflow) -> None:
        said = Head()
        said.CopyFrom(head(stream=stream))
        said.limits.update(LIMITS)
        await out.send(head=said, data=ANSWER, end=END)

    async with edge(script) as street:
        reply = await street.ask(stream=stream)
        plain = await street.ask()
    assert reply.headers["x-ratelimit-limit-requests"] == "2"
    assert reply.headers.get("x-ni-cost") == (None if stream else "0.0015 CAD")
    assert plain.status == 200


async def test_an_idempotency_key_travels_with_the_request_and_a_bad_one_does_not() -> None:
    body = chat().partition(b"\r\n\r\n")[2]
    async with edge(answer) as street:
        good = await street.say(post(body, "Idempotency-Key: order-66"))
        none = await street.ask()
        bad = await street.say(post(body, "Idempotency-Key: two words"))
        twice = await street.say(post(body, "Idempotency-Key: a", "Idempotency-Key: b"))
        assert [envelope.idempotency_key for envelope in street.envelopes] == ["order-66", ""]
    assert (good.status, none.status, bad.status, twice.status) == (200, 200, 400, 400)
    assert bad.error["param"] == twice.error["param"] == "Idempotency-Key"
    assert KEY not in bad.error["message"]
