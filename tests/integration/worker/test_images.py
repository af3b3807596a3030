"""Images by URL: who fetches them, what is sent in their place, and what the record says of it."""

import asyncio
import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from libs.catalog.model import Processing
from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from services.worker.images.fetcher import Limits
from services.worker.images.links import inlined
from tests.integration.worker import claude
from tests.integration.worker.claude import saying
from tests.integration.worker.hosts import PNG, images, redirecting
from tests.integration.worker.hosts import saying as showing
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    CATALOG,
    CLAUDE,
    COUNT,
    GEMINI,
    HAIKU,
    OPENAI,
    OPENAI_CHAT,
    QWEN,
    VERTEX_CLAUDE,
    dialling,
    working,
)
from tests.integration.worker.test_outgoing import GENERATED
from tests.integration.worker.upstream import ANSWER, listening
from tests.support.broker import until

DATA = base64.b64encode(PNG).decode()
SEEING = replace(  # the self-hosted model of the catalogue is blind
    CATALOG,
    routes={
        name: replace(route, capabilities=replace(route.capabilities, supports_vision=True))
        for name, route in CATALOG.routes.items()
    },
)
DIALECTS = [OPENAI_CHAT, ANTHROPIC_MESSAGES]


def looking(dialect: Dialect, *urls: str) -> bytes:
    def part(url: str) -> dict[str, Any]:
        if dialect == OPENAI_CHAT:
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "image", "source": {"type": "url", "url": url}}

    content = [{"type": "text", "text": "what is it?"}, *map(part, urls)]
    return orjson.dumps({"messages": [{"role": "user", "content": content}]})


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("route", "answer"),
    [(HAIKU, claude.MESSAGE), (VERTEX_CLAUDE, claude.MESSAGE), (GEMINI, GENERATED), (QWEN, ANSWER)],
)
async def test_where_the_provider_needs_bytes_we_fetch_and_the_record_says_so(
    route: str, answer: object, dialect: Dialect
) -> None:
    async with images() as (host, fetcher), listening(saying(answer)) as upstream:
        host.pages = {"/x.png": showing(PNG)}
        async with working(dialling(upstream.url), fetcher=fetcher, catalog=SEEING) as rig:
            body = looking(dialect, host.url("/x.png"), host.url("/x.png"))
            got = await (await rig.ask(route, dialect=dialect, body=body, images=2, image_links=2)).over()
            await rig.only_finished()
            (egress,) = rig.egress()
    assert got.error is None
    (call,) = upstream.calls
    assert call.body.count(DATA.encode()) == 2
    assert b"images.example" not in call.body
    assert (egress.images_fetched, egress.images_linked) == (2, 0)
    assert len(host.asked) == 1  # one address is fetched once


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("route", "answer"), [(CLAUDE, claude.MESSAGE), (OPENAI, ANSWER)])
async def test_where_the_provider_fetches_the_link_is_sent_and_counted(
    route: str, answer: object, dialect: Dialect
) -> None:
    async with (
        images() as (host, fetcher),
        listening(saying(answer)) as upstream,
        working(dialling(upstream.url), fetcher=fetcher) as rig,
    ):
        body = looking(dialect, host.url("/x.png"))
        got = await (await rig.ask(route, dialect=dialect, body=body, images=1, image_links=1)).over()
        await rig.only_finished()
        (egress,) = rig.egress()
    assert got.error is None
    assert host.url("/x.png").encode() in upstream.calls[0].body
    assert (egress.images_fetched, egress.images_linked, host.asked) == (0, 1, [])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("route", "answer"), [(CLAUDE, claude.MESSAGE), (OPENAI, ANSWER)])
