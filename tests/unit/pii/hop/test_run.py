"""A request through the hop: what leaves is substituted, what comes back is restored, and doubt refuses."""

import asyncio

from libs.bus.outflow import Outflow
from libs.contracts.errors import UpstreamError
from libs.contracts.failures import to_failure
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.frames_pb2 import End, Failure
from services.pii.hop.run import INLINE
from tests.support.broker import until
from tests.unit.pii.hop.street import ORIGINAL, ROUTE_FACTS, STREAM, SUBSTITUTE, WHOLE, answers, read, refusal, street

BODY = b'{"messages":[{"role":"user","content":"I am Jane"}]}'


async def failure_of(body: bytes = BODY, **made: bool) -> tuple[Failure, int]:
    async with street(**made) as here:
        frames, _ = await read(await here.ask(body))
        return frames[-1].failure, len(here.seen)


async def test_nobody_behind_the_hop_sees_the_original() -> None:
    async with street() as here:
        here.script = answers(b"Hello Mona!")
        await read(await here.ask(BODY, policy="clinic", conversation_id="of Jane"))
        (seen,) = here.seen
        assert seen.body == BODY.replace(ORIGINAL, SUBSTITUTE)
        assert ORIGINAL not in seen.SerializeToString()
        assert (seen.shape.last_user_turn, seen.shape.text_bytes) == ("Mona", 7)
        assert not seen.HasField("pii")
        assert seen.shape.model == "m"
        assert here.masking.asked[0].policy == "clinic"


async def test_a_stream_comes_back_restored_and_whole_at_its_end() -> None:
    async with street() as here:
        here.script = answers(b"Hello Mo", b"na", b" and Mo", b"na")
        frames, data = await read(await here.ask(BODY))
        assert data == b"Hello Jane and Jane"
        assert frames[-1].end.billed_nano == 5
        assert [frame.n for frame in frames] == list(range(len(frames)))


async def test_a_whole_answer_goes_on_in_one_piece() -> None:
    async with street() as here:
        here.script = answers(b"Hello Mo", b"na", head=WHOLE)
        frames, data = await read(await here.ask(BODY))
        assert data == b"Hello Jane"
        assert len([frame for frame in frames if frame.data]) == 1


async def test_more_than_the_window_passes_because_credit_is_given_both_ways() -> None:
    async with street() as here:
        here.script = answers(*([b"Mona" * 16_000] * 20))
        _, data = await read(await here.ask(BODY))
        assert data == b"Jane" * 16_000 * 20


async def test_a_reader_who_takes_nothing_stops_the_worker_within_the_windows() -> None:
    sent = 0

    async def script(_: Envelope, outflow: Outflow) -> None:
        nonlocal sent
        for n in range(100):
            await outflow.send(head=None if n else STREAM, data=b"x" * 60_000)
            sent += 60_000
        await outflow.send(end=End())

    async with street() as here:
        here.script = script
        await here.ask(BODY)
        await asyncio.sleep(0.3)
        assert sent <= 3 * (256 << 10)


async def test_what_holds_nothing_goes_on_with_the_edges_own_address() -> None:
    async with street() as here:
        here.script = answers(b"Hello Mona!")
        inflow = await here.ask(b'{"messages":[]}')
        _, data = await read(inflow)
        assert here.seen[0].reply == inflow.reply
        assert data == b"Hello Mona!"
        assert (await here.substituted())[0].counts == {}
        assert not here.handlers.runs


async def test_without_a_router_the_edge_hears_of_it_at_once() -> None:
    for body in (BODY, b"{}"):
        failure, _ = await failure_of(body, routed=False)
        assert failure.code == "overloaded"


async def test_a_large_body_is_pulled_from_the_edge_and_by_the_worker_from_us() -> None:
    body = BODY[:-1] + b',"x":"' + b"y" * INLINE + b'"}'
    pulled = b""

    async def script(envelope: Envelope, outflow: Outflow) -> None:
        nonlocal pulled
        pulled = await outflow.pull(envelope.body_ref.subject, envelope.body_ref.size)
        await outflow.send(head=STREAM, data=b"Mona", end=End())

    async with street() as here:
        here.script = script
        _, data = await read(await here.ask(body, by_reference=True))
        assert pulled == body.replace(ORIGINAL, SUBSTITUTE)
        assert data == ORIGINAL
        assert here.seen[0].body_ref.subject.startswith("ni.body.pii.")


