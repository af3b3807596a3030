"""The walk along the slip: who is tried after whom, when nobody is, and that one record, one hold, one end remain."""

import asyncio
import socket

import aiohttp
import orjson
import pytest

from libs.contracts.errors import InsufficientCredits, InvalidRequest, UpstreamError
from libs.contracts.northern.v1.facts_pb2 import Outcome
from libs.contracts.northern.v1.ledger_pb2 import LedgerReply, LedgerRequest
from services.worker.app import _session
from services.worker.upstream.ways_out import WayOut
from tests.integration.worker.rig import (
    AZURE,
    HAIKU,
    KEY,
    OPENAI,
    QWEN,
    dialling,
    limited,
    working,
)
from tests.integration.worker.upstream import (
    ANSWER,
    Call,
    Plan,
    event,
    listening,
    piece,
    refusing,
    response,
    stream_head,
    three_words,
    whole,
)
from tests.integration.worker.walks import (
    BOTH,
    COMPLETED,
    CUT,
    FAILED,
    answering,
    ask,
    begun,
    ended,
    hangs_up,
    in_turn,
    paths,
    silent,
)
from tests.support.ledger import RICH, Core, agree

TO_AZURE, TO_OPENAI = "/openai/v1/chat/completions", "/v1/chat/completions"
FAULTS: dict[str, tuple[Plan, str, int]] = {
    "429": (refusing(429), "rate_limit_exceeded", 429),
    "500": (refusing(500), "upstream_error", 500),
    "502": (refusing(502), "upstream_error", 502),
    "503": (refusing(503), "overloaded", 503),
    "504": (refusing(504), "timeout", 504),
    "529": (refusing(529), "overloaded", 529),
    "401": (refusing(401), "credential_refused", 401),
    "403": (refusing(403), "credential_refused", 403),
    "broken": (hangs_up, "upstream_error", 0),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_any_content_is_mended_by_the_next_candidate(fault: str, stream: bool) -> None:
    plan, code, status = FAULTS[fault]
    async with listening(in_turn(plan, answering(stream))) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, stream)
        egresses, finished = await ended(rig)
        assert got.error is None
        assert paths(upstream.calls) == [TO_AZURE, TO_OPENAI]
        assert (got.frames[-1].HasField("end"), got.route.route_id) == (True, OPENAI)
        head = next(frame.head for frame in got.frames if frame.HasField("head"))
        assert head.attempts == 2
        assert [(each.attempt, each.route.route_id) for each in egresses] == [(0, AZURE), (1, OPENAI)]
        assert (finished.attempts, finished.outcome, finished.provider_status) == (2, COMPLETED, 200)
        assert [(t.attempt, t.route_id, t.code, t.provider_status, t.sent) for t in finished.tries] == [
            (0, AZURE, code, status, True)
        ]
        assert b'"attempt":1' in finished.statement
        assert len(rig.ledger.holds()) == 1
        assert rig.ledger.voids() == []


async def test_an_address_where_nobody_listens_is_passed_over_and_counts_as_a_call() -> None:
    async with listening(whole) as upstream:
        environ = dialling(upstream.url) | {"AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:1"}
        async with working(environ) as rig:
            got = await ask(rig)
            egresses, finished = await ended(rig)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert (got.error, head.attempts, len(egresses)) == (None, 2, 2)
    assert [(t.code, t.provider_status, t.sent) for t in finished.tries] == [("upstream_error", 0, False)]


async def test_an_address_where_nobody_takes_the_connection_in_time_was_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def impatient(way: WayOut) -> aiohttp.ClientSession:
        session = _session(way)
        session._timeout = aiohttp.ClientTimeout(total=None, sock_connect=0.2)
        return session

    monkeypatch.setattr("tests.integration.worker.rig._session", impatient)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # and nobody accepts
            async with listening(whole) as upstream:
                environ = dialling(upstream.url) | {"AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{port}"}
                async with working(environ) as rig:
                    got = await ask(rig)
                    _, finished = await ended(rig)
    assert got.error is None
    assert [(t.code, t.sent) for t in finished.tries] == [("upstream_error", False)]


