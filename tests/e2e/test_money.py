"""Money through the public port: what there is and no more, once for each request, whoever retries or is killed."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal

import orjson
import pytest
import pytest_asyncio

from libs.contracts.money import decimal_text
from tests.e2e.crowd import CALLERS, ENOUGH, call, crowd, sdk
from tests.e2e.edge import Edge, edge_of
from tests.e2e.money import MODEL, Bank, Priced, Upstream, bank_of, priced, upstream
from tests.support.street import Street

pytestmark = [pytest.mark.street, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def billed() -> AsyncIterator[Upstream]:
    async with upstream() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def own(billed: Upstream, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """A street of its own: its billing is killed, and its Anthropic is the upstream."""
    root = tmp_path_factory.mktemp("money") / "state"
    async with Street(root, ANTHROPIC_BASE_URL=billed.url, ANTHROPIC_API_KEY="unused", NI_SANDBOX="0") as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bank(own: Street) -> AsyncIterator[Bank]:
    async with bank_of(own) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def door(own: Street) -> AsyncIterator[Edge]:
    async with edge_of(own) as opened:
        yield opened


@pytest.mark.parametrize("kill", [False, True], ids=["calm", "killed"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_money_for_exactly_37_requests_answers_37_of_a_hundred_callers(
    own: Street, bank: Bank, stream: bool, kill: bool
) -> None:
    """Held is exactly what each costs."""
    asked = priced(40, stream=stream)
    account = await bank.account(ENOUGH * asked.cost_nano)
    async with bank.watching(account) as watched:
        found = await crowd(own, account, asked, kill=kill)
        assert await account.settled() == 0
    assert found == {"answered": ENOUGH, "insufficient_credits": CALLERS - ENOUGH}
    assert watched.lowest >= 0
    assert watched.looks
    moves = await account.transactions()
    assert len(moves) == 1 + ENOUGH
    assert {each["amount"] for each in moves if each["type"] == "deduction"} == {f"-{decimal_text(asked.cost_nano)}"}
    assert min(Decimal(each["balance_after"]) for each in moves) == 0


@pytest.mark.parametrize("kill", [False, True], ids=["calm", "killed"])
async def test_and_no_38th_where_more_is_held_than_each_costs(own: Street, bank: Bank, kill: bool) -> None:
    """Without a limit a stream is held for in slices of 1,024 tokens: twice what this one comes to."""
    asked = priced(512, stream=True, limited=False)
    assert asked.reckoning.bound(asked.reckoning.first) > asked.cost_nano
    account = await bank.account(ENOUGH * asked.cost_nano)
    found = await crowd(own, account, asked, kill=kill)
    assert found == {"answered": ENOUGH, "insufficient_credits": CALLERS - ENOUGH}
    assert await account.settled() == 0


async def test_a_cap_for_the_day_is_spent_to_the_last_cent_and_not_beyond(own: Street, bank: Bank) -> None:
    asked = priced(40)
    account = await bank.account(100 * asked.cost_nano)
    key = await account.new_key(max_spend_per_day=decimal_text(5 * asked.cost_nano))
    async with sdk(own, key) as client:
        found = Counter(await asyncio.gather(*(call(client, asked) for _ in range(30))))
    assert found == {"answered": 5, "spend_cap_reached": 25}
    assert await account.settled() == Decimal(decimal_text(95 * asked.cost_nano))
    async with sdk(own, account.key) as client:
        assert await call(client, asked) == "answered"  # the cap is the key's


@pytest.mark.parametrize("seed", range(2))
async def test_streams_that_outgrow_their_holds_and_clients_that_hang_up_leave_nothing_held(
    own: Street, bank: Bank, door: Edge, seed: int
) -> None:
    dice = random.Random(seed)
    asked = [priced(dice.choice([100, 1_500, 4_000]), stream=True, limited=dice.random() < 0.5) for _ in range(40)]
    account = await bank.account(sum(each.cost_nano for each in asked) // 2)

    async with bank.watching(account) as watched, sdk(own, account.key) as client:

        async def one(each: Priced) -> str:
            if dice.random() < 0.6:
                return await call(client.with_options(max_retries=20), each)
            try:
                async with asyncio.timeout(dice.uniform(0.01, 0.3)):
                    return await call(client.with_options(max_retries=0), each)
            except TimeoutError:
                return "hung up"

        found = Counter(await asyncio.gather(*(one(each) for each in asked)))
        left = await account.settled(30)
    assert left >= 0
    assert watched.lowest >= 0
    assert found["answered"] > 3
    assert found["hung up"] > 3
    assert found.keys() <= {"answered", "hung up", "insufficient_credits", "credit_on_hold"}
    assert min(Decimal(each["balance_after"]) for each in await account.transactions()) >= 0


# --- once -----------------------------------------------------------------------------------------------------------


async def test_a_clients_own_name_for_a_request_runs_it_once_whoever_sends_it_again(bank: Bank, door: Edge) -> None:
    asked = priced(40, ms=100)
    account = await bank.account(50 * asked.cost_nano)
    headers = {"Idempotency-Key": "order-66"}
    first = await door.chat(asked.body, key=account.key, headers=headers)
    again = await door.chat(asked.body, key=account.key, headers=headers)
    messages = {"model": MODEL, "max_tokens": 5, "messages": asked.body["messages"]}
    other = await door.send("POST", "/v1/messages", body=messages, key=account.key, headers=headers)
    request_id = first.headers["x-ni-request-id"]
    assert (first.status, again.status, other.status) == (200, 409, 409)
    assert (again.error["code"], other.json["error"]["type"]) == ("idempotent_replay", "conflict_error")
    for reply in (again, other):
        assert request_id in reply.json["error"]["message"]
        assert reply.headers["x-ni-first-request-id"] == request_id
        assert reply.headers["x-should-retry"] == "false"
    record = await bank.get(again.headers["x-ni-first-request-custody"], account.key)
    assert record["request_id"] == request_id

    async def at_once() -> int:
        async with edge_of(bank.street) as edge:
            return (await edge.chat(asked.body, key=account.key, headers={"Idempotency-Key": "at-once"})).status

    found = Counter(await asyncio.gather(*(at_once() for _ in range(8))))
    assert found == {200: 1, 409: 7}
    assert await account.settled() == Decimal(decimal_text(48 * asked.cost_nano))
    elsewhere = await bank.account(asked.cost_nano)
    assert (await door.chat(asked.body, key=elsewhere.key, headers=headers)).status == 200


async def test_what_a_response_says_it_cost_is_what_was_deducted(bank: Bank, door: Edge) -> None:
    asked = priced(40)
    account = await bank.account(2 * asked.cost_nano)
    reply = await door.chat(asked.body, key=account.key)
    assert reply.headers["x-ni-cost"] == f"{decimal_text(asked.cost_nano)} CAD"
    deduction, _ = await account.transactions()
    assert (deduction["amount"], deduction["request_id"]) == (
        f"-{decimal_text(asked.cost_nano)}",
        reply.headers["x-ni-request-id"],
    )


async def test_an_account_without_money_is_refused_in_both_dialects_and_nothing_is_sent(
    bank: Bank, door: Edge, billed: Upstream
) -> None:
    account, asked = await bank.account(0), priced(40)
    before = billed.answered
    for _ in range(3):
        reply = await door.chat(asked.body, key=account.key)
        assert (reply.status, reply.error["type"], reply.error["code"]) == (
            402,
            "insufficient_quota",
            "insufficient_credits",
        )
        messages = {"model": MODEL, "max_tokens": 5, "messages": asked.body["messages"]}
        reply = await door.send("POST", "/v1/messages", body=messages, key=account.key)
        assert (reply.status, reply.json["error"]["type"]) == (402, "billing_error")
        await asyncio.sleep(0.2)  # by then the edge knows by itself
    assert billed.answered == before


async def test_who_has_just_paid_is_answered_at_once(bank: Bank, door: Edge) -> None:
    asked = priced(40)
    account = await bank.account(0)
    while (await door.chat(asked.body, key=account.key)).status == 503:  # noqa: ASYNC110 - not known to the ledger yet
        await asyncio.sleep(0.1)
    for _ in range(10):
        statuses = [(await door.chat(asked.body, key=account.key)).status for _ in range(2)]
        await bank.credit(account, asked.cost_nano)
        statuses.append((await door.chat(asked.body, key=account.key)).status)
        assert statuses == [402, 402, 200]
        assert await account.settled() == 0


# --- limits of a key ------------------------------------------------------------------------------------------------


async def test_two_requests_a_minute_are_two(bank: Bank, door: Edge) -> None:
    asked = priced(40)
    account = await bank.account(50 * asked.cost_nano)
    key = await account.new_key(rate_limits={"rpm": 2})
    first, second, third = [await door.chat(asked.body, key=key) for _ in range(3)]
    messages = {"model": MODEL, "max_tokens": 5, "messages": asked.body["messages"]}
    fourth = await door.send("POST", "/v1/messages", body=messages, key=key)
    assert (first.status, second.status, third.status, fourth.status) == (200, 200, 429, 429)
    assert [_left(each.headers) for each in (first, second, third)] == [("2", "1"), ("2", "0"), ("2", "0")]
    assert (third.error["type"], third.error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert 50_000 < int(third.headers["retry-after-ms"]) <= 60_100
    assert third.headers["x-ratelimit-reset-requests"]
    assert fourth.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert fourth.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert (await door.chat(asked.body, key=account.key)).status == 200  # the limit is the key's


def _left(headers: Mapping[str, str]) -> tuple[str, str]:
    return headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]


async def test_one_request_at_once_is_one(own: Street, bank: Bank) -> None:
    slow = priced(40, ms=700)
    account = await bank.account(50 * slow.cost_nano)
    key = await account.new_key(rate_limits={"concurrency": 1})
    async with sdk(own, key) as client:
        at_once = client.with_options(max_retries=0)
        found = Counter(await asyncio.gather(*(call(at_once, slow) for _ in range(4))))
        assert found == {"answered": 1, "rate_limit_exceeded": 3}
        await account.settled()
        assert await call(at_once, slow) == "answered"


async def test_a_request_larger_than_a_minute_of_tokens_is_not_to_be_tried_again(bank: Bank, door: Edge) -> None:
    asked = priced(40)
    account = await bank.account(50 * asked.cost_nano)
    key = await account.new_key(rate_limits={"tpm": 10})
    reply = await door.chat(asked.body, key=key)
    assert (reply.status, reply.headers["x-should-retry"], reply.error["param"]) == (429, "false", "max_tokens")
    assert reply.headers["x-ratelimit-limit-tokens"] == "10"
    assert orjson.loads(reply.body)["error"]["message"]
