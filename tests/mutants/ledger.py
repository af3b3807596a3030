"""Plants faults in a copy of the ledger's core and shows which test finds each: `python -m tests.mutants.ledger`."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants.ledger_faults import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / "libs" / "ledger"
TESTS = Path("tests") / "unit" / "ledger"
_FAILED = re.compile(r"^FAILED \S*/(\S+::\S+)", re.MULTILINE)


# Where one failure is enough, nothing is gained by looking for its simplest form.
CONFTEST = """
from hypothesis import Phase, settings

settings.register_profile(
    "hunt", deadline=None, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
settings.load_profile("hunt")
"""


def plant(mutant: Mutant, ledger: Path) -> None:
    """Change the copy. SystemExit where the code has moved on and the fault no longer fits."""
    text = (LEDGER / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(
            f"{mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times: change tests/mutants/ledger.py"
        )
    (ledger / mutant.file).write_text(text.replace(mutant.old, mutant.new))


def found_by(copy: Path, tests: Sequence[str]) -> str:
    """The first test that fails in the copy; "" when none does."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=1")
    files = [str(TESTS / name) for name in tests]
    command = [sys.executable, "-B", "-m", "pytest", *options, *files]
    run = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=300)
    failed = _FAILED.search(run.stdout)
    if run.returncode == 1 and failed:
        return failed.group(1)
    if run.returncode:
        raise SystemExit(f"pytest did not run:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return ""


def hunt(copy: Path, tests: Sequence[str]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with the test that found it."""
    for part in ("libs/__init__.py", "libs/contracts", "libs/ledger", str(TESTS), "pyproject.toml"):
        source, target = ROOT / part, copy / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (copy / TESTS / "conftest.py").write_text(CONFTEST)
    if found := found_by(copy, tests):
        raise SystemExit(f"{found} fails without any fault planted")
    for mutant in MUTANTS:
        plant(mutant, copy / "libs" / "ledger")
        yield mutant, found_by(copy, tests)
        shutil.copy(LEDGER / mutant.file, copy / "libs" / "ledger" / mutant.file)


def main() -> None:
    """One line a mutant; exit code 1 if one survives. Arguments: the only test files to hunt with."""
    survivors = 0
    tests = sys.argv[1:] or sorted((p.name for p in (ROOT / TESTS).glob("test_*.py")), key="test_machine.py".__eq__)
    with tempfile.TemporaryDirectory() as tmp:
        for mutant, found in hunt(Path(tmp), tests):
            survivors += not found
            sys.stdout.write(f"{'SURVIVED' if not found else 'found'}  the ledger that {mutant.says}: {found}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(MUTANTS)} faults planted, {survivors} survived\n")
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
