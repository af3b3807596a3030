"""Puts a file of the catalogue in the place of an older one."""

import os
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Whole or not at all: a service that starts meanwhile reads the old file or the new one. Raises OSError."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(number)
    made = Path(name)
    try:
        made.write_text(text, encoding="utf-8")
        made.chmod(mode)
        made.replace(path)
    except OSError:
        made.unlink()
        raise
