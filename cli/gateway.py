"""The gateway's public API as verbs of `ni` call it: by a key, or signed in as the street's first administrator."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from cli.status import state_option
from libs.embedded.state import State, read_json

_FAILED = 1
_NOT_REACHED = 3
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_TIMEOUT = aiohttp.ClientTimeout(sock_connect=60, sock_read=60)  # none for the whole: an export takes what it takes


class Refused(Exception):
    """What the gateway said no with, or why it could not be asked; a sentence."""

    def __init__(self, sentence: str, code: int = _FAILED) -> None:
        super().__init__(sentence)
        self.code = code


class Gateway:
    """An open connection. Values of answers are the API's own."""

    def __init__(self, session: aiohttp.ClientSession, headers: Mapping[str, str]) -> None:
        self._session, self._headers = session, dict(headers)

    async def get(self, path: str, **parameters: str | int | None) -> Any:
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        return _value(await self._call("GET", path, params=given))

    async def text(self, path: str, **parameters: str | int | None) -> bytes:
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        return await self._call("GET", path, params=given)

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return _value(await self._call("POST", path, json=body, headers=named))

    async def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return _value(await self._call("PATCH", path, json=body))

    async def delete(self, path: str) -> Any:
        return _value(await self._call("DELETE", path))

    async def every(self, path: str, **parameters: str | None) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=200, cursor=cursor, **parameters)
            found += page["data"]
            cursor = page["next"]
            if not cursor:
                return found

    async def sign_in(self, email: str, password: str) -> None:
        told = await self.post("/api/session", {"email": email, "password": password})
        self._headers["x-csrf-token"] = told["csrf_token"]

    async def _call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **given: Any) -> bytes:
        try:
            async with self._session.request(
                method, path, headers={**self._headers, **(headers or {})}, **given
            ) as got:
                body = await got.read()
                if got.ok:
                    return body
                raise Refused(_sentence(body) or f"the gateway answered {got.status}")
        except (aiohttp.ClientError, TimeoutError):
            raise Refused("the gateway cannot be reached; is it running (`ni status`)?", _NOT_REACHED) from None
        except ValueError as error:  # a header that may not be sent, such as one of two lines
            raise Refused(f"this cannot be sent: {error}") from None


def options(parser: argparse.ArgumentParser) -> None:
    """Which gateway, and as whom: the running street's, as its first administrator, unless said otherwise."""
    state_option(parser)
    parser.add_argument("--url", default=os.environ.get("NI_URL"), help="the gateway's address (NI_URL)")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="file that holds an API key (or NI_API_KEY); none: sign in"
    )
    parser.add_argument("--email", default=os.environ.get("NI_EMAIL"), help="sign in as (NI_EMAIL, NI_PASSWORD)")
    parser.add_argument("--json", action="store_true", help="print what the API answers, as it is")


def with_gateway(args: argparse.Namespace, verb: str, work: Callable[[Gateway], Awaitable[int]]) -> int:
    """Run some work with a gateway open; its exit code, or that of a refusal, which is told in a sentence."""

    async def whole() -> int:
        async with _opened(args) as gateway:
            return await work(gateway)

    try:
        return asyncio.run(whole())
    except Refused as refused:
        print(f"ni {verb}: {refused}", file=sys.stderr)
        return refused.code


def table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell, numbers to the right."""
    lines = [heading, *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(heading))]
    right = [all(_is_number(row[n]) for row in rows) and bool(rows) for n in range(len(heading))]
    shown = (
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        for line in lines
    )
    return "\n".join(line.rstrip() for line in shown)


@asynccontextmanager
async def _opened(args: argparse.Namespace) -> AsyncIterator[Gateway]:
    known = _bootstrap(args)
    url = args.url or known.get("base_url")
    if not url:
        where = f"no street has run on {args.state.resolve()} and no gateway is named"
        raise Refused(f"{where}; start one (`ni up`), or give --state or --url", _NOT_REACHED)
    origin, key = _origin(str(url)), _key(args)
    # A street on one machine is an address, not a name, and plain HTTP there where its cookies are for TLS outside.
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=origin)
    async with aiohttp.ClientSession(base_url=origin, timeout=_TIMEOUT, cookie_jar=jar) as session:
        gateway = Gateway(session, {"Authorization": f"Bearer {key}"} if key else {})
        if not key:
            await gateway.sign_in(*_person(args, known, origin))
        yield gateway


def _origin(url: str) -> str:
    """Without a path: whoever gives the address that SDKs are given means the same gateway."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
            return f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        pass
    raise Refused("the gateway's address must be like http://127.0.0.1:8080 (--url, NI_URL)")


def _key(args: argparse.Namespace) -> str:
    """The key to go by; "" where one signs in instead."""
    where = args.key_file or "NI_API_KEY"
    try:
        key = (args.key_file.read_text() if args.key_file else os.environ.get("NI_API_KEY", "")).strip()
    except OSError as error:
        raise Refused(f"the key cannot be read: {error.strerror} ({where})") from None
    except UnicodeDecodeError:
        raise Refused(f"{where} holds no API key") from None
    if (args.key_file and not key) or not key.isascii() or not key.isprintable():
        raise Refused(f"{where} holds no API key")
    return key


def _person(args: argparse.Namespace, known: Mapping[str, str], origin: str) -> tuple[str, str]:
    """E-mail address and password to sign in with. The administrator's of a street are for that street alone."""
    password = os.environ.get("NI_PASSWORD")
    at_home = origin == known.get("base_url") or urlsplit(origin).hostname in _THIS_MACHINE
    if not password and (not at_home or args.email not in (None, "", known.get("admin_email"))):
        raise Refused(f"nobody is named to sign in at {origin}: set NI_API_KEY, or NI_EMAIL and NI_PASSWORD")
    return args.email or known.get("admin_email", ""), password or known.get("admin_password", "")


def _bootstrap(args: argparse.Namespace) -> dict[str, str]:
    """Address and first administrator of the street on this state folder, as far as there is one."""
    state = State(root=args.state.resolve())
    try:
        known: dict[str, str] = dict(read_json(state.bootstrap))
    except (OSError, ValueError):
        return {}
    running = read_json(state.running)
    if running.get("url"):
        known["base_url"] = str(running["url"])
    return known


def _value(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("what answers at that address is not the gateway") from None


def _sentence(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdecimal()
