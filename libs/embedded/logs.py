"""What the processes say: kept whole in bounded files, shown on the console as a person reads it."""

import asyncio
import fcntl
import os
import select
from collections import deque
from pathlib import Path

import orjson

_ROTATE_BYTES = 20_000_000
_KEEP = 2
_CLOSED = -1
_PIPE_BYTES = 1 << 20
# After a block the pipe is left alone so long: blocks gather, and a busy ingress does not wake us for every request.
_PAUSE_S = 0.1
_REQUESTS_A_BLOCK = 5  # shown, fifty a second, more than anybody reads; the rest is counted in one line
_BACKLOG_BYTES = 256 * 1024
_PIECE = 4096  # PIPE_BUF: what a pipe that polls writable takes without blocking

_QUIET = frozenset({"event", "time", "level", "service", "replica", "boot_id", "pid"})
_COLOURS = ("36", "32", "33", "35", "34", "96", "92", "93", "95", "94")
_LEVELS = {"warning": "33", "error": "31", "critical": "31"}


class LogFile:
    """Appends blocks; past its size it becomes `.1`, that `.2`, and the last is dropped."""

    def __init__(self, path: Path, rotate_bytes: int = _ROTATE_BYTES) -> None:
        self._path, self._limit = path, rotate_bytes
        self._fd = _CLOSED
        self._open()

    def write(self, block: bytes) -> None:
        """Never raises for a full disk: a log must not end what it describes."""
        try:
            if self._fd == _CLOSED:
                self._open()
            os.write(self._fd, block)
            self._size += len(block)
            if self._size > self._limit:
                self.close()
                self._make_room()
                self._open()  # where it cannot, the next block tries again
        except OSError:
            return

    def close(self) -> None:
        if self._fd != _CLOSED:
            os.close(self._fd)
            self._fd = _CLOSED

    def _make_room(self) -> None:
        for n in range(_KEEP, 0, -1):
            older = self._path if n == 1 else self._path.with_name(f"{self._path.name}.{n - 1}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{n}"))

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size


class Console:
    """Lines for a person, in order. A terminal that is held (Ctrl-S) or a full pipe costs lines, never the street."""

    def __init__(self, fd: int, *, colour: bool, raw: bool = False, width: int = 18) -> None:
        self._fd, self._colour, self.raw, self._width = fd, colour, raw, width
        self._waiting: deque[bytes] = deque()
        self._size = self._lost = 0
        self._styles: dict[str, str] = {}
        self._writable = select.poll()
        self._writable.register(fd, select.POLLOUT)

    def show(self, name: str, lines: list[str]) -> None:
        """Lines of one process, each with its name before it."""
        if lines:
            label = self._label(name)
            self._put("".join(f"{label}{line}\n" for line in lines))

    def say(self, text: str) -> None:
        """The supervisor's own words."""
        self._put(f"{self._label('ni')}{text}\n")

    def print(self, text: str) -> None:
        """Text without a label: the summary."""
        self._put(text + "\n")

    def bold(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._colour else text

    def flush(self) -> None:
        """Write what can be written without waiting."""
        while self._waiting and self._writable.poll(0):
            data = self._waiting.popleft()
            piece, rest = data[:_PIECE], data[_PIECE:]
            try:
                written = os.write(self._fd, piece)
            except OSError:  # nobody reads any more
                self._waiting.clear()
                self._size = 0
                return
            self._size -= written
            rest = piece[written:] + rest
            if rest:
                self._waiting.appendleft(rest)
        if self._lost and not self._waiting:
            lost, self._lost = self._lost, 0
            self.say(f"{lost} lines were not shown here: the console was held; they are in the log files")

    def _put(self, text: str) -> None:
        if self._size > _BACKLOG_BYTES:
            self._lost += text.count("\n")
        else:
            data = text.encode(errors="replace")
            self._waiting.append(data)
            self._size += len(data)
        self.flush()

    def _label(self, name: str) -> str:
        style = self._styles.get(name)
        if style is None:
            padded = name.ljust(self._width)
            code = "1" if name == "ni" else _COLOURS[len(self._styles) % len(_COLOURS)]
            style = self._styles[name] = f"\033[{code}m{padded}\033[0m │ " if self._colour else f"{padded} | "
        return style


class Pump:
    """Carries one program's output, over all its runs, from its pipe to its file and the console."""

    def __init__(self, name: str, path: Path, console: Console, *, colour: bool) -> None:
        self._name, self._console, self._colour = name, console, colour
        self._file = LogFile(path)
        self._rest = b""
        self._resume: asyncio.TimerHandle | None = None
        self._read_fd, self.write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.write_fd, True)  # the children's end: a full pipe must not become an error there
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            try:
                fcntl.fcntl(self.write_fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:
                pass  # over the user's limit: the usual 64 KiB then

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read_fd, self._readable)

    def drain(self) -> None:
        """Take what a child left behind when it ended, its last half line included."""
        self._take()
        if self._rest:
            self._pass_on(b"\n")

    def close(self) -> None:
        self.drain()
        if self._resume is not None:
            self._resume.cancel()
        self._loop.remove_reader(self._read_fd)
        os.close(self._read_fd)
        os.close(self.write_fd)
        self._file.close()

    def _readable(self) -> None:
        self._loop.remove_reader(self._read_fd)
        self._take()
        self._resume = self._loop.call_later(_PAUSE_S, self.start)

    def _take(self) -> None:
        while True:
            try:
                block = os.read(self._read_fd, _PIPE_BYTES)
            except BlockingIOError:
                return
            self._pass_on(block)

    def _pass_on(self, block: bytes) -> None:
        self._file.write(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) > _PIPE_BYTES:
            self._rest = b""
        if self._console.raw:
            self._console.print("\n".join(line.decode(errors="replace") for line in lines)) if lines else None
        else:
            self._console.show(self._name, readable(lines, colour=self._colour))
        self._console.flush()


def readable(lines: list[bytes], *, colour: bool, requests: int = _REQUESTS_A_BLOCK) -> list[str]:
    """The lines of one block as shown: of the requests only the first few, the rest as a count."""
    shown: list[str] = []
    hidden = 0
    for line in lines:
        if b'"request_completed"' in line:
            if requests <= 0:
                hidden += 1
                continue
            requests -= 1
        text = render(line, colour=colour)
        if text:
            shown.append(text)
    if hidden:
        shown.append(f"… and {hidden} more requests (all of them are in the log file)")
    return shown


def render(line: bytes, *, colour: bool) -> str:
    """One line for a person: time, event and the fields that say something; "" where there is nothing to show."""
    if line.startswith(b"{"):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict) and "event" in value:
            level = str(value.get("level", "info"))
            fields = " ".join(f"{name}={text}" for name, text in value.items() if name not in _QUIET and text != "")
            event = f"{value['event']}" if level in {"info", "debug"} else f"{level.upper()} {value['event']}"
            if colour:
                event = f"\033[{_LEVELS.get(level, '1')}m{event}\033[0m"
            return f"{str(value.get('time', ''))[11:23]} {event} {fields}".rstrip()
    text = line.decode(errors="replace").rstrip()
    return "" if _is_broker_chatter(text) else text


def _is_broker_chatter(text: str) -> bool:
    """nats-server's own lines below a warning (`[pid] date time [INF] …`), and its answer to an early probe."""
    return text.startswith("[") and ("[INF]" in text or "[DBG]" in text or "failed to be ready for conn" in text)
