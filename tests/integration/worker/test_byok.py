"""Calls by accounts' own credentials: theirs alone leaves, on every wire; whatever is wrong with it, never ours."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.auth.envelopes import new_ring, turned, write_ring
from libs.catalog.billing.bill import bill
from libs.contracts.errors import (
    BusUnavailable,
    NorthernError,
    OwnCredentialMissing,
    OwnCredentialRefused,
    ResidencyRefused,
    RouteUnavailable,
)
from libs.contracts.northern.v1.facts_pb2 import Outcome
from tests.integration.worker.claude import WHOLE
from tests.integration.worker.own import EMAIL, THEIRS, Meddling, Safe, blinded, service_account
from tests.integration.worker.rig import (
    AZURE,
    CATALOG,
    CLAUDE,
    GEMINI,
    HAIKU,
    KEY,
    MISTRAL,
    OPENAI,
    QWEN,
    VERTEX_CLAUDE,
    Rig,
    dialling,
    working,
)
from tests.integration.worker.upstream import Call, Plan, Upstream, listening, path, refusing, response, whole
from tests.support.broker import until

AWS = {"access_key_id": "AKIATHEIRSTHEIRS", "secret_access_key": "their-secret-their-secret"}
REGION = {"region": "ca-central-1"}


@asynccontextmanager
async def scene(tmp_path: Path, plan: Plan = whole, **environ: str) -> AsyncIterator[tuple[Rig, Safe, Upstream]]:
    """A worker with credentials of ours for everything, and a safe for theirs."""
    file = tmp_path / "kek"
    async with listening(plan) as upstream, working({**dialling(upstream.url), **environ}, kek_file=file) as rig:
        yield rig, Safe.at(rig.bus, file), upstream


async def heard(rig: Rig, *providers: str) -> None:
    """Until the worker knows of these credentials of t_one, and of no other."""
    kept = rig.handlers.street.own._kept
    await until(lambda: set(kept._records) == {f"t_one.{name}" for name in providers})


async def failed(rig: Rig, route: str = OPENAI, **more: Any) -> NorthernError:
    got = await (await rig.ask(route, byok=True, **more)).over()
    assert got.error is not None
    return got.error


async def claude_whole(call: Call) -> None:
    await call.write(response(WHOLE))


def leaked(upstream: Upstream) -> bool:
    return any(KEY.encode() in call.head + call.body for call in upstream.calls)


async def test_openai_is_called_with_the_accounts_own_key_and_everything_says_so(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        got = await (await rig.ask(byok=True)).over()
        assert got.error is None
        assert upstream.calls[0].headers["authorization"] == f"Bearer {THEIRS}"
        assert got.route.credential_source == "byok"
        assert (await rig.only_finished()).outcome == Outcome.OUTCOME_COMPLETED
        assert rig.egress()[0].route.credential_source == "byok"
        assert not leaked(upstream)


async def test_how_a_call_by_an_own_credential_went_is_nothing_to_the_others(tmp_path: Path) -> None:
    async with scene(tmp_path, refusing(500)) as (rig, safe, _):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        for _ in range(6):
            await failed(rig, OPENAI)
        assert rig.handlers.street.signals.states() == []


async def test_a_key_without_byok_still_goes_by_ours(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        got = await (await rig.ask()).over()
        assert upstream.calls[0].headers["authorization"] == f"Bearer {KEY}"
        assert got.route.credential_source == "platform"


async def test_anthropic_is_called_with_the_accounts_own_key(tmp_path: Path) -> None:
    async with scene(tmp_path, claude_whole, ANTHROPIC_AUTH_TOKEN=KEY) as (rig, safe, upstream):
        await safe.put("anthropic", {"api_key": THEIRS})
        await heard(rig, "anthropic")
        assert (await (await rig.ask(CLAUDE, byok=True)).over()).error is None
        assert upstream.calls[0].headers["x-api-key"] == THEIRS
        assert "authorization" not in upstream.calls[0].headers
        assert not leaked(upstream)


@pytest.mark.parametrize("route", [HAIKU, MISTRAL])
async def test_bedrock_is_signed_with_the_accounts_own_access_key(tmp_path: Path, route: str) -> None:
    async with scene(tmp_path, refusing(400)) as (rig, safe, upstream):
        await safe.put("bedrock", {**AWS, "session_token": "their-session-token"}, **REGION)
        await heard(rig, "bedrock")
        await failed(rig, route)
        headers = upstream.calls[0].headers
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIATHEIRSTHEIRS/")
        assert headers["x-amz-security-token"] == "their-session-token"
        assert not leaked(upstream)


async def test_bedrock_is_called_with_the_accounts_own_api_key(tmp_path: Path) -> None:
    async with scene(tmp_path, refusing(400)) as (rig, safe, upstream):
        await safe.put("bedrock", {"api_key": THEIRS}, **REGION)
        await heard(rig, "bedrock")
        await failed(rig, MISTRAL)
        assert upstream.calls[0].headers["authorization"] == f"Bearer {THEIRS}"


@pytest.mark.parametrize(("route", "region"), [(GEMINI, "northamerica-northeast1"), (VERTEX_CLAUDE, "us")])
async def test_vertex_is_called_in_their_project_by_a_token_their_account_signed(
    tmp_path: Path, route: str, region: str
) -> None:
    async with scene(tmp_path, refusing(400)) as (rig, safe, upstream):
        await safe.put("vertex", service_account(), region=region, project="their-other-project")
        await heard(rig, "vertex")
        await failed(rig, route)
        scheme, _, token = upstream.calls[0].headers["authorization"].partition(" ")
        claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert (scheme, claims["iss"]) == ("Bearer", EMAIL)
        assert claims["scope"] == "https://www.googleapis.com/auth/cloud-platform"
        assert f"/projects/their-other-project/locations/{region}/" in path(upstream.calls[0])
        assert not leaked(upstream)


async def test_azures_address_is_the_catalogues_with_their_resource_in_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("azure", {"api_key": THEIRS}, resource="maple-east")
        await heard(rig, "azure")
        own = await rig.handlers.street.own.of("t_one", rig.handlers.street.ways["azure-ca"])
        assert own.way.base_url == "https://maple-east.openai.azure.com/openai/v1"
        assert own.way.custom  # a resource's name does not say where it lies
        assert isinstance(await failed(rig, AZURE, residency=("CA",)), ResidencyRefused)
        assert not upstream.calls
        assert not rig.egress()


@pytest.mark.parametrize("resource", ["evil.example/", "a.b", "a@b", "", "a" * 64, "A", "a\n"])
async def test_a_slot_can_never_lead_to_another_host(tmp_path: Path, resource: str) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("azure", {"api_key": THEIRS}, resource=resource)
        await heard(rig, "azure")
        assert isinstance(await failed(rig, AZURE), OwnCredentialMissing)
        assert not upstream.calls


@pytest.mark.parametrize(
    ("route", "said"), [(OPENAI, "PUT /api/byok/openai"), (HAIKU, "PUT /api/byok/bedrock"), (QWEN, "none for Self")]
)
async def test_without_a_credential_nothing_is_sent_and_the_sentence_says_what_to_do(
    tmp_path: Path, route: str, said: str
) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("anthropic", {"api_key": THEIRS})
        await safe.put("openai", {"api_key": THEIRS}, tenant="t_other")
        error = await failed(rig, route)
        assert isinstance(error, OwnCredentialMissing)
        assert said in error.message
        assert not upstream.calls
        assert not rig.facts()


async def test_a_credential_for_another_region_opens_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("vertex", service_account(), region="us", project="their-project")
        await heard(rig, "vertex")
        error = await failed(rig, GEMINI)
        assert isinstance(error, OwnCredentialMissing)
        assert "region us" in error.message
        assert not upstream.calls


async def test_an_envelope_of_another_account_does_not_open(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("openai", {"api_key": THEIRS}, of="t_other")
        await heard(rig, "openai")
        assert isinstance(await failed(rig), OwnCredentialMissing)
        assert not upstream.calls


async def test_a_rotation_counts_from_the_next_request_on_and_a_deletion_too(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        own = rig.handlers.street.own
        for key in (THEIRS, THEIRS + "-new"):
            await safe.put("openai", {"api_key": key})
            await until(lambda: own._kept._records.get("t_one.openai") is not None)
            await until(lambda: own._kept._records["t_one.openai"].version == safe.version)
            await (await rig.ask(byok=True)).over()
            assert upstream.calls[-1].headers["authorization"] == f"Bearer {key}"
            assert len(own) == 1
        await safe.delete("openai")
        await heard(rig)
        assert len(own) == 0
        assert isinstance(await failed(rig), OwnCredentialMissing)
        assert len(upstream.calls) == 2


async def test_keys_that_protect_credentials_may_be_rotated_under_a_running_worker(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        safe.ring = turned(safe.ring, bytes)
        safe.path.write_bytes(write_ring(safe.ring))
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        assert (await (await rig.ask(byok=True)).over()).error is None
        safe.path.write_bytes(write_ring(new_ring(lambda size: b"1" * size)))
        assert (await (await rig.ask(byok=True)).over()).error is None  # opened before
        await safe.put("openai", {"api_key": THEIRS})
        await until(lambda: not len(rig.handlers.street.own))
        assert isinstance(await failed(rig), OwnCredentialMissing)
        safe.path.unlink()
        assert isinstance(await failed(rig), RouteUnavailable)
        assert len(upstream.calls) == 2


async def test_a_credential_that_is_wrapped_anew_while_it_is_opened_opens(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        own = rig.handlers.street.own

        async def turn() -> None:
            before = own._kept._records["t_one.openai"]
            await safe.rewrap("openai")
            await until(lambda: own._kept._records["t_one.openai"] is not before)

        own._ring = Meddling(safe.path, before=turn)
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        assert (await (await rig.ask(byok=True)).over()).error is None
        assert upstream.calls[0].headers["authorization"] == f"Bearer {THEIRS}"


@pytest.mark.parametrize("gone", [False, True])
async def test_a_credential_that_is_replaced_while_it_is_opened_is_not_used(tmp_path: Path, gone: bool) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        own = rig.handlers.street.own

        async def replace() -> None:
            if gone:
                await safe.delete("openai")
                await heard(rig)
                return
            await safe.put("openai", {"api_key": THEIRS + "-new"})
            await until(lambda: own._kept._records["t_one.openai"].version == safe.version)

        own._ring = Meddling(safe.path, after=replace)
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        got = await (await rig.ask(byok=True)).over()
        if gone:
            assert isinstance(got.error, OwnCredentialMissing)
        sent = [call.headers["authorization"] for call in upstream.calls]
        assert sent == ([] if gone else [f"Bearer {THEIRS}-new"])


async def test_a_copy_that_is_too_old_lets_nothing_out(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        assert (await (await rig.ask(byok=True)).over()).error is None
        blinded(rig.handlers.street)
        error = await failed(rig)
        assert isinstance(error, BusUnavailable)
        assert error.retryable
        assert len(upstream.calls) == 1


async def test_of_many_accounts_those_that_were_not_heard_of_for_long_make_room(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, _):
        own, way = rig.handlers.street.own, rig.handlers.street.ways["openai"]
        own._most = 3
        for n in range(5):
            await safe.put("openai", {"api_key": THEIRS}, tenant=f"t_{n}")
        await until(lambda: len(own._kept._records) == 5)
        first = [await own.of(f"t_{n}", way) for n in range(3)]
        assert await own.of("t_0", way) is first[0]
        await own.of("t_3", way)
        assert len(own) == 3
        assert await own.of("t_0", way) is first[0]
        assert await own.of("t_1", way) is not first[1]


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_refused_credential_is_told_as_theirs_and_what_the_provider_said_is_not(
    tmp_path: Path, status: int
) -> None:
    async with scene(tmp_path, refusing(status, f"no {THEIRS}")) as (rig, safe, upstream):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        error = await failed(rig)
        assert isinstance(error, OwnCredentialRefused)
        assert "your account's own credential" in error.message
        assert THEIRS not in error.message
        assert not error.retryable
        assert (await rig.only_finished()).error_code == "byok_credential_refused"
        assert rig.finished()[0].billed_nano == 0
        assert len(upstream.calls) == 1


async def test_their_key_is_taken_out_of_whatever_else_a_provider_says(tmp_path: Path) -> None:
    async with scene(tmp_path, refusing(400, f"bad field for key {THEIRS}!")) as (rig, safe, _):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        error = await failed(rig)
        assert "bad field" in error.message
        assert THEIRS not in error.message


async def test_a_service_accounts_key_that_signs_nothing_is_told_as_theirs(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, upstream):
        broken = {**service_account(), "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}
        await safe.put("vertex", broken, region="northamerica-northeast1", project="their-project")
        await heard(rig, "vertex")
        assert isinstance(await failed(rig, GEMINI), OwnCredentialRefused)
        assert not upstream.calls
        assert not rig.egress()


async def test_only_the_routing_fee_is_held_and_charged(tmp_path: Path) -> None:
    async with scene(tmp_path) as (rig, safe, _):
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        for byok in (False, True):
            assert (await (await rig.ask(byok=byok)).over()).error is None
        await rig.settled()
        ours, own = rig.finished()
        route = CATALOG.routes[OPENAI]
        assert own.usage == ours.usage
        assert own.cost_nano == ours.cost_nano > 0
        assert 0 < own.billed_nano < ours.billed_nano
        moment = datetime.fromtimestamp(0, UTC)  # when the rig says that requests came in
        assert own.billed_nano == bill(CATALOG, route, own.usage, moment, byok=True).billed.total_nano
        held = [hold.amount_nano for hold in rig.ledger.holds()]
        assert held[1] * 5 < held[0]
        assert held[1] >= own.billed_nano


async def test_where_the_operator_has_no_credential_an_accounts_own_still_goes_out(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    async with listening(whole) as upstream, working({"OPENAI_BASE_URL": f"{upstream.url}/v1"}, kek_file=file) as rig:
        safe = Safe.at(rig.bus, file)
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        assert (await (await rig.ask(byok=True)).over()).error is None
        assert isinstance((await (await rig.ask()).over()).error, RouteUnavailable)
        assert len(upstream.calls) == 1


async def test_a_credential_never_crosses_a_network_in_the_clear(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    async with working({"OPENAI_BASE_URL": "http://proxy.example/v1"}, kek_file=file) as rig:
        safe = Safe.at(rig.bus, file)
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        assert isinstance(await failed(rig), RouteUnavailable)


async def test_a_worker_that_was_given_no_keys_says_so(tmp_path: Path) -> None:
    async with listening(whole) as upstream, working(dialling(upstream.url)) as rig:
        safe = Safe.at(rig.bus, tmp_path / "kek")
        await safe.put("openai", {"api_key": THEIRS})
        await heard(rig, "openai")
        error = await failed(rig)
        assert isinstance(error, RouteUnavailable)
        assert "NI_KEK_FILE" in error.message
        assert not upstream.calls
