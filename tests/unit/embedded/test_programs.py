"""Which processes make a street, what each may see, in which order they start and stop."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from libs.catalog.load import load
from libs.embedded.programs import (
    PROVIDER_VARIABLES,
    ROOT,
    Program,
    Street,
    admin_names,
    choose_sandbox,
    clean,
    from_anywhere,
    programs,
)
from libs.embedded.state import Ports, State
from libs.embedded.street import StreetSettings
from libs.runtime.settings import EX_CONFIG, read

CREDENTIALS = {
    "OPENAI_API_KEY": "sk-canary",
    "ANTHROPIC_API_KEY": "ant-canary",
    "AWS_ACCESS_KEY_ID": "aws-canary",
    "GOOGLE_APPLICATION_CREDENTIALS": "/canary.json",
    "NI_SELF_HOSTED_API_KEY": "own-canary",
}


def a_street(environ: Mapping[str, str], *, sandbox: bool, ingresses: int = 1) -> dict[str, Program]:
    names = admin_names(ingresses)
    ports = Ports(
        public=8080,
        nats=1,
        nats_monitor=2,
        clickhouse=3,
        sandbox=4,
        admin={name: 100 + n for n, name in enumerate(names)},
    )
    street = Street(
        state=State(root=Path("/state")),
        ports=ports,
        base_url="http://127.0.0.1:8080",
        environ=environ,
        nats_server="nats-server",
        store_bytes=1 << 30,
        store_password="pw",
        sandbox=sandbox,
        ingresses=ingresses,
    )
    return {program.name: program for program in programs(street)}


@pytest.mark.parametrize("name", PROVIDER_VARIABLES)
def test_any_provider_variable_keeps_the_sandbox_out(name: str) -> None:
    assert choose_sandbox(None, {name: "x"}) == (False, f"{name} is set")


def test_the_sandbox_answers_when_no_credential_is_set_or_when_asked_for() -> None:
    assert choose_sandbox(None, {"PATH": "/bin", "OPENAI_API_KEY": ""}) == (True, "no provider credential is set")
    assert choose_sandbox("1", CREDENTIALS) == (True, "NI_SANDBOX=1")
    assert choose_sandbox("0", {}) == (False, "NI_SANDBOX=0")


@pytest.mark.parametrize("said", ["true", "yes", "01", " 1", "off"])
def test_a_sandbox_setting_that_is_neither_0_nor_1_ends_the_start(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(StreetSettings, {"NI_SANDBOX": said})
    assert ended.value.code == EX_CONFIG
    assert capsys.readouterr().err.startswith("configuration: NI_SANDBOX: Input should be '0' or '1'")


def test_every_credential_of_the_catalogue_keeps_the_sandbox_out() -> None:
    egresses = load(ROOT / "infra" / "config").egresses.values()
    for names in (names for egress in egresses for names in egress.credentials):
        assert not set(names).isdisjoint(PROVIDER_VARIABLES), names


def test_a_credential_reaches_the_worker_of_its_egress_and_no_other_process() -> None:
    street = a_street({**CREDENTIALS, "PATH": "/bin"}, sandbox=False)
    owners = {
        value: sorted(name for name, program in street.items() if value in program.env.values())
        for value in CREDENTIALS.values()
    }
    assert owners == {
        "sk-canary": ["worker-openai"],
        "ant-canary": ["worker-openai"],
        "aws-canary": ["worker-bedrock"],
        "/canary.json": ["worker-self-hosted"],
        "own-canary": ["worker-self-hosted"],
    }
    assert "sandbox" not in street


def test_beside_the_sandbox_no_process_sees_a_credential() -> None:
    street = a_street(CREDENTIALS, sandbox=True)
    seen = {value for program in street.values() for value in program.env.values()}
    assert not seen & set(CREDENTIALS.values())
    workers = [program for name, program in street.items() if name.startswith("worker-")]
    assert {worker.env["NI_SANDBOX_URL"] for worker in workers} == {"http://127.0.0.1:4"}


def test_proxies_are_for_workers_alone_and_the_rest_of_the_environment_for_nobody() -> None:
    environ = {
        "https_proxy": "p",
        "HTTPS_PROXY": "p",
        "PATH": "/bin",
        "LC_ALL": "C",
        "SSH_AUTH_SOCK": "s",
        "NI_LOG": "x",
    }
    assert clean(environ) == {"PATH": "/bin", "LC_ALL": "C", "NI_LOG": "x"}
    assert clean(environ, ("AWS_",)) == {**clean(environ), "https_proxy": "p", "HTTPS_PROXY": "p"}


def test_every_egress_is_served_by_exactly_one_worker() -> None:
    street = a_street({}, sandbox=True)
    served = [e for p in street.values() for e in p.env.get("NI_EGRESSES", "").split(",") if e]
    assert sorted(served) == sorted(load(ROOT / "infra" / "config").egresses)


def test_only_ingress_holds_the_public_socket_and_only_who_writes_the_folder_its_lock() -> None:
    street = a_street({}, sandbox=True, ingresses=2)
    assert [name for name, program in street.items() if program.listens] == ["ingress-0", "ingress-1"]
    assert [name for name, program in street.items() if program.holds_lock] == ["nats", "clickhouse"]


def test_what_a_program_waits_for_exists_and_stops_after_it() -> None:
    street = a_street({}, sandbox=True)
    for program in street.values():
        for name in program.after:
            assert street[name].once or street[name].stage < program.stage, (program.name, name)


def test_the_edge_stops_first_and_the_broker_last() -> None:
    street = a_street({}, sandbox=True)
    long_running = sorted((p for p in street.values() if not p.once), key=lambda p: -p.stage)
    assert [p.name.split("-")[0] for p in long_running] == [
        *("ingress", "router", "pii", "worker", "worker", "worker", "custody", "billing", "accounts", "sandbox"),
        *("clickhouse", "nats"),
    ]


def test_every_service_speaks_with_its_own_seed() -> None:
    street = a_street({}, sandbox=True)
    seeds = {name: Path(p.env["NI_NATS_SEED_FILE"]).stem for name, p in street.items() if "NI_NATS_SEED_FILE" in p.env}
    assert seeds == {
        "provision": "operator",
        "accounts": "accounts",
        "billing": "billing",
        "custody": "custody",
        "worker-bedrock": "worker",
        "worker-openai": "worker",
        "worker-self-hosted": "worker",
        "router": "router",
        "pii": "pii",
        "ingress-0": "ingress",
    }


def test_our_own_settings_win_over_what_the_caller_exported() -> None:
    street = a_street({"NI_NATS_URL": "nats://elsewhere", "NI_ADMIN_PORT": "9"}, sandbox=True)
    assert street["router"].env["NI_NATS_URL"] == "nats://127.0.0.1:1"
    assert street["router"].env["NI_ADMIN_PORT"] != "9"


def test_files_are_looked_for_where_the_street_was_started_and_not_where_its_programs_stand() -> None:
    named = {
        "NI_CONFIG_DIR": "conf",
        "GOOGLE_APPLICATION_CREDENTIALS": "key.json",
        "AWS_CONFIG_FILE": "~/.aws/config",
        "AWS_CA_BUNDLE": "",
    }
    street = a_street(from_anywhere(named, Path("/srv/northern")), sandbox=False)
    assert street["router"].env["NI_CONFIG_DIR"] == "/srv/northern/conf"
    vertex, bedrock = street["worker-self-hosted"].env, street["worker-bedrock"].env
    assert vertex["GOOGLE_APPLICATION_CREDENTIALS"] == "/srv/northern/key.json"
    assert (bedrock["AWS_CONFIG_FILE"], bedrock["AWS_CA_BUNDLE"]) == ("~/.aws/config", "")


def test_the_keys_of_accounts_own_credentials_are_handed_to_who_seals_and_who_opens_and_to_nobody_else() -> None:
    started = a_street({}, sandbox=True)
    given = {name for name, program in started.items() if "NI_KEK_FILE" in program.env}
    assert given == {"accounts", *(name for name in started if name.startswith("worker-"))}
    signing = {name for name, program in started.items() if "NI_ALERTS_KEY_FILE" in program.env}
    assert signing == {"accounts", "billing"}
