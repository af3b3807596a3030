"""`ni router replay` prints what is known and what is guessed, and refuses files in sentences."""

import shutil
from pathlib import Path

import orjson
import pytest

from cli.__main__ import main
from tests.unit.router.choice.street import CONFIG, OPUS, SMALL
from tests.unit.router.replay.test_replay import row


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["router", "replay", *words])
    return int(str(ended.value.code))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, (row(SMALL), row(OPUS, complexity="complex"), {"routing": None}))))
    return path


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    return Path(shutil.copy(CONFIG / "abilities.toml", tmp_path / "candidate.toml"))


def test_it_says_what_was_measured_and_what_is_estimated(
    log: Path, candidate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--abilities", str(candidate), "--log", str(log), "--pool", SMALL, OPUS) == 0
    said = capsys.readouterr().out
    assert "2 decisions, 2 routes" in said
    assert "measured:" in said
    assert "estimated, not measured" in said


def test_it_prints_json(log: Path, candidate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--abilities", str(candidate), "--log", str(log), "--json") == 0
    assert orjson.loads(capsys.readouterr().out)["rows"] == 2


def test_an_empty_log_is_nothing_to_replay(tmp_path: Path, candidate: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert run("--abilities", str(candidate), "--log", str(tmp_path / "empty")) == 2


@pytest.mark.parametrize("text", ["nonsense", "[1]", '{"routing": {"reason": "utility"}}'])
def test_what_cannot_be_read_is_told_in_a_sentence(
    text: str, tmp_path: Path, candidate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(text)
    assert run("--abilities", str(candidate), "--log", str(tmp_path / "log")) == 1
    assert capsys.readouterr().err.startswith("ni router: ")


def test_without_a_candidate_it_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 1
    assert "--abilities" in capsys.readouterr().err


def test_a_classifier_is_scored_on_labelled_prompts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prompts"
    path.write_bytes(orjson.dumps({"prompt": "hello", "task": "conversation", "complexity": "simple"}))
    weights = "services/router/classifier/data/weights.npz"
    assert run("--prompts", str(path), "--weights", weights) == 0
    assert "both say the same of 100.0%" in capsys.readouterr().out


def test_what_is_in_place_is_the_shipped_catalogue_wherever_one_stands_and_the_variable_s_where_it_is_set(
    log: Path, candidate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NI_CONFIG_DIR", raising=False)
    assert run("--abilities", str(candidate), "--log", str(log)) == 0
    monkeypatch.setenv("NI_CONFIG_DIR", str(tmp_path / "none"))
    assert run("--abilities", str(candidate), "--log", str(log)) == 1
    assert "egresses.toml: it cannot be read" in capsys.readouterr().err
