"""The storm: whatever is killed, no request leaves unrecorded, each ends once, and every client is told the truth."""

import sys
from pathlib import Path

import pytest

from libs.embedded.programs import ROOT
from tests.chaos.client import End
from tests.chaos.storm import VICTIMS, Storm
from tests.support.street import Street

pytestmark = pytest.mark.street

_PUBLISHED = 500  # a storm of this size is what docs/measured tells of
_REPORT = ROOT / "docs" / "measured" / "chaos.txt"


async def test_whatever_is_killed_nothing_is_lost_and_nobody_is_deceived(
    tmp_path: Path, chaos_requests: int, chaos_seed: int
) -> None:
    async with Street(tmp_path / "state") as street:
        storm = Storm(street=street, requests=chaos_requests, seed=chaos_seed)
        await storm.rage()
        books, records = await storm.recover()
        report = f"seed {chaos_seed}, {len(storm.seen)} requests\n\n{storm.summary(books, records)}\n"
        sys.stdout.write(f"\n{report}")
        assert {kill.name for kill in storm.kills} == set(VICTIMS)
        assert storm.wrong() == []
        assert books.without_egress() == []
        assert books.sent_twice() == []
        assert books.without_finish() == []
        assert books.finished_early() == []
        assert books.projected_wrongly() == []
        assert books.dead_letters == 0
        for request_id, record in records.items():
            assert record["status"] == "sealed", (request_id, record)
            assert record["outcome"] == books.outcome(request_id), request_id
            assert record["finished_ignored"] == len(books.finishes[request_id]) - 1, request_id
        whole = [seen.request_id for seen in storm.seen if seen.end is End.WHOLE]
        assert len(whole) >= len(storm.seen) // 4  # or it was no storm at a street, only at its ruins
        assert len(set(whole)) == len(whole)
        assert {books.outcome(request_id) for request_id in whole} == {"completed"}
    if chaos_requests >= _PUBLISHED:
        _REPORT.parent.mkdir(exist_ok=True)
        _REPORT.write_text(_report(report))


def _report(measured: str) -> str:
    return (
        "Requests of every kind (OpenAI and Bedrock wire, streamed and whole, bodies over 256 KiB, clients that\n"
        "hang up) while every process but the sandbox is killed with SIGKILL at random moments and started again.\n"
        f"Written by `make chaos`.\n\n{measured}"
    )
