"""`ni witness`: cosigns what continues, once and for all; everything else is answered as the protocol says."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.__main__ import main
from cli.witness.answers import Answer, Witness
from cli.witness.memory import Memory
from libs.tlog.checkpoint import Checkpoint
from libs.tlog.merkle import consistency
from libs.tlog.note import Algorithm, VerifierKey
from libs.tlog.policy import Policy
from libs.tlog.witnessing import SIZE_TYPE, AddCheckpoint
from tests.unit.tlog.logs import Key, Log

LOG = Log.of(70)
NAME = "witness.example/w"


def asked(old: int, new: int, log: Log = LOG, *, empty: bool = False) -> bytes:
    path = [] if empty or not old else consistency(old, new, log.subtree)
    return AddCheckpoint(old=old, path=path, note=log.note(new)).text.encode()


@contextmanager
def witness(folder: Path, key: Key | None = None, *logs: VerifierKey) -> Iterator[Witness]:
    own = key or Key(NAME, Algorithm.COSIGNATURE)
    with Memory.opened(folder) as memory:
        known = logs or (LOG.key.public,)
        yield Witness(public=own.public, sign=own.private.sign, logs=known, memory=memory, now=lambda: 1_800_000_000.5)


def cosigned(answer: Answer, size: int, public: VerifierKey) -> bool:
    policy = Policy(logs=[LOG.key.public], witnesses={"w": public}, quorum="w")
    head, seen = policy.open(LOG.note(size) + answer.text)
    return head.size == size and seen == {"w": 1_800_000_000}


async def test_what_continues_is_cosigned(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        for old, new in ((0, 3), (3, 3), (3, 64), (64, 70)):
            answer = await one.add_checkpoint(asked(old, new))
            assert (answer.status, answer.type) == (200, "text/plain")
            assert cosigned(answer, new, one.public)


async def test_what_was_seen_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        await one.add_checkpoint(asked(0, 64))
    with witness(tmp_path) as again:
        answer = await again.add_checkpoint(asked(0, 70))
        assert (answer.status, answer.text, answer.type) == (409, "64\n", SIZE_TYPE)
        assert (await again.add_checkpoint(asked(64, 70))).status == 200


def other_history() -> Log:
    """By the same key: another first entry."""
    other = Log(key=LOG.key)
    for number in range(90):
        other.append(b"entry %d" % number if number else b"another")
    return other


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"old 5\n\nno note\n", 404),
        (b"old 64\n\nlog.example/custody\nno note\n", 400),
        (AddCheckpoint(old=70, path=[], note=LOG.note(64)).text.encode(), 400),
        (asked(3, 70), 409),
        (asked(64, 70, empty=True), 422),
        (asked(64, 70, other_history()), 422),
        (asked(64, 64, other_history()), 409),
        (asked(64, 64).replace(b"old 64\n", b"old 64\n" + b"A" * 43 + b"=\n"), 422),
        (asked(0, 70, Log(key=Key("log.example/stranger"), entries=LOG.entries, subtrees=LOG.subtrees)), 404),
        (asked(64, 70, Log(key=Key(LOG.key.name), entries=LOG.entries, subtrees=LOG.subtrees)), 403),
        (asked(64, 70).replace(b"\n70\n", b"\n69\n"), 403),
    ],
)
async def test_what_does_not_is_answered_as_the_protocol_says(body: bytes, status: int, tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        await one.add_checkpoint(asked(0, 64))
        answer = await one.add_checkpoint(body)
        assert answer.status == status
        assert "—" not in answer.text
        assert (await one.add_checkpoint(asked(64, 70))).status == 200


async def test_from_nothing_no_proof_is_taken_and_no_root_but_the_empty_one(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        assert (
            await one.add_checkpoint(asked(0, 70).replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n"))
        ).status == 422
        text = Checkpoint(origin=LOG.key.name, size=0, root=bytes(32)).text
        note = f"{text}\n{LOG.key.line(text)}"
        assert (await one.add_checkpoint(AddCheckpoint(old=0, path=[], note=note).text.encode())).status == 422


async def test_lines_that_the_log_adds_are_signed_too(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        text = LOG.head(3).text + "more of the log's own\n"
        note = f"{text}\n{LOG.key.line(text)}"
        answer = await one.add_checkpoint(AddCheckpoint(old=0, path=[], note=note).text.encode())
        policy = Policy(logs=[LOG.key.public], witnesses={"w": one.public}, quorum="w")
        assert policy.open(note + answer.text)[0] == LOG.head(3)


async def test_of_many_at_once_each_continues_the_one_before(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        answers = await asyncio.gather(*(one.add_checkpoint(asked(0, size)) for size in range(1, 40)))
        assert sorted(answer.status for answer in answers) == [200] + [409] * 38
        last = one.memory.last(LOG.key.name)
        assert last is not None
        assert {answer.text for answer in answers if answer.status == 409} == {f"{last.size}\n"}


async def test_one_that_hangs_up_does_not_let_another_history_in(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        first = asyncio.create_task(one.add_checkpoint(asked(0, 64)))
        await asyncio.sleep(0)
        first.cancel()
        answer = await one.add_checkpoint(asked(0, 70, other_history()))
        assert (answer.status, answer.text) == (409, "64\n")


async def test_what_cannot_be_kept_is_not_signed(tmp_path: Path) -> None:
    with witness(tmp_path) as one:
        (tmp_path / ".seen.json.new").mkdir()
        with pytest.raises(OSError, match=r"seen\.json"):
            await one.add_checkpoint(asked(0, 64))
        (tmp_path / ".seen.json.new").rmdir()
        assert (await one.add_checkpoint(asked(0, 70))).status == 200


def test_two_on_one_folder_and_a_memory_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with witness(tmp_path), pytest.raises(ValueError, match="runs on this folder"), witness(tmp_path):
        pass
    (tmp_path / "seen.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="cannot be read"), witness(tmp_path):
        pass


@given(st.binary(max_size=200))
def test_any_body_is_answered(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    with witness(tmp_path_factory.mktemp("any")) as one:
        for body in (raw, b"old " + raw, asked(0, 9)[: len(raw)] + raw):
            assert asyncio.run(one.add_checkpoint(body)).status in {400, 403, 404}


@contextmanager
def running(folder: Path, *more: str) -> Iterator[tuple[str, VerifierKey]]:
    """The real thing: its address and key."""
    words = ("run", "--dir", folder, "--name", NAME, "--port", "0", "--log", LOG.key.public, *more)
    command = [sys.executable, "-m", "cli", "witness", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            key = process.stdout.readline().removeprefix("witness ").strip()
            yield process.stdout.readline().removeprefix("listening on ").strip(), VerifierKey.read(key)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


async def post(url: str, body: bytes) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/add-checkpoint", data=body) as answer:
        return answer.status, await answer.text()


async def test_it_runs_and_is_the_same_witness_after_a_restart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(key_shown, tmp_path, capsys)
    shown = capsys.readouterr().out.strip()
    with running(tmp_path) as (url, key):
        assert str(key) == shown
        status, line = await post(url, asked(0, 64))
        policy = Policy(logs=[LOG.key.public], witnesses={"w": key}, quorum="w")
        assert (status, policy.open(LOG.note(64) + line)[0].size) == (200, 64)
        assert (await post(url, b"x" * (65 << 10)))[0] == 413
        assert oct((tmp_path / "key").stat().st_mode & 0o777) == "0o400"
    with running(tmp_path) as (url, again):
        assert again == key
        assert await post(url, asked(0, 70)) == (409, "64\n")


def key_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["witness", "key", "--dir", str(folder), "--name", NAME])
    assert ended.value.code == 0


async def test_one_that_sends_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, "--deadline", "0.2") as (url, _):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 100\r\n\r\nold")
        async with asyncio.timeout(5):
            assert (await reader.readline()).split()[1] == b"408"
        writer.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--name", "a b", "--log", str(LOG.key.public)), "--name"),
        (("--name", "a+b", "--log", str(LOG.key.public)), "--name"),
        (("--name", "", "--log", str(LOG.key.public)), "--name"),
        (("--name", NAME, "--log", "none"), "malformed_key"),
        (("--name", NAME, "--log", str(Key(NAME, Algorithm.COSIGNATURE).public), "--port", "99999"), "--log"),
        (("--name", NAME, "--log", str(LOG.key.public), "--port", "99999"), "port"),
    ],
)
def test_what_cannot_be_started_is_told(
    words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["witness", "run", "--dir", str(tmp_path), *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
