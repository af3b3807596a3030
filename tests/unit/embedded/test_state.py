"""The state folder: one street at a time, ports nobody else takes, files that are whole."""

import os
import socket
from pathlib import Path

import pytest

from libs.embedded.state import (
    AlreadyRuns,
    State,
    alive,
    free_ports,
    lock_holder,
    read_json,
    take_lock,
    write_atomically,
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(root=tmp_path / "street")
    state.prepare()
    return state


def test_a_second_street_on_the_folder_learns_who_runs(state: State) -> None:
    fd = take_lock(state, "http://127.0.0.1:8080")
    with pytest.raises(AlreadyRuns) as caught:
        take_lock(state, "http://127.0.0.1:9090")
    os.close(fd)
    assert (caught.value.pid, caught.value.url) == (os.getpid(), "http://127.0.0.1:8080")


def test_the_lock_goes_with_its_last_holder_whatever_the_file_says(state: State) -> None:
    fd = take_lock(state, "http://first")
    inherited = os.dup(fd)
    os.close(fd)
    assert lock_holder(state) == {"pid": os.getpid(), "url": "http://first"}
    os.close(inherited)
    assert lock_holder(state) is None
    os.close(take_lock(state, "http://second"))


def test_a_folder_where_nothing_ever_ran_has_no_holder(tmp_path: Path) -> None:
    assert lock_holder(State(root=tmp_path)) is None


def test_the_folder_is_closed_to_others(state: State) -> None:
    assert {path.stat().st_mode & 0o777 for path in (state.root, state.secrets, state.logs, state.nats)} == {0o700}


def test_ports_differ_are_free_and_lie_below_the_ephemeral_range() -> None:
    ports = free_ports(12)
    assert len(set(ports)) == 12
    for port in ports:
        assert port < 32_768
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    write_atomically(path, b'{"a": 1}')
    write_atomically(path, b'{"a": 2}')
    assert read_json(path) == {"a": 2}
    assert list(tmp_path.iterdir()) == [path]
    assert read_json(tmp_path / "absent") == {}


def test_a_file_that_cannot_be_replaced_stays_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    held = tmp_path / "ports.json"
    held.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(held, b"{}")
    assert list(tmp_path.iterdir()) == [held]


def test_a_folder_that_is_a_file_has_no_holder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert lock_holder(State(root=tmp_path / "file")) is None


def test_a_process_that_is_gone_is_not_alive() -> None:
    assert alive(os.getpid())
    assert not alive(2**22 + 1)


def test_below_a_file_there_is_no_object_to_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert read_json(State(root=tmp_path / "file").running) == {}
