"""The pages: their links lead somewhere, what they tell to type exists, and lists that follow the code are whole."""

import importlib
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from cli.__main__ import VERBS
from libs.runtime.settings import Settings
from libs.store.base import StoreSettings
from libs.telemetry.metrics import LABELS, CounterName, GaugeName, HistogramName

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("infra/**/*.md")])
OF_SERVICES = ("ingress", "pii", "worker", "billing", "custody", "accounts", "sandbox")


@lru_cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    """Targets of links to our own files, code blocks left out."""
    prose = re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """Headings as the pages' readers turn them into anchors."""
    headings = re.findall(r"^#+ (.*)$", text(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        found = {(page.parent, target.partition("#")[0]) for page in new for target in links(page)}
        there = {(folder / path).resolve() for folder, path in found if path}
        for folder in [path for path in there if path.is_dir()]:
            index = folder / "README.md"
            there |= {index} if index.exists() else set(folder.glob("*.md"))
        new = {path for path in there if path.suffix == ".md"} - reached
    assert [named(page) for page in PAGES if page not in reached] == []


def test_what_pages_tell_to_type_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    verbs = {name for name, _, _ in VERBS}
    for page in PAGES:
        typed = re.findall(r"`(?:NI_\w+=\S* )*(make|ni) ([a-z][a-z-]*)", text(page))
        assert {word for program, word in typed if program == "make"} <= targets, named(page)
        assert {word for program, word in typed if program == "ni"} <= verbs, named(page)


def section(page: str, heading: str) -> str:
    """What stands below a heading of the page, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text(ROOT / page), flags=re.DOTALL | re.MULTILINE)
    assert found is not None, f"{page}: ## {heading}"
    return found[1]


def settings_of(module: str) -> type[BaseModel]:
    found: ModuleType = importlib.import_module(module)
    (kind,) = (
        value
        for name, value in vars(found).items()
        if name.endswith("Settings") and isinstance(value, type) and value.__module__ == module
    )
    assert issubclass(kind, BaseModel)
    return kind


def default_shown(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in {None, "", ()}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.mark.parametrize(
    ("heading", "module"),
    [
        ("`ni up`: one machine", "libs.embedded.street"),
        ("Every service", "libs.runtime.settings"),
        ("billing, custody, pii: the store", "libs.store.base"),
        ("The store host", "libs.embedded.clickhouse_host"),
        *((service, f"services.{service}.settings") for service in OF_SERVICES),
    ],
)
def test_every_variable_stands_in_the_page_of_settings_with_its_default(heading: str, module: str) -> None:
    kind = Settings if module == Settings.__module__ else settings_of(module)
    known = {base: set(base.model_fields) for base in (Settings, StoreSettings) if base is not kind}
    rows = section("docs/settings.md", heading)
    for name, field in kind.model_fields.items():
        if not any(name in fields for fields in known.values()):
            row = f"| `NI_{name.upper()}` | {default_shown(field)} |".replace("  ", " ")
            assert row in rows, f"docs/settings.md, {heading}: {row} {field.description}"


def test_every_variable_that_the_code_or_a_deployment_names_stands_in_the_page_of_settings() -> None:
    listed = set(re.findall(r"NI_[A-Z0-9_]+", text(ROOT / "docs/settings.md") + text(ROOT / "README.md")))
    tracked = subprocess.run(
        ["git", "ls-files", "libs", "services", "cli", "infra", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    sources = [ROOT / name for name in tracked.stdout.split() if not name.endswith((".md", ".npz", ".bin"))]
    found = {
        name
        for path in sources
        if path.exists()
        for name in re.findall(r"(?<![A-Z_])NI_[A-Z0-9_]*[A-Z0-9]\b", path.read_text(errors="ignore"))
    }
    assert "NI_STATE" in found
    assert found - listed == set()


def test_every_metric_stands_in_the_page_of_metrics_with_its_labels() -> None:
    page = text(ROOT / "docs/metrics.md")
    names = [name for kind in (CounterName, GaugeName, HistogramName) for name in get_args(kind)]
    rows = re.findall(r"^\| `ni_(\w+)` \|", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted(names)
    for name in names:
        labels = ", ".join(f"`{label}`" for label in LABELS.get(name, ()))
        assert f"| `ni_{name}` | {labels} |".replace("  ", " ") in page
