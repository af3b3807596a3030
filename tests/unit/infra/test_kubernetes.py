"""infra/k8s: objects that the Kubernetes API would take, closed in and reachable only as their policies say."""

import copy
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.unit.infra.deployment import (
    ROOMS,
    ROOT,
    SANDBOX,
    STREET,
    WORKER_ROOMS,
    Value,
    carried,
    kustomization,
    manifests,
    objects,
    workloads,
)

VERSIONS = ("1.29.0", "1.37.0")  # the first with sidecars by default, and the newest we have a schema of
SCALED = {"ingress", "router", *WORKER_ROOMS}


@lru_cache(maxsize=64)
def validator(api_version: str, kind: str, version: str) -> Draft202012Validator:
    """Of the strict schemas, which refuse members that do not exist."""
    folder = f"kubernetes_validate/kubernetes-json-schema/v{version}-local-strict"
    group, _, short = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], short) if part)
    schema = carried("kubernetes-validate", f"{folder}/{name}.json")
    return Draft202012Validator(schema, registry=definitions(folder))


@lru_cache(maxsize=4)
def definitions(folder: str) -> Registry[Any]:
    contents = carried("kubernetes-validate", f"{folder}/_definitions.json")
    registry: Registry[Any] = Registry()
    found: Registry[Any] = registry.with_resource("_definitions.json", DRAFT202012.create_resource(contents))
    return found


