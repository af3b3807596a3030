"""Which processes make a street on one machine, in which order and with which environment: data, and pure."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from libs.embedded.keyring import (
    ALERTS_KEY,
    KEK,
    LOG_KEY,
    PEPPER,
    PII_KEY,
    PROMISE_KEY,
    SESSION_KEY,
    STORE_PASSWORD,
    WORKER_KEY,
    seed_file,
)
from libs.embedded.state import Ports, State

ROOT = Path(__file__).resolve().parents[2]
STORE_USER = "northern"
_AFTER_REQUESTS = 10  # niceness of what only looks back: a running request need not wait for it


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process. It starts when all of `after` are up; stages stop from the highest down.

    Up is: `ready_url` answered 200; or, where `once`, it ended with 0. `listens` gets the public socket,
    `holds_lock` the lock of the state folder (who writes there keeps the next street out until it is gone).
    `writes`: a folder; when it cannot write there any more (`ready_url` refuses), only a new start heals it.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    stage: int = 0
    once: bool = False
    ready_url: str = ""
    stop_s: float = 10.0
    listens: bool = False
    holds_lock: bool = False
    writes: Path | None = None
    niceness: int = 0


@dataclass(frozen=True, kw_only=True)
class Workers:
    """One worker process: the egresses it serves and the variables it alone may see, by prefix."""

    name: str
    egresses: tuple[str, ...]
    vendors: tuple[str, ...]


WORKERS = (
    Workers(name="worker-bedrock", egresses=("bedrock-ca", "bedrock-global", "bedrock-us"), vendors=("AWS_",)),
    Workers(
        name="worker-openai",
        egresses=("openai", "azure-ca", "anthropic"),
        vendors=("OPENAI_", "AZURE_", "ANTHROPIC_"),
    ),
    Workers(
        name="worker-self-hosted",
        egresses=("self-hosted", "vertex-ca", "vertex-us"),
        vendors=("NI_SELF_HOSTED_", "GOOGLE_", "CLOUDSDK_", "VERTEX_"),
    ),
)

# Any of these says: this street is meant for real providers (or for an upstream put in their place).
PROVIDER_VARIABLES = (
    "OPENAI_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "NI_SELF_HOSTED_BASE_URL",
    "OPENAI_BASE_URL",
    "AZURE_OPENAI_ENDPOINT",
    "ANTHROPIC_BASE_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "GOOGLE_VERTEX_BASE_URL",
)

_COMMON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_COMMON_PREFIXES = ("NI_", "LC_")
_OUTWARD = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FILES = (
    "NI_CONFIG_DIR",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
_VENDOR_PREFIXES = tuple(prefix for group in WORKERS for prefix in group.vendors)


@dataclass(frozen=True, kw_only=True)
class Street:
    """What the list of programs depends on. `environ` is the caller's; `sandbox` whether the stand-in answers."""

    state: State
    ports: Ports
    base_url: str
    environ: Mapping[str, str]
    nats_server: str
    store_bytes: int
    store_password: str
    sandbox: bool
    ingresses: int = 1
    drain_s: float = 30.0


