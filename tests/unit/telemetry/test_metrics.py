"""The catalogue of metrics: Prometheus's names and units, bounded labels, one registry for each process."""

from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from libs.telemetry.metrics import LABELS, CounterName, GaugeName, HistogramName, Metrics

COUNTERS, GAUGES, HISTOGRAMS = get_args(CounterName), get_args(GaugeName), get_args(HistogramName)


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_names_are_unique_and_end_in_their_unit() -> None:
    names = [*COUNTERS, *GAUGES, *HISTOGRAMS]
    assert len(set(names)) == len(names)
    assert all(name.endswith("_total") for name in COUNTERS)
    assert all(name.endswith("_seconds") for name in HISTOGRAMS)
    assert not any(name.endswith("_total") for name in GAUGES)


def test_labels_belong_to_metrics_and_none_grows_with_the_number_of_callers() -> None:
    assert set(LABELS) <= {*COUNTERS, *GAUGES, *HISTOGRAMS}
    used = {label for labels in LABELS.values() for label in labels}
    assert not used & {"tenant", "key", "key_id", "request_id", "user", "model", "path"}


def test_what_was_counted_set_and_observed_is_in_the_text() -> None:
    metrics = Metrics()
    metrics.count("facts_published_total", "egress", by=3)
    metrics.count("frames_gap_total")
    metrics.set("watch_stale_seconds", 2.5, "keys")
    metrics.observe("request_seconds", 0.003)
    found = samples(metrics)
    assert found["ni_facts_published_total", ("egress",)] == 3
    assert found["ni_frames_gap_total", ()] == 1
    assert found["ni_watch_stale_seconds", ("keys",)] == 2.5
    assert found["ni_request_seconds_count", ()] == 1
    assert found["ni_request_seconds_bucket", ("0.0025",)] == 0
    assert found["ni_request_seconds_bucket", ("0.005",)] == 1


def test_two_processes_worth_of_metrics_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.count("frames_gap_total")
    assert samples(other)["ni_frames_gap_total", ()] == 0


@pytest.mark.parametrize("name", COUNTERS)
def test_every_counter_counts_with_exactly_its_labels(name: CounterName) -> None:
    metrics, labels = Metrics(), ["x"] * len(LABELS.get(name, ()))
    metrics.count(name, *labels)
    with pytest.raises(ValueError, match="label"):
        metrics.count(name, *labels, "one too many")
