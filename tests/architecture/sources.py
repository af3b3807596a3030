"""The source tree as the walls see it: every module of the house, parsed once, with what it imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOUSE = ("libs", "services", "cli")
GENERATED = "libs/contracts/northern/"


@dataclass(frozen=True, kw_only=True)
class Import:
    """What one import statement names, dotted, wherever in the file it stands."""

    name: str
    line: int

    def is_in(self, package: str) -> bool:
        return self.name == package or self.name.startswith(f"{package}.")


@dataclass(frozen=True, kw_only=True)
class Module:
    """One file. `path` is relative to the root, with slashes; `name` as Python imports it."""

    path: str
    name: str
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def room(self) -> tuple[str, str]:
        """`("libs", "bus")`, `("services", "router")`, `("cli", "")`: the top folder and what stands below it."""
        top, *rest = self.path.split("/")
        return top, rest[0] if top != "cli" and len(rest) > 1 else ""

    def at(self, line: int, sentence: str) -> str:
        """A violation as it is printed: the place, then the rule in words."""
        return f"{self.path}:{line}: {sentence}"


@lru_cache(maxsize=64)
def house(root: Path) -> tuple[Module, ...]:
    """Every hand-written module below libs/, services/ and cli/."""
    return tuple(module for top in HOUSE for module in _below(root, top))


@lru_cache(maxsize=4)
def tests(root: Path) -> tuple[Module, ...]:
    """Every module below tests/."""
    return tuple(_below(root, "tests"))


def _below(root: Path, top: str) -> Iterator[Module]:
    for file in sorted((root / top).rglob("*.py")):
        path = file.relative_to(root).as_posix()
        if not path.startswith(GENERATED):
            yield _parsed(file, path)


def _parsed(file: Path, path: str) -> Module:
    text = file.read_text()
    parts = path.removesuffix(".py").split("/")
    package = parts[:-1]
    if parts[-1] == "__init__":
        parts = package
    tree = ast.parse(text, path)
    found = tuple(_imports(tree, package))
    return Module(path=path, name=".".join(parts), text=text, tree=tree, imports=found)


def _imports(tree: ast.Module, package: list[str]) -> Iterator[Import]:
    """`from a import b` is held as `a.b`, whether b is a module or a name in one: to a wall it is the same."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(name=alias.name, line=node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(name=f"{base}.{alias.name}", line=node.lineno) for alias in node.names)
