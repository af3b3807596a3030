"""The `ni` command: help teaches, every verb has an example, a wrong word is answered."""

import importlib
import os
import subprocess
import sys

import pytest

from cli.__main__ import VERBS, main


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
