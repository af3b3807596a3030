"""Every variable that a deployment file sets is one that its program reads, and workers serve the same everywhere."""

from collections.abc import Iterator

import pytest
import yaml

from libs.embedded.programs import WORKERS, admin_names
from tests.unit.infra.deployment import ROOMS, SANDBOX, compose, objects, settings, vendors

TLS = {"SSL_CERT_FILE"}  # read by OpenSSL
EGRESSES = {group.name: ",".join(group.egresses) for group in WORKERS}


def in_compose() -> Iterator[tuple[str, str, dict[str, str]]]:
    for name, service in compose()["services"].items():
        build = service.get("build")
        if build is not None:
            module = f"services.{build['args']['SERVICE']}.settings" if build["target"] == "room" else f"cli.{name}"
            yield name, module, service.get("environment", {})


def in_kubernetes() -> Iterator[tuple[str, str, dict[str, str]]]:
    for name, workload in {**objects("Deployment"), **objects("Job")}.items():
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        module = f"cli.{name}" if workload["kind"] == "Job" else f"services.{container['name']}.settings"
        yield name, module, {entry["name"]: entry.get("value", "") for entry in container["env"]}


def test_the_rooms_are_those_that_one_machine_starts() -> None:
    started = {name.removesuffix("-0") for name in admin_names(1)}
    assert started - {"clickhouse", "sandbox"} == set(ROOMS)


@pytest.mark.parametrize(("name", "module", "given"), [*in_compose(), *in_kubernetes()])
def test_every_variable_is_known_to_its_program(name: str, module: str, given: dict[str, str]) -> None:
    known = settings(module) | vendors(given.get("NI_EGRESSES", "")) | TLS
    assert given.keys() <= known


def test_the_sandbox_beside_a_worker_is_told_only_what_it_reads() -> None:
    address, sidecar = yaml.safe_load((SANDBOX / "beside-worker.yaml").read_text())
    assert address["value"]["name"] in settings("services.worker.settings")
    (container,) = sidecar["value"]
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    assert given.keys() <= settings("services.sandbox.settings")
    assert address["value"]["value"] == f"http://127.0.0.1:{given['NI_SANDBOX_PORT']}"


def test_no_sandbox_beside_a_worker_fills_the_small_disk_that_it_has_with_a_line_for_each_request() -> None:
    _, sidecar = yaml.safe_load((SANDBOX / "beside-worker.yaml").read_text())
    (container,) = sidecar["value"]
    beside = [{entry["name"] for entry in container["env"]}]
    beside += [set(given) for name, _, given in in_compose() if name.startswith("sandbox")]
    assert all("NI_SANDBOX_PORT" in given for given in beside)
    assert all("NI_SANDBOX_LOG_FILE" not in given for given in beside)


@pytest.mark.parametrize("name", EGRESSES)
def test_workers_serve_the_same_egresses_everywhere(name: str) -> None:
    assert {n: e for n, _, e in in_compose()}[name]["NI_EGRESSES"] == EGRESSES[name]
    assert {n: e for n, _, e in in_kubernetes()}[name]["NI_EGRESSES"] == EGRESSES[name]


@pytest.mark.parametrize("name", EGRESSES)
def test_a_worker_is_given_its_own_vendors_and_no_other(name: str) -> None:
    (group,) = (group for group in WORKERS if group.name == name)
    given = {n: e for n, _, e in in_kubernetes()}[name]
    theirs = {variable for variable in given if not variable.startswith("NI_")} - TLS
    assert theirs
    assert all(variable.startswith(group.vendors) for variable in theirs)
