"""Commands of a guide, found under their headings and run by bash with only address and key replaced."""

import asyncio
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.street import Street

_GUIDES = Path(__file__).parents[1] / "user_run_tests" / "integrations"
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ORIGINS = ("https://northerninference.ca", "https://api.inferbase.ai")
_KEYS = ("ni_live_YOUR_KEY_HERE", "inf_your_api_key")
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A guide and the street its commands are run against, in a folder of its own."""

    file: str
    street: Street
    folder: Path

    def commands(self, heading: str) -> list[str]:
        """As they are written."""
        sections = dict(_SECTION.findall((_GUIDES / self.file).read_text()))
        return _COMMAND.findall(sections[heading])

    async def run(self, heading: str, nth: int = 0, replaced: Mapping[str, str] = _NOTHING) -> str:
        """What the command prints to standard output; AssertionError where any part of it fails."""
        command = self.commands(heading)[nth]
        own = dict.fromkeys(_ORIGINS, self.street.base_url) | dict.fromkeys(_KEYS, self.street.api_key)
        for written, meant in {**own, **replaced}.items():
            command = command.replace(written, meant)
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NI_API_KEY": self.street.api_key},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
