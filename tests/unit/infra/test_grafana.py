"""infra/grafana: a board on metrics that exist, by labels that they have, and mounted where Grafana looks."""

import json
import re
from typing import Any

import yaml

from libs.telemetry.metrics import LABELS
from tests.unit.infra.deployment import ROOT, compose
from tests.unit.infra.test_prometheus import OURS, THEIRS

FOLDER = ROOT / "infra/grafana"
BOARD: dict[str, Any] = json.loads((FOLDER / "street.json").read_text())
QUERIES = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
_GIVEN = {"room", "instance", "le"}  # by the scrape and by histograms


def _metric(query: str) -> str:
    names: set[str] = set(re.findall(r"\b(?:ni|jetstream)_[a-z_]+", query))
    (name,) = names - {"jetstream_stream_limit_bytes"}
    return name.removesuffix("_bucket")


def test_every_panel_is_about_a_metric_that_exists() -> None:
    assert {_metric(query) for query in QUERIES} <= OURS | THEIRS


def test_panels_sum_by_labels_that_their_metric_has() -> None:
    for query in QUERIES:
        by = {label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")}
        assert by <= {*_GIVEN, *LABELS.get(_metric(query).removeprefix("ni_"), ())}, query


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_grafana_finds_prometheus_and_the_board_where_compose_puts_them() -> None:
    services = compose()["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"] if volume.startswith("./"))
    (source,) = yaml.safe_load((FOLDER / "datasources.yml").read_text())["datasources"]
    (boards,) = yaml.safe_load((FOLDER / "dashboards.yml").read_text())["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {source["uid"]}
    assert mounts["./infra/grafana/street.json"].startswith(boards["options"]["path"] + "/")
    assert mounts["./infra/grafana/datasources.yml"].startswith("/etc/grafana/provisioning/datasources/")
    assert mounts["./infra/grafana/dashboards.yml"].startswith("/etc/grafana/provisioning/dashboards/")
