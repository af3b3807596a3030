"""For whom a worker waits and for how long: a provider, a reader, and an edge that may have given the request up."""

import asyncio
import time

import pytest

from libs.contracts.errors import StreamBroken, UpstreamTimeout
from libs.contracts.northern.v1.facts_pb2 import Outcome
from tests.integration.worker.rig import OPENAI, dialling, limited, working
from tests.integration.worker.upstream import DONE, END, Call, event, listening, piece, stream_head, whole
from tests.support.broker import until


async def test_a_request_that_lay_somewhere_until_its_edge_gave_it_up_is_not_sent() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await rig.ask(received_at_ms=_now_ms() - 1_500, read=False)
        await got.inflow.cancel()
        got.inflow.close()
        await until(lambda: not rig.handlers.runs and not len(rig.outflows))
        await asyncio.sleep(0.05)
        assert (upstream.calls, rig.facts(), rig.ledger.asked) == ([], [], [])


@pytest.mark.parametrize("skew_ms", [-600_000, 600_000])
async def test_clocks_that_differ_keep_nothing_from_being_sent(skew_ms: int) -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(received_at_ms=_now_ms() + skew_ms)).over()
        finished = await rig.only_finished()
    assert got.error is None
    assert finished.outcome == Outcome.OUTCOME_COMPLETED


async def test_a_reader_that_takes_nothing_is_no_silence_of_the_provider() -> None:
    async def flood(call: Call) -> None:
        await call.write(stream_head() + piece(event()))
        for _ in range(40):
            await call.write(piece(event("x" * 60_000)))
        await call.write(piece(event(finish="stop")) + piece(DONE) + END)

    catalog = limited(between_bytes_s=0.3)
    async with listening(flood) as upstream, working(dialling(upstream.url), catalog=catalog) as rig:
        got = await rig.ask(stream=True)
        got.credit = False
        await until(lambda: len(got.data) > 190_000)
        await asyncio.sleep(0.6)
        got.credit = True
        await got.inflow.consumed(len(got.data))
        await got.over()
        finished = await rig.only_finished()
        (told,) = rig.handlers.street.signals.states()
    assert got.error is None
    assert finished.outcome == Outcome.OUTCOME_COMPLETED
    assert told.calls == 1
    assert told.route_id == OPENAI


@pytest.mark.parametrize(("stream", "limits"), [(True, {"stream_s": 0.3}), (False, {"whole_s": 0.3})])
async def test_an_answer_that_never_ends_is_broken_off_and_its_length_is_the_reason(
    stream: bool, limits: dict[str, float]
) -> None:
    async def drip(call: Call) -> None:
        await call.write(
            stream_head() + piece(event()) if stream else b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"
        )
        while True:
            await call.write(piece(event("on ")) if stream else b" ")
            await asyncio.sleep(0.02)

    async with listening(drip) as upstream, working(dialling(upstream.url), catalog=limited(**limits)) as rig:
        got = await (await rig.ask(stream=stream)).over()
        finished = await rig.only_finished()
    assert type(got.error) is (StreamBroken if stream else UpstreamTimeout)
    assert "took longer" in got.error.message
    assert finished.error_code == "timeout"


def _now_ms() -> int:
    return int(time.time() * 1000)
