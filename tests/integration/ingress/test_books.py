"""The books at the edge: who may read and give, how pages are put together, and what is said when billing is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from libs.bus.memory import MemoryBus
from libs.bus.responder import answer
from libs.contracts.northern.v1.account_pb2 import SessionGot
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply, LedgerRequest
from libs.contracts.northern.v1.query_pb2 import (
    CreditsAsk,
    CreditsTold,
    ListTold,
    QueryFailure,
    SheetTold,
    TotalsAsk,
    TransactionsAsk,
    UsageAsk,
)
from tests.integration.ingress.edge import Edge, edge, get, post

Respond = Callable[[bytes], Awaitable[bytes]]
LISTS = ("/api/usage", "/api/v1/inference/usage", "/api/credits/transactions", "/api/v1/inference/credits/transactions")
READS = (*LISTS, "/api/credits", "/api/v1/inference/credits", "/api/usage/export")


@asynccontextmanager
async def answered(bus: MemoryBus, **verbs: Respond) -> AsyncIterator[None]:
    found = [await answer(bus, f"ni.query.billing.{verb}", "billing", respond) for verb, respond in verbs.items()]
    yield
    for one in found:
        await one.stop()


async def signed_in(bus: MemoryBus, role: str) -> str:
    """The cookie of a user in this role."""
    user = {"id": "u_one", "email": "a@b.c", "name": "", "role": role, "tenant": "t_one"}
    got = SessionGot(csrf_token="csrf", user=orjson.dumps(user)).SerializeToString()

    async def session(_: bytes) -> bytes:
        return got

    await answer(bus, "ni.query.accounts.session", "accounts", session)
    return "Cookie: ni_session=token"


def own(request: bytes, cookie: str) -> bytes:
    """By cookie and not by key."""
    lines = [line for line in request.split(b"\r\n") if not line.lower().startswith((b"authorization", b"x-api-key"))]
    return b"\r\n".join([lines[0], cookie.encode(), b"x-csrf-token: csrf", *lines[1:]])


def pages(entries: list[Any], of: int, asked: list[UsageAsk]) -> Respond:
    async def respond(data: bytes) -> bytes:
        ask = UsageAsk.FromString(data)
        asked.append(ask)
        first = int(ask.cursor or 0)
        shown = entries[first : first + min(of, ask.limit)]
        behind = first + len(shown)
        told = ListTold(entries=[orjson.dumps(one) for one in shown])
        told.next = str(behind) if behind < len(entries) else ""
        return told.SerializeToString()

    return respond


async def test_a_page_is_as_long_as_asked_whatever_fits_one_message() -> None:
    asked: list[UsageAsk] = []
    async with edge() as street, answered(street.bus, usage=pages(list(range(25)), 4, asked)):
        reply = await street.say(get("/api/usage?limit=10&model=m"))
        assert reply.status == 200
        assert orjson.loads(reply.body) == {"object": "list", "data": list(range(10)), "next": "10"}
        assert [ask.limit for ask in asked] == [10, 6, 2]
        assert {(ask.tenant, ask.filter.model) for ask in asked} == {("t_one", "m")}
        rest = orjson.loads((await street.say(get("/api/usage?limit=1000&cursor=10"))).body)
        assert (rest["data"], rest["next"]) == (list(range(10, 25)), None)


async def test_totals_and_transactions_ask_for_what_they_were_asked() -> None:
    async def totals(data: bytes) -> bytes:
        ask = TotalsAsk.FromString(data)
        assert (ask.tenant, ask.by, ask.filter.status) == ("t_one", "day", "failed")
        return ListTold().SerializeToString()

    async def transactions(data: bytes) -> bytes:
        ask = TransactionsAsk.FromString(data)
        assert (ask.tenant, ask.type, ask.request_id) == ("t_one", "deposit", "0" * 16)
        return ListTold().SerializeToString()

    async with edge() as street, answered(street.bus, totals=totals, transactions=transactions):
        empty: dict[str, Any] = {"object": "list", "data": [], "next": None}
        for path in ("usage?totals=day&status=failed", f"credits/transactions?type=deposit&request_id={'0' * 16}"):
            reply = await street.say(get(f"/api/v1/inference/{path}"))
            assert (reply.status, orjson.loads(reply.body)) == (200, empty)


async def test_credit_is_shown_as_decimal_strings() -> None:
    async def credits_(data: bytes) -> bytes:
        assert CreditsAsk.FromString(data).tenant == "t_one"
        return CreditsTold(balance_nano=99_999_956_863, held_nano=10, currency="CAD").SerializeToString()

    async with edge() as street, answered(street.bus, credits=credits_):
        for path in ("/api/credits", "/api/v1/inference/credits"):
            reply = await street.say(get(path))
            assert orjson.loads(reply.body) == {"balance": "99.999956863", "held": "0.00000001", "currency": "CAD"}
            assert reply.headers["cache-control"] == "no-store"


async def test_a_sheet_is_streamed_piece_by_piece() -> None:
    async def export(data: bytes) -> bytes:
        first = not UsageAsk.FromString(data).cursor
        return SheetTold(csv=b"a\r\n" if first else b"b\r\n", next="more" if first else "").SerializeToString()

    async with edge() as street, answered(street.bus, export=export):
        reply = await street.say(get("/api/usage/export"))
        assert (reply.status, reply.body, reply.whole) == (200, b"a\r\nb\r\n", True)
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in reply.headers["content-disposition"]
        wire = await street.open()
        await wire.send(get("/api/usage/export").replace(b" HTTP/1.1", b" HTTP/1.0"))
        assert (await wire.headers())[0] == 200
        assert await wire.closed() == b"a\r\nb\r\n"


async def test_a_sheet_that_breaks_off_is_no_whole_one() -> None:
    async def export(data: bytes) -> bytes:
        if UsageAsk.FromString(data).cursor:
            return SheetTold(failure=QueryFailure(code="store_unavailable", message="away")).SerializeToString()
        return SheetTold(csv=b"a\r\n", next="more").SerializeToString()

    async with edge() as street, answered(street.bus, export=export):
        reply = await street.say(get("/api/usage/export"))
        assert (reply.status, reply.whole) == (200, False)
        wire = await street.open()
        await wire.send(get("/api/usage/export").replace(b" HTTP/1.1", b" HTTP/1.0"))
        with pytest.raises(ConnectionResetError):  # where closing is how an answer ends
            await wire.closed()


@pytest.mark.parametrize("path", READS)
async def test_billing_that_is_away_is_a_503_that_may_be_tried_again(path: str) -> None:
    async with edge() as street:
        reply = await street.say(get(path))
        assert (reply.status, reply.error["code"]) == (503, "billing_unavailable")
        assert reply.headers["x-should-retry"] == "true"
        assert reply.headers["retry-after-ms"] == "1000"


@pytest.mark.parametrize("path", [*READS, "/api/admin/credits"])
async def test_nobody_reads_without_a_key_and_wrong_methods_are_named(path: str) -> None:
    async with edge() as street:
        assert (await street.say(get(path, key=""))).status == 401
        wrong = await street.say(get(path, method="DELETE"))
        assert wrong.status == 405
        assert wrong.headers["allow"] in {"GET", "POST"}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("cursor=a%20b", "cursor"),
        ("from=never", "from"),
        ("colour=red", "colour"),
        ("model=a&model=b", "model"),
        ("status=", "status"),
        ("%00=1", "?"),
    ],
)
async def test_a_bad_filter_is_refused_by_name_before_anybody_is_asked(query: str, param: str) -> None:
    async with edge() as street:
        reply = await street.say(get(f"/api/usage?{query}"))
        assert (reply.status, reply.error["param"]) == (400, param)


async def test_what_billing_refuses_names_the_parameter() -> None:
    refusal = QueryFailure(code="invalid_request", message="`status` must be one of: completed", param="status")

    async def usage(_: bytes) -> bytes:
        return ListTold(failure=refusal).SerializeToString()

    async with edge() as street, answered(street.bus, usage=usage):
        reply = await street.say(get("/api/usage?status=lost"))
        assert (reply.status, reply.error["param"]) == (400, "status")


async def test_another_accounts_books_are_not_there_for_anybody_but_the_platforms_admins() -> None:
    async with edge() as street:
        for path in READS:
            assert (await street.say(get(f"{path}?tenant=t_two"))).status == 404
        cookie = await signed_in(street.bus, "owner")
        for path in READS:
            assert (await street.say(own(get(f"{path}?tenant=t_two"), cookie))).status == 404


async def told_the_ledger(street: Edge, reply: LedgerReply) -> list[LedgerRequest]:
    heard: list[LedgerRequest] = []

    async def respond(data: bytes) -> bytes:
        heard.append(LedgerRequest.FromString(data))
        return reply.SerializeToString()

    await answer(street.bus, "ni.ledger.0", "", respond)
    return heard


def given(*headers: str, **members: Any) -> bytes:
    return post(orjson.dumps({"tenant": "t_one", "amount": "25.00", **members}), *headers, path="/api/admin/credits")


async def test_a_platform_admin_gives_credit_once_for_each_idempotency_key() -> None:
    async with edge() as street:
        heard = await told_the_ledger(street, LedgerReply(balance_nano=125 * 10**9))
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(given("Idempotency-Key: k-1", note="invoice 17"), cookie))
        assert reply.status == 201
        assert orjson.loads(reply.body) == {
            "object": "credit",
            "tenant": "t_one",
            "amount": "25.00",
            "note": "invoice 17",
            "balance": "125.00",
            "held": "0.00",
            "currency": "CAD",
        }
        await street.say(own(given("Idempotency-Key: k-1", note="invoice 17"), cookie))
        await street.say(own(given("Idempotency-Key: k-2", amount="-5"), cookie))
        await street.say(own(given(), cookie))
        await street.say(own(given(), cookie))
        ops = [getattr(one, one.WhichOneof("op") or "") for one in heard]
        assert ops[0] == ops[1]
        assert len({op.op_id for op in ops}) == 4
        assert (ops[0].account, ops[0].amount_nano, ops[0].by) == ("t_one", 25 * 10**9, "u_one")
        assert heard[2].WhichOneof("op") == "adjust"


@pytest.mark.parametrize("role", ["owner", "admin", "member", "auditor", "wizard", ""])
async def test_nobody_else_gives_credit(role: str) -> None:
    async with edge() as street:
        heard = await told_the_ledger(street, LedgerReply())
        assert (await street.say(given())).status == 403  # by key
        cookie = await signed_in(street.bus, role)
        reply = await street.say(own(given(), cookie))
        assert (reply.status, reply.error["code"]) == (403, "not_permitted")
        assert heard == []


async def test_credit_that_the_ledger_refuses_names_the_member_as_callers_know_it() -> None:
    refusal = LedgerReply(code="invalid_request", message="The ledger does not take that value.", param="amount_nano")
    async with edge() as street:
        await told_the_ledger(street, refusal)
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(given(), cookie))
        assert (reply.status, reply.error["param"]) == (400, "amount")
        for members, status, param in (({"amount": 1}, 400, "amount"), ({"tenant": "t_gone"}, 404, "tenant")):
            reply = await street.say(own(given(**members), cookie))
            assert (reply.status, reply.error["param"]) == (status, param)
        wrong = await street.say(own(given("Idempotency-Key: a b"), cookie))
        assert (wrong.status, wrong.error["param"]) == (400, "Idempotency-Key")


async def test_a_ledger_that_is_away_says_how_to_ask_again() -> None:
    async with edge() as street:
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(given(), cookie))
        assert (reply.status, reply.error["code"]) == (503, "billing_unavailable")
        assert "Idempotency-Key" in reply.error["message"]


async def test_a_client_that_hangs_up_in_the_middle_of_a_sheet_costs_nothing_more() -> None:
    asked = 0

    async def export(_: bytes) -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return SheetTold(csv=b"x" * 65_536, next="more").SerializeToString()

    async with edge() as street, answered(street.bus, export=export):
        wire = await street.open()
        await wire.send(get("/api/usage/export"))
        await wire.headers()
        wire.hang_up()
        await asyncio.sleep(0.3)
        before = asked
        await asyncio.sleep(0.3)
        assert asked == before
