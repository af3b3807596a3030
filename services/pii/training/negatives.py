"""Text without people and places that looks as if it had some: code, JSON, configuration, logs."""

import json
import sysconfig
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from services.pii.training.examples import Labelled
from services.pii.training.values import Values

# json, asyncio, email and http are kept for measuring.
PACKAGES = (
    "unittest",
    "xml",
    "logging",
    "concurrent",
    "importlib",
    "multiprocessing",
    "ctypes",
    "sqlite3",
    "wsgiref",
    "urllib",
    "curses",
    "dbm",
    "collections",
    "encodings",
    "xmlrpc",
    "html",
    "tomllib",
    "re",
    "zoneinfo",
    "lib2to3",
    "idlelib",
    "turtledemo",
    "ensurepip",
    "venv",
)
FILES = (
    "argparse",
    "ast",
    "bdb",
    "calendar",
    "cgi",
    "codecs",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "dis",
    "doctest",
    "enum",
    "fractions",
    "ftplib",
    "functools",
    "gzip",
    "heapq",
    "imaplib",
    "inspect",
    "ipaddress",
    "locale",
    "mailbox",
    "mimetypes",
    "optparse",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "platform",
    "plistlib",
    "poplib",
    "pprint",
    "queue",
    "random",
    "sched",
    "selectors",
    "shelve",
    "shlex",
    "shutil",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "statistics",
    "string",
    "subprocess",
    "tarfile",
    "tempfile",
    "textwrap",
    "threading",
    "timeit",
    "tokenize",
    "trace",
    "traceback",
    "types",
    "typing",
    "uuid",
    "warnings",
    "weakref",
    "zipfile",
)
_SIGNED = (
    "author",
    "copyright",
    "written by",
    "contributed",
    "@",
    "thanks to",
    "maintain",
    "invented by",
    "suggest",
    "guido",
    "knuth",
    "london",
    "paris",
    "york",
)
_KEYS = (
    "id",
    "status",
    "type",
    "role",
    "content",
    "model",
    "temperature",
    "max_tokens",
    "stream",
    "items",
    "data",
    "error",
    "message",
    "code",
    "path",
    "enabled",
    "version",
    "Name",
    "Type",
    "Region",
    "Resource",
    "Action",
    "Effect",
    "displayName",
    "createdAt",
)
_VALUES = (
    "ok",
    "pending",
    "user",
    "assistant",
    "gpt-4o",
    "Active",
    "Error",
    "NotFound",
    "GET",
    "POST",
    "Allow",
    "Standard",
    "claude-sonnet-4",
    "us-east-1",
    "application/json",
    "String",
    "Internal Server Error",
    "UTC",
    "Bearer",
    "AWS::S3::Bucket",
)


def modules() -> Iterator[str]:
    """Source files of the standard library, in a fixed order."""
    library = Path(sysconfig.get_paths()["stdlib"])
    paths = [path for package in PACKAGES for path in sorted((library / package).glob("**/*.py"))]
    for path in (*paths, *(library / f"{name}.py" for name in FILES)):
        if path.exists() and "test" not in path.parts:
            yield path.read_text("utf-8", "replace")


def code(values: Values, count: int) -> list[Labelled]:
    found: list[Labelled] = []
    for text in modules():
        lines = text.split("\n")
        at = 0
        while at < len(lines):
            size = values.chance.randint(3, 14)
            part = "\n".join(lines[at : at + size])
            at += size
            if part.strip() and not any(word in part.lower() for word in _SIGNED):
                found.append(Labelled(text=part, spans=()))
    values.chance.shuffle(found)
    return found[:count]


def objects(values: Values, count: int) -> Iterator[Labelled]:
    for _ in range(count):
        held = {
            values.one(_KEYS): values.chance.choice(
                (True, False, None, values.chance.randint(0, 999), values.one(_VALUES), values.word("tech"))
            )
            for _ in range(values.chance.randint(2, 8))
        }
        yield Labelled(text=json.dumps(held, indent=values.chance.choice((None, 2))), spans=())


def fenced(values: Values, count: int) -> Iterator[Labelled]:
    """Other tongues than Python, put together from parts."""
    snippets = (resources.files(__package__) / "templates" / "code.txt").read_text("utf-8").split("%%")
    for _ in range(count):
        text = values.one(snippets).strip("\n")
        for slot, kind in (("{A}", "tech"), ("{B}", "role"), ("{C}", "heading")):
            text = text.replace(slot, values.word(kind).replace(" ", ""))
        yield Labelled(text=text, spans=())
