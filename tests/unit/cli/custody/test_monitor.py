"""`ni custody monitor`: logs that grow, lie, go back, fall silent or are behind; what is kept of what was found."""

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread, Timer

import orjson
import pytest
from aiohttp import web

from cli.custody.outcomes import CANNOT, EXIT_CODES, NOT_REACHED
from libs.tlog.policy import Policy
from libs.tlog.refusals import Reason
from tests.unit.cli.custody.conftest import SEALED, Run, seen
from tests.unit.tlog.sealed import SEEN, SIZE, SealedLog
from tests.unit.tlog.tampering import LOGS


def grown(root: Path, sealed: SealedLog, size: int) -> None:
    """The folder of the log when it had so many entries."""
    shutil.rmtree(root / "log", ignore_errors=True)
    part = SealedLog(witnesses=sealed.witnesses)
    part.log = type(sealed.log)(key=sealed.log.key)
    part.sealed = sealed.sealed
    for entry in sealed.log.entries[:size]:
        part.log.append(entry)
    part.write(root)


def monitor(root: Path, log: object = None, *more: object) -> Sequence[object]:
    where = log or root / "log"
    return ("monitor", where, "--policy", root / "policy", "--state", root / "monitor.json", "--once", *more)


def test_a_monitor_follows_a_log_that_grows(tmp_path: Path, ni: Run) -> None:
    before = 0
    for size in (6, 6, 7, 200, 256, 257, SIZE):
        grown(tmp_path, SEALED, size)
        code, said = ni(*monitor(tmp_path))
        assert (code, said["size"], said["before"]) == (0, size, before)
        before = size


def test_a_monitor_keeps_both_histories_as_evidence(root: Path, ni: Run) -> None:
    next(case for case in LOGS if case.name == "history rewritten and signed").tamper(SEALED, root)
    state = seen(root)
    kept = state.read_bytes()
    code, _ = ni("monitor", root / "log", "--key", SEALED.key, "--state", state, "--once")
    assert code == EXIT_CODES[Reason.INCONSISTENT]
    evidence = orjson.loads((root / "state.json.evidence").read_bytes())
    policy = Policy.read(SEALED.policy)
    assert [policy.open(evidence[name])[0].size for name in ("seen", "shown")] == [SEEN, SIZE]
    assert state.read_bytes() == kept  # it is told again, until somebody has looked


def test_evidence_of_another_history_stays_whatever_is_found_later(root: Path, ni: Run) -> None:
    honest = root / "honest"
    shutil.copytree(root / "log", honest)
    next(case for case in LOGS if case.name == "history rewritten and signed").tamper(SEALED, root)
    look = ("monitor", root / "log", "--key", SEALED.key, "--state", seen(root), "--once")
    assert [ni(*look)[0] for _ in range(2)] == [EXIT_CODES[Reason.INCONSISTENT]] * 2
    found = (root / "state.json.evidence").read_bytes()
    shutil.copytree(honest, root / "log", dirs_exist_ok=True)
    (root / "log/tile/0/001.p/44").unlink()
    assert ni(*look)[0] == EXIT_CODES[Reason.MISSING_TILE]
    first, second = (root / "state.json.evidence").read_bytes().splitlines(keepends=True)
    assert first == found
    assert orjson.loads(second)["shown"] == (honest / "checkpoint").read_text()


@pytest.mark.parametrize("state", ["{", "[]", '{"note": 5, "grown_at": 1, "heard_at": 1}'])
def test_a_state_that_cannot_be_read_is_not_begun_anew(root: Path, ni: Run, state: str) -> None:
    (root / "monitor.json").write_text(state)
    assert ni(*monitor(root))[0] == CANNOT


def test_a_state_of_another_log_or_key_is_not_taken_for_what_the_log_shows(root: Path, ni: Run) -> None:
    assert ni(*monitor(root))[0] == 0
    other = SealedLog.of()
    assert other.key != SEALED.key
    assert ni("monitor", root / "log", "--key", other.key, "--state", root / "monitor.json", "--once")[0] == CANNOT
    (root / "monitor.json").unlink()
    look = ("monitor", root / "log", "--key", other.key, "--state", root / "monitor.json", "--once")
    assert ni(*look)[0] == EXIT_CODES[Reason.UNKNOWN_KEY]


