"""`ni nats-users`: a list for the broker, or a sentence about the folder."""

from pathlib import Path

import pytest

from cli.__main__ import main
from libs.contracts.subjects import SERVICES


def ended(folder: Path) -> int:
    with pytest.raises(SystemExit) as raised:
        main(["nats-users", "--seeds", str(folder)])
    assert isinstance(raised.value.code, int)
    return raised.value.code


def test_every_service_has_a_seed_that_stays_and_a_line_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(tmp_path) == 0
    first = capsys.readouterr().out
    seeds = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert set(seeds) == {f"{name}.nk" for name in SERVICES}
    assert not [seed for seed in seeds.values() if seed in first]
    assert ended(tmp_path) == 0
    assert capsys.readouterr().out == first


def test_a_folder_that_cannot_be_used_is_said_and_nothing_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert ended(tmp_path / "file") == 1
    assert ended(tmp_path / "file" / "below") == 1
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "router.nk").write_text("SUNOTHING")
    assert ended(seeds) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("cannot be used") == 2
    assert "router.nk holds no nkey seed" in shown.err
    assert "SUNOTHING" not in shown.err
