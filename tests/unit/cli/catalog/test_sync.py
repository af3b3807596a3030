"""`ni catalog sync` against the providers' list APIs on loopback, through the vendors' own clients."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from libs.catalog.load import load
from tests.unit.cli.lists import Lists, service_account, serving

ROOT = Path(__file__).resolve().parents[4]
BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}

Sync = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lists() -> Iterator[Lists]:
    with serving() as made:
        yield made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return copytree(ROOT / "infra" / "config", tmp_path / "config")


@pytest.fixture
def sync(config: Path) -> Sync:
    """A process of its own: the vendors' clients are heavy, and warn."""

    def _sync(environ: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli", "catalog", "sync", "--config", str(config), *options]
        return subprocess.run(
            command, cwd=ROOT, env={**BARE, **environ}, capture_output=True, text=True, timeout=60, check=False
        )

    return _sync


def openai(lists: Lists) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sample", "OPENAI_BASE_URL": f"{lists.url}/openai/v1"}


def anthropic(lists: Lists) -> dict[str, str]:
    return {"ANTHROPIC_API_KEY": "sample", "ANTHROPIC_BASE_URL": f"{lists.url}/anthropic"}


def bedrock(lists: Lists) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "sample", "AWS_ENDPOINT_URL_BEDROCK": lists.url}


def standings(shown: str) -> dict[tuple[str, str], str]:
    findings: list[dict[str, Any]] = json.loads(shown)["findings"]
    return {(one["egress"], one["model"]): one["standing"] for one in findings}


def test_every_model_has_its_standing_over_openai_anthropic_and_bedrock(lists: Lists, sync: Sync) -> None:
    ran = sync({**openai(lists), **anthropic(lists), **bedrock(lists)}, "--json")
    assert ran.returncode == 0, ran.stderr
    known, found, gone = "callable, in the catalogue", "callable, unknown", "in the catalogue, not callable"
    standing = standings(ran.stdout)
    expected = {
        ("openai", "gpt-4.1"): known,
        ("openai", "gpt-5-nano"): found,
        ("openai", "text-embedding-3-large"): "callable, not for chat",
        ("openai", "gpt-5"): gone,
        ("anthropic", "claude-haiku-4-5-20251001"): known,
        ("anthropic", "claude-opus-4-8"): known,  # on the second page
        ("anthropic", "claude-sonnet-5"): found,
        ("anthropic", "claude-opus-4-7"): gone,
        ("bedrock-ca", "mistral.mistral-large-2402-v1:0"): known,
        ("bedrock-ca", "amazon.nova-lite-v1:0"): found,
        ("bedrock-ca", "meta.llama3-70b-instruct-v1:0"): gone,
        ("bedrock-global", "global.anthropic.claude-opus-4-8"): known,
        ("bedrock-us", "us.anthropic.claude-sonnet-4-6"): found,
    }
    assert {key: standing.get(key) for key in expected} == expected
    assert "azure-ca: not asked: Azure is not set up here" in ran.stderr
    assert lists.asked.count("/inference-profiles") == 1  # one account, three ways out


def test_vertex_is_asked_model_by_model_since_its_list_is_no_promise(lists: Lists, sync: Sync, tmp_path: Path) -> None:
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(service_account(tmp_path, lists.url)),
        "GOOGLE_VERTEX_BASE_URL": lists.url,
    }
    ran = sync(environ, "--json")
    assert ran.returncode == 0, ran.stderr
    standing = standings(ran.stdout)
    assert standing["vertex-ca", "gemini-2.5-pro"] == "callable, in the catalogue"
    assert standing["vertex-us", "claude-opus-4-8"] == "callable, in the catalogue"
    assert standing["vertex-us", "gemini-2.5-pro"] == "callable, unknown"
    assert ("vertex-ca", "claude-opus-4-8") not in standing  # listed, and not to be called in Montréal
    assert not {model for _, model in standing} & {"gemini-3-flash", "imagen-4"}


def test_what_is_written_loads_and_is_refused_under_a_residency(lists: Lists, sync: Sync, config: Path) -> None:
    ran = sync({**openai(lists), **bedrock(lists)}, "--write")
    assert ran.returncode == 0, ran.stderr
    assert "3 routes, 3 prices appended" in ran.stdout
    catalog = load(config)
    route = catalog.routes["bedrock/us.anthropic.claude-sonnet-4-6-us"]
    assert (route.family, route.processing.jurisdictions) == ("claude-sonnet-4-6", ())
    before = (config / "routes" / "found.toml").read_text()
    again = sync({**openai(lists), **bedrock(lists)}, "--write")
    assert again.stdout.endswith("nothing to write\n")
    assert (config / "routes" / "found.toml").read_text() == before


def test_the_table_says_which_family_and_price_a_found_model_would_get(lists: Lists, sync: Sync) -> None:
    ran = sync(openai(lists))
    line = next(line for line in ran.stdout.splitlines() if " gpt-5-nano " in line)
    assert line.split() == ["callable,", "unknown", "openai", "gpt-5-nano", "gpt-5", "imported"]


def test_a_provider_that_refuses_is_told_and_the_others_are_shown(lists: Lists, sync: Sync) -> None:
    lists.failing["/openai"] = 401
    ran = sync({**openai(lists), **anthropic(lists)}, "--json")
    assert ran.returncode == 1
    assert "openai: The provider refused the gateway's own credential" in ran.stderr
    assert json.loads(ran.stdout)["silent"] == ["openai"]
    assert ("anthropic", "claude-sonnet-5") in standings(ran.stdout)
    assert "sample" not in ran.stderr


def test_one_way_out_alone_is_asked_where_it_is_named(lists: Lists, sync: Sync) -> None:
    ran = sync({**openai(lists), **bedrock(lists)}, "--egress", "bedrock-us", "--json")
    assert {egress for egress, _ in standings(ran.stdout)} == {"bedrock-us"}
    assert "/openai/v1/models" not in lists.asked


def test_where_nothing_is_set_up_the_variables_are_named(sync: Sync) -> None:
    ran = sync({})
    assert ran.returncode == 3
    assert "openai: not asked: OpenAI is not set up here: the operator has to set OPENAI_API_KEY" in ran.stderr
    assert sync({}, "--egress", "mars").stderr.startswith("ni catalog sync: there is no egress 'mars'; there are: ")
