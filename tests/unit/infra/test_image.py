"""infra/docker: the image holds libs/ and one service, is built from what exists, and hands secrets on unseen."""

import re
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.unit.infra.deployment import ROOT, compose

DOCKER = ROOT / "infra/docker"
LINES = [
    line
    for line in (DOCKER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
SERVICES = sorted(
    {
        s["build"]["args"]["SERVICE"]
        for s in compose()["services"].values()
        if "SERVICE" in s.get("build", {}).get("args", {})
    }
)


def copied(stage: str) -> list[str]:
    """What a stage copies from the checkout."""
    found, here = [], ""
    for line in LINES:
        if line.startswith("FROM"):
            here = line.split()[-1]
        elif line.startswith("COPY") and here == stage and "--from=" not in line:
            found += [word for word in line.split()[1:-1] if not word.startswith("--")]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_dependency_group(service: str) -> None:
    assert service in GROUPS


def test_the_tools_have_the_group_they_are_built_with() -> None:
    assert compose()["services"]["migrate"]["build"]["args"]["GROUP"] in GROUPS


@pytest.mark.parametrize("service", SERVICES)
def test_a_room_holds_libs_and_one_service(service: str) -> None:
    assert [path.replace("${SERVICE}", service) for path in copied("room")] == [
        "services/__init__.py",
        f"services/{service}",
    ]
    assert "libs" in copied("ground")


def test_what_is_copied_exists_and_is_let_in() -> None:
    let_in = {
        line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for path in (*copied("packages"), *copied("ground"), *copied("tools"), "services"):
        assert (ROOT / path).exists(), path
        assert path in let_in, path


def test_every_stage_stands_on_one_that_is_there_or_on_an_argument() -> None:
    stages: set[str] = set()
    for line in LINES:
        if line.startswith("FROM"):
            _, base, _, name = line.split()
            assert base in stages or re.fullmatch(r"\$\{[A-Z]+_IMAGE\}", base), base
            stages.add(name)
    targets = {service["build"]["target"] for service in compose()["services"].values() if "build" in service}
    assert targets <= stages


@pytest.mark.parametrize("stage", ["tools", "room"])
def test_the_last_user_is_nobody(stage: str) -> None:
    text = "\n".join(LINES).split(f" AS {stage}\n")[1].split("\nFROM ")[0]
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] == "65532:65532"


def test_secret_files_become_variables_and_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "OPENAI_API_KEY").write_text("sk-a b$c\n")
    script = (DOCKER / "entrypoint.sh").read_text().replace("/run/secrets/env", str(tmp_path))
    seen = subprocess.run(
        ["sh", "-c", script, "sh", "sh", "-c", '[ "$OPENAI_API_KEY" = "sk-a b\\$c" ] && echo same'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (seen.stdout, seen.stderr) == ("same\n", "")


@pytest.mark.parametrize("script", ["entrypoint.sh", "secrets.sh"])
def test_scripts_can_be_run(script: str) -> None:
    assert (DOCKER / script).stat().st_mode & stat.S_IXUSR
