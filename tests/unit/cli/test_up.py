"""What `ni up` does while it runs that needs no process."""

import os
from pathlib import Path

from cli.up import Note
from libs.embedded.logs import Console
from libs.embedded.state import read_json
from libs.embedded.street import StreetSettings, opened


def test_a_disk_that_is_full_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with opened(StreetSettings(state=tmp_path, port=0), {}) as street:
        note = Note(street=street, console=Console(writing, colour=False))
        street.state.running.mkdir()  # cannot be replaced by a file
        note.write({})
        note.write({})
        street.state.running.rmdir()
        note.write({})
        assert read_json(street.state.running)["url"] == street.url
    os.close(writing)
    with os.fdopen(reading) as console:
        assert console.read().count("ports.json cannot be written") == 1
