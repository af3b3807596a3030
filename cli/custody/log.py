"""A log as its readers see it, behind an address or in a folder: the checkpoint, and tiles by name."""

import asyncio
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from libs.tlog.merkle import HASH_BYTES
from libs.tlog.refusals import Reason, Refused
from libs.tlog.tiles import WIDTH, Tile, bundle, entries_in

CHECKPOINT: Final = "checkpoint"
_OUR_PREFIX: Final = "/api/custody"
_LARGEST: Final = WIDTH * (65_535 + 2)  # bytes: a whole bundle of the largest entries
_OK, _NOT_FOUND, _GONE = 200, 404, 410


class NotReached(Exception):
    """The log gave no answer; a sentence."""


class Source(Protocol):
    """Where files of a log are read. Raises NotReached."""

    async def file(self, path: str) -> bytes | None:
        """A file's content, None where there is none of that name."""


class Site:
    """A log on the web. An address without a path is a gateway's."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        path = urlsplit(url).path.rstrip("/")
        self._session, self._prefix = session, url.rstrip("/") + ("" if path else _OUR_PREFIX)

    async def file(self, path: str) -> bytes | None:
        try:
            async with self._session.get(f"{self._prefix}/{path}", allow_redirects=False) as answer:
                if answer.status in {_NOT_FOUND, _GONE}:
                    return None
                if answer.status != _OK:
                    raise NotReached(f"the log answered {answer.status}")
                return await _read(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotReached(f"the log cannot be reached ({type(error).__name__})") from None


class Folder:
    """A log's folder, or a copy of it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def file(self, path: str) -> bytes | None:
        try:
            return await asyncio.to_thread((self._root / path).read_bytes)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotReached(f"{path} cannot be read ({error.strerror})") from None


async def checkpoint(source: Source) -> str:
    """The note, nothing verified. Raises Refused, NotReached."""
    raw = await source.file(CHECKPOINT)
    if raw is None:
        raise NotReached("there is no checkpoint, so there is no log here yet")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.MALFORMED_NOTE, "the checkpoint is not text") from None


async def tile(source: Source, wanted: Tile) -> bytes:
    """A tile; cut out of the full one where the log has grown past it. Raises Refused, NotReached."""
    found = await source.file(wanted.path)
    if found is not None:
        return found
    if wanted.width < WIDTH:
        found = await source.file(Tile(level=wanted.level, index=wanted.index).path)
    if found is None:
        raise Refused(Reason.MISSING_TILE, f"the log does not have {wanted.path}, which its checkpoint promises")
    if wanted.level < 0:
        return bundle(entries_in(found)[: wanted.width])
    return found[: wanted.width * HASH_BYTES]


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for part in answer.content.iter_any():
        read += part
        if len(read) > _LARGEST:
            raise NotReached("the log sends more than a file of a log may have")
    return bytes(read)
