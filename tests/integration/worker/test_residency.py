"""I4 at the worker: the rule is checked again against the address about to be dialled, whatever the slip says."""

from dataclasses import replace
from typing import cast

import pytest

from libs.catalog.model import Route
from libs.contracts.errors import ResidencyRefused
from libs.contracts.northern.v1.envelope_pb2 import Envelope
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.sandbox.app import listening as sandbox
from services.sandbox.settings import SandboxSettings
from services.worker.providers.base import Estimated, Prepared, Provider
from services.worker.upstream.ways_out import WayOut
from tests.integration.worker.rig import (
    ANTHROPIC_MESSAGES,
    AZURE,
    CATALOG,
    CLAUDE,
    COUNT,
    HAIKU,
    MISTRAL,
    OPENAI,
    QWEN,
    dialling,
    working,
)
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
        (fact,) = rig.facts()
        assert (fact.refused.route_id, list(fact.refused.residency)) == (route, residency)
        assert fact.refused.rule_name in got.error.message
        assert [hop.role for hop in fact.refused.hops] == ["worker"]
        assert (await (await rig.ask(route)).over()).error is None


async def test_i4_an_address_put_in_the_place_of_canadas_is_refused_under_residency() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        got = await (await rig.ask(AZURE, residency=["CA"])).over()
        assert type(got.error) is ResidencyRefused
        assert "custom_address" in got.error.message
        await rig.settled()
        assert (upstream.connections, rig.egress()) == (0, [])
        assert rig.facts()[0].refused.rule_name == "custom_address"
        assert "azure/" not in got.error.message.partition("The nearest")[2]  # they are behind the same address


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


async def test_i4_when_the_catalogue_is_edited_while_requests_run_each_is_judged_by_what_it_says_then() -> None:
    routes = dict(CATALOG.routes)
    known = routes[QWEN]
    moved = replace(known, processing=replace(known.processing, jurisdictions=("US",)))
    async with (
        sandbox(SandboxSettings()) as port,
        working({}, sandbox=f"http://127.0.0.1:{port}", catalog=replace(CATALOG, routes=routes)) as rig,
    ):
        verdicts: list[tuple[bool, bool]] = []
        for turn in range(12):
            routes[QWEN] = moved if turn % 3 else known
            asked = [await rig.ask(QWEN, residency=["CA"]) for _ in range(4)]
            verdicts += [((await got.over()).error is None, not turn % 3) for got in asked]
        await rig.settled()
        assert all(served == legal for served, legal in verdicts)
        assert len(rig.egress()) == sum(served for served, _ in verdicts)
        assert {tuple(said.route.processing_jurisdictions) for said in rig.egress()} == {("CA",)}
        routes[QWEN] = moved
        assert (await (await rig.ask(QWEN)).over()).error is None
        assert list(rig.egress()[-1].route.processing_jurisdictions) == ["US"]  # what is stated is edited with it


async def test_a_count_of_tokens_is_judged_as_an_answer_is() -> None:
    async with sandbox(SandboxSettings()) as port, working({}, sandbox=f"http://127.0.0.1:{port}") as rig:
        got = await (await rig.ask(CLAUDE, dialect=ANTHROPIC_MESSAGES, operation=COUNT, residency=["CA"])).over()
        assert type(got.error) is ResidencyRefused
        await rig.settled()
        assert [fact.WhichOneof("kind") for fact in rig.facts()] == ["refused"]


async def test_i4_a_call_that_would_go_elsewhere_than_what_was_checked_is_not_made() -> None:
    async with listening(whole) as elsewhere, listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        providers = cast(dict[str, Provider], rig.handlers.street.providers)
        honest = providers["self-hosted"]

        class Straying:
            async def prepare(self, envelope: Envelope, body: bytes, route: Route, way: WayOut) -> Prepared | Estimated:
                call = await honest.prepare(envelope, body, route, way)
                assert isinstance(call, Prepared)
                call.url = call.url.replace(upstream.url, elsewhere.url)
                return call

            def __getattr__(self, name: str) -> object:
                return getattr(honest, name)

        providers["self-hosted"] = cast(Provider, Straying())
        got = await (await rig.ask(QWEN)).over()
        assert got.error is not None
        assert got.error.code == "internal"
        assert (upstream.connections, elsewhere.connections, rig.facts()) == (0, 0, [])
