"""What a running request holds: enough before anything is sent, raised ahead of what is answered, never unpaid for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.errors import (
    BillingUnavailable,
    CreditOnHold,
    IdempotentReplay,
    InsufficientCredits,
    Internal,
    InvalidApiKey,
    NorthernError,
    RateLimitExceeded,
    SpendCapReached,
)
from libs.contracts.northern.v1.envelope_pb2 import Dialect, Envelope, Shape, Try
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply, LedgerRequest
from libs.telemetry.metrics import Metrics
from services.worker.money import asking, holding
from services.worker.money.asking import Ledger
from services.worker.money.holding import Account, Holding
from services.worker.money.reckoning import Asked, Reckoning, reckon
from tests.support.broker import until
from tests.support.ledger import RICH, Core, ScriptedLedger, agree
from tests.unit.worker.known import CATALOG, ROUTE

REQUEST = "00000000000000a1"
ENVELOPE = Envelope(
    request_id=REQUEST,
    tenant="t_one",
    key_id="k_one",
    dialect=Dialect.DIALECT_OPENAI_CHAT,
    received_at_ms=1_795_262_392_000,
    shape=Shape(stream=True),
)
RECKONING = reckon(CATALOG, ROUTE, ENVELOPE, Asked(1_000))
FIRST = RECKONING.bound(RECKONING.first)

Make = Callable[..., Holding]


@pytest.fixture
async def bus() -> AsyncIterator[MemoryBus]:
    made = MemoryBus()
    yield made
    for sub in list(made.subs):
        await sub.stop()


@pytest.fixture
async def said(bus: MemoryBus) -> ScriptedLedger:
    return await ScriptedLedger(bus).start()


@pytest.fixture
async def make(bus: MemoryBus, said: ScriptedLedger) -> AsyncIterator[Make]:
    ledger = Ledger(bus, "w1")
    await ledger.start()

    def made(reckoning: Reckoning = RECKONING, **account: Any) -> Holding:
        return Holding(ledger, Metrics(), reckoning, Account.of(ENVELOPE)._replace(**account))

    yield made
    await ledger.close()


async def granted(made: Holding) -> Holding:
    await made.begin()
    await made.granted()
    return made


# --- before anything is sent ----------------------------------------------------------------------------------------


async def test_a_hold_names_the_request_the_key_and_the_clients_own_name_for_it(
    make: Make, said: ScriptedLedger
) -> None:
    made = await granted(make(idempotency_key="mine"))
    (hold,) = said.holds()
    assert (hold.op_id, hold.request_id, hold.account, hold.key_id) == (REQUEST, REQUEST, "t_one", "k_one")
    assert (hold.amount_nano, hold.tokens) == (FIRST, RECKONING.rate_tokens)
    assert (hold.idempotency_key, made.nano) == ("mine", FIRST)


async def test_what_the_shard_says_of_limits_is_kept_granted_or_refused(make: Make, said: ScriptedLedger) -> None:
    said.script = lambda _: LedgerReply(headers={"limit-requests": "2"})
    assert dict((await granted(make())).limits) == {"limit-requests": "2"}
    said.script = lambda _: LedgerReply(code="rate_limit_exceeded", param="requests", headers={"limit-requests": "2"})
    made = make()
    with pytest.raises(RateLimitExceeded):
        await granted(made)
    assert (dict(made.limits), made.refused) == ({"limit-requests": "2"}, True)


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (LedgerReply(code="insufficient_credits", balance_nano=20), InsufficientCredits, "0.00000002 CAD"),
        (LedgerReply(code="not_found", param="account"), InsufficientCredits, "0.00 CAD"),
        (LedgerReply(code="spend_cap_reached", param="max_spend_per_day"), SpendCapReached, "may cost up to 0.0"),
        (LedgerReply(code="spend_cap_reached", param="budget_per_month"), SpendCapReached, "budget for the month"),
        (LedgerReply(code="credit_on_hold", retry_after_ms=700), CreditOnHold, "still running"),
        (
            LedgerReply(code="rate_limit_exceeded", param="requests", retry_after_ms=59_001),
            RateLimitExceeded,
            "in 60 s",
        ),
        (LedgerReply(code="rate_limit_exceeded", param="tokens", retry_after_ms=9), RateLimitExceeded, "used up"),
        (LedgerReply(code="rate_limit_exceeded", param="tokens"), RateLimitExceeded, "request alone is larger"),
        (LedgerReply(code="rate_limit_exceeded", param="concurrency"), RateLimitExceeded, "running"),
        (LedgerReply(code="idempotent_replay", first_request_id="00" * 8), IdempotentReplay, "custody/" + "00" * 8),
        (LedgerReply(code="billing_unavailable"), BillingUnavailable, "nothing is charged"),
        (LedgerReply(code="not_open"), BillingUnavailable, "nothing is charged"),
        (LedgerReply(code="invalid_request", param="amount_nano"), Internal, "our side"),
        (LedgerReply(code="idempotency_mismatch"), Internal, "our side"),
        (LedgerReply(code="invalid_api_key", message="Invalid API key."), InvalidApiKey, "Invalid API key."),
        (LedgerReply(code="of a newer ledger"), Internal, "refused"),
    ],
)
async def test_every_refusal_is_an_error_in_a_sentence(
    make: Make, said: ScriptedLedger, reply: LedgerReply, kind: type[NorthernError], told: str
) -> None:
    said.script = lambda _: reply
    with pytest.raises(NorthernError) as raised:
        await granted(make())
    assert type(raised.value) is kind
    assert told in raised.value.message
    if reply.retry_after_ms:
        assert raised.value.retry_after_ms == reply.retry_after_ms


async def test_a_dearer_attempt_asks_for_the_difference_and_a_cheaper_one_for_nothing(
    make: Make, said: ScriptedLedger
) -> None:
    made = await granted(make(attempt=1, held=True, held_nano=FIRST - 70))
    assert made.nano == FIRST
    made = await granted(make(attempt=2, held=True, held_nano=FIRST + 5))
    assert made.nano == FIRST + 5
    assert [(each.op_id, each.amount_nano) for each in said.extends()] == [
        (f"{REQUEST}:1:1", 70),
        (f"{REQUEST}:2:2", 0),
    ]
    assert said.holds() == []


def test_a_request_that_was_tried_before_has_a_hold_whatever_it_comes_to() -> None:
    envelope = Envelope()
    assert not Account.of(envelope).held
    envelope.tries.append(Try())
    assert Account.of(envelope).held


async def test_a_hold_of_nothing_is_a_hold_too_and_the_attempt_after_it_raises_it(
    make: Make, said: ScriptedLedger
) -> None:
    """The same operation with another amount would be refused."""
    made = await granted(make(attempt=1, held=True, held_nano=0))
    assert made.nano == FIRST
    assert [each.amount_nano for each in said.extends()] == [FIRST]
    assert said.holds() == []


async def test_what_is_left_is_held_where_it_is_enough_to_begin_and_the_answer_ends_with_it(
    make: Make, said: ScriptedLedger
) -> None:
    said.script = Core("t_one", RECKONING.bound(300) + 1)
    made = await granted(make())
    assert made.nano == RECKONING.bound(300)
    await made.cover(300)
    with pytest.raises(InsufficientCredits):
        await made.cover(301)
    assert said.script.lowest >= 0


async def test_what_is_left_is_not_enough_for_a_word_or_two(make: Make, said: ScriptedLedger) -> None:
    said.script = Core("t_one", RECKONING.bound(20))
    with pytest.raises(InsufficientCredits):
        await granted(make())
    assert said.script.account.held == 0


async def test_a_whole_answer_is_not_begun_with_less_than_it_may_cost(make: Make, said: ScriptedLedger) -> None:
    whole = reckon(CATALOG, ROUTE, Envelope(shape=Shape(max_tokens=500)), Asked(1_000))
    said.script = Core("t_one", whole.bound(500) - 1)
    with pytest.raises(InsufficientCredits):
        await granted(make(whole))
    assert len(said.holds()) == 1
    said.script = Core("t_one", whole.bound(500))
    await granted(make(whole))


async def test_more_than_anybody_can_have_is_too_much_and_no_fault_of_ours(make: Make, said: ScriptedLedger) -> None:
    said.script = Core("t_one", 10**16)
    with pytest.raises(InsufficientCredits):
        await granted(make(RECKONING._replace(limit=10**15, seen=False)))


# --- while the answer comes -----------------------------------------------------------------------------------------


async def test_nothing_is_asked_until_three_quarters_of_the_slice_may_be_used(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make())
    await made.cover(767)
    assert said.extends() == []
    await made.cover(768)  # asked, and not waited for
    await until(lambda: len(said.extends()) == 1)
    assert said.extends()[0].amount_nano == RECKONING.more(1_024)
    await made.cover(1_500)
    assert made.nano == FIRST + RECKONING.more(1_024)


async def test_slices_double_so_that_a_long_answer_asks_seldom(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make())
    for seen in range(0, 30_000, 50):
        await made.cover(seen)
    asked = [each.amount_nano for each in said.extends()]
    assert asked[:4] == [RECKONING.more(tokens) for tokens in (1_024, 2_048, 4_096, 8_192)]
    assert len(asked) <= 7
    assert len({each.op_id for each in said.extends()}) == len(asked)


async def test_no_more_is_held_than_the_answer_can_cost(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make(RECKONING._replace(limit=1_500)))
    await made.cover(1_500)
    assert [each.amount_nano for each in said.extends()] == [RECKONING.more(476)]
    await made.cover(1_000_000)  # a provider that does not keep to the limit is not ours to stop
    assert len(said.extends()) == 1


async def test_a_burst_asks_for_all_that_has_come_at_once(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make())
    await made.cover(20_000)
    assert said.extends()[0].amount_nano == RECKONING.more(20_000 - 1_024)


async def test_a_refused_extension_lets_the_answer_use_up_what_is_held_and_then_ends_it(
    make: Make, said: ScriptedLedger
) -> None:
    said.script = Core("t_one", FIRST + RECKONING.more(10))
    made = await granted(make())
    await made.cover(1_034)
    with pytest.raises(InsufficientCredits):
        await made.cover(1_035)
    assert said.script.lowest == 0


async def test_a_cap_lets_smaller_slices_through_as_long_as_there_are_any(make: Make, said: ScriptedLedger) -> None:
    said.script = Core("t_one", RICH, cap_nano=FIRST + RECKONING.more(300))
    made = await granted(make())
    await made.cover(1_024 + 256)
    with pytest.raises(SpendCapReached):
        await made.cover(1_024 + 301)


async def test_money_that_others_hold_is_waited_for(
    make: Make, said: ScriptedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 3

    def later(request: LedgerRequest) -> LedgerReply:
        nonlocal left
        if request.HasField("extend") and left:
            left -= 1
            return LedgerReply(code="credit_on_hold", retry_after_ms=10)
        return agree(request)

    made = await granted(make())
    said.script = later
    await made.cover(1_025)
    assert len({each.op_id for each in said.extends()}) == 4
    left = 1 << 30
    monkeypatch.setattr(holding, "_PATIENCE_S", 0.05)
    with pytest.raises(CreditOnHold):
        await made.cover(made._tokens + 1)


async def test_while_nobody_answers_the_answer_goes_on_and_the_same_is_asked_again(
    make: Make, said: ScriptedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_AGAIN_S", 0.01)
    monkeypatch.setattr(asking, "ANSWER_S", 0.02)
    monkeypatch.setattr(holding, "_ASK_AGAIN_S", 0.03)
    made = await granted(make())
    said.script = lambda _: None
    for seen in range(900, 5_000, 100):
        await made.cover(seen)
    await asyncio.sleep(0.1)
    said.script = agree
    await made.cover(5_000)
    await asyncio.sleep(0.01)
    await made.cover(5_001)
    first = [each for each in said.extends() if each.op_id == f"{REQUEST}:0:x1"]
    assert len(first) > 2
    assert all(each == first[0] for each in first)
    assert made._tokens > 1_024
    assert not made._unanswered


@pytest.mark.parametrize("code", ["billing_unavailable", "idempotency_mismatch", "of a newer ledger"])
async def test_a_ledger_that_cannot_say_does_not_end_the_answer(make: Make, said: ScriptedLedger, code: str) -> None:
    made = await granted(make())
    said.script = lambda _: LedgerReply(code=code)
    await made.cover(2_000)
    await made.cover(200_000)


async def test_a_hold_that_ran_out_meanwhile_does_not_end_the_answer(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make())
    said.script = lambda _: LedgerReply(code="not_open")
    await made.cover(2_000)
    await made.cover(200_000)
    assert len(said.extends()) == 1


async def test_a_hold_that_is_needed_for_long_is_renewed_without_more_money(make: Make, said: ScriptedLedger) -> None:
    made = await granted(make())
    began = made._began
    for after in (10, 299, 301, 400, 602):
        made.renew(began + after)
    await until(lambda: len(said.extends()) == 2)
    assert {each.amount_nano for each in said.extends()} == {0}
    assert len({each.op_id for each in said.extends()}) == 2


async def test_a_hold_is_given_back_unless_it_was_refused_or_never_asked_for(make: Make, said: ScriptedLedger) -> None:
    make().give_back()
    made = await granted(make())
    made.give_back()
    await until(lambda: len(said.voids()) == 1)
    said.script = lambda _: LedgerReply(code="credit_on_hold")
    refused = make()
    with pytest.raises(CreditOnHold):
        await granted(refused)
    refused.give_back()
    await asyncio.sleep(0.01)
    assert [(each.op_id, each.request_id) for each in said.voids()] == [(f"{REQUEST}:void", REQUEST)]