async def test_a_proxy_that_does_not_let_a_call_through_was_sent_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Who Are You\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    proxy = await asyncio.start_server(refuses, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
    async with proxy, listening(whole) as upstream:
        environ = dialling(upstream.url) | {"AZURE_OPENAI_ENDPOINT": "https://provider.example"}
        async with working(environ) as rig:
            got = await ask(rig)
            _, finished = await ended(rig)
    assert got.error is None
    assert [(t.code, t.sent) for t in finished.tries] == [("upstream_error", False)]
    assert asked
    assert KEY.encode() not in asked[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_that_says_nothing_in_time_is_left_for_the_next(stream: bool) -> None:
    catalog = limited(first_event_s=0.2, whole_s=0.2)
    plan = in_turn(silent, answering(stream))
    async with listening(plan) as upstream, working(dialling(upstream.url), catalog=catalog) as rig:
        asked = await rig.ask(AZURE, slip=BOTH, stream=stream)
        run = await begun(rig)
        got = await asked.over()
        _, finished = await ended(rig)
    assert got.error is None
    assert run.task is not None
    assert run.task.cancelling() == 0  # it was stopped to go on, not to end
    assert [each.code for each in finished.tries] == ["timeout"]
    assert upstream.calls[0].gone.is_set()


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_fallbacks_are_forbidden_the_first_failure_is_the_answer(fault: str) -> None:
    plan, code, _ = FAULTS[fault]
    async with listening(in_turn(plan, whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, allow_fallbacks=False)
        finished = await rig.only_finished()
    assert got.error is not None
    assert (got.error.code, len(upstream.calls), got.frames[-1].failure.attempts) == (code, 1, 1)
    assert (finished.attempts, finished.outcome, list(finished.tries)) == (1, FAILED, [])


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_a_refusal_of_what_was_asked_is_the_callers_to_hear(status: int) -> None:
    async with listening(in_turn(refusing(status), whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig)
        await rig.only_finished()
    assert got.error is not None
    assert (got.error.code, len(upstream.calls)) == ("provider_refused", 1)


async def test_once_content_has_come_nobody_else_is_asked() -> None:
    async def cut(call: Call) -> None:
        await call.write(stream_head() + piece(event()) + piece(event("one ")))

    async def half(call: Call) -> None:
        body = orjson.dumps(ANSWER)
        await call.write(response(body)[:-20])

    for plan, stream, outcome in ((cut, True, CUT), (half, False, FAILED)):
        async with listening(in_turn(plan, whole)) as upstream, working(dialling(upstream.url)) as rig:
            got = await ask(rig, stream)
            finished = await rig.only_finished()
        assert got.error is not None
        assert (len(upstream.calls), finished.outcome, finished.attempts) == (1, outcome, 1)


async def test_a_head_that_went_out_early_binds_to_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.calling._HEAD_S", 0.1)

    async def slow(call: Call) -> None:
        await call.write(stream_head() + piece(event()))
        await asyncio.sleep(0.4)

    async with listening(in_turn(slow, three_words)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, stream=True)
        await rig.only_finished()
    assert got.has("head")
    assert got.error is not None
    assert len(upstream.calls) == 1


async def test_a_stream_that_breaks_before_its_first_content_is_begun_anew_by_another() -> None:
    async def role_only(call: Call) -> None:
        await call.write(stream_head() + piece(event()))

    async with listening(in_turn(role_only, three_words)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, stream=True)
        await ended(rig)
    assert got.error is None
    assert got.data.count(b'"role"') == 1


async def test_the_last_failure_is_told_with_the_number_of_calls() -> None:
    plan = in_turn(refusing(500), refusing(429, "slow down", "retry-after: 7"))
    async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig)
        egresses, finished = await ended(rig)
    failure = got.frames[-1].failure
    assert (failure.code, failure.retry_after_ms, failure.attempts) == ("rate_limit_exceeded", 7_000, 2)
    assert failure.route.route_id == OPENAI
    assert (len(egresses), finished.attempts, finished.outcome) == (2, 2, FAILED)
    assert (finished.error_code, finished.provider_status) == ("rate_limit_exceeded", 429)
    assert [each.code for each in finished.tries] == ["upstream_error"]
    assert (finished.cost_nano, finished.billed_nano) == (0, 0)


async def test_the_time_of_failed_calls_is_the_providers_and_not_ours() -> None:
    async def slowly(call: Call) -> None:
        await asyncio.sleep(0.2)
        await refusing(500)(call)

    async with listening(in_turn(slowly, whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig)
        _, finished = await ended(rig)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert finished.tries[0].total_ms >= 200
    assert head.provider_us >= 200_000
    assert finished.total_ms < 200


# --- who may not be called ------------------------------------------------------------------------------------------


async def test_a_candidate_outside_the_residency_is_passed_over_and_that_is_on_record() -> None:
    """The address of Azure is ours here, hence of no known region: the router could not know."""
    slip = (QWEN, AZURE)
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, slip=slip, residency=["CA"])
        await rig.settled()
        kinds = [fact.WhichOneof("kind") for fact in rig.facts()]
    assert got.error is not None
    assert (got.error.code, got.frames[-1].failure.attempts) == ("upstream_error", 1)
    assert paths(upstream.calls) == [TO_OPENAI]
    assert sorted(kinds) == ["egress", "finished", "refused"]
    assert kinds[0] == "egress"


async def test_a_refusal_by_the_guard_that_comes_first_is_put_down_beside_what_was_sent() -> None:
    """Alone it would be the end of the request on record."""
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, slip=(AZURE, QWEN), residency=["CA"])
        await rig.settled()
        kinds = [fact.WhichOneof("kind") for fact in rig.facts()]
        finished = rig.finished()[0]
    assert (got.error, got.route.route_id) == (None, QWEN)
    assert next(frame.head for frame in got.frames if frame.HasField("head")).attempts == 1
    assert kinds.index("egress") < kinds.index("refused")
    assert (finished.attempts, list(finished.tries)) == (1, [])


async def test_where_nobody_may_be_called_the_first_rule_is_told() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, slip=(AZURE, OPENAI), residency=["CA"])
        await rig.settled()
        kinds = {fact.WhichOneof("kind") for fact in rig.facts()}
    assert got.error is not None
    assert (got.error.code, AZURE in got.error.message, len(upstream.calls)) == ("residency_refused", True, 0)
    assert kinds == {"refused"}
    assert not got.frames[-1].failure.HasField("route")


@pytest.mark.parametrize("unknown", ["openai/gone-since-us", "openai/gone-since-us,azure/gone-since-ca"])
async def test_a_candidate_that_the_catalogue_does_not_know_is_passed_over(unknown: str) -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig, slip=(*unknown.split(","), OPENAI))
        finished = await rig.only_finished()
        assert (got.error, got.route.route_id, finished.attempts) == (None, OPENAI, 1)
        alone = await ask(rig, slip=tuple(unknown.split(",")))
        illegal = await ask(rig, slip=(*unknown.split(","), OPENAI), residency=["CA"])
    assert alone.error is not None
    assert illegal.error is not None
    assert (alone.error.code, illegal.error.code) == ("route_unavailable", "route_unavailable")
    assert len(upstream.calls) == 1


