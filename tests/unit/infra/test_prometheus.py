"""infra/prometheus: scrapes every room and raises alarms only on metrics that exist."""

import re
from typing import Any, get_args

import yaml

from libs.telemetry.metrics import LABELS, CounterName, GaugeName, HistogramName
from tests.unit.infra.deployment import ROOMS, ROOT, compose

FOLDER = ROOT / "infra/prometheus"
CONFIG: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
RULES = [
    rule
    for file in CONFIG["rule_files"]
    for group in yaml.safe_load((FOLDER / file).read_text())["groups"]
    for rule in group["rules"]
]
OURS = {f"ni_{name}" for kind in (CounterName, GaugeName, HistogramName) for name in get_args(kind)}
# github.com/nats-io/prometheus-nats-exporter, collector/jsz.go; Prometheus itself.
THEIRS = {"jetstream_stream_total_bytes", "jetstream_stream_limit_bytes", "up"}
FUNCTIONS = {"increase", "rate", "sum", "max", "min", "time", "vector", "job", "rooms", "nats", "status", "m", "or"}


def test_every_alarm_is_about_a_metric_that_exists() -> None:
    for rule in RULES:
        words = set(re.findall(r"[a-z_]+", rule["expr"])) - FUNCTIONS
        assert words, rule["alert"]
        assert words <= OURS | THEIRS, rule["alert"]


def test_alarms_name_only_labels_that_their_metric_has() -> None:
    for rule in RULES:
        text = " ".join(rule["annotations"].values())
        metric = next((name for name in OURS if name in rule["expr"]), "")
        has = {"room", "instance", *LABELS.get(metric.removeprefix("ni_"), ())} if metric else {"room", "instance"}
        if "jetstream_" in rule["expr"]:
            has = {"stream_name"}
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= has, rule["alert"]


def test_the_first_alarms_stand() -> None:
    text = " ".join(rule["expr"] for rule in RULES)
    for metric in ("ni_watch_stale_seconds", "ni_finished_reaped_total", "ni_dead_letters_total", "ni_projection_lag"):
        assert metric in text
    assert "jetstream_stream_limit_bytes > 0) > 0.7" in text
    assert all(rule["labels"]["severity"] in {"page", "ticket"} for rule in RULES)
    assert all(rule["annotations"]["summary"] for rule in RULES)


def test_where_nobody_is_left_to_ask_the_ledger_has_no_owner_either() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "NobodyOwnsTheLedger")
    assert "or vector(0)" in rule["expr"]  # a sum over no series is nothing, and nothing is not below one


def test_every_runbook_that_an_alarm_names_exists() -> None:
    named = {page for rule in RULES for page in re.findall(r"[\w/-]+\.md", str(rule["annotations"]))}
    assert "docs/runbooks/ledger.md" in named
    assert {page for page in named if not (ROOT / "docs/runbooks" / page.split("/")[-1]).exists()} == set()


def test_every_room_is_scraped() -> None:
    (rooms,) = (job for job in CONFIG["scrape_configs"] if job["job_name"] == "rooms")
    (found,) = rooms["dns_sd_configs"]
    assert set(found["names"]) == set(ROOMS)
    assert set(found["names"]) <= compose()["services"].keys()
    assert found["port"] == 9100
