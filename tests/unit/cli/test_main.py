"""The `ni` command: help teaches, every verb has an example, a wrong word is answered."""

import importlib

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
