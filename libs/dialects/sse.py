"""Server-sent events: bytes in pieces of any size in, whole events out, read or as they came (WHATWG HTML §9.2)."""

import re

from libs.contracts.errors import UpstreamError
from libs.dialects.values import value

EVENT_LIMIT = 4 << 20

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_MARK = b"\xef\xbb\xbf"  # a byte order mark, which only the first event may carry


@value
class ServerSentEvent:
    """`event` is "" where the line is missing; `data` joins several data lines with a line feed, and is never empty."""

    event: str
    data: bytes


# --- events to be read --------------------------------------------------------------------------------------------


class EventSplitter:
    """Keeps what is not whole yet. UpstreamError over an event larger than EVENT_LIMIT, and after that nothing."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._searched = 0
        self._broken = False

    @property
    def pending(self) -> bool:
        """Whether a part of an event is held."""
        return bool(self._held.strip())

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Comments, and events without data, which nobody is told of, are passed over."""
        if self._broken:
            return []
        if not self._held and data.endswith(b"\n\n") and b"\r" not in data:
            return self._events(data.split(b"\n\n"))  # as most pieces come
        return self._events(self._whole(data))

    def _whole(self, data: bytes) -> list[bytes]:
        self._held += data
        blocks = []
        start, at = 0, self._searched
        while (found := _BOUNDARY.search(self._held, at)) is not None:
            blocks.append(bytes(memoryview(self._held)[start : found.start()]))
            start = at = found.end()
        del self._held[:start]
        # A boundary may be split between two pieces: look again from three bytes before the end.
        self._searched = max(0, len(self._held) - 3)
        return blocks

    def _events(self, blocks: list[bytes]) -> list[ServerSentEvent]:
        if len(self._held) > EVENT_LIMIT or max(map(len, blocks), default=0) > EVENT_LIMIT:
            self._broken = True
            self._held.clear()
            raise too_large()
        return [event for block in blocks if block and (event := _read(block)) is not None]


def _read(block: bytes) -> ServerSentEvent | None:
    """Nearly all are one line of JSON, or two with a name before it."""
    if block.startswith(b"data: {") and b"\n" not in block and b"\r" not in block:
        return ServerSentEvent(event="", data=block[6:])
    name, _, rest = block.partition(b"\n")
    if name.startswith(b"event: ") and rest.startswith(b"data: {") and b"\n" not in rest and b"\r" not in block:
        return ServerSentEvent(event=name[7:].decode("utf-8", "replace"), data=rest[6:])
    return _read_lines(block.removeprefix(_MARK))


def _read_lines(block: bytes) -> ServerSentEvent | None:
    name, lines = "", []
    for line in block.splitlines():
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    data = b"\n".join(lines)
    return ServerSentEvent(event=name, data=data) if data else None


# --- events to be passed on ---------------------------------------------------------------------------------------


class WholeEvents:
    """Gives back the bytes it is given, up to the end of the last whole event.

    UpstreamError over an event larger than EVENT_LIMIT. Lines may end in CR LF or LF; lone CRs, which no provider
    sends, end nothing.
    """

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, data: bytes) -> bytes:
        if self._tail:
            searched = max(len(self._tail) - 2, 0)
            self._tail += data
            end = _end(self._tail, searched)
            block = bytes(memoryview(self._tail)[:end])
            del self._tail[:end]
        else:
            end = _end(data, 0)
            block = data if end == len(data) else data[:end]
            self._tail += data[end:]
        if len(self._tail) > EVENT_LIMIT:
            raise too_large()
        return block


def _end(data: bytes | bytearray, start: int) -> int:
    """Where the last whole event ends (a blank line, in either kind of line ending), 0 if none does."""
    if data.endswith(b"\n\n"):
        return len(data)
    return max((at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := data.rfind(end, start)) >= 0), default=0)


def each_event(block: bytes) -> list[bytes]:
    """The bytes of whole events, one by one; blank lines too many stay with what they stand before or behind."""
    ends = [match.end() for match in _BLANK_LINE.finditer(block)]
    if not ends or ends[-1] < len(block):
        ends.append(len(block))
    return [block[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def read_event(event: bytes) -> ServerSentEvent | None:
    """What one event's bytes say; None for comments and blank lines."""
    return _read_lines(event.removeprefix(_MARK))


def too_large() -> UpstreamError:
    return UpstreamError("The provider sent an event beyond the limit of 4 MiB; try again.")
