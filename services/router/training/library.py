"""Code to ask about: functions of Python's standard library, and their beginnings that wait to be written."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

# Plain Python of many authors and habits; the text is used as examples and not kept.
_MODULES = (
    "bisect", "calendar", "colorsys", "configparser", "copy", "csv", "difflib", "fractions", "heapq", "html.parser",
    "ipaddress", "mimetypes", "netrc", "pprint", "random", "shlex", "shutil", "statistics", "string", "tabnanny",
    "textwrap", "tokenize", "urllib.parse", "zipfile", "json.decoder", "email.utils", "functools", "glob", "fileinput",
    "quopri", "reprlib", "sched", "stat", "tarfile", "timeit", "trace", "wave",
)  # fmt: skip
_LINES = (4, 40)


def functions() -> list[tuple[str, str]]:
    """(the whole function, its signature and docstring alone), in a fixed order."""
    return [one for name in _MODULES for one in _of(name)]


def _of(name: str) -> Iterator[tuple[str, str]]:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None or not found.origin.endswith(".py"):
        return
    text = Path(found.origin).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("__"):
            continue
        whole = ast.get_source_segment(text, node) or ""
        if not _LINES[0] <= whole.count("\n") <= _LINES[1]:
            continue
        yield whole, _stub(node)


def _stub(node: ast.FunctionDef) -> str:
    """Empty where there is no docstring to say what is wanted."""
    doc = ast.get_docstring(node)
    if not doc:
        return ""
    inside = doc.replace("\n", "\n    ")
    return f'def {node.name}({ast.unparse(node.args)}):\n    """{inside}\n    """\n'