async def test_what_only_the_fallback_cannot_honour_does_not_hide_why_the_first_failed() -> None:
    """Converse has no `logit_bias`; Anthropic's own API is not asked for it in OpenAI's dialect either."""
    body = orjson.dumps({"messages": [{"role": "user", "content": "hi"}], "logit_bias": {"1": 5}, "n": 3})
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        alone = await (await rig.ask(HAIKU, body=body)).over()
        assert isinstance(alone.error, InvalidRequest)
        got = await ask(rig, slip=(OPENAI, HAIKU), body=body)
        await rig.settled()
    assert isinstance(got.error, UpstreamError)
    assert (len(upstream.calls), got.frames[-1].failure.attempts) == (1, 1)
    assert rig.finished()[0].attempts == 1


# --- money ----------------------------------------------------------------------------------------------------------


async def test_a_dearer_fallback_asks_for_the_difference_and_all_of_it_is_settled_once() -> None:
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        await ask(rig, slip=(OPENAI,))
        full = rig.ledger.holds()[0].amount_nano
    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        core = Core("t_one", RICH)
        rig.ledger.script = core
        got = await ask(rig, slip=(QWEN, OPENAI))
        _, finished = await ended(rig)
        assert core.account.held == full
        core.settle(f"{rig.asked:016x}", finished.billed_nano, 9)
    assert got.error is None
    assert rig.ledger.extends()[0].amount_nano > 0
    assert core.account.held == 0
    assert core.account.balance == RICH - finished.billed_nano
    assert finished.rate_card


