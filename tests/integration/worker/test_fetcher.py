"""Images are fetched from public hosts over checked connections, within limits, and from nowhere else."""

import asyncio
import time

import pytest
from aiohttp import web

from services.worker.images.fetcher import Limits, Picture, Unfetchable
from tests.integration.worker.hosts import PNG, images, redirecting, saying


async def test_what_is_fetched_is_called_what_its_bytes_are() -> None:
    kinds = {
        "/png": (PNG, "image/png"),
        "/jpeg": (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        "/gif": (b"GIF89a rest", "image/gif"),
        "/webp": (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    }
    async with images() as (host, fetcher):
        host.pages = {path: saying(data, "text/html") for path, (data, _) in kinds.items()}
        got = await fetcher.fetch_all([host.url(path) for path in kinds])
    assert got == [Picture(media_type=kind, data=data) for data, kind in kinds.values()]


async def test_nothing_of_ours_goes_along_and_a_signed_address_stays_as_it_is() -> None:
    path = "/a%2Fb.png?X-Amz-Credential=a%2F2&sig=%7e"
    async with images() as (host, fetcher):
        host.pages = {"/a/b.png": saying(PNG)}
        assert await fetcher.fetch_all([host.url(path)])
    ((asked, headers),) = host.asked
    assert asked == path
    assert not {name.lower() for name in headers} & {"authorization", "cookie", "referer"}


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("http://images.example/x.png", "only https"),
        ("ftp://images.example/x.png", "only https"),
        ("file:///etc/passwd", "only https"),
        ("//images.example/x", "only https"),
        ("x.png", "only https"),
        ("", "cannot be read"),
        (" https://images.example/", "cannot be read"),
        ("https://images.example/\r\nHost: x", "cannot be read"),
        ("https://images.example:abc/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://images.example/" + "a" * 9000, "cannot be read"),
        ("https://user:word@images.example:{port}/", "credentials"),
        ("https://user@images.example:{port}/", "credentials"),
        ("https://images.example\\@evil.example:{port}/", "cannot be read"),
        ("https://images.example/", "only port"),
        ("https://images.example:22/", "only port"),
        ("https://10.0.0.1:{port}/", "not a public"),
        ("https://[::1]:{port}/", "not a public"),
        ("https://[::ffff:169.254.169.254]:{port}/", "not a public"),
        ("https://2130706433:{port}/", "not a public"),
        ("https://127.1:{port}/", "not a public"),
        ("https://169.254.169.254:{port}/latest/meta-data", "not a public"),
        ("https://images.example:{port}/missing", "answered 404"),
        ("https://images.example:{port}/html", "not a PNG"),
        ("https://images.example:{port}/empty", "not a PNG"),
        ("https://images.example:{port}/packed", "not a PNG"),
    ],
)
async def test_what_may_not_be_fetched_is_refused_in_words(link: str, why: str) -> None:
    async with images() as (host, fetcher):
        host.pages = {
            "/html": saying(b"<html>", "image/png"),
            "/empty": saying(b""),
            "/packed": saying(b"\x1f\x8b bomb", encoding="gzip"),
        }
        with pytest.raises(Unfetchable, match=why) as error:
            await fetcher.fetch_all([link.replace("{port}", str(host.port))])
    assert error.value.place == 0
    assert "images.example" not in error.value.why


@pytest.mark.parametrize("name", ["0x7f.1", "0177.0.0.1", "127.0.0.1.nip.io", "inside.example", "①②⑦.⓪.⓪.①"])
async def test_a_name_that_leads_inside_is_not_connected_to(name: str) -> None:
    async with images() as (host, fetcher):
        host.answers = {"inside.example": [["10.1.2.3"]], "127.0.0.1.nip.io": [["::ffff:127.0.0.1"]]}
        for each in ("0x7f.1", "0177.0.0.1"):
            host.answers[each] = [["127.0.0.2"]]
        with pytest.raises(Unfetchable, match=r"not a public|cannot be read|could not be reached"):
            await fetcher.fetch_all([host.url("/", name)])
    assert host.asked == []


async def test_one_forbidden_address_among_good_ones_is_enough() -> None:
    async with images() as (host, fetcher):
        host.answers = {"evil.example": [["127.0.0.1", "169.254.169.254"]]}
        with pytest.raises(Unfetchable, match="not a public"):
            await fetcher.fetch_all([host.url("/x", "evil.example")])
    assert host.asked == []