@pytest.fixture
def site(root: Path) -> Iterator[str]:
    """The log's folder behind an address, as a gateway shows it."""
    app = web.Application()
    app.router.add_static("/api/custody/", root / "log")
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    url = loop.run_until_complete(start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield url
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(runner.cleanup())
    loop.close()


def test_a_log_behind_an_address_is_followed(root: Path, site: str, ni: Run) -> None:
    assert ni(*monitor(root, site, "--whole"))[1]["size"] == SIZE
    assert ni(*monitor(root, f"{site}/api/custody/"))[1]["before"] == SIZE
    (root / "log" / "tile/0/001.p/44").unlink()
    (root / "monitor.json").unlink()
    assert ni(*monitor(root, site, "--behind", 0))[0] == EXIT_CODES[Reason.MISSING_TILE]


@pytest.mark.parametrize("behind", ["smaller", "without its tiles"])
def test_a_replica_that_is_behind_is_waited_for_and_is_no_fork(root: Path, site: str, ni: Run, behind: str) -> None:
    assert ni(*monitor(root, site))[0] == 0
    shutil.copytree(root / "log", root / "whole")
    grown(root, SEALED, 200)
    reason = Reason.ROLLED_BACK
    if behind != "smaller":  # the checkpoint came from one replica, the tiles are asked of another
        (root / "monitor.json").unlink()
        shutil.copy(root / "whole" / "checkpoint", root / "log" / "checkpoint")
        reason = Reason.MISSING_TILE
    assert ni(*monitor(root, site, "--behind", 0))[0] == EXIT_CODES[reason]
    caught_up = Timer(0.5, shutil.copytree, (root / "whole", root / "log"), {"dirs_exist_ok": True})
    caught_up.start()
    assert ni(*monitor(root, site, "--behind", 30))[0] == 0
    caught_up.join()


def test_a_smaller_checkpoint_of_another_history_is_told_at_once(root: Path, site: str, ni: Run) -> None:
    assert ni(*monitor(root, site))[0] == 0
    forged = SealedLog(log=type(SEALED.log)(key=SEALED.log.key), witnesses=SEALED.witnesses)
    for entry in reversed(SEALED.log.entries[:200]):
        forged.log.append(entry)
    (root / "log" / "checkpoint").write_text(forged.log.note(None, *SEALED.witnesses))
    began = time.monotonic()
    assert ni(*monitor(root, site, "--behind", 60))[0] == EXIT_CODES[Reason.INCONSISTENT]
    assert time.monotonic() - began < 10
    assert (root / "monitor.json.evidence").exists()


def test_partial_tiles_are_cut_out_of_full_ones(root: Path, ni: Run) -> None:
    """What a log may do once it has grown past a checkpoint that is still shown."""
    full = SealedLog(log=SEALED.log)
    for name in ("0", "entries"):
        narrow = root / "log" / f"tile/{name}/001.p/44"
        raw = narrow.read_bytes()
        narrow.unlink()
        (root / "log" / f"tile/{name}/001").write_bytes(raw + raw[: len(raw) // 44] * 212)
    assert full.key
    assert ni(*monitor(root, None, "--whole"))[1]["size"] == SIZE


@pytest.mark.parametrize(
    "log", ["gateway.example:8080", "/nowhere", "ftp://gateway.example", "http://", "https://:1", "http://[::1"]
)
def test_what_is_no_address_and_no_folder_is_told_so_and_not_taken_for_silence(root: Path, ni: Run, log: str) -> None:
    assert ni(*monitor(root, log))[0] == CANNOT
    assert not (root / "monitor.json").exists()


def test_a_log_that_shows_its_checkpoint_and_never_its_tiles_is_silent_too(root: Path, ni: Run) -> None:
    tiles = root / "log/tile/0"
    shutil.rmtree(tiles)
    tiles.write_bytes(b"")
    assert ni(*monitor(root))[0] == NOT_REACHED
    assert ni(*monitor(root, None, "--silent-after", 0))[0] == EXIT_CODES[Reason.SILENT]


def test_silence_is_told_by_name_after_a_while(root: Path, ni: Run) -> None:
    away = "http://127.0.0.1:1"
    assert ni(*monitor(root, away))[0] == NOT_REACHED
    assert ni(*monitor(root, away, "--silent-after", 0))[0] == EXIT_CODES[Reason.SILENT]
    (root / "monitor.json").unlink()
    assert ni(*monitor(root))[0] == 0
    state = orjson.loads((root / "monitor.json").read_bytes())
    (root / "monitor.json").write_bytes(orjson.dumps({**state, "grown_at": state["grown_at"] - 100}))
    assert ni(*monitor(root, None, "--grows-within", 200))[0] == 0
    assert ni(*monitor(root, None, "--grows-within", 50))[0] == EXIT_CODES[Reason.SILENT]
