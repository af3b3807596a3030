"""`ni dead-letter`: what was put aside is listed, and put back once."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.dead_letters import letters, replay
from libs.bus.base import Stored
from libs.bus.memory import MemoryBus
from libs.contracts.subjects import EVENTS, LEDGER
from libs.embedded.state import free_ports
from libs.projection.base import UnreadableError
from libs.projection.following import Following
from libs.projection.letters import Letter
from libs.runtime.settings import EX_CONFIG
from libs.telemetry.metrics import Metrics


async def put_aside(
    bus: MemoryBus, stream: str, subject: str, data: bytes, purposes: Sequence[str] = ("billing-usage",)
) -> Letter:
    """A message that readers meet and cannot read."""

    class Sink:
        async def resume(self) -> int:
            return 0

        async def write(self, block: Sequence[Stored], token: str) -> int:
            raise AssertionError((block, token))

    def unreadable(_: Stored) -> None:
        raise UnreadableError("seal")

    seq = await bus.append(subject, data)
    for purpose in purposes:
        reader = Following[Stored](
            bus=bus, sink=Sink(), metrics=Metrics(), purpose=purpose, stream=stream, read=unreadable
        )
        await reader._take(Stored(subject, seq, data))
    return (await letters(bus))[-1]


async def events(bus: MemoryBus) -> list[tuple[str, bytes]]:
    async for batch in bus.follow(EVENTS):
        return [(one.subject, one.data) for one in batch]
    return []


async def test_where_nothing_was_put_aside_there_is_nothing() -> None:
    assert await letters(MemoryBus()) == []


async def test_a_dead_letter_is_listed_with_its_cause_and_not_with_its_content() -> None:
    bus = MemoryBus()
    shown = (await put_aside(bus, EVENTS, "ev.finished.0", b"garbage")).shown()
    assert shown == {
        "place": 1,
        "purpose": "billing-usage",
        "stream": EVENTS,
        "seq": 1,
        "subject": "ev.finished.0",
        "why": "seal",
        "replayed": None,
    }


async def test_what_is_put_back_is_the_same_message_and_comes_back_once() -> None:
    bus = MemoryBus()
    await put_aside(bus, EVENTS, "ev.finished.0", b"mended", ("billing", "custody"))
    assert await replay(bus, await letters(bus)) == []
    assert await events(bus) == [("ev.finished.0", b"mended")] * 2
    again = await letters(bus)
    assert [letter.replayed for letter in again] == [2, 2]
    assert await replay(bus, again) == []
    assert len(await events(bus)) == 2


@pytest.mark.parametrize("kept", [True, False])
async def test_a_large_message_is_fetched_from_its_stream_as_long_as_that_keeps_it(kept: bool) -> None:
    bus = MemoryBus()
    large = b"x" * (600 << 10)
    letter = await put_aside(bus, EVENTS, "ev.finished.0", large)
    assert letter.data is None
    await bus.append("ev.finished.0", b"another")
    if not kept:
        await bus.drop(EVENTS, before=2)
    left = await replay(bus, [letter])
    assert left == ([] if kept else ["1: message 1 of EVENTS is not kept any more"])
    assert [data == large for _, data in await events(bus)] == ([True, False, True] if kept else [False])


async def test_the_journal_takes_nothing_twice() -> None:
    bus = MemoryBus()
    letter = await put_aside(bus, LEDGER, "ledger.0", b"batch")
    (left,) = await replay(bus, [letter])
    assert "takes nothing twice" in left
    assert await bus.last_seq(LEDGER) == 1


def test_which_broker_does_not_answer_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("libs.bus.nats._CONNECT_S", 0.2)
    url = f"nats://127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("NI_NATS_URL", url)
    with pytest.raises(SystemExit) as ended:
        main(["dead-letter"])
    assert ended.value.code == 3
    assert f"ni dead-letter: no broker answers at {url}" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["dead-letter", "reconcile", "provision"])
def test_a_seed_file_that_is_missing_is_a_sentence_of_every_verb_that_asks_the_broker(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NI_NATS_URL", "nats://127.0.0.1:1")
    monkeypatch.setenv("NI_NATS_SEED_FILE", str(tmp_path / "missing.nk"))
    with pytest.raises(SystemExit) as ended:
        main([verb])
    assert ended.value.code == EX_CONFIG
    said = capsys.readouterr().err
    assert said.startswith(f"configuration: NI_NATS_SEED_FILE: {tmp_path / 'missing.nk'} cannot be read")
    assert len(said.splitlines()) == 1
