"""The walls inside a room: what a domain may touch, what an import may do, and what each thing may be called."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.imports import DOORLESS, DOORS
from tests.architecture.sources import Module, house, tests

# What a domain.py may not import: clocks, chance, files, processes, sockets, logs, and our own doors to them.
IMPURE = frozenset(
    """
    asyncio aiohttp socket ssl select selectors http urllib.request subprocess multiprocessing threading signal
    time random secrets os io pathlib shutil tempfile logging sys
    libs.bus libs.store libs.runtime libs.telemetry libs.projection libs.embedded
    """.split()
) | frozenset(DOORS)
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})
CLOCKS = frozenset({"now", "utcnow", "today", "uuid1", "uuid4"})  # of datetime, date and uuid

NO_NAMES = frozenset("common util utils helper helpers core misc".split())

SUBJECTS_LIVE_IN = "libs/contracts/subjects.py"
_SUBJECT = re.compile(r"(ni|ev)\.[a-z*>{]")

# The environment is read by the settings; the command line and the supervisor hand it on; a worker reads credentials
# under the names that the vendors gave them.
ENVIRONMENT_AT = (
    "libs/runtime/settings.py",
    "libs/embedded/",
    "cli/",
    "services/worker/upstream/ways_out.py",
    "services/pii/training/",  # no service: commands that read labelled sets from NI_DATA, as tests do
    "services/router/training/",
)
AT_IMPORT = frozenset(
    "open connect create_connection get_event_loop new_event_loop run Popen urlopen read_text read_bytes".split()
)


def impure_domains(root: Path) -> list[str]:
    """A domain.py that waits, or touches a clock, chance, a file, a socket, a log or an SDK."""
    return [
        module.at(line, f"{what}: a domain.py decides from values alone")
        for module in house(root)
        if module.path.endswith("/domain.py")
        for line, what in sorted(_impurities(module))
    ]


def full_inits(root: Path) -> list[str]:
    """An __init__.py with something in it: one imports from the file where the thing lives."""
    return [
        module.at(1, "an __init__.py is empty: import from the file where the thing lives")
        for module in (*house(root), *tests(root))
        if module.path.endswith("__init__.py") and module.text.strip()
    ]


def nameless(root: Path) -> list[str]:
    """A folder or file called by what it is not: common, utils, helpers, core, misc."""
    return [
        module.at(1, f"called {name!r}: a room is named by what it does")
        for module in (*house(root), *tests(root))
        for name in module.path.removesuffix(".py").split("/")
        if name in NO_NAMES
    ]


def homemade_subjects(root: Path) -> list[str]:
    """A subject of the bus written down outside the catalogue that permissions are generated from."""
    return [
        module.at(node.lineno, f"builds the subject {node.value!r}: subjects are made in {SUBJECTS_LIVE_IN}")
        for module in house(root)
        if module.path != SUBJECTS_LIVE_IN
        for node in _texts(module.tree)
        if isinstance(node.value, str) and _SUBJECT.match(node.value)
    ]


def environment(root: Path) -> list[str]:
    """The environment read where it may not be, or already at import."""
    found: list[str] = []
    for module in house(root):
        at_import = {id(node) for node in _at_import(module.tree)}
        for node in ast.walk(module.tree):
            if not _is_environ(node):
                continue
            line = getattr(node, "lineno", 1)
            if not module.path.startswith(ENVIRONMENT_AT):
                found.append(module.at(line, "reads the environment: a service reads it once, in its settings"))
            elif id(node) in at_import:
                found.append(module.at(line, "reads the environment at import: read it when the program starts"))
    return found


def work_at_import(root: Path) -> list[str]:
    """A file, a connection, a process or an event loop opened because somebody imported the module."""
    return [
        module.at(node.lineno, f"calls {name}() at import: nothing is opened before build()")
        for module in house(root)
        for node in _at_import(module.tree)
        if isinstance(node, ast.Call) and (name := _called(node)) in AT_IMPORT
    ]


def _impurities(module: Module) -> Iterator[tuple[int, str]]:
    for used in module.imports:
        if any(used.is_in(name) for name in IMPURE) and not any(used.is_in(name) for name in DOORLESS):
            yield used.line, f"imports {used.name}"
    for node in ast.walk(module.tree):
        match node:
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                yield node.lineno, "waits"
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield node.lineno, f"calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
                yield node.lineno, f"calls {name}()"


def _texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every string of the code, f-strings' first pieces included; docstrings and other loose sentences are not code."""
    loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in loose)


def _is_environ(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "getenvb" | "putenv"):
            return True
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in {"environ", "environb", "getenv"} for alias in names)
    return False


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: everything but the insides of functions and of `if __name__ == …`."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            inside: list[ast.AST] = [
                *node.decorator_list,
                *node.args.defaults,
                *(d for d in node.args.kw_defaults if d),
            ]
        case ast.Lambda():
            inside = [*node.args.defaults]
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            inside = []
        case _:
            inside = list(ast.iter_child_nodes(node))
    for child in inside:
        yield child
        yield from _at_import(child)
