"""docker-compose.yml: a sound compose file whose every service is closed in and watched."""

from typing import Any

import jsonschema
import pytest

from tests.unit.infra.deployment import ROOMS, ROOT, WORKER_ROOMS, Value, carried, compose, interpolated

SERVICES: dict[str, Value] = compose()["services"]
ONCE = {"provision", "migrate"}
OURS = {name for name, service in SERVICES.items() if "build" in service}


def test_the_file_satisfies_the_compose_specification() -> None:
    schema = carried("check-jsonschema", "check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    found = [f"{error.json_path}: {error.message[:200]}" for error in kind(schema).iter_errors(compose())]
    assert not found


def test_the_schema_would_refuse_a_misspelt_key() -> None:
    schema = carried("check-jsonschema", "check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    wrong: Value = {"services": {"router": {"image": "northern/router", "read_onyl": True}}}
    assert not jsonschema.validators.validator_for(schema)(schema).is_valid(wrong)


def test_variables_are_filled_in_as_compose_does() -> None:
    assert interpolated("${A:-nats:2.15}/${B:-}${C}", {"B": "b"}) == "nats:2.15/b"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_closed_in(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"clickhouse"}))  # its entrypoint drops root by itself
def test_no_service_runs_as_root(name: str) -> None:
    assert SERVICES[name]["user"].split(":")[0] not in {"", "0", "root"}


@pytest.mark.parametrize("name", sorted(OURS - ONCE))
def test_every_room_is_asked_whether_it_is_ready_on_its_admin_port(name: str) -> None:
    service = SERVICES[name]
    port = service.get("environment", {}).get("NI_ADMIN_PORT", "9100")
    assert f"127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_image_of_ours_can_be_built(name: str) -> None:
    build = SERVICES[name]["build"]
    assert (ROOT / build["dockerfile"]).is_file()
    if build["target"] == "tools":
        assert build["args"] == {"GROUP": "custody"}
    else:
        assert (ROOT / "services" / build["args"]["SERVICE"] / "__main__.py").is_file()
        assert SERVICES[name]["image"] == f"northern/{build['args']['SERVICE']}:dev"


def test_every_room_stands_in_the_file() -> None:
    assert set(ROOMS) <= SERVICES.keys()
    for name in WORKER_ROOMS:
        beside = SERVICES[name.replace("worker-", "sandbox-")]
        assert beside["network_mode"] == f"service:{name}"  # the sandbox answers on loopback only
        assert beside["profiles"] == ["sandbox"]


def test_only_the_edge_the_workers_and_who_sends_alerts_have_a_way_out() -> None:
    assert compose()["networks"]["inner"]["internal"] is True
    outward = {name for name in OURS if "outer" in SERVICES[name].get("networks", [])}
    assert outward == {"ingress", "billing", *WORKER_ROOMS}


def test_secrets_are_files_and_every_one_is_used() -> None:
    assert all(list(secret) == ["file"] for secret in compose()["secrets"].values())
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == compose()["secrets"].keys()
    for service in SERVICES.values():
        assert not [name for name in service.get("environment", {}) if name.endswith(("PASSWORD", "_KEY", "_SECRET"))]


@pytest.mark.parametrize("name", SERVICES)
def test_secret_files_named_in_the_environment_are_mounted(name: str) -> None:
    service = SERVICES[name]
    words = [*service.get("environment", {}).values(), *service.get("command", [])]
    named = {word for word in words if str(word).startswith("/run/secrets/")}
    assert named == {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}


def test_files_mounted_from_the_checkout_exist() -> None:
    for source in _mounted():
        if not source.startswith("./.state/"):
            assert (ROOT / source).exists(), source


def _mounted() -> list[Any]:
    return [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
