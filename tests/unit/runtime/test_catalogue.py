"""What is said of an edit: the log names both catalogues, the metrics the one that counts, and if one was refused."""

import asyncio
import shutil
import signal
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.catalog import live
from libs.catalog.live import Following
from libs.catalog.model import Catalog
from libs.runtime.catalogue import followed
from libs.telemetry.log import FIELDS
from libs.telemetry.metrics import Metrics

SHIPPED = Path(__file__).resolve().parents[3] / "infra" / "config"


def metric(metrics: Metrics, name: str) -> float:
    (line,) = [line for line in metrics.text().decode().splitlines() if line.startswith(f"ni_{name} ")]
    return float(line.split()[1])


async def test_an_edit_is_in_log_and_metrics_whatever_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.005)
    folder, metrics = tmp_path / "config", Metrics()
    shutil.copytree(SHIPPED, folder)
    following, egresses = Following(folder), folder / "egresses.toml"
    first, text = following.live.current.digest, egresses.read_text()

    async def said(lines: list[MutableMapping[str, Any]], event: str) -> MutableMapping[str, Any]:
        async with asyncio.timeout(20):
            while not (found := [line for line in lines if line["event"] == event]):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        lines.clear()
        return found[0]

    with capture_logs() as lines:
        async with followed(following, folder, metrics):
            assert metric(metrics, "catalogue_version") == int(first[:12], 16)
            egresses.write_text(text + "# edited\n")
            line = dict(await said(lines, "catalogue_changed"))
            assert (line["before"], line["version"]) == (first, following.live.current.digest)
            assert metric(metrics, "catalogue_version") == int(following.live.current.digest[:12], 16)
            assert metric(metrics, "catalogue_refused") == 0
            egresses.write_text(text + "[[egress]]\n")
            line |= await said(lines, "catalogue_refused")
            assert str(line["reason"]).startswith("egresses.toml: egress number")
            assert metric(metrics, "catalogue_refused") == 1
            egresses.write_text(text + "# edited\n")
            line |= await said(lines, "catalogue_unchanged")
            assert metric(metrics, "catalogue_refused") == 0
            assert line.keys() - {"log_level"} <= FIELDS


async def test_a_service_that_can_take_only_half_of_an_edit_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.005)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)

    def prepare(_: Catalog) -> live.Swap:
        def swap() -> None:
            raise RuntimeError("a fault of ours")

        return swap

    folder = tmp_path / "config"
    shutil.copytree(SHIPPED, folder)
    async with followed(Following(folder), folder, Metrics(), prepare), asyncio.timeout(20):
        (folder / "egresses.toml").write_text((folder / "egresses.toml").read_text() + "# edited\n")
        await ended.wait()
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
