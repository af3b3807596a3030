"""Secrets are made once, kept, and readable by their owner alone."""

import stat
from pathlib import Path

from libs.contracts.subjects import SERVICES
from libs.embedded.keyring import PEPPER, SESSION_KEY, fill, public_keys, seed_file, store_password


def test_every_service_has_its_own_nkey(tmp_path: Path) -> None:
    fill(tmp_path)
    keys = public_keys(tmp_path)
    assert set(keys) == set(SERVICES)
    assert len(set(keys.values())) == len(SERVICES)
    assert all(key.startswith("U") for key in keys.values())


def test_a_second_start_keeps_what_the_first_made(tmp_path: Path) -> None:
    fill(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fill(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_missing_secret_is_made_without_touching_the_others(tmp_path: Path) -> None:
    fill(tmp_path)
    pepper = (tmp_path / PEPPER).read_bytes()
    seed_file(tmp_path, "router").unlink()
    fill(tmp_path)
    assert (tmp_path / PEPPER).read_bytes() == pepper
    assert seed_file(tmp_path, "router").exists()


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    fill(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o400}


def test_their_forms_are_what_the_services_read(tmp_path: Path) -> None:
    fill(tmp_path)
    assert len(bytes.fromhex((tmp_path / PEPPER).read_text())) == 32
    assert len((tmp_path / SESSION_KEY).read_bytes()) == 32
    assert store_password(tmp_path).isalnum()