async def test_under_a_residency_we_fetch_for_every_provider(route: str, answer: object, dialect: Dialect) -> None:
    here = {name: replace(each, declared_hosts=("127.0.0.1",)) for name, each in CATALOG.egresses.items()}
    routes = {
        name: replace(each, processing=Processing(jurisdictions=("US",))) for name, each in CATALOG.routes.items()
    }
    catalog = replace(CATALOG, egresses=here, routes=routes)
    async with images() as (host, fetcher), listening(saying(answer)) as upstream:
        host.pages = {"/x.png": showing(PNG)}
        async with working(dialling(upstream.url), fetcher=fetcher, catalog=catalog) as rig:
            body = looking(dialect, host.url("/x.png"), f"data:image/png;base64,{DATA}")
            body = body if dialect == OPENAI_CHAT else looking(dialect, host.url("/x.png"))
            got = await (
                await rig.ask(route, dialect=dialect, body=body, images=1, image_links=1, residency=["US"])
            ).over()
            (egress,) = rig.egress()
    assert got.error is None
    assert DATA.encode() in upstream.calls[0].body
    assert b"images.example" not in upstream.calls[0].body
    assert (egress.images_fetched, egress.images_linked, list(egress.residency)) == (1, 0, ["US"])


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_image_that_cannot_be_had_is_refused_by_its_place_and_nothing_is_sent(dialect: Dialect) -> None:
    async with images() as (host, fetcher), listening(saying(claude.MESSAGE)) as upstream:
        host.pages = {"/x.png": showing(PNG), "/inside": redirecting("https://169.254.169.254/secret")}
        async with working(dialling(upstream.url), fetcher=fetcher) as rig:
            for bad in (host.url("/inside"), "https://169.254.169.254/", "http://images.example/x.png"):
                body = looking(dialect, host.url("/x.png"), bad)
                got = await (await rig.ask(HAIKU, dialect=dialect, body=body, images=2, image_links=2)).over()
                assert type(got.error) is InvalidRequest
                place = "image_url.url" if dialect == OPENAI_CHAT else "source.url"
                assert got.error.param == f"messages.0.content.2.{place}"
                assert got.error.param in got.error.message
                assert not any(word in got.error.message for word in ("169.254", "secret", "images.example"))
            assert rig.facts() == []
    assert upstream.calls == []


async def test_an_image_that_is_named_again_and_again_counts_as_often_as_it_is_sent() -> None:
    async with images(Limits(total=3 * len(PNG))) as (host, fetcher):
        host.pages = {"/x.png": showing(PNG)}
        body, sent = await inlined(looking(OPENAI_CHAT, *[host.url("/x.png")] * 3), OPENAI_CHAT, fetcher)
        assert (sent, body.count(DATA.encode())) == (3, 3)
        with pytest.raises(InvalidRequest, match="too large together") as refused:
            await inlined(looking(OPENAI_CHAT, *[host.url("/x.png")] * 4), OPENAI_CHAT, fetcher)
    assert refused.value.param == "messages.0.content.4.image_url.url"


async def test_a_client_that_leaves_while_we_fetch_leaves_no_trace_at_the_provider() -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        begun.set()
        try:
            await asyncio.sleep(30)
        finally:
            gone.set()
        return web.Response()

    async with images() as (host, fetcher), listening(saying(claude.MESSAGE)) as upstream:
        host.pages = {"/x.png": hang}
        async with working(dialling(upstream.url), fetcher=fetcher) as rig:
            got = await rig.ask(HAIKU, body=looking(OPENAI_CHAT, host.url("/x.png")), images=1, image_links=1)
            await asyncio.wait_for(begun.wait(), 5)
            await until(lambda: got.has("taken"))
            await got.inflow.cancel()
            await asyncio.wait_for(gone.wait(), 5)
            await rig.settled()
            assert rig.facts() == []
    assert upstream.calls == []


async def test_to_count_tokens_by_estimate_no_image_is_fetched() -> None:
    async with (
        images() as (host, fetcher),
        listening(saying(ANSWER)) as upstream,
        working(dialling(upstream.url), fetcher=fetcher) as rig,
    ):
        asked: dict[str, Any] = {"dialect": ANTHROPIC_MESSAGES, "operation": COUNT, "images": 1, "image_links": 1}
        got = await (await rig.ask(QWEN, body=looking(ANTHROPIC_MESSAGES, host.url("/x.png")), **asked)).over()
    assert got.error is None
    assert orjson.loads(got.data)["input_tokens"] > 1000
    assert (host.asked, upstream.calls) == ([], [])