def choose_sandbox(asked: str | None, environ: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the sandbox stands in for the providers, and why in words. Never next to real credentials by itself.

    `asked` is NI_SANDBOX: 1, 0, or None where it is not set.
    """
    if asked is not None:
        return asked == "1", f"NI_SANDBOX={asked}"
    found = [name for name in PROVIDER_VARIABLES if environ.get(name)]
    if found:
        return False, f"{found[0]} is set"
    return True, "no provider credential is set"


def from_anywhere(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same environment for programs that do not stand in `folder`: names of files that begin there are whole."""
    named = {name: path for name in _FILES if (path := environ.get(name)) and not path.startswith("~")}
    return {**environ, **{name: str(folder / path) for name, path in named.items()}}


def clean(environ: Mapping[str, str], vendors: tuple[str, ...] = ()) -> dict[str, str]:
    """What a process may inherit: an allow-list; providers' variables and proxies only where `vendors` are named."""
    kept: dict[str, str] = {}
    for name, value in environ.items():
        if name.startswith(_VENDOR_PREFIXES):
            allowed = bool(vendors) and name.startswith(vendors)
        elif name.upper() in _OUTWARD:
            allowed = bool(vendors)
        else:
            allowed = name in _COMMON or name.startswith(_COMMON_PREFIXES)
        if allowed:
            kept[name] = value
    return kept


def admin_names(ingresses: int) -> tuple[str, ...]:
    """The programs that serve health on an admin port."""
    edges = (f"ingress-{n}" for n in range(ingresses))
    workers = (group.name for group in WORKERS)
    return ("clickhouse", "accounts", "custody", "billing", *workers, "router", "pii", "sandbox", *edges)


def programs(street: Street) -> tuple[Program, ...]:
    """The whole street. Stages: 0 broker, 1 store, 2 sandbox, 3 accounts, 4 books, 5 workers, 6 router, pii, 7 edge."""
    found = [*_foundation(street)]
    if street.sandbox:
        ours = {
            "NI_SANDBOX_PORT": str(street.ports.sandbox),
            "NI_SANDBOX_LOG_FILE": str(street.state.sandbox_log),
        }
        found.append(_service(street, "sandbox", "sandbox", stage=2, ours=ours, after=()))
    found += _rooms(street)
    return tuple(found)


def _foundation(street: Street) -> Iterable[Program]:
    ports, state = street.ports, street.state
    base = clean(street.environ)
    python = (sys.executable, "-m")
    yield Program(
        name="nats",
        argv=(street.nats_server, "-c", str(state.nats / "nats-server.conf")),
        # One scheduler thread: the broker shares few cores here, and Go's idle ones spin for work on all of them.
        # Garbage waits for five times what lives, but not beyond the limit: without one, 44,000 requests left 1.3 GB.
        env={"GOMAXPROCS": "1", "GOGC": "400", "GOMEMLIMIT": "640MiB", **base},
        ready_url=f"http://127.0.0.1:{ports.nats_monitor}/healthz",
        holds_lock=True,
        writes=state.nats,  # a stream that met a full disk stays frozen when there is room again
    )
    yield Program(
        name="clickhouse",
        argv=(*python, "libs.embedded.clickhouse_host"),
        env={
            **base,
            "NI_ADMIN_PORT": str(ports.admin["clickhouse"]),
            "NI_CLICKHOUSE_PORT": str(ports.clickhouse),
            "NI_CLICKHOUSE_DIR": str(state.clickhouse),
            "NI_CLICKHOUSE_USER": STORE_USER,
            "NI_CLICKHOUSE_PASSWORD": street.store_password,
        },
        stage=1,
        ready_url=f"http://127.0.0.1:{ports.clickhouse}/ping",
        holds_lock=True,
        niceness=_AFTER_REQUESTS,
    )
    yield Program(
        name="provision",
        argv=(*python, "cli", "provision"),
        env={**base, **_bus(street, "operator"), "NI_NATS_STORE_BYTES": str(street.store_bytes)},
        after=("nats",),
        stage=2,
        once=True,
    )
    yield Program(
        name="migrate",
        argv=(*python, "cli", "migrate", *_migrate_options(street)),
        env=base,
        after=("clickhouse",),
        stage=2,
        once=True,
    )


def _rooms(street: Street) -> Iterable[Program]:
    secrets = street.state.secrets
    pepper = {"NI_PEPPER_FILE": str(secrets / PEPPER)}
    accounts = {
        **pepper,
        "NI_SESSION_KEY_FILE": str(secrets / SESSION_KEY),
        "NI_KEK_FILE": str(secrets / KEK),
        "NI_ALERTS_KEY_FILE": str(secrets / ALERTS_KEY),
        "NI_BOOTSTRAP_FILE": str(street.state.bootstrap),
        "NI_BASE_URL": street.base_url,
    }
    yield _service(street, "accounts", "accounts", stage=3, ours=accounts)
    alerts = {"NI_ALERTS_KEY_FILE": str(secrets / ALERTS_KEY)}
    log = {"NI_LOG_KEY_FILE": str(secrets / LOG_KEY), "NI_LOG_DIR": str(street.state.custody)}
    for name, ours in (("custody", _store(street) | log), ("billing", _store(street) | alerts)):
        yield _service(street, name, name, stage=4, ours=ours, after=("provision", "migrate"))
    for group in WORKERS:
        outward = {"NI_SANDBOX_URL": f"http://127.0.0.1:{street.ports.sandbox}"} if street.sandbox else {}
        ours = {
            "NI_EGRESSES": ",".join(group.egresses),
            "NI_KEK_FILE": str(secrets / KEK),
            "NI_WORKER_KEY_FILE": str(secrets / WORKER_KEY),
            **outward,
        }
        vendors = () if street.sandbox else group.vendors
        yield _service(street, group.name, "worker", stage=5, ours=ours, vendors=vendors)
    yield _service(street, "router", "router", stage=6, ours={})
    pii = {**_store(street), "NI_PII_KEY_FILE": str(secrets / PII_KEY)}
    yield _service(street, "pii", "pii", stage=6, ours=pii, after=("provision", "migrate"))
    edge = {**pepper, "NI_PROMISE_KEY_FILE": str(secrets / PROMISE_KEY)}
    for n in range(street.ingresses):
        yield _service(street, f"ingress-{n}", "ingress", stage=7, ours=edge, listens=True)


def _service(
    street: Street,
    name: str,
    service: str,
    *,
    stage: int,
    ours: Mapping[str, str],
    after: tuple[str, ...] = ("provision",),
    vendors: tuple[str, ...] = (),
    listens: bool = False,
) -> Program:
    admin = street.ports.admin[name]
    bus = {} if service == "sandbox" else _bus(street, service)
    config = street.environ.get("NI_CONFIG_DIR") or str(ROOT / "infra" / "config")
    common = {"NI_ADMIN_PORT": str(admin), "NI_CONFIG_DIR": config}
    return Program(
        name=name,
        argv=(sys.executable, "-m", f"services.{service}"),
        env={**clean(street.environ, vendors), **bus, **common, **ours},
        after=after,
        stage=stage,
        ready_url=f"http://127.0.0.1:{admin}/readyz",
        stop_s=street.drain_s + 7,  # the service itself gives up 5 s after its drain
        listens=listens,
        niceness=_AFTER_REQUESTS if service == "custody" else 0,
    )


def _bus(street: Street, service: str) -> dict[str, str]:
    return {
        "NI_NATS_URL": f"nats://127.0.0.1:{street.ports.nats}",
        "NI_NATS_SEED_FILE": str(seed_file(street.state.secrets, service)),
    }


def _migrate_options(street: Street) -> tuple[str, ...]:
    password_file = str(street.state.secrets / STORE_PASSWORD)
    url = f"http://127.0.0.1:{street.ports.clickhouse}"
    return ("--url", url, "--user", STORE_USER, "--password-file", password_file)


def _store(street: Street) -> dict[str, str]:
    return {
        "NI_STORE_URL": f"http://127.0.0.1:{street.ports.clickhouse}",
        "NI_STORE_USER": STORE_USER,
        "NI_STORE_PASSWORD": street.store_password,
    }
