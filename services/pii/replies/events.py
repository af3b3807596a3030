"""One server-sent event's data taken out, read, and put back with everything that stood around it."""

import json
import re
from typing import Any

import orjson

from libs.contracts.errors import UpstreamError
from libs.dialects.sse import each_event

_MARK = b"\xef\xbb\xbf"
_DATA = re.compile(rb"^data:[ ]?([^\r\n]*)", re.MULTILINE)
_MORE = b"\ndata:"


Opened = tuple[bytes, bytes, bytes]  # what stands before the data, the data, what stands behind it


def each_of(block: bytes) -> list[bytes]:
    """The events of a block of whole ones; mostly it is one."""
    if block.find(b"\n\n") == len(block) - 2 and b"\r" not in block:
        return [block]
    return each_event(block)


def opened(event: bytes) -> Opened | None:
    """None for comments and blank lines. Data of several lines becomes one."""
    start = event.find(b"data: {")
    named = start > 0 and event.startswith(b"event:") and event[start - 1 : start] == b"\n"
    if (named or not start) and event.count(b"\n") == 2 + named and event.endswith(b"}\n\n"):
        return event[: start + 6], event[start + 6 : -2], b"\n\n"  # as everybody writes them
    event = event.removeprefix(_MARK)
    found = _DATA.search(event)
    if found is None:
        return None
    start, end = found.span(1)
    if event.find(_MORE, end) < 0:
        return event[:start], found[1], event[end:]
    others = [line for line in event.splitlines(keepends=True) if line.strip() and not line.startswith(b"data:")]
    return b"".join([*others, b"data: "]), b"\n".join(_DATA.findall(event)), b"\n\n"


def parsed(data: bytes) -> dict[str, Any]:
    """The object, {} for any other value. UpstreamError where it is no JSON.

    Some servers cut a pair of surrogates in two, which orjson refuses: their events are read the slow way.
    """
    try:
        value = orjson.loads(data)
    except ValueError:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise UpstreamError("The provider sent something that is not JSON; try again.") from None
    return value if isinstance(value, dict) else {}


def dumped(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate, or nested deeper than orjson writes
        try:
            return json.dumps(value, separators=(",", ":")).encode()
        except RecursionError:
            raise UpstreamError("The provider's answer is nested too deeply; try again.") from None
