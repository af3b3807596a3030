"""What the console shows and what the files keep."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest

from libs.embedded.logs import Console, LogFile, Pump, readable, render


def a_line(event: str, **fields: object) -> bytes:
    head = {"event": event, "level": "info", "time": "2026-11-20T12:34:56.789012Z", "service": "s"}
    return orjson.dumps({**head, **fields})


def read_all(fd: int) -> str:
    os.set_blocking(fd, False)
    text = b""
    while True:
        try:
            text += os.read(fd, 1 << 20)
        except BlockingIOError:
            return text.decode()


def test_a_line_becomes_time_event_and_fields() -> None:
    assert render(a_line("service_started", port=1, replica="r"), colour=False) == "12:34:56.789 service_started port=1"
    warning = a_line("bus_error", level="warning", reason="x")
    assert render(warning, colour=False) == "12:34:56.789 WARNING bus_error reason=x"


def test_what_is_no_log_line_is_shown_as_it_came() -> None:
    assert render(b"Traceback (most recent call last):", colour=False) == "Traceback (most recent call last):"
    assert render(b"{not json", colour=False) == "{not json"
    assert render(b'{"no": "event"}', colour=False) == '{"no": "event"}'


def test_the_broker_is_heard_from_a_warning_up() -> None:
    assert render(b"[7] 2026/11/20 12:00:00.1 [INF] Server is ready", colour=False) == ""
    assert "[WRN]" in render(b"[7] 2026/11/20 12:00:00.1 [WRN] Low disk", colour=False)


def test_a_burst_of_requests_is_counted_and_nothing_else_is_lost_in_it() -> None:
    lines = [a_line("request_completed", status=200)] * 50 + [a_line("bus_error", level="error")]
    shown = readable(lines, colour=False, requests=20)
    assert len(shown) == 22
    assert "bus_error" in shown[20]
    assert "30 more requests" in shown[21]


def test_a_file_rotates_and_keeps_two(tmp_path: Path) -> None:
    path = tmp_path / "router.log"
    log = LogFile(path, rotate_bytes=10)
    for n in range(5):
        log.write(f"block {n} ....\n".encode())
    log.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["router.log", "router.log.1", "router.log.2"]
    assert (tmp_path / "router.log.1").read_text() == "block 4 ....\n"


def test_a_file_that_cannot_be_rotated_is_taken_up_again_once_it_can(tmp_path: Path) -> None:
    folder, aside = tmp_path / "logs", tmp_path / "aside"
    folder.mkdir()
    log = LogFile(folder / "router.log", rotate_bytes=10)
    folder.rename(aside)  # as good as a disk that takes no more files
    log.write(b"the last one before\n")
    log.write(b"lost\n")
    aside.rename(folder)
    log.write(b"again\n")
    log.close()
    log.close()
    assert (folder / "router.log.1").read_text() == "the last one before\nagain\n"


async def test_output_is_kept_raw_and_shown_with_the_name_of_its_program(tmp_path: Path) -> None:
    read_fd, write_fd = os.pipe()
    pump = Pump("router", tmp_path / "router.log", Console(write_fd, colour=False, width=8), colour=False)
    pump.start()
    os.write(pump.write_fd, a_line("service_started") + b"\nhalf")
    await asyncio.sleep(0.15)
    os.write(pump.write_fd, b" a line")
    pump.close()
    shown = read_all(read_fd)
    os.close(read_fd)
    os.close(write_fd)
    assert shown == "router   | 12:34:56.789 service_started\nrouter   | half a line\n"
    assert (tmp_path / "router.log").read_bytes() == a_line("service_started") + b"\nhalf a line\n"


def test_a_console_that_nobody_reads_never_blocks_and_says_what_was_lost() -> None:
    read_fd, write_fd = os.pipe()
    console = Console(write_fd, colour=False)
    for _ in range(2000):
        console.say("x" * 1000)
    shown = ""
    for _ in range(100):
        shown += read_all(read_fd)
        console.flush()
    os.close(read_fd)
    os.close(write_fd)
    assert "lines were not shown here" in shown
    kept = shown.count("x" * 1000)
    lost = int(shown.split(" lines were not shown")[0].rsplit(" ", 1)[-1])
    assert kept + lost == 2000


def test_a_console_whose_reader_has_gone_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    console = Console(write_fd, colour=False)
    console.say("into the void")
    os.close(write_fd)


@pytest.mark.parametrize("colour", [True, False])
def test_colours_only_where_asked(colour: bool) -> None:
    assert ("\033[" in render(a_line("service_started"), colour=colour)) is colour
