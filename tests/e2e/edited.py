"""A street whose catalogue is edited while it runs: the states of the files, the edit, what each service says of it."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from libs.catalog.load import load
from libs.catalog.model import Catalog, Route
from tests.support.street import Street

FAILING: Final = tuple(f"edited-fall-{n}" for n in range(12))  # models whose first deployment fails, always
MINI: Final = "edited-mini"
AZURE, OWN, LAST = f"azure/{MINI}-ca", f"edited/{MINI}", f"edited-last/{MINI}"
READERS: Final = (
    "router",
    "ingress-0",
    "billing",
    "accounts",
    "worker-openai",
    "worker-self-hosted",
    "worker-bedrock",
)
WORKER_OF: Final = {"azure-ca": "worker-openai", "openai": "worker-openai", "self-hosted": "worker-self-hosted"}
_TAKEN_S = 20.0


@dataclass(frozen=True, kw_only=True)
class State:
    """What the routes claim: `azure` empty is unknown; `own` is where a machine of the operator's is said to stand."""

    azure: str = '["CA"]'
    own: str = '["CA"]'
    added: bool = False


LEGAL: Final = State()
STATES: Final = (
    State(azure="[]"),
    State(own='["US"]'),
    State(azure="[]", own='["*"]'),
    LEGAL,
    State(azure="[]", own='["US"]'),
    State(own='["*"]'),
    LEGAL,
)


def routes(state: State) -> str:
    """The file that is edited. The last deployment of a model always claims Canada, the first of a failing one too."""
    said = [
        _route(AZURE, "azure-ca", MINI, state.azure),
        _route(OWN, "self-hosted", MINI, state.own),
        _route(LAST, "self-hosted", f"{MINI}-last", '["CA"]', native=()),
    ]
    for model in FAILING:
        said += [
            _route(f"azure/{model}-ca", "azure-ca", model, '["CA"]'),
            _route(f"edited/{model}", "self-hosted", model, state.own),
            _route(f"edited-last/{model}", "self-hosted", f"{model}-last", '["CA"]', native=(model,)),
        ]
    if state.added:
        said.append(_route("edited/added", "self-hosted", "added", '["CA"]'))
    return "".join(said)


def _route(route_id: str, egress: str, model: str, processing: str, native: tuple[str, ...] | None = None) -> str:
    azure = egress == "azure-ca"
    card = "azure-gpt-4.1-mini-regional.2025-04" if azure else "self-hosted-qwen3-14b.2026-11"
    scope = ("unstated" if processing == "[]" else "regional") if azure else "own"
    return f"""
[[route]]
id = "{route_id}"
egress = "{egress}"
model = "{model}"
family = "{"gpt-4.1" if azure else "qwen3"}"
tier = "{"managed_canadian_cloud" if azure else "self_hosted"}"
processing = {processing}
scope = "{scope}"
evidence = "asserted"
native_ids = {list(native if native is not None else (model,))}
rate_card = "{card}"
created = 2026-11-21
source = "a test"
checked = 2026-11-21
"""


@dataclass(kw_only=True)
class Edited:
    """`catalogs`: every one that was put there, by digest."""

    street: Street
    config: Path
    http: aiohttp.ClientSession
    catalogs: dict[str, Catalog] = field(default_factory=dict)

    def write(self, text: str) -> None:
        """Beside and renamed, as the documentation says."""
        beside, file = self.config / "edited.new", self.config / "routes" / "edited.toml"
        beside.write_text(text)
        beside.rename(file)

    async def edit(self, state: State) -> Catalog:
        """Put a state there, and wait until every service says that it goes by it."""
        self.write(routes(state))
        catalog = load(self.config)
        self.catalogs[catalog.digest] = catalog
        await self.say("catalogue_version", int(catalog.digest[:12], 16))
        return catalog

    async def say(self, metric: str, value: float) -> None:
        """Until that metric has this value in every service that reads the catalogue."""
        deadline = time.monotonic() + _TAKEN_S
        for name in READERS:
            while (said := await self.metric(name, metric)) != value:
                assert time.monotonic() < deadline, f"{name}: {metric} is {said}\n{self.street.log(name)[-2000:]}"
                await asyncio.sleep(0.1)

    async def metric(self, name: str, metric: str) -> float:
        url = self.street.ports()["programs"][name]["ready_url"].replace("/readyz", "/metrics")
        async with self.http.get(url) as answer:
            text = await answer.text()
        (line,) = [line for line in text.splitlines() if line.startswith(f"ni_{metric} ")]
        return float(line.split()[1])

    async def failing(self) -> None:
        """The first deployments of the models that fail do so from now on."""
        url = f"http://127.0.0.1:{self.street.ports()['sandbox']}/_sandbox/faults"
        for model in FAILING:
            fault = {"path_contains": "/azure/", "model": model, "directive": "status=500"}
            async with self.http.post(url, json=fault) as answer:
                assert answer.status == 201, await answer.text()

    def said(self, name: str, event: str) -> list[dict[str, Any]]:
        """The lines of a service's log that tell of one event."""
        lines = [orjson.loads(line) for line in self.street.log(name).splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def taken(self) -> Mapping[str, list[tuple[float, Catalog]]]:
        """When each worker took which catalogue, oldest first, in Unix milliseconds, by its own log."""
        return {
            name: [
                (datetime.fromisoformat(line["time"]).timestamp() * 1000, self.catalogs[line["version"]])
                for line in self.said(name, "catalogue_changed")
            ]
            for name in set(WORKER_OF.values())
        }

    def called(self, entry: Mapping[str, Any]) -> Route:
        """The route that a request in the sandbox's log came by."""
        catalog = next(iter(self.catalogs.values()))
        (found,) = [
            route
            for route in catalog.routes.values()
            if entry["path"].startswith(catalog.egress_of(route).sandbox_path) and entry["model"] == route.model
        ]
        return found


@asynccontextmanager
async def edited_street(folder: Path) -> AsyncIterator[Edited]:
    """A street of its own with a copy of the shipped configuration, and the routes to edit in it."""
    config = folder / "config"
    shutil.copytree("infra/config", config)
    (config / "routes" / "edited.toml").write_text(routes(LEGAL))
    first = load(config)
    async with (
        Street(folder / "state", NI_CONFIG_DIR=str(config)) as street,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        yield Edited(street=street, config=config, http=http, catalogs={first.digest: first})