async def test_a_fallback_that_the_account_cannot_carry_is_not_sent_and_the_failure_stays_what_it_was() -> None:
    def script(request: LedgerRequest) -> LedgerReply:
        return (
            LedgerReply(code="insufficient_credits", balance_nano=1) if request.HasField("extend") else agree(request)
        )

    async with listening(in_turn(refusing(503), whole)) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = script
        got = await ask(rig, slip=(QWEN, OPENAI))
        egresses, finished = await ended(rig)
        assert rig.ledger.voids() == []  # the end settles what the first attempt held
    assert got.error is not None
    assert not isinstance(got.error, InsufficientCredits)
    assert (got.error.code, got.frames[-1].failure.attempts, len(upstream.calls)) == ("overloaded", 1, 1)
    assert [each.route.route_id for each in egresses] == [QWEN, OPENAI]
    assert (finished.attempts, finished.outcome, finished.error_code) == (1, FAILED, "overloaded")
    assert [(t.attempt, t.code, t.sent) for t in finished.tries] == [(1, "insufficient_credits", False)]
    assert b'"attempt":0' in finished.statement


async def test_an_account_without_money_is_no_reason_to_try_somebody_else() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = lambda _: LedgerReply(code="insufficient_credits", balance_nano=1)
        got = await ask(rig)
        finished = await rig.only_finished()
    assert isinstance(got.error, InsufficientCredits)
    assert (len(upstream.calls), finished.outcome) == (0, Outcome.OUTCOME_NOT_SENT)


async def test_the_limits_of_the_key_are_told_by_whichever_attempt_answers() -> None:
    def script(request: LedgerRequest) -> LedgerReply:
        headers = {"limit-requests": "2"} if request.HasField("hold") else {}
        return LedgerReply(headers=headers, balance_nano=RICH)

    async with listening(in_turn(refusing(500), whole)) as upstream, working(dialling(upstream.url)) as rig:
        rig.ledger.script = script
        got = await ask(rig)
    head = next(frame.head for frame in got.frames if frame.HasField("head"))
    assert dict(head.limits) == {"limit-requests": "2"}


async def test_a_disk_that_goes_away_between_attempts_lets_nothing_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.worker.requests.record.WAIT_S", 0.2)

    async def fails(call: Call) -> None:
        rig.bus.disk.clear()
        await refusing(500)(call)

    async with listening(in_turn(fails, whole)) as upstream, working(dialling(upstream.url)) as rig:
        got = await ask(rig)
        rig.bus.disk.set()
        egresses, finished = await ended(rig)
    assert got.error is not None
    assert (got.error.code, len(upstream.calls)) == ("upstream_error", 1)
    assert (len(egresses), finished.attempts, finished.outcome) == (2, 1, FAILED)
    assert [(t.code, t.sent) for t in finished.tries] == [("record_unavailable", False)]