async def test_the_checked_address_is_connected_to_and_the_name_not_asked_again() -> None:
    """A name server that answers otherwise the second time gets no second time."""
    async with images() as (host, fetcher):
        host.pages = {"/x": saying(PNG)}
        host.answers = {"evil.example": [["127.0.0.1"], ["10.0.0.1"]]}
        assert await fetcher.fetch_all([host.url("/x", "evil.example")])
        assert host.looked_up == ["evil.example"]
        with pytest.raises(Unfetchable, match="not a public"):
            await fetcher.fetch_all([host.url("/x", "evil.example")])


async def test_every_step_of_a_redirect_is_checked_anew() -> None:
    async with images() as (host, fetcher):
        host.answers = {"inside.example": [["10.1.2.3"]]}
        host.pages = {
            "/ok": redirecting(host.url("/there", "other.example")),
            "/there": redirecting("/x"),
            "/x": saying(PNG),
            "/numeric": redirecting(f"https://169.254.169.254:{host.port}/latest"),
            "/inside": redirecting(host.url("/x", "inside.example")),
            "/plain": redirecting("http://images.example/x"),
            "/nowhere": redirecting(""),
        }
        assert await fetcher.fetch_all([host.url("/ok")])
        for path, why in {"numeric": "public", "inside": "public", "plain": "https", "nowhere": "read"}.items():
            with pytest.raises(Unfetchable, match=why):
                await fetcher.fetch_all([host.url(f"/{path}")])


async def test_redirects_end_somewhere() -> None:
    async with images() as (host, fetcher):
        host.pages = {f"/{n}": redirecting(f"/{n + 1}", 307) for n in range(4)} | {
            "/4": saying(PNG),
            "/o": redirecting("/o"),
        }
        assert await fetcher.fetch_all([host.url("/1")])
        for path in ("/0", "/o"):
            with pytest.raises(Unfetchable, match="more than 3 times"):
                await fetcher.fetch_all([host.url(path)])


async def test_size_is_limited_for_one_and_for_all_said_or_not() -> None:
    async def unsaid(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(PNG * 20)
        return response

    limits = Limits(each=len(PNG) * 50, total=len(PNG) * 120)
    async with images(limits) as (host, fetcher):
        host.pages = {"/said": saying(PNG * 51), "/unsaid": unsaid, "/fits": saying(PNG * 50)}
        for path in ("/said", "/unsaid"):
            with pytest.raises(Unfetchable, match="larger than"):
                await fetcher.fetch_all([host.url(path)])
        assert len(await fetcher.fetch_all([host.url("/fits")] * 2)) == 2
        with pytest.raises(Unfetchable, match="together"):
            await fetcher.fetch_all([host.url("/fits")] * 3)
        with pytest.raises(Unfetchable, match="larger than"):
            await fetcher.fetch_all([host.url("/fits")], each=100)


async def test_a_server_that_drips_is_left_at_the_deadline_and_named() -> None:
    gone = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"\x89")
                await asyncio.sleep(0.02)
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with images(Limits(seconds=0.3)) as (host, fetcher):
        host.pages = {"/drip": drip, "/x": saying(PNG)}
        began = time.monotonic()
        with pytest.raises(Unfetchable, match=r"within 0\.3 s") as error:
            await fetcher.fetch_all([host.url("/x"), host.url("/drip")])
        assert time.monotonic() - began < 2
        assert error.value.place == 1
        await asyncio.wait_for(gone.wait(), 2)


async def test_the_first_that_fails_is_named_and_stops_the_rest() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with images() as (host, fetcher):
        host.pages = {"/x": saying(PNG), "/hang": hang}
        began = time.monotonic()
        with pytest.raises(Unfetchable, match="answered 404") as error:
            await fetcher.fetch_all([host.url("/x"), host.url("/hang"), host.url("/missing")])
        assert (error.value.place, time.monotonic() - began < 2) == (2, True)


async def test_at_most_four_at_a_time_and_twenty_in_all() -> None:
    now, most = 0, 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.Response(body=PNG)

    async with images() as (host, fetcher):
        host.pages = {"/x": slow}
        assert len(await fetcher.fetch_all([host.url("/x")] * 20)) == 20
        assert most == 4
        with pytest.raises(Unfetchable, match="20 images"):
            await fetcher.fetch_all([host.url("/x")] * 21)
    assert len(host.asked) == 20


async def test_a_certificate_for_another_name_is_not_trusted() -> None:
    async with images() as (host, fetcher):
        host.answers = {"stranger.example": [["127.0.0.1"]]}
        with pytest.raises(Unfetchable, match="could not be reached"):
            await fetcher.fetch_all([host.url("/x", "stranger.example")])
    assert host.asked == []
