"""Prints what stands out in the sources: long files and functions, full folders, modules without a nameplate."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, Module, house, tests

LONG_FILE, LONG_FUNCTION, FULL_FOLDER = 250, 60, 10


def standing_out(root: Path) -> Iterator[str]:
    """One sentence each; a person judges, nothing is refused."""
    modules = (*house(root), *tests(root))
    for module in modules:
        yield from _in_module(module)
    folders = Counter(module.path.rpartition("/")[0] for module in modules if not module.path.endswith("__init__.py"))
    yield from (f"{folder}/: {n} files (aim: {FULL_FOLDER})" for folder, n in folders.items() if n > FULL_FOLDER)


def _in_module(module: Module) -> Iterator[str]:
    if module.path.endswith("__init__.py"):
        return
    lines = module.text.count("\n")
    if lines > LONG_FILE:
        yield f"{module.path}: {lines} lines (aim: {LONG_FILE})"
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: no nameplate"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONG_FUNCTION:
                yield module.at(node.lineno, f"{node.name}() has {length} lines (aim: {LONG_FUNCTION})")


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in standing_out(ROOT))
