"""What a witness has cosigned last of each log: kept so that it is on disk before anybody is told."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import orjson

from libs.tlog.checkpoint import Checkpoint
from libs.tlog.refusals import Refused

_FILE: Final = "seen.json"  # origin → the text of the checkpoint


class Memory:
    """One process's: a second one on the same folder could sign two histories, so it is not let in."""

    def __init__(self, path: Path, seen: dict[str, Checkpoint]) -> None:
        self._path, self._seen = path, seen

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """Raises ValueError where another runs here, or where what is kept cannot be read."""
        with (folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"{folder}: a witness runs on this folder already") from None
            yield cls(folder / _FILE, _read(folder / _FILE))

    def last(self, origin: str) -> Checkpoint | None:
        return self._seen.get(origin)

    def keep(self, head: Checkpoint) -> None:
        """On disk when this returns. Blocks for a sync. Raises OSError: then what was kept before still holds."""
        seen = {**self._seen, head.origin: head}
        fresh = self._path.with_name(f".{self._path.name}.new")
        with fresh.open("wb") as file:
            file.write(orjson.dumps({origin: each.text for origin, each in seen.items()}))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._seen = seen


def _read(path: Path) -> dict[str, Checkpoint]:
    try:
        said = orjson.loads(path.read_bytes())
        return {str(origin): Checkpoint.read(text) for origin, text in said.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError, Refused):
        raise ValueError(f"{path}: cannot be read, and a witness that forgets is none; restore it") from None
