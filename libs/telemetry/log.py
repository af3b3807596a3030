"""Logging: structlog to standard output as JSON lines; an allow-list of fields is what keeps bodies and keys out."""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

_FULL = 32 << 10

# What a line may carry. A field that is not named here is replaced by its name alone in `dropped`.
FIELDS = frozenset(
    """
    event level time service replica boot_id pid
    request_id tenant key_id trace_id surface dialect operation stream status code route egress attempt attempts outcome
    bytes_in bytes_out chunks input_tokens output_tokens overhead_ms first_byte_ms total_ms
    subject bucket stream_name sequence expected count lag_s retry_in_s reason port url host version table
    migration actor verb target error_type where signal exit_code name path duration_ms ready checks before
    """.split()
)


class Lines:
    """Lines on their way to standard output: gathered, so that a request costs no system call of its own.

    Warnings and worse go out at once; the rest when 32 kB are full or when `flush` is called (`run` does, ten times a
    second and at the end). What a kill -9 takes with it are lines, never facts.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def info(self, line: bytes) -> None:
        self._held.append(line)
        self._size += len(line)
        if self._size >= _FULL:
            self.flush()

    debug = info

    def warning(self, line: bytes) -> None:
        self.info(line)
        self.flush()

    error = critical = msg = warning

    def flush(self) -> None:
        if self._held:
            self._held.append(b"")
            lines, self._held, self._size = b"\n".join(self._held), [], 0
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()


_OUT = Lines()
_BOUND: list[FilteringBoundLogger] = []  # ours, once it is configured: structlog would make one for each line


def flush() -> None:
    """Let go of the lines that are held."""
    _OUT.flush()


def configure(service: str, level: str = "info") -> None:
    """Set up the process's logging once, from `run`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[_stamped(service), _only_allowed, _line],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _OUT,
    )
    _BOUND[:] = [structlog.get_logger().bind()]
    logging.basicConfig(level=logging.CRITICAL)  # other people's loggers quote what they were given


def logger() -> FilteringBoundLogger:
    """The process's logger; values go in as fields, never into the event's name."""
    return _BOUND[0] if _BOUND else cast(FilteringBoundLogger, structlog.get_logger())


def _stamped(service: str) -> Processor:
    def stamp(_: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"], event["level"], event["time"] = service, level, datetime.now(UTC)
        return event

    return stamp


def _only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if not event.keys() <= FIELDS:
        extra = event.keys() - FIELDS
        for name in extra:
            del event[name]
        event["dropped"] = sorted(extra)
    return event


def _line(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_UTC_Z)
