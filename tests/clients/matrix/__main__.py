"""`make matrix`: runs every cell through a street of its own and prints the table."""

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from libs.embedded.programs import ROOT
from tests.clients.matrix.cells import CELLS, DIALECTS, ROUTES, Cell, askers, run
from tests.clients.matrix.conversation import Asker
from tests.clients.matrix.scenarios import SCENARIOS
from tests.support.street import street

_WRITTEN = ROOT / "docs" / "measured" / "matrix.txt"
_REFUSED = 400
_WIDTH = 17
_LEGEND = """
  ok*: a hint that the route does not know was dropped, and named
  400: the route's models do not have it, and the answer says so

"""
_SHOWN = 400  # characters of a failure


async def _main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with street(Path(folder)) as running, askers(running.base_url, running.api_key) as by_dialect:
            found = {cell: await _tried(cell, by_dialect) for cell in CELLS}
    tables = "".join(_table(dialect, found) for dialect in DIALECTS)
    sys.stdout.write(tables)
    failed = {cell: told for cell, told in found.items() if told.startswith("✗")}
    for cell, told in failed.items():
        sys.stdout.write(f"{cell}: {told[:_SHOWN]}\n")
    told = f"{len(found) - len(failed)} of {len(found)} cells as they must be (whole / streamed)\n"
    sys.stdout.write(told)
    if not failed:
        _WRITTEN.write_text(f"make matrix\n\n{tables}{told}")
    return int(bool(failed))


async def _tried(cell: Cell, by_dialect: Mapping[str, Asker]) -> str:
    try:
        seen = await run(cell, by_dialect[cell.dialect])
    except Exception as error:  # noqa: BLE001 - a cell that falls is a line of the table
        return f"✗ {type(error).__name__}: {error}"
    if seen.status == _REFUSED:
        return "400"
    return "ok*" if seen.dropped else "ok"


def _table(dialect: str, found: Mapping[Cell, str]) -> str:
    rows = [f"{dialect:<20}" + "".join(f"{provider:<{_WIDTH}}" for provider in ROUTES)]
    for scenario in SCENARIOS:
        marks = [
            " / ".join(
                found[Cell(dialect=dialect, provider=provider, scenario=scenario, stream=stream)].split(" ")[0]
                for stream in (False, True)
            )
            for provider in ROUTES
        ]
        rows.append(f"  {scenario:<18}" + "".join(f"{mark:<{_WIDTH}}" for mark in marks))
    return "\n".join(rows) + _LEGEND


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
