"""The deployment files as values: the compose file, the Kubernetes objects, and the schemas they must satisfy."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from libs.embedded.programs import WORKERS
from libs.runtime.settings import Settings
from libs.store.base import StoreSettings

ROOT = Path(__file__).resolve().parents[3]
STREET = ROOT / "infra/k8s/street"
SANDBOX = ROOT / "infra/k8s/sandbox"

WORKER_ROOMS = tuple(group.name for group in WORKERS)
# The rooms as one machine starts them (there the edges are numbered), but for broker, store and sandbox.
ROOMS = ("accounts", "billing", "custody", *WORKER_ROOMS, "router", "pii", "ingress")

Value = dict[str, Any]

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def interpolated(text: str, environ: Mapping[str, str]) -> str:
    """`${NAME:-default}` as compose fills it in; a variable with neither value nor default becomes empty."""
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[2] or "", text)


@lru_cache(maxsize=1)
def compose() -> Value:
    """docker-compose.yml with every variable at its default."""
    value: Value = yaml.safe_load(interpolated((ROOT / "docker-compose.yml").read_text(), {}))
    return value


@lru_cache(maxsize=1)
def manifests() -> tuple[tuple[str, Value], ...]:
    """Every Kubernetes object of the street with the file it stands in."""
    files = sorted(file for file in STREET.rglob("*.yaml") if file.name != "kustomization.yaml")
    return tuple(
        (file.relative_to(ROOT).as_posix(), value) for file in files for value in yaml.safe_load_all(file.read_text())
    )


def objects(kind: str) -> dict[str, Value]:
    """The street's objects of a kind, by name."""
    return {value["metadata"]["name"]: value for _, value in manifests() if value["kind"] == kind}


def workloads() -> dict[str, Value]:
    """Everything that runs containers."""
    return {**objects("Deployment"), **objects("StatefulSet"), **objects("Job")}


def kustomization(folder: Path) -> Value:
    value: Value = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return value


def carried(package: str, path: str) -> Value:
    """A JSON schema that an installed package carries."""
    text = Path(str(distribution(package).locate_file(path))).read_text(encoding="utf-8")
    value: Value = json.loads(text)
    return value


def settings(module: str) -> set[str]:
    """The variables that a module's settings read; a room without settings of its own reads what every service does."""
    here = vars(import_module(module)).values() if find_spec(module) else (Settings,)
    kinds = (kind for kind in here if isinstance(kind, type) and issubclass(kind, Settings | StoreSettings))
    return {f"NI_{name.upper()}" for kind in kinds for name in kind.model_fields}


def vendors(egresses: str) -> set[str]:
    """The variables of the vendors that these egresses read, after infra/config."""
    named = set(egresses.split(","))
    listed = tomllib.loads((ROOT / "infra/config/egresses.toml").read_text())["egress"]
    return {name for egress in listed if egress["name"] in named for name in _variables(egress)}


def _variables(egress: Value) -> Iterator[str]:
    yield from (name for names in egress.get("credentials", []) for name in names)
    for member, value in egress.items():
        if member.endswith("_env"):
            yield from [value] if isinstance(value, str) else value
