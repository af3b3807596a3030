"""What tests of the walk along the slip share: plans of providers, and waiting for what a walk leaves behind."""

import asyncio
from typing import Any

from libs.contracts.northern.v1.facts_pb2 import Egress, Finished, Outcome
from services.worker.requests.run import Run
from tests.integration.worker.rig import (
    AZURE,
    OPENAI,
    Got,
    Rig,
)
from tests.integration.worker.upstream import (
    Call,
    Plan,
    Upstream,
    path,
    three_words,
    whole,
)
from tests.support.broker import until

FAILED, COMPLETED, CUT = Outcome.OUTCOME_FAILED, Outcome.OUTCOME_COMPLETED, Outcome.OUTCOME_CUT
BOTH = (AZURE, OPENAI)


def in_turn(*plans: Plan) -> Plan:
    """The first call gets the first plan, and so on; what comes after the last gets that one again."""
    calls = 0

    async def plan(call: Call) -> None:
        nonlocal calls
        calls += 1
        await plans[min(calls, len(plans)) - 1](call)

    return plan


def answering(stream: bool) -> Plan:
    return three_words if stream else whole


async def hangs_up(call: Call) -> None:
    """The request is read, and the connection closed without a word."""


async def silent(call: Call) -> None:
    await call.hangs_up()


async def ask(rig: Rig, stream: bool = False, slip: tuple[str, ...] = BOTH, **more: Any) -> Got:
    return await (await rig.ask(slip[0], slip=slip, stream=stream, **more)).over(12)


async def called(upstream: Upstream, calls: int) -> None:
    """Until the provider has had so many calls."""
    await until(lambda: len(upstream.calls) >= calls)


async def headed(got: Got) -> None:
    await until(lambda: got.has("head"))


async def begun(rig: Rig) -> Run:
    """The one run, at the first turn of the loop at which it is there."""
    for _ in range(1_000):
        for run in rig.handlers.runs.values():
            return run
        await asyncio.sleep(0)
    raise AssertionError("nothing runs")


async def ended(rig: Rig) -> tuple[list[Egress], Finished]:
    """The records of the attempts, and the one end."""
    await rig.settled()
    await until(lambda: bool(rig.finished()))
    await asyncio.sleep(0.02)  # a second one would follow at once
    (finished,) = rig.finished()
    assert rig.facts()[-1].HasField("finished")
    return rig.egress(), finished


def paths(calls: list[Call]) -> list[str]:
    return [path(call).partition("?")[0] for call in calls]
