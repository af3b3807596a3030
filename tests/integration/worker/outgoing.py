"""Asks a worker once, and gives what its provider got."""

from typing import Any

from tests.integration.worker.rig import dialling, working
from tests.integration.worker.upstream import Call, Plan, listening


async def sent(route: str, plan: Plan, *, environ: dict[str, str] | None = None, **more: Any) -> Call:
    """The one request that a provider got for what was asked."""
    async with listening(plan) as upstream, working(dialling(upstream.url) | (environ or {})) as rig:
        await (await rig.ask(route, **more)).over()
    (call,) = upstream.calls
    return call
