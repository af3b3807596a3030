"""The log: JSON lines whose fields are on a list; what is not on it leaves its name and never its value."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.embedded.programs import ROOT
from libs.telemetry.log import FIELDS, _only_allowed

SAMPLE = """\
import logging
from libs.telemetry.log import configure, logger

configure("sample", "info")
log = logger()
log.info("request_completed", request_id="r", status=200, body="hunter2", api_key=["hunter2"])
log.debug("too_quiet")
try:
    raise ValueError("hunter2")
except ValueError:
    log.exception("fell", error_type="ValueError", path=__file__)
logging.getLogger("somebody.else").error("hunter2")
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("log") / "sample.py"
    path.write_text(SAMPLE)
    env = {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True, check=True)
    return ended.stdout + ended.stderr


def test_a_line_is_json_with_time_level_and_service(said: str) -> None:
    first = json.loads(said.splitlines()[0])
    assert (first["event"], first["level"], first["service"]) == ("request_completed", "info", "sample")
    assert first["time"].endswith("Z")
    assert (first["request_id"], first["status"]) == ("r", 200)


def test_a_field_that_is_not_on_the_list_leaves_its_name_and_not_its_value(said: str) -> None:
    assert json.loads(said.splitlines()[0])["dropped"] == ["api_key", "body"]
    assert "hunter2" not in said


def test_neither_tracebacks_nor_other_peoples_loggers_nor_quiet_levels_are_in_it(said: str) -> None:
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["request_completed", "fell"]
    assert "Traceback" not in said


def test_what_is_on_the_list_passes_as_it_is() -> None:
    line = dict.fromkeys(FIELDS, 1)
    assert _only_allowed(None, "", dict(line)) == line


def logged_fields() -> Iterator[tuple[str, int, str]]:
    """Every keyword of every call on a logger in what is shipped."""
    for folder in ("libs", "services", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _is_log(node.func):
                    yield from ((_name(path), node.lineno, k.arg or "**") for k in node.keywords)


def _is_log(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in ("debug", "info", "warning", "error", "exception"):
        return False
    on = called.value
    return (isinstance(on, ast.Call) and isinstance(on.func, ast.Name) and on.func.id == "logger") or (
        isinstance(on, ast.Name) and on.id in ("log", "_log")
    )


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_field_that_is_logged_anywhere_is_on_the_list() -> None:
    found = list(logged_fields())
    assert len(found) > 40
    assert [one for one in found if one[2] not in FIELDS] == []
