"""`ni pii`: what is personal data in a file, found on this machine, without a gateway and without a model."""

import argparse
import codecs
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from cli.gateway import table

if TYPE_CHECKING:
    from services.pii.entities import Entity

NAME = "pii"
HELP = """\
Find personal data in texts, by the rules and the model that requests with `pii_substitution` go through. Nothing leaves
this machine, and what was found is not printed unless --show-text says so: its place, type and score are.
A policy is a JSON object as in GET /api/policy; without one, every type is looked for.
Exit code 0: nothing was found; 1: something was; 2: the command cannot be carried out, and why.

examples:
  ni pii scan letter.txt
  ni pii scan --json --policy clinic.json notes/*.txt
  git diff | ni pii scan -                     in a hook: exit code 1 stops the commit
"""
_FOUND: Final = 1
_CANNOT: Final = 2
_MOST: Final = 64 << 20
_COLUMNS: Final = ("place", "type", "score", "recognizer")


@dataclass(frozen=True, kw_only=True)
class _Hit:
    file: str
    line: int
    column: int
    entity: "Entity"
    text: str


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    scan = verbs.add_parser("scan", help="find personal data in files; - is standard input")
    scan.add_argument("files", nargs="+", metavar="FILE")
    scan.add_argument("--policy", type=Path, metavar="FILE", help="JSON: which types, allow and deny lists, patterns")
    scan.add_argument("--json", action="store_true", help="a line of JSON for each finding")
    scan.add_argument("--show-text", action="store_true", help="also print what was found")


def run(args: argparse.Namespace) -> int:
    """Scan, print, and say by the exit code whether anything was found."""
    from libs.contracts.errors import InvalidRequest  # noqa: PLC0415 - with the model, only where it is needed

    try:
        detect = _detector(args.policy)
        hits = [hit for name in args.files for hit in _scanned(name, _read(name), detect)]
    except OSError as error:
        return _refuse(f"{error.filename} cannot be read: {error.strerror}")
    except ValueError as error:
        return _refuse(str(error))
    except InvalidRequest as error:
        return _refuse(f"the policy cannot be used: {error.message}")
    if args.json:
        for hit in hits:
            print(orjson.dumps(_shown(hit, text=args.show_text)).decode())
    elif hits:
        heading = (*_COLUMNS, "text") if args.show_text else _COLUMNS
        print(table(heading, [_row(hit, text=args.show_text) for hit in hits]))
    return _FOUND if hits else 0


def _detector(policy: Path | None) -> "Callable[[str], list[Entity]]":
    from services.pii.policies import read_policy  # noqa: PLC0415
    from services.pii.recognizers.detector import load_detector  # noqa: PLC0415
    from services.pii.recognizers.rules import compile_rules  # noqa: PLC0415

    try:
        said = orjson.loads(policy.read_bytes()) if policy else {}
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise ValueError(f"{policy}: a policy is a JSON object")  # noqa: TRY004 - told in a sentence
    rules, detector = compile_rules(read_policy({"id": "scan", **said})), load_detector()
    return lambda text: detector.detect(text, rules)


def _scanned(name: str, text: str, detect: "Callable[[str], list[Entity]]") -> Iterator[_Hit]:
    line, begin = 1, 0
    for entity in detect(text):
        line += text.count("\n", begin, entity.start)
        begin = entity.start
        column = entity.start - text.rfind("\n", 0, entity.start)
        yield _Hit(file=name, line=line, column=column, entity=entity, text=text[entity.start : entity.end])


def _read(name: str) -> str:
    raw = sys.stdin.buffer.read(_MOST + 1) if name == "-" else Path(name).read_bytes()
    if len(raw) > _MOST:
        raise ValueError(f"{name}: larger than {_MOST >> 20} MiB; cut it in pieces")
    # Of two bytes a letter, as Windows writes "Unicode": read as UTF-8 nothing would be found in it.
    encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    return raw.decode(encoding, "replace")


def _shown(hit: _Hit, *, text: bool) -> dict[str, Any]:
    entity = hit.entity
    found = {
        "file": hit.file,
        "line": hit.line,
        "column": hit.column,
        "start": entity.start,
        "end": entity.end,
        "type": str(entity.type),
        "score": round(entity.score, 3),
        "recognizer": entity.recognizer,
    }
    return found | ({"text": hit.text} if text else {})


def _row(hit: _Hit, *, text: bool) -> tuple[str, ...]:
    entity = hit.entity
    cells = (f"{hit.file}:{hit.line}:{hit.column}", str(entity.type), f"{entity.score:.2f}", entity.recognizer)
    return (*cells, " ".join(hit.text.split())) if text else cells


def _refuse(sentence: str) -> int:
    print(f"ni pii: {sentence}", file=sys.stderr)
    return _CANNOT
