"""Which process this is, as it states itself on record: its role, its boot id, what it runs and where it stands."""

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

from libs.contracts.northern.v1.envelope_pb2 import Hop
from libs.runtime.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_SHOWN = 40  # digits, as Git has them
_SOURCES = ("libs", "services")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One process of the street. `place` is its operator's word."""

    role: str
    node: str
    build: str
    place: str = ""

    @classmethod
    def of(cls, settings: Settings, role: str, node: str) -> Self:
        return cls(role=role, node=node, build=settings.build or source_digest(), place=settings.place)

    def hop(self) -> Hop:
        """Its statement that it has a request in hand now."""
        at_ms = time.time_ns() // 1_000_000
        return Hop(role=self.role, node=self.node, build=self.build, place=self.place, at_ms=at_ms)


@lru_cache(maxsize=1)
def source_digest(root: Path = _ROOT) -> str:
    """`source:` and the head of the SHA-256 over every file of Python here: path, length and bytes.

    An image holds one service alone, so two of its rooms differ.
    """
    digest = hashlib.sha256()
    for path in sorted(each for name in _SOURCES for each in (root / name).rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return f"source:{digest.hexdigest()[:_SHOWN]}"
