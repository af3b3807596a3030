"""Dead letters at the edge: for whoever runs the deployment, signed in, a page at a time."""

from collections.abc import Awaitable, Callable

import orjson
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts.northern.v1.query_pb2 import DeadLettersAsk
from libs.contracts.subjects import EVENTS, dead_letter
from services.billing.dead_letters import DeadLetters
from tests.integration.ingress.edge import edge, get
from tests.integration.ingress.test_books import answered, own, signed_in

PATH = "/api/admin/dead-letters"


async def put_aside(bus: MemoryBus, count: int) -> None:
    for seq in range(1, count + 1):
        said = {"subject": "ev.finished.0", "stream": EVENTS, "seq": seq, "error_type": "decode", "data": "Y2FuYXJ5"}
        await bus.append(dead_letter("custody"), orjson.dumps(said))


def listed(bus: MemoryBus, asked: list[DeadLettersAsk]) -> Callable[[bytes], Awaitable[bytes]]:
    async def respond(data: bytes) -> bytes:
        asked.append(DeadLettersAsk.FromString(data))
        return await DeadLetters(bus=bus).page(data)

    return respond


async def test_the_platforms_admin_turns_their_pages() -> None:
    asked: list[DeadLettersAsk] = []
    async with edge() as street, answered(street.bus, dead_letters=listed(street.bus, asked)):
        await put_aside(street.bus, 5)
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(get(f"{PATH}?limit=3"), cookie))
        page = orjson.loads(reply.body)
        assert (reply.status, reply.headers["cache-control"], page["object"]) == (200, "no-store", "list")
        assert [one["place"] for one in page["data"]] == [5, 4, 3]
        rest = orjson.loads((await street.say(own(get(f"{PATH}/?cursor={page['next']}"), cookie))).body)
        assert ([one["seq"] for one in rest["data"]], rest["next"]) == ([2, 1], None)
        assert b"canary" not in reply.body
        assert [ask.limit for ask in asked] == [3, 100]


@pytest.mark.parametrize("role", ["owner", "admin", "auditor", "member"])
async def test_nobody_of_an_account_may_read_them(role: str) -> None:
    asked: list[DeadLettersAsk] = []
    async with edge() as street, answered(street.bus, dead_letters=listed(street.bus, asked)):
        cookie = await signed_in(street.bus, role)
        reply = await street.say(own(get(PATH), cookie))
        assert (reply.status, reply.error["code"]) == (403, "not_permitted")
        assert "platform_admin" in reply.error["message"]
        assert asked == []


async def test_a_key_may_not_and_who_is_unknown_is_nobody() -> None:
    async with edge() as street:
        reply = await street.say(get(PATH))
        assert (reply.status, reply.error["code"]) == (403, "not_permitted")
        assert reply.error["message"].startswith("An API key may not do this.")
        reply = await street.say(get(PATH, key="ni_live_nobody"))
        assert (reply.status, reply.error["code"]) == (401, "invalid_api_key")


async def test_they_are_read_here_and_not_changed() -> None:
    async with edge() as street:
        cookie = await signed_in(street.bus, "platform_admin")
        for method in ("POST", "DELETE", "PUT"):
            reply = await street.say(own(get(PATH, method=method), cookie))
            assert (reply.status, reply.headers["allow"]) == (405, "GET")
            assert "ni dead-letter replay" in reply.error["message"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=%20", "cursor"),
        ("cursor=YTE", "cursor"),
        ("tenant=t_one", "tenant"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_wrong_parameter_is_named(query: str, param: str) -> None:
    async with edge() as street, answered(street.bus, dead_letters=listed(street.bus, [])):
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(get(f"{PATH}?{query}"), cookie))
        assert (reply.status, reply.error["param"]) == (400, param)


async def test_where_nobody_answers_it_is_said_so() -> None:
    async with edge() as street:
        cookie = await signed_in(street.bus, "platform_admin")
        reply = await street.say(own(get(PATH), cookie))
        assert (reply.status, reply.error["code"]) == (503, "billing_unavailable")


@pytest.mark.parametrize(
    "path", [f"{PATH}/1", f"{PATH}s", "/api/v1/inference/admin/dead-letters", "/v1/admin/dead-letters"]
)
async def test_there_is_no_other_place_for_them(path: str) -> None:
    async with edge() as street:
        cookie = await signed_in(street.bus, "platform_admin")
        assert (await street.say(own(get(path), cookie))).status in (401, 404)
