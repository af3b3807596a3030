"""`make fuzz`: every target in a process of its own, and a table of what they did; exit code 1 where one crashed.

FUZZ_SECONDS for each target (60), FUZZ_JOBS at once (one a core), FUZZ_ONLY: names, if not all of them. A corpus grows
from run to run under NI_STATE (.state); inputs that crashed a target stay beside it.
"""

import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.fuzz.targets import TARGETS

LONGEST = 8_192  # bytes of an input
_SLOWEST = 30  # seconds for one input: beyond, something hangs
_LATE = 120  # seconds that a target may take to start and to end, beside its time
_EXECUTED = re.compile(rb"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\s", re.MULTILINE)
_COVERED = re.compile(rb" cov: (\d+) ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """`covered`: places of the fuzzed code that were reached; `crashes`: inputs, kept as files."""

    name: str
    executions: int
    seconds: float
    covered: int
    crashes: tuple[Path, ...]
    ended: int


def fuzz(name: str, seconds: int, state: Path) -> Run:
    home = state / "fuzz" / name
    corpus, seeds, crashes = home / "corpus", home / "seeds", home / "crashes"
    for folder in (corpus, seeds, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for old in seeds.iterdir():
        old.unlink()
    for seed in TARGETS[name].corpus:
        (seeds / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    known = set(crashes.iterdir())
    log = home / "log"
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={_SLOWEST}",
        f"-artifact_prefix={crashes}/",
        "-print_final_stats=1",
    ]
    begun = monotonic()
    with log.open("wb") as out:
        command = [sys.executable, "-m", "tests.fuzz.guided", name, *arguments, str(corpus), str(seeds)]
        try:
            ended = subprocess.run(command, stdout=out, stderr=out, check=False, timeout=seconds + _LATE).returncode
        except subprocess.TimeoutExpired:
            ended = -1
    said = log.read_bytes()
    return Run(
        name=name,
        executions=max((int(a or b) for a, b in _EXECUTED.findall(said)), default=0),
        seconds=monotonic() - begun,
        covered=max(map(int, _COVERED.findall(said)), default=0),
        crashes=tuple(sorted(set(crashes.iterdir()) - known)),
        ended=ended,
    )


def main() -> int:
    seconds = int(os.environ.get("FUZZ_SECONDS", "60"))
    jobs = int(os.environ.get("FUZZ_JOBS", "0")) or os.cpu_count() or 1
    names = os.environ.get("FUZZ_ONLY", "").split() or list(TARGETS)
    state = Path(os.environ.get("NI_STATE", ".state"))
    _say(f"fuzzing {len(names)} targets for {seconds} s each, {jobs} at once")
    with ThreadPoolExecutor(jobs) as pool:
        runs = list(pool.map(lambda name: _told(fuzz(name, seconds, state)), names))
    _say(f"\n{'target':<20}{'executions':>12}{'seconds':>9}{'covered':>9}{'crashes':>9}")
    for run in runs:
        _say(f"{run.name:<20}{run.executions:>12,}{run.seconds:>9.0f}{run.covered:>9}{len(run.crashes):>9}")
    failed = [run for run in runs if run.ended != 0]
    for run in failed:
        _say(f"\n{run.name} ended with {run.ended}; see {state / 'fuzz' / run.name / 'log'}")
        for crash in run.crashes:
            _say(f"  once more: {sys.executable} -m tests.fuzz.guided {run.name} {crash}")
    return 1 if failed else 0


def _told(run: Run) -> Run:
    _say(f"  {run.name}: {'ok' if run.ended == 0 else 'FAILED'}")
    return run


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
