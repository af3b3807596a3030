"""Commands of a guide, found under their headings and run as they stand with only address and key replaced."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.clients.node_suite import typescript
from tests.support.street import Street

_GUIDES = Path(__file__).parents[1] / "user_run_tests" / "integrations"
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"^```(bash|python|ts)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ORIGINS = ("https://northerninference.ca", "https://api.inferbase.ai")
_KEYS = ("ni_live_YOUR_KEY_HERE", "inf_your_api_key")
_NOTHING: Mapping[str, str] = {}

# How a block of each language is started, in the folder that it may use.
_STARTED: Mapping[str, Callable[[Path, str], list[str]]] = {
    "bash": lambda _, text: ["bash", "-euo", "pipefail", "-c", text],
    "python": lambda _, text: [sys.executable, "-c", text],
    "ts": typescript,
}


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A guide and the street its commands are run against, in a folder of its own."""

    file: str
    street: Street
    folder: Path

    def commands(self, heading: str) -> list[str]:
        """As they are written."""
        return [text for _, text in self._sections()[heading]]

    def headings(self) -> dict[str, int]:
        """The sections that have something to run, and how much."""
        return {heading: len(found) for heading, found in self._sections().items() if found}

    async def run(self, heading: str, nth: int = 0, replaced: Mapping[str, str] = _NOTHING) -> str:
        """What the command prints to standard output; AssertionError where any part of it fails."""
        language, text = self._sections()[heading][nth]
        own = dict.fromkeys(_ORIGINS, self.street.base_url) | dict.fromkeys(_KEYS, self.street.api_key)
        for written, meant in {**own, **replaced}.items():
            text = text.replace(written, meant)
        done = await asyncio.to_thread(
            subprocess.run,
            await asyncio.to_thread(_STARTED[language], self.folder, text),
            cwd=self.folder,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NI_API_KEY": self.street.api_key},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _sections(self) -> dict[str, list[tuple[str, str]]]:
        written = (_GUIDES / self.file).read_text()
        return {heading: _BLOCK.findall(section) for heading, section in _SECTION.findall(written)}