async def test_a_body_beyond_the_limit_is_refused_unread() -> None:
    async with street() as here:
        frames, _ = await read(await here.ask(b"x" * ((1 << 20) + 1), by_reference=True))
        assert frames[-1].failure.code == "request_too_large"
        assert not here.seen


async def test_what_cannot_be_substituted_in_is_refused_and_nothing_leaves() -> None:
    async with street() as here:
        here.masking.error = refusal("messages[0].content[0]")
        frames, _ = await read(await here.ask(BODY))
        assert frames[-1].failure.code == "pii_unsupported_content"
        assert frames[-1].failure.param == "messages[0].content[0]"
        assert not here.seen


async def test_a_detector_that_falls_refuses_and_quotes_nothing() -> None:
    async with street() as here:
        here.masking.error = ValueError("Jane")
        frames, _ = await read(await here.ask(BODY))
        assert frames[-1].failure.code == "pii_unavailable"
        assert "Jane" not in frames[-1].failure.message
        assert not here.seen


async def test_a_detector_that_is_late_refuses() -> None:
    async with street(mask_s=0.3) as here:
        here.masking.wait_s = 5.0
        frames, _ = await read(await here.ask(BODY))
        assert frames[-1].failure.code == "pii_unavailable"
        assert not here.seen


async def test_masking_that_takes_longer_than_a_second_is_not_taken_for_silence() -> None:
    async with street() as here:
        here.masking.wait_s = 1.4
        here.script = answers(b"Mona")
        _, data = await read(await here.ask(BODY))
        assert data == ORIGINAL
        here.masking.wait_s = 0.4  # taken was said, so the frames have to come through here
        inflow = await here.ask(b"{}")
        _, data = await read(inflow)
        assert data == SUBSTITUTE
        assert here.seen[-1].reply != inflow.reply


async def test_a_client_that_is_gone_stops_the_worker() -> None:
    async def script(_: Envelope, outflow: Outflow) -> None:
        await outflow.send(head=STREAM, data=b"Hello")
        await asyncio.sleep(2)

    async with street() as here:
        here.script = script
        inflow = await here.ask(BODY)
        while not (await inflow.next()).data:
            pass
        await inflow.cancel()
        await until(lambda: here.gone == 1)
        await until(lambda: not here.handlers.runs)


async def test_a_failure_comes_through_with_its_route_and_in_the_callers_words() -> None:
    async def script(_: Envelope, outflow: Outflow) -> None:
        await outflow.send(failure=to_failure(UpstreamError("Mona is unknown here"), ROUTE_FACTS))

    async with street() as here:
        here.script = script
        frames, data = await read(await here.ask(BODY))
        assert frames[-1].failure.message == "Jane is unknown here"
        assert frames[-1].failure.route.route_id == "r"
        assert data == b""


async def test_a_stream_that_breaks_off_gives_what_was_held_and_then_says_so() -> None:
    async def script(_: Envelope, outflow: Outflow) -> None:
        await outflow.send(head=STREAM, data=b"Hello Mo")
        await outflow.send(failure=to_failure(UpstreamError("broke off"), ROUTE_FACTS))

    async with street() as here:
        here.script = script
        frames, data = await read(await here.ask(BODY))
        assert data == b"Hello Mo"
        assert frames[-1].failure.code == "upstream_error"


async def test_beyond_the_number_of_running_requests_one_is_refused() -> None:
    async def script(_: Envelope, outflow: Outflow) -> None:
        await outflow.taken()
        await asyncio.sleep(1)

    async with street(in_flight=1) as here:
        here.script = script
        await here.ask(BODY)
        await until(lambda: bool(here.seen))
        frames, _ = await read(await here.ask(BODY))
        assert frames[-1].failure.code == "pii_unavailable"


async def test_after_the_end_nothing_of_the_request_is_kept() -> None:
    async with street() as here:
        here.script = answers(b"Mona")
        await read(await here.ask(BODY))
        await until(lambda: not here.handlers.runs and not here.handlers.leaving)
        assert len(here.hop) == 0


async def test_the_record_holds_what_was_done_and_no_original() -> None:
    async with street() as here:
        here.script = answers(b"Mona")
        await read(await here.ask(BODY))
        (said,) = await here.substituted()
        assert said.counts == {"PERSON": 1}
        assert (said.entities[0].substitute, said.entities[0].place) == ("Mona", "messages[0].content")
        assert ORIGINAL not in said.SerializeToString()
