"""Metrics: one typed catalogue of names, Prometheus units, bounded labels; the registry is passed in, never global."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CounterName = Literal[
    "requests_total",  # calls of models answered at the edge, by status
    "refusals_total",  # of anything else at the edge, by the error's code: unknown keys, wrong places, what is no HTTP
    "frames_gap_total",  # holes found in reply frames
    "handoffs_refused_total",  # a hop had nobody listening
    "egress_records_total",  # durable intents
    "provider_calls_total",  # dialled, by egress and outcome
    "facts_published_total",  # durable facts, by kind
    "fact_batches_total",  # messages that carried them
    "fact_retries_total",  # a PubAck did not come in time
    "finished_ignored_total",  # a second Finished of a request
    "finished_reaped_total",  # requests closed for a lost worker
    "dead_letters_total",  # unreadable messages put aside
    "watch_reopened_total",  # a watch had to be opened again
    "projected_rows_total",  # rows written to the store
    "account_changes_total",  # keys, accounts, users, credentials: by what was done
    "sign_ins_total",  # by how they ended
    "holds_total",  # asked for by a worker, by what the ledger said
    "hold_extensions_total",  # the same of what was asked for while an answer ran
    "ledger_operations_total",  # journaled, by what came of each: an effect, or the code of a refusal
    "ledger_batches_total",  # messages of the journal that carried them
    "holds_expired_total",  # nobody settled or voided in time: a fact was lost or is late
    "settled_late_total",  # charged after the hold had expired or was voided
    "settled_unheld_total",  # charged without a hold
    "settled_overrun_total",  # charged more than was held
    "settlements_unpriced_total",  # of a route that the catalogue does not know: nothing was charged
    "settlements_refused_total",  # by the ledger: a fact that cannot be
    "pii_requests_total",  # that asked for substitution, by what came of it: substituted, nothing, or a refusal's code
    "cost_differs_total",  # the worker's own price of a call is not what billing reckons
    "leaves_sealed_total",  # put into the transparency log
    "cosignatures_total",  # asked of witnesses, by what came of it
    "alerts_total",  # attempts to tell somebody by webhook: of what, and what came of it
]
GaugeName = Literal[
    "ledger_owner",  # 1 in the process that writes the shard
    "ledger_queue",  # entries waiting for the next batch
    "watch_stale_seconds",  # since a bucket's copy was last known to be fresh
    "projection_lag",  # messages not yet projected
    "reconcile_difference",  # what two books of the same money do not agree on; 0 is right
    "reconciled_timestamp_seconds",  # Unix time of the last comparison that came to an end
    "requests_open",  # egress seen, finished not yet
    "log_size",  # leaves of the transparency log: in TLOG, in the tiles here, in the signed checkpoint shown here
    "leaves_waiting",  # requests that are complete and not in the log yet
    "fact_queue",  # facts waiting for their PubAck
    "catalogue_version",  # the first 12 hex digits of its digest as a number: equal where two read the same files
    "catalogue_refused",  # 1 while the files are not valid, so that those before them count
    "breakers_open",  # routes that this worker finds failing, those that wait for a probe among them
]
HistogramName = Literal[
    "request_seconds",  # edge, from headers to last byte
    "overhead_seconds",  # ours alone
    "durable_publish_seconds",
    "hold_seconds",  # from asking the ledger to its answer
    "flush_seconds",
    "mask_seconds",  # from a request's arrival at pii until it is looked through and rewritten
    "ledger_commit_seconds",  # from a sealed batch to its PubAck
]

LABELS: dict[str, tuple[str, ...]] = {
    "requests_total": ("status",),
    "refusals_total": ("code",),
    "provider_calls_total": ("egress", "outcome"),
    "facts_published_total": ("kind",),
    "account_changes_total": ("verb",),
    "pii_requests_total": ("outcome",),
    "alerts_total": ("name", "outcome"),
    "cosignatures_total": ("outcome",),
    "log_size": ("stage",),
    "ledger_operations_total": ("outcome",),
    "sign_ins_total": ("outcome",),
    "holds_total": ("code",),
    "hold_extensions_total": ("code",),
    "fact_batches_total": ("kind",),
    "fact_queue": ("kind",),
    "projection_lag": ("purpose",),
    "reconcile_difference": ("pair",),
    "watch_reopened_total": ("bucket",),
    "watch_stale_seconds": ("bucket",),
}
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """The metrics of one process, made from the catalogue above."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._bound: dict[tuple[str, tuple[str, ...]], Counter] = {}  # looking labels up costs more than counting
        self._counters = {
            n: Counter(f"ni_{n}", n, LABELS.get(n, ()), registry=self._registry) for n in get_args(CounterName)
        }
        self._gauges = {n: Gauge(f"ni_{n}", n, LABELS.get(n, ()), registry=self._registry) for n in get_args(GaugeName)}
        self._histograms = {
            n: Histogram(f"ni_{n}", n, LABELS.get(n, ()), buckets=SECONDS, registry=self._registry)
            for n in get_args(HistogramName)
        }

    def count(self, name: CounterName, *labels: str, by: float = 1) -> None:
        bound = self._bound.get((name, labels))
        if bound is None:
            metric = self._counters[name]
            bound = self._bound[name, labels] = metric.labels(*labels) if labels else metric
        bound.inc(by)

    def set(self, name: GaugeName, value: float, *labels: str) -> None:
        metric = self._gauges[name]
        (metric.labels(*labels) if labels else metric).set(value)

    def observe(self, name: HistogramName, seconds: float) -> None:
        self._histograms[name].observe(seconds)

    def text(self) -> bytes:
        """The exposition in Prometheus's text format."""
        return generate_latest(self._registry)
