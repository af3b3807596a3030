"""I4 at the worker: the rule is checked again against the address about to be dialled, whatever the slip says."""

import pytest

from libs.contracts.errors import ResidencyRefused
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.sandbox.app import listening as sandbox
from services.sandbox.settings import SandboxSettings
from tests.integration.worker.rig import AZURE, HAIKU, MISTRAL, OPENAI, QWEN, dialling, working
from tests.integration.worker.upstream import listening, refusing, whole


@pytest.mark.parametrize("residency", [["CA"], ["CA", "US"], ["none"]])
@pytest.mark.parametrize("route", [HAIKU, OPENAI])
async def test_i4_a_slip_that_names_a_route_the_rule_forbids_is_refused_though_the_router_let_it_through(
    route: str, residency: list[str]
) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(route, residency=residency)).over()
        await rig.settled()
        assert type(got.error) is ResidencyRefused
        assert route in got.error.message
        assert rig.facts() == []
        assert (await (await rig.ask(route)).over()).error is None


async def test_i4_an_address_put_in_the_place_of_canadas_is_refused_under_residency() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(AZURE, residency=["CA"])).over()
        assert type(got.error) is ResidencyRefused
        assert "custom_address" in got.error.message
        assert (upstream.connections, rig.facts()) == (0, [])


@pytest.mark.parametrize("route", [AZURE, QWEN, MISTRAL])
async def test_a_route_that_processes_in_canada_serves_and_the_rule_is_on_record(route: str) -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(route, residency=["CA"])).over()
        assert got.error is None
        assert (await rig.only_finished()).outcome == Outcome.OUTCOME_COMPLETED
        assert list(rig.egress()[0].residency) == ["CA"]


async def test_a_redirect_is_not_followed_to_a_place_nobody_checked() -> None:
    async with listening(whole) as elsewhere:
        plan = refusing(307, "go there", f"location: {elsewhere.url}/v1/chat/completions")
        async with listening(plan) as upstream, working(dialling(upstream.url)) as rig:
            got = await (await rig.ask(QWEN, residency=["CA"])).over()
        assert got.error is not None
        assert elsewhere.connections == 0


async def test_a_way_out_without_credential_sends_nothing() -> None:
    async with working({}) as rig:
        got = await (await rig.ask(OPENAI)).over()
        assert got.error is not None
        assert got.error.code == "route_unavailable"
        assert "OPENAI_API_KEY" in got.error.message
        assert rig.facts() == []
