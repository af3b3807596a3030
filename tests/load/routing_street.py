"""What `auto` is worth on 2,000 mixed prompts over five models, in each mode, through the street: one table."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from libs.catalog.abilities import Abilities, load_abilities
from libs.catalog.load import load as load_catalog
from libs.catalog.model import Catalog
from libs.contracts.northern.v1.envelope_pb2 import Envelope, Policy, RoutingAsk, Shape
from libs.contracts.turns import both_ends
from libs.embedded.programs import ROOT
from services.router.choice.decide import Chooser
from services.router.classifier.classify import load
from tests.load.routing_oracle import BASES, Asked, asked, pick, write_known
from tests.support.street import Street

MODES = ("quality", "balanced", "cost", "latency")
CONFIG = Path("infra/config")
_TOKENS = 320  # of an answer, before a model's own verbosity: simulated
_FASTER = 10  # the sandbox waits a tenth of what the table of abilities takes a model to need
_AT_ONCE = 48
_BYTES_A_TOKEN = 4
_OK = 200
_ABOUT = """\
Send 2,000 prompts to `auto` in each mode through a street of its own whose sandbox answers for five models, and show
quality (SIMULATED: see tests/load/routing_oracle.py), cost by our rate cards, and latency (the sandbox's pauses, a
tenth of what is assumed of each model), against always the best, always the cheapest, chance, and the best blind
mixture of two models for the same money. --offline asks the chooser alone, without a street; --shipped lets the router
go by the abilities that we ship, of which the simulated quality knows nothing. --count shortens it.
"""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Who answered; tokens as reported; times in ms, the routing's by the router itself."""

    model: str
    prompt_tokens: int
    output_tokens: int
    latency_ms: float
    routing_ms: float
    task: str


