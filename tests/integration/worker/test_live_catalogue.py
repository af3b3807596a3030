"""A worker whose catalogue is edited while it has requests: what it began with holds, but for what may leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from libs.catalog.model import Catalog, Egress, Route
from libs.contracts.errors import ResidencyRefused, RouteUnavailable
from libs.contracts.northern.v1.facts_pb2 import Outcome
from services.worker.app import Edits
from services.worker.settings import WorkerSettings
from services.worker.upstream.probing import Probing
from tests.integration.worker.own import THEIRS, Safe
from tests.integration.worker.rig import CATALOG, KEY, OPENAI, QWEN, Rig, dialling, working
from tests.integration.worker.upstream import Call, listening, whole
from tests.support.broker import until


def edited(route: Route | None = None, *, without: str = "", egress: Egress | None = None) -> Catalog:
    """The shipped catalogue with a route changed or without it, or with a way out changed."""
    routes = {name: one for name, one in CATALOG.routes.items() if name != without}
    egresses = dict(CATALOG.egresses)
    if route is not None:
        routes[route.route_id] = route
    if egress is not None:
        egresses[egress.name] = egress
    return replace(CATALOG, routes=routes, egresses=egresses, digest="e" * 64)


def processed_in(route_id: str, *places: str) -> Route:
    route = CATALOG.routes[route_id]
    return replace(route, processing=replace(route.processing, jurisdictions=places))


class Editing:
    """Has a worker take another catalogue as its service does."""

    def __init__(self, rig: Rig, url: str, stack: AsyncExitStack) -> None:
        self.street = rig.handlers.street
        self.environ = dialling(url)
        self.probing = Probing(catalog=CATALOG, ways=self.street.ways, signals=self.street.signals)
        self.news = asyncio.Event()
        self._edits = Edits(
            street=self.street,
            probing=self.probing,
            settings=WorkerSettings(egresses=tuple(CATALOG.egresses)),
            environ=self.environ,
            stack=stack,
            news=self.news,
        )

    def edit(self, catalog: Catalog) -> None:
        self._edits.prepare(catalog)()


@asynccontextmanager
async def editing(rig: Rig, url: str) -> AsyncIterator[Editing]:
    async with AsyncExitStack() as stack:
        yield Editing(rig, url, stack)


async def test_i4_an_edit_between_the_record_and_the_call_keeps_the_call_back_and_closes_the_record() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        rig.bus.disk.clear()
        got = await rig.ask(QWEN, residency=["CA"])
        await until(lambda: rig.handlers.street.facts.waiting > 0)
        by.edit(edited(processed_in(QWEN, "US")))
        rig.bus.disk.set()
        await got.over()
        await rig.settled()
        assert type(got.error) is ResidencyRefused
        assert upstream.calls == []
        assert sorted(fact.WhichOneof("kind") or "" for fact in rig.facts()) == ["egress", "finished", "refused"]
        (finished,) = rig.finished()
        assert (finished.outcome, finished.error_code) == (Outcome.OUTCOME_NOT_SENT, "residency_refused")


async def test_i4_after_such_an_edit_no_other_candidate_is_tried_for_the_record_is_closed() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        rig.bus.disk.clear()
        got = await rig.ask(QWEN, slip=(QWEN, "Qwen/Qwen3-32B"), residency=["CA"])
        await until(lambda: rig.handlers.street.facts.waiting > 0)
        by.edit(edited(without=QWEN))
        rig.bus.disk.set()
        await got.over()
        await rig.settled()
        assert type(got.error) is RouteUnavailable
        assert (upstream.calls, len(rig.egress()), len(rig.finished())) == ([], 1, 1)


async def test_an_edit_that_still_allows_it_lets_the_call_go() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        rig.bus.disk.clear()
        got = await rig.ask(QWEN, residency=["CA"])
        await until(lambda: rig.handlers.street.facts.waiting > 0)
        by.edit(edited(processed_in(OPENAI, "US")))
        rig.bus.disk.set()
        assert (await got.over()).error is None
        assert (await rig.only_finished()).outcome == Outcome.OUTCOME_COMPLETED


async def test_a_request_is_answered_priced_and_recorded_by_the_catalogue_that_it_began_with() -> None:
    going = asyncio.Event()

    async def later(call: Call) -> None:
        await going.wait()
        await whole(call)

    async with listening(later) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        got = await rig.ask(OPENAI)
        await until(lambda: bool(upstream.calls))
        by.edit(edited(without=OPENAI))
        assert by.news.is_set()
        going.set()
        assert (await got.over()).error is None
        finished = await rig.only_finished()
        assert finished.billed_nano > 0
        assert rig.egress()[0].catalogue == CATALOG.digest
        after = await (await rig.ask(OPENAI)).over()
        assert type(after.error) is RouteUnavailable
        by.edit(CATALOG)
        assert (await (await rig.ask(OPENAI)).over()).error is None


async def test_the_same_route_is_told_of_as_the_edit_says() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        before = await (await rig.ask(QWEN)).over()
        by.edit(edited(processed_in(QWEN, "US")))
        after = await (await rig.ask(QWEN)).over()
        assert list(before.route.processing_jurisdictions) == ["CA"]
        assert list(after.route.processing_jurisdictions) == ["US"]
        assert [each.catalogue for each in rig.egress()] == [CATALOG.digest, "e" * 64]


async def test_an_address_that_an_edit_moves_is_the_one_that_is_dialled_and_the_rest_stays_open() -> None:
    async with listening(whole) as old, listening(whole) as new, working({}) as rig, editing(rig, old.url) as by:
        moved = replace(CATALOG.egresses["openai"], base_url=f"{new.url}/v1")
        del by.environ["OPENAI_BASE_URL"]
        by.edit(CATALOG)
        ways, providers = by.street.ways, by.street.providers
        by.edit(edited(egress=moved))
        assert {name for name, way in by.street.ways.items() if way is not ways[name]} == {"openai"}
        assert {name for name, one in by.street.providers.items() if one is not providers[name]} == {"openai"}
        assert by.probing.ways is by.street.ways
        assert (await (await rig.ask(OPENAI)).over()).error is None
        assert (len(old.calls), len(new.calls)) == (0, 1)


async def test_a_way_out_that_leaves_the_catalogue_is_closed_and_open_again_when_it_comes_back() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        without = edited(without=OPENAI)
        by.edit(replace(without, egresses={n: one for n, one in CATALOG.egresses.items() if n != "openai"}))
        assert "openai" not in {state.name for state in by.street.states()}
        got = await (await rig.ask(OPENAI)).over()
        assert type(got.error) is RouteUnavailable
        by.edit(CATALOG)
        assert "openai" in {state.name for state in by.street.states()}
        assert (await (await rig.ask(OPENAI)).over()).error is None


async def test_what_is_taken_out_is_no_longer_told_of() -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig, editing(rig, upstream.url) as by:
        await by.probing.once()
        told = {state.route_id for state in by.street.signals.states()}
        assert QWEN in told
        by.edit(edited(without=QWEN))
        await by.probing.once()
        assert {state.route_id for state in by.street.signals.states()} == told - {QWEN}


async def test_an_accounts_own_way_out_is_opened_anew_where_an_edit_moved_it(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    async with (
        listening(whole) as old,
        listening(whole) as new,
        working(dialling(old.url), kek_file=file) as rig,
        editing(rig, old.url) as by,
    ):
        await Safe.at(rig.bus, file).put("openai", {"api_key": THEIRS})
        await until(lambda: "t_one.openai" in rig.handlers.street.own._kept._records)
        assert (await (await rig.ask(OPENAI, byok=True)).over()).error is None
        by.environ["OPENAI_BASE_URL"] = f"{new.url}/v1"
        by.edit(CATALOG)
        assert (await (await rig.ask(OPENAI, byok=True)).over()).error is None
        assert (len(old.calls), len(new.calls)) == (1, 1)
        assert not any(KEY.encode() in call.head for call in new.calls)
