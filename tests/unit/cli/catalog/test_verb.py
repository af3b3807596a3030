"""`ni catalog import` and `check`: what they write, what they refuse, what they end with."""

import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from cli.__main__ import main
from libs.catalog.upkeep import imported
from tests.unit.cli.lists import Lists, serving

ROOT = Path(__file__).resolve().parents[4]
UPSTREAM = json.dumps(
    {
        "gpt-x": {
            "litellm_provider": "openai",
            "max_input_tokens": 1000,
            "input_cost_per_token": 1e-6,
            "output_cost_per_token": 2e-6,
        },
        "gpt-y": {"litellm_provider": "openai", "input_cost_per_token": 1.0},
    }
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return copytree(ROOT / "infra" / "config", tmp_path / "config")


@pytest.fixture
def lists() -> Iterator[Lists]:
    with serving() as made:
        yield made


def ended(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["catalog", *words])
    assert isinstance(end.value.code, int)
    return end.value.code


def test_an_import_from_a_file_touches_nothing_but_its_own(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in config.rglob("*.toml")}
    (tmp_path / "prices.json").write_text(UPSTREAM)
    words = ("--source", "a reseller", "--date", "2026-11-01", "--config", str(config))
    assert ended("import", "--from", str(tmp_path / "prices.json"), *words) == 0
    out, err = capsys.readouterr()
    assert "335 models, 1 new, 0 changed" in out
    assert err.startswith("refused 'gpt-y': its price of input is not between 0 and 10000")
    entry = imported.read(config)["openai", "gpt-x"]
    assert (entry.input, entry.source, str(entry.checked), entry.verified) == ("1", "a reseller", "2026-11-01", False)
    after = {path: path.read_bytes() for path in config.rglob("*.toml")}
    assert {path.name for path in after if after[path] != before.get(path)} == {"imported.toml"}
    assert ended("import", "--from", str(tmp_path / "prices.json"), *words) == 0
    assert {path: path.read_bytes() for path in config.rglob("*.toml")} == after
    assert {path.name for path in config.iterdir()} == {path.name for path in (ROOT / "infra" / "config").iterdir()}


def test_an_import_from_an_address_names_it_as_the_source(config: Path, lists: Lists) -> None:
    lists.files["/prices.json"] = UPSTREAM.encode()
    address = f"{lists.url}/prices.json"
    assert ended("import", "--from", address, "--config", str(config)) == 0
    assert imported.read(config)["openai", "gpt-x"].source == address


def greeted(other: socket.socket) -> None:
    """What a broker says to whoever connects."""
    with other.accept()[0] as connection:
        connection.sendall(b"INFO {}\r\n")


def test_a_place_where_something_else_answers_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        answering = threading.Thread(target=greeted, args=(other,))
        answering.start()
        address = f"http://127.0.0.1:{other.getsockname()[1]}/prices.json"
        assert ended("import", "--from", address, "--config", str(config)) == 1
        answering.join()
    assert "what answers there is not HTTP" in capsys.readouterr().err


def test_a_list_for_which_there_is_no_room_leaves_the_catalogue_as_it_was(config: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in config.rglob("*") if path.is_file()}
    (tmp_path / "prices.json").write_text(UPSTREAM)
    command = [sys.executable, "-m", "cli", "catalog", "import"]
    words = ["--from", str(tmp_path / "prices.json"), "--config", str(config)]

    def almost_no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    done = subprocess.run([*command, *words], capture_output=True, text=True, preexec_fn=almost_no_room, check=False)
    assert done.returncode == 1
    assert f"{config / imported.FILE} cannot be written: File too large" in done.stderr
    assert {path: path.read_bytes() for path in config.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        ("http://example.invalid/prices.json", "only files, https addresses and this machine are read"),
        ("ftp://127.0.0.1/prices.json", "only files, https addresses and this machine are read"),
        ("/nonexistent/prices.json", "No such file or directory"),
        ("https://[127.0.0.1/prices.json", "Invalid IPv6 URL"),
        ("https://two words/prices.json", "control characters"),
        ("http://127.0.0.1:port/prices.json", "nonnumeric port"),
        ("{url}/v9", "it answered 404"),
        ("{url}/page", "it is not JSON"),
        ("{url}/empty", "no model of a provider that is dialled here could be read"),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_is_written(
    config: Path, lists: Lists, capsys: pytest.CaptureFixture[str], origin: str, sentence: str
) -> None:
    lists.files |= {"/page": b"<html>", "/empty": b'{"a": {"litellm_provider": "groq"}}'}
    before = (config / imported.FILE).read_bytes()
    assert ended("import", "--from", origin.format(url=lists.url), "--config", str(config)) == 1
    assert sentence in capsys.readouterr().err
    assert (config / imported.FILE).read_bytes() == before


def test_a_valid_catalogue_is_said_to_be_valid_with_what_stands_out(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended("check", "--config", str(config)) == 0
    out = capsys.readouterr().out
    assert "price azure-gpt-4o-regional.2024-11: unverified" in out
    assert out.splitlines()[-1].startswith("valid: 30 routes, 9 egresses")
    assert ended("check", "--config", str(config), "--strict") == 3
    assert ended("check", "--config", str(config), "--json") == 0
    shown = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    assert shown["routes"] == 30
    assert {"about", "sentence"} == set(shown["remarks"][0])


def test_a_check_against_another_folder_says_what_an_edit_would_change(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = copytree(config, tmp_path / "edited")
    azure = edited / "routes" / "azure.toml"
    azure.write_text(azure.read_text().replace('"azure/gpt-4o-ca"', '"azure/gpt-4o-east-ca"'))
    words = ("check", "--config", str(edited), "--against", str(config))
    assert ended(*words) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "change" in line]
    assert lines[0].startswith("change: azure/gpt-4o-ca: taken out")
    assert lines[1] == "change: azure/gpt-4o-east-ca: new"
    assert lines[2].startswith("2 changes; catalogue ")
    assert ended(*words, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["changes"]) == 2
    (config / "prices.toml").unlink()
    assert ended(*words) == 1
    assert f"the catalogue in {config} is not valid: prices.toml" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "import", "sync"])
def test_a_catalogue_that_is_not_valid_ends_every_verb_with_its_problems(
    config: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    (config / "prices.toml").write_text("[[price]]\n")
    assert ended(verb, "--config", str(config)) == 1
    err = capsys.readouterr().err
    assert "prices.toml: price number 1: id: Field required" in err
    assert err.splitlines()[-1] == f"ni catalog {verb}: the catalogue in {config} is not valid"


def test_a_spoilt_import_is_told_by_the_check(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / imported.FILE).write_text("imported = 1")
    assert ended("check", "--config", str(config)) == 1
    assert "imported.toml: it holds one list" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "import", "sync"])
def test_every_part_has_help_with_examples_and_exit_codes(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert f"examples:\n  ni catalog {verb}" in shown
    assert "Exit code 0" in shown