def main() -> int:
    """0: measured; 2: no prompts here."""
    parser = argparse.ArgumentParser(description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offline", action="store_true", help="the chooser alone")
    parser.add_argument("--count", type=int, default=2_000, help="of prompts (%(default)s)")
    parser.add_argument("--shipped", action="store_true", help="by the abilities as shipped")
    given = parser.parse_args()
    folder = Path(os.environ.get("NI_DATA", "../shared/data")) / "routing"
    if not folder.is_dir():
        _say("no prompts: set NI_DATA; docs/router-model.md names their public origins")
        return 2
    some = asked(folder)[: given.count]
    with tempfile.TemporaryDirectory(prefix="ni-routing-") as root:
        config = CONFIG.resolve() if given.shipped else Path(root) / "config"
        catalog, shipped = load_catalog(CONFIG), load_abilities(CONFIG)
        if not given.shipped:
            write_known(CONFIG, config, catalog, shipped)
        scene = Scene(catalog=catalog, abilities=load_abilities(config), config=config)
        answers = scene.offline(some) if given.offline else asyncio.run(scene.through_the_street(some, Path(root)))
    _say(_heading(len(some), offline=given.offline, shipped=given.shipped))
    _report(scene, some, answers)
    return 0


class _Configured(Street):
    """A street with a configuration folder of its own."""

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.state.root.mkdir(parents=True, exist_ok=True)
        with self.console.open("ab") as console:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.load.configured_up"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Five models with known prices, tokens and pauses."""

    catalog: Catalog
    abilities: Abilities
    config: Path

    def tokens(self, model: str) -> int:
        return round(_TOKENS * self.abilities.of(self.catalog.routes[model]).verbosity)

    def pause_ms(self, model: str) -> int:
        ability = self.abilities.of(self.catalog.routes[model])
        return round((ability.first_byte_ms + self.tokens(model) * 1000 / ability.tokens_per_s) / _FASTER)

    def usd(self, model: str, prompt_tokens: int, output_tokens: int) -> float:
        rates = self.catalog.card_of(self.catalog.routes[model]).rates
        return (prompt_tokens * rates.input + output_tokens * rates.output) / 1e15

    def offline(self, some: Sequence[Asked]) -> dict[str, list[Answered]]:
        """No street, no signals: what would be chosen, priced and timed as assumed."""
        chooser = Chooser(load(), self.catalog, self.abilities)
        legal = [self.catalog.routes[name] for name in BASES]
        found: dict[str, list[Answered]] = {}
        for mode in MODES:
            for one in some:
                size = len(one.prompt.encode())
                envelope = Envelope(
                    policy=Policy(allow_fallbacks=True),
                    shape=Shape(last_user_turn=both_ends(one.prompt), text_bytes=size),
                    routing=RoutingAsk(optimize=mode),
                )
                routes, decision = chooser.decide(envelope, legal)
                model = routes[0].route_id
                found.setdefault(mode, []).append(
                    Answered(
                        model=model,
                        prompt_tokens=-(-size // _BYTES_A_TOKEN),
                        output_tokens=self.tokens(model),
                        latency_ms=float(self.pause_ms(model)),
                        routing_ms=decision.time_ns / 1e6,
                        task=decision.task,
                    )
                )
        return found

    async def through_the_street(self, some: Sequence[Asked], root: Path) -> dict[str, list[Answered]]:
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        async with (
            _Configured(root / "street", NI_CONFIG_DIR=str(self.config)) as street,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            await street.credit(10_000)
            await self._slow_down(session, street)
            found = {}
            for mode in MODES:
                gate = asyncio.Semaphore(_AT_ONCE)
                found[mode] = list(await asyncio.gather(*(_ask(session, street, gate, one, mode) for one in some)))
            return found

    async def _slow_down(self, session: aiohttp.ClientSession, street: Street) -> None:
        """Each model answers so much after so long, for every request."""
        url = f"http://127.0.0.1:{street.ports()['sandbox']}/_sandbox/faults"
        for model in BASES:
            directive = f"chunks={self.tokens(model)} burst={self.tokens(model)} latency_ms={self.pause_ms(model)}"
            order = {"model": self.catalog.routes[model].model, "directive": directive}
            async with session.post(url, json=order) as answer:
                assert answer.ok, await answer.text()


async def _ask(
    session: aiohttp.ClientSession, street: Street, gate: asyncio.Semaphore, one: Asked, mode: str
) -> Answered:
    body: dict[str, Any] = {
        "model": "auto",
        "messages": [{"role": "user", "content": one.prompt}],
        "routing": {"model_pool": list(BASES), "optimize": mode, "sticky": "off"},
    }
    headers = {"Authorization": f"Bearer {street.api_key}"}
    async with gate:
        started = time.perf_counter()
        async with session.post(
            f"{street.base_url}/api/v1/inference/chat/completions", json=body, headers=headers
        ) as answer:
            assert answer.status == _OK, await answer.text()
            said = await answer.json()
        took = (time.perf_counter() - started) * 1e3
    return Answered(
        model=answer.headers["x-ni-route-model"],
        prompt_tokens=said["usage"]["prompt_tokens"],
        output_tokens=said["usage"]["completion_tokens"],
        latency_ms=took,
        routing_ms=float(answer.headers["x-ni-route-time-ms"]),
        task=answer.headers["x-ni-route-task"],
    )


# --- the table ----------------------------------------------------------------------------------------------------


def _heading(count: int, *, offline: bool, shipped: bool) -> str:
    where = "by the chooser alone, no street" if offline else f"through the street, {_AT_ONCE} at once"
    table = "as shipped: nothing of this truth" if shipped else "each model's simulated quality at each kind of work"
    return (
        f"{count} prompts, {where}. QUALITY IS SIMULATED (seeded, by model and kind of work);\n"
        f"the router knows {table}. Cost by the rate cards;\n"
        "latency is the sandbox's pauses, a tenth of what is assumed of each model, and our own time.\n"
    )


def _report(scene: Scene, some: Sequence[Asked], answers: Mapping[str, Sequence[Answered]]) -> None:
    latency = _latencies(scene, answers)
    prompts = [one.prompt_tokens for one in answers[MODES[0]]]
    mean = {model: sum(one.quality(model) for one in some) / len(some) for model in BASES}
    price = {model: sum(scene.usd(model, n, scene.tokens(model)) for n in prompts) / len(some) for model in BASES}
    _say(f"{'':44}{'quality':>9}{'USD/1k':>9}{'ms':>8}   answered by")
    for model in BASES:
        _say(f"always {_short(model):37}{mean[model]:9.4f}{price[model] * 1e3:9.3f}{latency[model]:8.0f}")
    _say("")
    policies = {
        "always the best": [max(BASES, key=mean.__getitem__)] * len(some),
        "always the cheapest": [min(BASES, key=price.__getitem__)] * len(some),
        "by chance": pick(some),
        "the oracle (best for each prompt)": [max(BASES, key=one.quality) for one in some],
    }
    for mode, said in answers.items():
        policies[f"auto, {mode}"] = [one.model for one in said]
    for name, models in policies.items():
        quality = sum(one.quality(model) for one, model in zip(some, models, strict=True)) / len(some)
        usd = sum(scene.usd(m, n, scene.tokens(m)) for m, n in zip(models, prompts, strict=True)) / len(some)
        wait = sum(latency[model] for model in models) / len(some)
        shares = ", ".join(f"{_short(m)} {n / len(some):.0%}" for m, n in Counter(models).most_common())
        mixed = _mixed(quality, usd, mean, price)
        _say(f"{name:44}{quality:9.4f}{usd * 1e3:9.3f}{wait:8.0f}   {shares}{mixed if 'auto' in name else ''}")
    _measured(scene, answers)


def _mixed(quality: float, usd: float, mean: Mapping[str, float], price: Mapping[str, float]) -> str:
    """What the best blind mixture of two models has for the same money: what routing has to beat."""
    best = 0.0
    for low in BASES:
        for high in BASES:
            if price[low] <= usd <= price[high]:
                share = (usd - price[low]) / (price[high] - price[low]) if high != low else 0.0
                best = max(best, mean[low] + share * (mean[high] - mean[low]))
    return f"; a blind mixture for that money {best:.4f} ({quality - best:+.4f})" if best else ""


def _latencies(scene: Scene, answers: Mapping[str, Sequence[Answered]]) -> dict[str, float]:
    """Mean by model over all answers of it; where it never answered, its pause alone."""
    found = {}
    for model in BASES:
        took = [one.latency_ms for said in answers.values() for one in said if one.model == model]
        found[model] = sum(took) / len(took) if took else float(scene.pause_ms(model))
    return found


def _measured(scene: Scene, answers: Mapping[str, Sequence[Answered]]) -> None:
    every = [one for said in answers.values() for one in said]
    took = sorted(one.routing_ms for one in every)
    _say(f"\ndecision, ms: p50 {took[len(took) // 2]:.3f}, p99 {took[int(len(took) * 0.99)]:.3f}, n {len(took)}")
    off = sum(one.output_tokens != scene.tokens(one.model) for one in every)
    _say(f"answers whose tokens are not those ordered of the sandbox: {off}")


def _short(model: str) -> str:
    return model.rpartition("/")[2].removeprefix("global.anthropic.").removeprefix("ca.amazon.")[:36]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
