"""A page of another origin may call from a browser where its origin is configured, and no other page may."""

import pytest
from pydantic import ValidationError

from services.ingress.settings import IngressSettings
from tests.integration.ingress.edge import chat, edge, get, post
from tests.integration.ingress.scripts import answer

PAGE, OTHER = "https://app.example.ca", "https://elsewhere.example"
ALLOWS = "access-control-allow-origin"


def asking(origin: str, path: str = "/v1/chat/completions") -> bytes:
    """What a browser asks before it lets a page send a key."""
    names = "authorization,content-type,x-stainless-lang"
    lines = ["Access-Control-Request-Method: POST", f"Access-Control-Request-Headers: {names}"]
    return get(path, f"Origin: {origin}", *lines, method="OPTIONS")


def of(page: str, request: bytes) -> bytes:
    return request.replace(b"Host: x\r\n", b"Host: x\r\nOrigin: %b\r\n" % page.encode())


async def test_a_page_that_is_configured_is_given_leave_and_may_read_whatever_is_answered() -> None:
    async with edge(answer, origins=(PAGE,)) as street:
        leave = await street.say(asking(PAGE))
        told = [
            await street.say(of(PAGE, request))
            for request in (chat(), chat(stream=True), post(b"{", path="/v1/messages"), get("/v1/models"))
        ]
    assert (leave.status, leave.headers[ALLOWS]) == (204, PAGE)
    assert leave.headers["access-control-allow-headers"] == "authorization,content-type,x-stainless-lang"
    assert "POST" in leave.headers["access-control-allow-methods"]
    assert [each.status for each in told] == [200, 200, 400, 200]
    assert {(each.headers[ALLOWS], each.headers["access-control-expose-headers"]) for each in told} == {(PAGE, "*")}
    assert {each.headers["vary"] for each in (leave, *told)} == {"Origin"}


@pytest.mark.parametrize("origins", [(), (PAGE,)])
async def test_any_other_page_is_told_nothing_that_lets_it_read(origins: tuple[str, ...]) -> None:
    async with edge(answer, origins=origins) as street:
        replies = [await street.say(asking(OTHER)), await street.say(of(OTHER, chat()))]
    assert [each.status for each in replies] == [405, 200]
    assert not any(ALLOWS in each.headers for each in replies)


async def test_no_cookie_is_ever_allowed_from_another_origin() -> None:
    async with edge(answer, origins=("*",)) as street:
        replies = [await street.say(asking(OTHER, "/api/session")), await street.say(of(OTHER, chat()))]
    assert {each.headers[ALLOWS] for each in replies} == {"*"}
    assert not any("access-control-allow-credentials" in each.headers for each in replies)


async def test_clients_that_name_no_origin_are_told_nothing_of_it() -> None:
    async with edge(answer, origins=(PAGE,)) as street:
        reply = await street.ask()
    assert {name for name in reply.headers if name.startswith("access-control") or name == "vary"} == set()


@pytest.mark.parametrize(
    "wrong", ["app.example.ca", "https://app.example.ca/", "https://app.example.ca/x", "null", "ftp://a"]
)
def test_what_is_no_origin_ends_the_start_with_a_sentence(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        IngressSettings.model_validate({"pepper_file": "p", "cors_origins": (wrong,)})
