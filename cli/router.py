"""`ni router`: what another set of abilities, weights or a classifier would have done, before it is put in place."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from cli.gateway import Gateway, options, table, with_gateway

if TYPE_CHECKING:
    from services.router.replay.comparing import Compared

NAME = "router"
HELP = """\
Replay the decisions of `auto` with another table of abilities and weights (the format of infra/config/abilities.toml),
or score another classifier on labelled prompts.

What it covers, and what it cannot: the request log holds no text, so a replay starts from what was logged of each
decision (task, confidence, complexity, mode, tokens of the prompt, images). Tools, schemas, limits, signals of that
moment, ratings and conversations are not on the log; "the table in place, replayed, agrees with the log" says how much
that matters. Without exploration only the choice that was made was ever measured: outcomes are measured where the
candidate chooses the same, and estimated by the tables themselves elsewhere, which is no evidence. A classifier can
only be scored on prompts, with --prompts.
Exit code 0: done; 1: a file cannot be used, or the gateway refused; 2: nothing to replay; 3: no gateway.

examples:
  ni router replay --abilities candidate.toml --from 2026-11-01
  ni router replay --abilities candidate.toml --log decisions.jsonl --pool Qwen/Qwen3-14B openai/gpt-5-us
  ni router replay --prompts labelled.jsonl --weights candidate.npz
"""
_FAILED, _NOTHING = 1, 2
_SHIPPED = Path(__file__).parents[1] / "infra" / "config"


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    replay = verbs.add_parser("replay", help="logged decisions, or labelled prompts, by a candidate")
    replay.add_argument("--abilities", type=Path, metavar="FILE", help="the candidate: abilities and weights of modes")
    here = Path(os.environ.get("NI_CONFIG_DIR") or _SHIPPED)
    replay.add_argument(
        "--config", type=Path, default=here, metavar="DIR", help=f"what is in place (NI_CONFIG_DIR; now {here})"
    )
    replay.add_argument("--log", type=Path, metavar="FILE", help="rows of GET /api/usage, one a line (default: ask)")
    replay.add_argument("--from", dest="since", metavar="TIME", help="the log from here on")
    replay.add_argument("--to", dest="until", metavar="TIME", help="the log up to here")
    replay.add_argument("--pool", nargs="+", metavar="ROUTE", help="to choose from (default: what the log chose)")
    replay.add_argument("--prompts", type=Path, metavar="FILE", help="labelled prompts: prompt, task, complexity")
    replay.add_argument("--weights", type=Path, metavar="FILE", help="the candidate: a classifier's weights")
    options(replay)


def run(args: argparse.Namespace) -> int:
    """Score what is given; without a candidate there is nothing to compare."""
    try:
        if args.prompts is not None:
            return _prompts(args)
        if args.abilities is None:
            return _refuse("name a candidate: --abilities FILE, or --prompts FILE with --weights FILE")
        if args.log is not None:
            return _replayed(args, list(_lines(args.log)))
    except (OSError, ValueError) as error:
        return _refuse(str(error))
    return with_gateway(args, NAME, lambda gateway: _asked(gateway, args))


async def _asked(gateway: Gateway, args: argparse.Namespace) -> int:
    rows = await gateway.every("/api/usage", **{"from": args.since, "to": args.until})
    try:
        return _replayed(args, rows)
    except (OSError, ValueError) as error:
        return _refuse(str(error))


def _replayed(args: argparse.Namespace, rows: list[dict[str, Any]]) -> int:
    from libs.catalog.abilities import load_abilities, read_abilities  # noqa: PLC0415 - with numpy, where needed
    from libs.catalog.load import load  # noqa: PLC0415
    from services.router.replay.comparing import compare, policy  # noqa: PLC0415
    from services.router.replay.logged import read_rows  # noqa: PLC0415

    logged = read_rows(rows)
    if not logged:
        print("ni router: `auto` decided nothing in this log", file=sys.stderr)
        return _NOTHING
    catalog = load(args.config)
    pool = args.pool or sorted({row.chosen for row in logged if row.chosen in catalog.routes})
    present = policy(catalog, load_abilities(args.config), pool)
    found = compare(logged, present, policy(catalog, read_abilities(args.abilities), pool))
    print(_shown(found, len(pool)) if not args.json else orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    return 0


def _shown(found: "Compared", pool: int) -> str:
    same, rows = found.measured, found.rows
    worth = f"({same.rows / rows:.1%}), as good as {same.effective:.0f} unweighted ones"
    lines = [
        f"{rows} decisions, {pool} routes to choose from",
        f"the table in place, replayed, agrees with the log on {found.faithful:.1%}: no replay is better than that",
        "",
        f"measured: the candidate chooses the same on {same.rows} {worth}",
    ]
    if same.rows:
        lines.append(
            f"  completed {same.completed:.1%}, cost {same.cost:.6f} a request, latency {same.latency_ms:.0f} ms"
        )
    lines += ["", f"estimated, not measured: it chooses another on {found.by_present.rows}"]
    columns = ("estimated by", "fit as chosen", "fit of the candidate", "USD as chosen", "USD of the candidate")
    cells = [
        (name, f"{of.fit[0]:.4f}", f"{of.fit[1]:.4f}", f"{of.usd[0]:.6f}", f"{of.usd[1]:.6f}")
        for name, of in (("the table in place", found.by_present), ("the candidate", found.by_candidate))
    ]
    if found.by_present.rows:
        lines.append(table(columns, cells))
        moved = [(was, now, str(count)) for was, now, count in found.moved]
        lines += ["", table(("chosen", "by the candidate", "decisions"), moved)]
    return "\n".join(lines)


def _prompts(args: argparse.Namespace) -> int:
    from services.router.classifier.classify import WEIGHTS, load  # noqa: PLC0415 - as above
    from services.router.replay.prompts import classified, read_prompts, right  # noqa: PLC0415

    prompts = read_prompts(_lines(args.prompts))
    if not prompts:
        print("ni router: there are no prompts in that file", file=sys.stderr)
        return _NOTHING
    said = {"in place": classified(load(WEIGHTS), prompts)}
    if args.weights is not None:
        said["the candidate"] = classified(load(args.weights), prompts)
    scores = {name: right(prompts, found) for name, found in said.items()}
    rows = [
        (name, f"{of.tasks:.3f}", f"{of.sure:.3f}", f"{of.complexities:.3f}", f"{of.risky:.3f}")
        for name, of in scores.items()
    ]
    print(f"{len(prompts)} prompts")
    print(table(("classifier", "task right", "said to be", "complexity right", "complex as simple"), rows))
    if args.weights is not None:
        pairs = list(zip(*said.values(), strict=True))
        same = sum((one.task, one.complexity) == (other.task, other.complexity) for one, other in pairs)
        print(f"both say the same of {same / len(pairs):.1%}")
    return 0


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Raises OSError, ValueError."""
    for n, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = orjson.loads(line)
        except ValueError:
            raise ValueError(f"{path}: line {n} is not JSON") from None
        if not isinstance(found, dict):
            raise ValueError(f"{path}: line {n} is not an object")  # noqa: TRY004 - told in a sentence
        yield found


def _refuse(sentence: str) -> int:
    print(f"ni router: {sentence}", file=sys.stderr)
    return _FAILED
