"""Puts a file of the catalogue in the place of an older one."""

import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Whole or not at all: a service that starts meanwhile reads the old file or the new one. Raises OSError."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text)
    made = Path(file.name)
    made.chmod(mode)
    made.replace(path)
