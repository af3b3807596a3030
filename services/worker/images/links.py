"""Images that a request names by URL: found in the body of either dialect, fetched by us, put in as bytes."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from libs.contracts.errors import InvalidRequest
from libs.contracts.northern.v1.envelope_pb2 import Dialect
from libs.dialects.fields import obj, seq, string
from services.worker.images.fetcher import TOO_LARGE_TOGETHER, Fetcher, Picture, Unfetchable

# The edge serialises compactly, so these bytes are a member with a link for its value, and never a part of a text.
_LINK = re.compile(rb'"(?:image_)?url":"(?!data:)')


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Where a link stands: `member` of `holder` is what the image's bytes replace."""

    url: str
    path: str
    holder: dict[str, Any]
    member: str
    anthropic: bool = False

    def put(self, picture: Picture) -> None:
        data = base64.b64encode(picture.data).decode()
        if self.anthropic:
            self.holder[self.member] = {"type": "base64", "media_type": picture.media_type, "data": data}
        else:
            self.holder[self.member] = f"data:{picture.media_type};base64,{data}"


def may_link(body: bytes) -> bool:
    """Whether the body may name something by URL: a search, no reading."""
    return _LINK.search(body) is not None


async def inlined(body: bytes, dialect: Dialect, fetcher: Fetcher, *, each: int = 0) -> tuple[bytes, int]:
    """The body with the bytes of its images in the place of their URLs, and how many there were.

    InvalidRequest names the first link that cannot be had. `each`: what the provider takes of one image, in bytes.
    """
    if not may_link(body):
        return body, 0
    value = obj(orjson.loads(body))
    links = list(links_of(value, dialect))
    if not links:
        return body, 0
    urls = list(dict.fromkeys(link.url for link in links))
    try:
        pictures = dict(zip(urls, await fetcher.fetch_all(urls, each=each), strict=True))
    except Unfetchable as error:
        raise _refusal(next(each for each in links if each.url == urls[error.place]), error.why) from None
    left = fetcher.limits.total
    for link in links:
        left -= len(pictures[link.url].data)  # fetched once, and sent as often as it is named
        if left < 0:
            raise _refusal(link, TOO_LARGE_TOGETHER)
        link.put(pictures[link.url])
    return orjson.dumps(value), len(links)


def _refusal(link: Link, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The image at '{link.path}' cannot be fetched: {why}. Correct its URL, or send it as base64.", param=link.path
    )


def links_of(value: dict[str, Any], dialect: Dialect) -> Iterator[Link]:
    """Every image that is named by a URL with a scheme of its own; what has another shape is left to the readers."""
    read = _anthropic if dialect == Dialect.DIALECT_ANTHROPIC_MESSAGES else _openai
    for at, message in enumerate(seq(value.get("messages"))):
        yield from read(seq(obj(message).get("content")), f"messages.{at}.content")


def _openai(parts: list[Any], path: str) -> Iterator[Link]:
    for at, part in enumerate(parts):
        if obj(part).get("type") != "image_url":
            continue
        image = part.get("image_url")
        if isinstance(image, str):  # a shape that compatible servers take
            holder, member, where = part, "image_url", f"{path}.{at}.image_url"
        else:
            holder, member, where = obj(image), "url", f"{path}.{at}.image_url.url"
        url = string(holder.get(member))
        if url and url[:5].lower() != "data:":
            yield Link(url=url, path=where, holder=holder, member=member)


def _anthropic(parts: list[Any], path: str) -> Iterator[Link]:
    for at, part in enumerate(parts):
        block = obj(part)
        source = obj(block.get("source"))
        if block.get("type") == "tool_result":
            yield from _anthropic(seq(block.get("content")), f"{path}.{at}.content")
        elif source.get("type") == "url" and block.get("type") == "image":
            where = f"{path}.{at}.source.url"
            yield Link(url=string(source.get("url")), path=where, holder=block, member="source", anthropic=True)
        elif source.get("type") == "url" and block.get("type") == "document":
            raise InvalidRequest(
                "Documents are not fetched on this route: send it as base64.", param=f"{path}.{at}.source.url"
            )
