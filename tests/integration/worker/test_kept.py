"""What a worker keeps of a stream that is open and silent: nothing of what was asked, on record or said already."""

import gc
from typing import Any

import orjson

from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Egress, Endpoint, Fact
from libs.contracts.northern.v1.frames_pb2 import Head
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply
from tests.integration.worker.rig import AZURE, dialling, working
from tests.integration.worker.upstream import Call, event, listening, piece, refusing, stream_head
from tests.integration.worker.walks import BOTH, FAILED, ask, begun, ended, in_turn
from tests.support.broker import until
from tests.support.kept import kept

MESSAGES = (Envelope, Egress, Endpoint, Fact, Head, LedgerReply)
LONG = 500  # bytes of an answer; for more the ledger would be asked again


def alive() -> dict[str, int]:
    """Messages of the kinds that a request meets on its way, as many as there are."""
    gc.collect()
    found: list[Any] = gc.get_objects()
    return {kind.__name__: sum(type(each) is kind for each in found) for kind in MESSAGES}


async def says_one_thing(call: Call) -> None:
    await call.write(stream_head() + piece(event()) + piece(event("x" * LONG)))
    await call.hangs_up()


async def test_an_open_stream_keeps_neither_its_envelope_nor_its_record_nor_its_hold() -> None:
    async with listening(says_one_thing) as upstream, working(dialling(upstream.url)) as rig:
        before = alive()
        got = await rig.ask(AZURE, slip=BOTH, stream=True)
        run = await begun(rig)
        await until(lambda: len(got.data) > LONG)
        assert alive() == before
        assert run.task is not None
        long = {name for name, value in kept(run.task) if isinstance(value, bytes) and len(value) > LONG}
        assert not long
        await got.inflow.cancel()
        await rig.settled()


async def test_what_was_let_go_of_is_missed_by_nobody_when_the_stream_breaks_off() -> None:
    """No further candidate, one end, charged for what was forwarded, with the refused attempt before it on record."""

    async def breaks_off(call: Call) -> None:
        await call.write(stream_head() + piece(event()) + piece(event("x" * LONG)))

    body = orjson.dumps({"messages": [{"role": "user", "content": "hi"}]})
    async with (
        listening(in_turn(refusing(500), breaks_off)) as upstream,
        working(dialling(upstream.url)) as rig,
    ):
        got = await ask(rig, stream=True, body=body)
        records, finished = await ended(rig)
    assert len(upstream.calls) == len(records) == 2
    assert got.error is not None
    assert got.error.code == "stream_broken"
    assert [each.code for each in finished.tries] == ["upstream_error"]
    assert (finished.attempts, finished.error_code, finished.usage.estimated) == (2, "upstream_error", True)
    assert finished.billed_nano > 0
    assert finished.outcome != FAILED
