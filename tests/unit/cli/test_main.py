"""The `ni` command: help teaches, every verb has an example, a wrong word is answered."""

import argparse
import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli.__main__ import VERBS, main
from libs.embedded.programs import ROOT


def test_help_says_what_it_is_and_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, _, text in VERBS:
        assert f"  {name:<12}{text}" in shown


def test_an_unknown_verb_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["fly"])
    assert ended.value.code == 2
    assert "there is no verb 'fly'" in capsys.readouterr().err


def test_the_version_is_the_project_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"ni {project['version']}\n"


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, path, _ in VERBS])
def test_every_verb_has_help_with_an_example(name: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "example" in shown
    assert name == importlib.import_module(path).NAME


@pytest.mark.parametrize("words", [["--help"], ["up", "--help"], ["status"]])
def test_a_reader_that_has_seen_enough_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    env = {**os.environ, "NI_STATE": "/nowhere"}
    command = [sys.executable, "-m", "cli", *words]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, env=env, timeout=60, check=False)
    os.close(writing)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode in {141, 1}


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_error(closed: str) -> None:
    env = {**os.environ, "NI_STATE": "/nowhere"}
    command = ["sh", "-c", f"exec {sys.executable} -m cli status {closed}"]
    done = subprocess.run(command, stderr=subprocess.PIPE, env=env, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_terminal_that_has_not_every_letter_is_shown_the_others_as_escapes() -> None:
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "cli", "up", "--help"]
    done = subprocess.run(command, capture_output=True, env=env, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"OPENAI_API_KEY=\\u2026 ni up" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [["--help"], ["status"], ["pii", "--help"]])
def test_an_output_that_is_full_is_told_in_a_sentence(words: list[str]) -> None:
    env = {**os.environ, "NI_STATE": "/nowhere"}
    command = [sys.executable, "-m", "cli", *words]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=env, timeout=60, check=False)
    assert done.returncode == os.EX_IOERR
    assert done.stderr == b"ni: not everything could be written: No space left on device\n"


def test_ctrl_c_ends_a_verb_without_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.status.run", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
