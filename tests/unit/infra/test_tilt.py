"""Tiltfile: knows every workload and every image of the development street, and watches what they are made of."""

import ast
import re

import yaml

from tests.unit.infra.deployment import ROOT, SANDBOX, STREET, workloads

TEXT = (ROOT / "Tiltfile").read_text()
CONSTANTS: dict[str, list[str]] = {
    node.targets[0].id: ast.literal_eval(node.value)
    for node in ast.parse(TEXT).body  # Starlark as used there is Python
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
}


def test_every_workload_is_a_resource_and_every_resource_a_workload() -> None:
    named = set(re.findall(r"k8s_resource\('([\w-]+)'", TEXT)) | set(CONSTANTS["WORKERS"])
    assert named == set(workloads())
    waited_for = {
        name for deps in re.findall(r"resource_deps=\[([^]]*)\]", TEXT) for name in re.findall(r"'(.+?)'", deps)
    }
    assert waited_for <= named


def test_every_image_of_ours_is_built() -> None:
    built = {f"northern/{service}" for service in CONSTANTS["SERVICES"]} | {"northern/tools"}
    files = [*STREET.rglob("*.yaml"), *SANDBOX.rglob("*.yaml")]
    used = {image for file in files for image in re.findall(r"image: (northern/[\w-]+)", file.read_text())}
    assert used == built


def test_what_it_watches_exists_and_is_all_that_images_copy() -> None:
    ground = CONSTANTS["GROUND"]
    assert [path for path in ground if not (ROOT / path).exists()] == []
    tools = re.search(r"only=GROUND \+ (\[.*\]),", TEXT.split("'northern/tools'")[1])
    assert tools is not None
    watched = {*ground, *ast.literal_eval(tools[1]), "services/${SERVICE}"}
    lines = re.findall(
        r"^COPY (?!--from)(?:--\S+ )?(.+) \S+$", (ROOT / "infra/docker/Dockerfile").read_text(), re.MULTILINE
    )
    copied = {path for line in lines for path in line.split()}
    assert copied
    assert copied <= watched


def test_it_applies_the_street_with_the_sandbox() -> None:
    (folder,) = re.findall(r"kustomize\('(.+?)'\)", TEXT)
    assert (ROOT / folder).resolve() == SANDBOX.resolve()
    assert yaml.safe_load((SANDBOX / "kustomization.yaml").read_text())["resources"]