def errors(value: Value, version: str) -> list[str]:
    found = validator(value["apiVersion"], value["kind"], version).iter_errors(value)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def containers(workload: Value) -> list[Value]:
    pod = workload["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


def with_sandbox(deployment: Value) -> Value:
    """The deployment with the additions (RFC 6902) of infra/k8s/sandbox."""
    patched = copy.deepcopy(deployment)
    for operation in yaml.safe_load((SANDBOX / "beside-worker.yaml").read_text()):
        assert operation["op"] == "add"
        *way, last = operation["path"].strip("/").split("/")
        at: Any = patched
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if last == "-":
            at.append(operation["value"])
        else:
            assert last not in at
            at[last] = operation["value"]
    return patched


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_satisfies_the_kubernetes_api(version: str) -> None:
    found = [f"{file}: {line}" for file, value in manifests() for line in errors(value, version)]
    assert not found


def test_the_schema_would_refuse_a_misspelt_key() -> None:
    wrong = copy.deepcopy(objects("Deployment")["router"])
    wrong["spec"]["template"]["spec"]["containers"][0]["readinessprobe"] = {}
    assert errors(wrong, VERSIONS[-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_workers_with_the_sandbox_beside_them_satisfy_it_too(version: str) -> None:
    for name in WORKER_ROOMS:
        assert errors(with_sandbox(objects("Deployment")[name]), version) == []


def test_every_file_is_part_of_the_street() -> None:
    listed = {item for item in kustomization(STREET)["resources"] if item.endswith(".yaml")}
    there = {file.relative_to(STREET).as_posix() for file in STREET.rglob("*.yaml")}
    assert listed == there - {"kustomization.yaml"}
    for item in kustomization(STREET)["resources"]:
        assert (STREET / item).exists()


def test_the_broker_runs_with_the_cluster_file() -> None:
    (generator,) = kustomization(ROOT / "infra/nats")["configMapGenerator"]
    assert all((ROOT / "infra/nats" / file).is_file() for file in generator["files"])
    sources = objects("StatefulSet")["nats"]["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"]
    assert {"configMap": {"name": generator["name"]}} in sources
    settled = [line for line in (ROOT / "infra/nats/cluster.conf").read_text().splitlines() if not line.startswith("#")]
    given = {entry["name"] for entry in containers(objects("StatefulSet")["nats"])[0]["env"]}
    assert given == set(re.findall(r"\$(NATS_\w+)", "\n".join(settled)))


def test_every_room_has_its_deployment_account_policy_and_budget() -> None:
    assert objects("Deployment").keys() == set(ROOMS)
    for kind in ("ServiceAccount", "NetworkPolicy", "PodDisruptionBudget"):
        assert set(ROOMS) <= objects(kind).keys(), kind
    assert objects("HorizontalPodAutoscaler").keys() == SCALED
    for name, scaler in objects("HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name


@pytest.mark.parametrize("name", sorted(objects("Deployment")))
def test_every_room_is_probed_on_its_admin_port(name: str) -> None:
    (container,) = containers(objects("Deployment")[name])
    assert {"name": "admin", "containerPort": 9100} in container["ports"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "admin"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}


@pytest.mark.parametrize("name", sorted(workloads()))
def test_every_container_is_closed_in(name: str) -> None:
    workload = with_sandbox(workloads()[name]) if name.startswith("worker-") else workloads()[name]
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in containers(workload):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()


@pytest.mark.parametrize("name", sorted(workloads()))
def test_what_is_mounted_is_there_and_selectors_fit(name: str) -> None:
    workload = with_sandbox(workloads()[name]) if name.startswith("worker-") else workloads()[name]
    pod, labels = workload["spec"]["template"]["spec"], workload["spec"]["template"]["metadata"]["labels"]
    volumes = {v["name"] for v in (*pod["volumes"], *_claims(workload))}
    mounted = {m["name"] for container in containers(workload) for m in container.get("volumeMounts", [])}
    assert mounted == volumes
    assert labels["app.kubernetes.io/name"] == name
    assert workload["spec"].get("selector", {}).get("matchLabels", {}).items() <= labels.items()
    policy = objects("NetworkPolicy")[name]["spec"]
    assert policy["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_nothing_talks_unless_a_policy_says_so() -> None:
    assert objects("NetworkPolicy")["nobody-unless-said"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_only_workers_and_who_sends_alerts_reach_addresses_outside_and_only_on_443() -> None:
    for name, policy in objects("NetworkPolicy").items():
        outward = [rule for rule in policy["spec"].get("egress", []) if any("ipBlock" in to for to in rule["to"])]
        assert bool(outward) == (name.startswith("worker-") or name == "billing")
        assert all(rule["ports"] == [{"port": 443}] for rule in outward)
        assert all({"10.0.0.0/8", "169.254.0.0/16"} <= set(rule["to"][0]["ipBlock"]["except"]) for rule in outward)


@pytest.mark.parametrize("name", sorted(workloads()))
def test_who_dials_the_broker_carries_the_label_that_lets_him_in(name: str) -> None:
    labels = workloads()[name]["spec"]["template"]["metadata"]["labels"]
    dials = any(entry["name"] == "NI_NATS_URL" for c in containers(workloads()[name]) for entry in c.get("env", []))
    assert (labels.get("northern.ca/bus") == "client") == dials


def test_every_image_has_its_place_in_the_kustomization() -> None:
    used = {container["image"] for workload in workloads().values() for container in containers(workload)}
    assert used == {image["name"] for image in kustomization(STREET)["images"]}
    for name in (image for image in used if image.startswith("northern/")):
        service = name.removeprefix("northern/")
        assert service == "tools" or (ROOT / "services" / service / "__main__.py").is_file()


def test_every_secret_is_referenced_described_and_nowhere_contained() -> None:
    assert objects("Secret") == {}
    readme = (STREET.parent / "README.md").read_text()
    for reference in set(_references()):
        assert f"`{reference}`" in readme, reference


def _claims(workload: Value) -> Iterator[Value]:
    yield from (claim["metadata"] for claim in workload["spec"].get("volumeClaimTemplates", []))


def _references() -> Iterator[str]:
    for workload in workloads().values():
        for volume in workload["spec"]["template"]["spec"]["volumes"]:
            if "secret" in volume:
                yield volume["secret"]["secretName"]
            if "configMap" in volume:
                yield volume["configMap"]["name"]
        for container in containers(workload):
            for entry in container.get("env", []):
                if "secretKeyRef" in entry.get("valueFrom", {}):
                    yield entry["valueFrom"]["secretKeyRef"]["name"]
