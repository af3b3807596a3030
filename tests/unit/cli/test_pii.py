"""`ni pii scan`: where personal data stands, said without saying it, and by the exit code."""

import io
import sys
from pathlib import Path

import orjson
import pytest

from cli.__main__ import main

MAIL = "zoe.tremblay@clinique.ca"
POLICY = {"types": {"EMAIL": False, "PERSON": False, "LOCATION": False}, "deny": ["Project Heron"]}


def scan(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["pii", "scan", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_file_with_none_is_a_success_without_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("The sky is blue.\n")
    assert scan(str(tmp_path / "a.txt")) == 0
    assert capsys.readouterr().out == ""


def test_places_are_told_and_what_stands_there_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"Dear all,\nwrite to {MAIL}\n")
    assert scan(str(file)) == 1
    shown = capsys.readouterr().out
    assert f"{file}:2:10" in shown
    assert "EMAIL" in shown
    assert MAIL not in shown
    assert scan("--show-text", str(file)) == 1
    assert MAIL in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_file_as_windows_writes_it_is_read(encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""  # the others write it themselves
    (tmp_path / "a.txt").write_text(f"{mark}write to {MAIL}\r\n", encoding=encoding)
    assert scan("--show-text", str(tmp_path / "a.txt")) == 1
    assert MAIL in capsys.readouterr().out


def test_lines_of_json_from_standard_input_under_a_policy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_bytes(orjson.dumps(POLICY))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"Project Heron, {MAIL}".encode())))
    assert scan("--json", "--policy", str(policy), "-") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert {name: orjson.loads(line)[name] for name in ("file", "line", "column", "start", "end", "type")} == {
        "file": "-",
        "line": 1,
        "column": 1,
        "start": 0,
        "end": 13,
        "type": "CUSTOM",
    }


@pytest.mark.parametrize("policy", ["[]", "{", '{"strict":"very"}', '{"patterns":[{"name":"p","regex":"("}]}'])
def test_what_cannot_be_carried_out_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    (tmp_path / "policy.json").write_text(policy)
    (tmp_path / "a.txt").write_text("x")
    assert scan("--policy", str(tmp_path / "policy.json"), str(tmp_path / "a.txt")) == 2
    said = capsys.readouterr().err
    assert said.startswith("ni pii: ")
    assert "policy" in said
    assert scan(str(tmp_path / "none.txt")) == 2
