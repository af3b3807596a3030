"""What the kernel says of processes: CPU time, memory, the processors they may use; and putting them there."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STREET_CPU = 0
LOAD_CPU = 1
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@contextmanager
def on_cpu(cpu: int) -> Iterator[None]:
    """Children started meanwhile run on this processor and stay there, whatever they start themselves."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The processes that are counted, by name. What a counted process starts counts as itself."""

    roots: Mapping[str, int]

    def cpu(self) -> dict[str, float]:
        """Seconds of user and system time so far, by name."""
        return {name: sum(_cpu(pid) for pid in pids) for name, pids in self._pids().items()}

    def pss(self) -> dict[str, int]:
        """Proportional set size in kB, by name: shared pages are divided among those who share them."""
        return {name: sum(_pss(pid) for pid in pids) for name, pids in self._pids().items()}

    def rss(self) -> dict[str, int]:
        """Resident set size in kB, by name."""
        return {name: sum(_rss(pid) for pid in pids) for name, pids in self._pids().items()}

    def strays(self, cpu: int) -> list[str]:
        """Names of those with a thread that may run elsewhere than on `cpu`."""
        return [name for name, pids in self._pids().items() if not all(_pinned(pid, cpu) for pid in pids)]

    def _pids(self) -> dict[str, list[int]]:
        parents = dict(_parents())
        names = {pid: name for name, pid in self.roots.items()}
        found: dict[str, list[int]] = {name: [] for name in self.roots}
        for pid in parents:
            at = pid
            while at in parents and at not in names:
                at = parents[at]
            if at in names:
                found[names[at]].append(pid)
        return found


def _parents() -> Iterable[tuple[int, int]]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                yield int(entry.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    """Fields of /proc/pid/stat from `state` on (proc(5)); empty for a process that is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def _pss(pid: int) -> int:
    return _kb(pid, "smaps_rollup", "Pss:")


def _rss(pid: int) -> int:
    return _kb(pid, "status", "VmRSS:")


def _kb(pid: int, file: str, name: str) -> int:
    try:
        lines = (_PROC / str(pid) / file).read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _pinned(pid: int, cpu: int) -> bool:
    threads = (int(entry.name) for entry in (_PROC / str(pid) / "task").iterdir())
    return all(os.sched_getaffinity(thread) == {cpu} for thread in threads)


def busy(cpu: int) -> float:
    """Seconds a processor has spent in user and system time, whoever used it (proc(5), /proc/stat)."""
    lines = (_PROC / "stat").read_text().splitlines()
    user, nice, system = next(line.split()[1:4] for line in lines if line.startswith(f"cpu{cpu} "))
    return (int(user) + int(nice) + int(system)) / _TICKS
